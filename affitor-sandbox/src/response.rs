//! HTTP responses made from the outcome of a call, including the broken ones that faults produce.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, Response, header},
};
use futures_util::{StreamExt as _, stream};

use crate::{
    outcome::{Outcome, Served},
    server::ResetConnection,
};

/// How long the first half of a truncated response has to leave before the connection is closed.
const TRUNCATE_AFTER: Duration = Duration::from_millis(20);

pub(crate) async fn respond(Served { outcome, delay }: Served) -> Response<Body> {
    if let Some(delay) = delay {
        tokio::time::sleep(delay).await;
    }
    match outcome {
        Outcome::Response(reply) => reply.into_response(Body::from),
        Outcome::TruncatedResponse(reply) => {
            let length = reply.body.len();
            let mut response = reply.into_response(truncated);
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            response
        }
        Outcome::Reset => {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(ResetConnection);
            response
        }
        // Pends until the client gives up or the sandbox stops.
        Outcome::Stall => std::future::pending().await,
    }
}

/// The first half of a body, followed by an error that closes the connection.
fn truncated(mut body: Vec<u8>) -> Body {
    body.truncate(body.len() / 2);
    let half = stream::iter([Ok(Bytes::from(body))]);
    let end = stream::once(async {
        tokio::time::sleep(TRUNCATE_AFTER).await;
        Err(io::Error::other("response truncated by an injected fault"))
    });
    Body::from_stream(half.chain(end))
}
