//! HTTP responses made from the outcome of a call, including the broken ones that faults produce.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, Response, header},
};
use futures_util::{StreamExt as _, stream};

use crate::{
    outcome::{Outcome, Served},
    server::{Peer, ResetConnection},
};

/// How long the first half of a truncated response has to leave before the connection is closed.
const TRUNCATE_AFTER: Duration = Duration::from_millis(20);

/// Creates the response. `peer` is `None` only for calls that don't come from a connection.
pub(crate) async fn respond(Served { outcome, delay }: Served, peer: Option<&Peer>) -> Response<Body> {
    let closed = async {
        match peer {
            Some(peer) => peer.closed().await,
            None => std::future::pending().await,
        }
    };
    if let Some(delay) = delay {
        // A client that closes only its side of the connection gets its response early; one that has given up would keep
        // the connection open for as long as the delay lasts.
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = closed => {}
        }
        return match outcome {
            Outcome::Response(reply) => reply.into_response(Body::from),
            _ => reset(),
        };
    }
    match outcome {
        Outcome::Response(reply) => reply.into_response(Body::from),
        Outcome::TruncatedResponse(reply) => {
            let length = reply.body.len();
            let mut response = reply.into_response(truncated);
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            response
        }
        Outcome::Reset => reset(),
        Outcome::Stall => {
            closed.await;
            reset()
        }
    }
}

fn reset() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(ResetConnection);
    response
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
