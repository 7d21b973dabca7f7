use std::{convert::Infallible, fmt::Display, net::SocketAddr};

use affitor_tower::{AffitorLayer, AffitorRequestExt as _, affitor::Client};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::net::TcpListener;
use tower::{Layer as _, service_fn};

use super::{Received, Reporter, Setup};

pub(super) async fn start(setup: Setup, reporter: Reporter) -> SocketAddr {
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
            let reporter = reporter.clone();
            if setup == Setup::NoLayer {
                let handler = service_fn(move |request: Request<Incoming>| handle(reporter.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(io, TowerToHyperService::new(handler)));
            } else {
                let handler = service_fn(move |request: Request<_>| handle(reporter.clone(), request));
                let service = TowerToHyperService::new(layer.layer(handler));
                tokio::spawn(http1::Builder::new().serve_connection(io, service));
            }
        }
    });
    address
}

async fn handle<B>(reporter: Reporter, request: Request<B>) -> Result<Response<Empty<Bytes>>, Infallible>
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let is_early = request.uri().path() == "/early";
    let (parts, body) = request.into_parts();
    let click_id = parts.click_id().map(|id| id.to_string());
    let received =
        if is_early { Received { click_id, ..Received::default() } } else { read_body(click_id, body).await };
    reporter.send(received).unwrap();
    Ok(Response::new(Empty::new()))
}

/// Reads a body to its end, frame by frame.
pub(super) async fn read_body<B>(click_id: Option<String>, mut body: B) -> Received
where
    B: hyper::body::Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let mut received = Received { click_id, ..Received::default() };
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => received.body.extend_from_slice(&data),
            Ok(Err(frame)) => received.end = format!("{:?}", frame.into_trailers()),
            Err(error) => {
                received.end = format!("error: {error}");
                break;
            }
        }
    }
    received
}
