use std::net::SocketAddr;

use affitor_axum::{AffitorClickId, AffitorLayer, Client};
use axum::{Router, body::Body, extract::State, routing::any};
use tokio::net::TcpListener;
use tower::Layer as _;

use super::{Seen, Setup, Tell};

pub(super) async fn start(setup: Setup, tell: Tell, outer: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/early", any(early)).fallback(whole).with_state(tell);
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

async fn early(State(tell): State<Tell>, found: Option<AffitorClickId>) {
    tell.send(Seen { click_id: id(found), ..Seen::default() }).unwrap();
}

async fn whole(State(tell): State<Tell>, found: Option<AffitorClickId>, body: Body) {
    let seen = super::hyper::read(id(found), body).await;
    tell.send(seen).unwrap();
}

fn id(found: Option<AffitorClickId>) -> Option<String> {
    found.and_then(|found| found.0).map(|id| id.to_string())
}
