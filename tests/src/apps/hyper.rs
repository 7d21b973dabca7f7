use std::{convert::Infallible, fmt::Display, net::SocketAddr};

use affitor_tower::{AffitorLayer, AffitorRequestExt as _, affitor::Client};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::net::TcpListener;
use tower::{Layer as _, service_fn};

use super::{Seen, Setup, Tell};

pub(super) async fn start(setup: Setup, tell: Tell) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut layer = AffitorLayer::new(Client::disabled()).sources(setup.sources()).read_body();
    if setup == Setup::OnlySignUp {
        layer = layer.body_when(|request| request.uri.path() == "/sign-up");
    }
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let io = TokioIo::new(stream);
            let tell = tell.clone();
            if setup == Setup::NoLayer {
                let handler = service_fn(move |request: Request<Incoming>| handle(tell.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(io, TowerToHyperService::new(handler)));
            } else {
                let handler = service_fn(move |request: Request<_>| handle(tell.clone(), request));
                let service = TowerToHyperService::new(layer.layer(handler));
                tokio::spawn(http1::Builder::new().serve_connection(io, service));
            }
        }
    });
    address
}

async fn handle<B>(tell: Tell, request: Request<B>) -> Result<Response<Empty<Bytes>>, Infallible>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let early = request.uri().path() == "/early";
    let (parts, body) = request.into_parts();
    let found = parts.click_id().map(|id| id.to_string());
    let seen = if early { Seen { click_id: found, ..Seen::default() } } else { read(found, body).await };
    tell.send(seen).unwrap();
    Ok(Response::new(Empty::new()))
}

/// Reads a body to its end, frame by frame.
pub(super) async fn read<B>(click_id: Option<String>, mut body: B) -> Seen
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let mut seen = Seen { click_id, ..Seen::default() };
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => seen.body.extend_from_slice(&data),
            Ok(Err(other)) => seen.end = format!("{:?}", other.into_trailers()),
            Err(error) => {
                seen.end = format!("error: {error}");
                break;
            }
        }
    }
    seen
}
