use std::net::SocketAddr;

use affitor_axum::{AffitorClickId, AffitorLayer, Client, MissingLayer};
use axum::{Router, body::Body, extract::State, routing::any};
use tokio::net::TcpListener;
use tower::Layer as _;

use super::{Received, Reporter, Setup};

pub(super) async fn start(setup: Setup, reporter: Reporter, outer: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/early", any(respond_early)).fallback(read_body).with_state(reporter);
    let mut layer = AffitorLayer::new(Client::disabled()).sources(setup.sources());
    if setup == Setup::OnlySignUp {
        layer = layer.body_when(|request| request.uri.path() == "/sign-up");
    }
    if setup == Setup::NoLayer {
        tokio::spawn(async move { axum::serve(listener, router).await });
    } else if outer {
        let service = tower::make::Shared::new(layer.layer(router));
        tokio::spawn(async move { axum::serve(listener, service).await });
    } else {
        tokio::spawn(async move { axum::serve(listener, router.layer(layer)).await });
    }
    address
}

async fn respond_early(State(reporter): State<Reporter>, extracted: Result<AffitorClickId, MissingLayer>) {
    reporter.send(Received { click_id: text(extracted), ..Received::default() }).unwrap();
}

async fn read_body(State(reporter): State<Reporter>, extracted: Result<AffitorClickId, MissingLayer>, body: Body) {
    let received = super::hyper::read_body(text(extracted), body).await;
    reporter.send(received).unwrap();
}

fn text(extracted: Result<AffitorClickId, MissingLayer>) -> Option<String> {
    extracted.ok().and_then(|extracted| extracted.0).map(|id| id.to_string())
}
