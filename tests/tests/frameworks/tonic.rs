//! The layer in a tonic server: it finds the click id in the header and the cookie of a gRPC call, and leaves the body alone.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use affitor_tower::{ClickId, ClickIdLayer};
use http::{Request, Response};
use tonic::{
    body::Body,
    server::NamedService,
    transport::{Server, server::TcpIncoming},
};
use tower::Service;

/// A hand-written gRPC service that returns the click id in a header.
#[derive(Clone)]
struct Shop;

impl NamedService for Shop {
    const NAME: &'static str = "shop.Shop";
}

impl Service<Request<Body>> for Shop {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let click_id = request.extensions().get::<ClickId>().map_or("none", ClickId::as_str);
        ready(Ok(Response::builder()
            .header("content-type", "application/grpc")
            .header("grpc-status", "0")
            .header("x-found", click_id)
            .body(Body::empty())
            .unwrap()))
    }
}

#[tokio::test]
async fn a_call_has_its_click_id() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().layer(ClickIdLayer::new()).add_service(Shop);
    let server = tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    let http = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    for (header, value, expected) in [
        ("x-affitor-click-id", "cust_1_1", "cust_1_1"),
        ("cookie", "a=b; affitor_click_id=cust_2_2", "cust_2_2"),
        ("cookie", "a=b", "none"),
    ] {
        let request = http
            .post(format!("http://{address}/shop.Shop/Buy"))
            .header("content-type", "application/grpc")
            .header(header, value)
            .body(vec![0; 5]);
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["x-found"], expected);
    }
    server.abort();
}
