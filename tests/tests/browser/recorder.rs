//! A proxy between the browser and a sandbox, which records every exchange.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{Method, Response, header},
};
use serde_json::Value;

#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) sent: Value,
    pub(crate) received: Value,
}

pub(crate) struct Recorder {
    pub(crate) url: String,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

impl Recorder {
    /// Starts a proxy for the server at this URL.
    pub(crate) async fn start(server: &str) -> Self {
        let exchanges = Arc::new(Mutex::new(Vec::new()));
        let (recorded, server) = (exchanges.clone(), server.to_owned());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(async move |request: Request| forward(&server, &recorded, request).await);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, exchanges }
    }

    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap().clone()
    }
}

async fn forward(server: &str, recorded: &Mutex<Vec<Exchange>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.uri.path_and_query().unwrap().as_str();
    let mut forwarded = reqwest::Client::new().request(parts.method.clone(), format!("{server}{target}"));
    for name in [header::CONTENT_TYPE, header::ACCEPT, header::AUTHORIZATION, header::USER_AGENT, header::ORIGIN] {
        // The sandbox's own page is of the proxy's origin, which the sandbox does not know.
        if let Some(value) =
            parts.headers.get(&name).filter(|_| name != header::ORIGIN || !target.starts_with("/_sandbox"))
        {
            forwarded = forwarded.header(name, value);
        }
    }
    let response = forwarded.body(body.clone()).send().await.unwrap();
    let mut answered = Response::builder().status(response.status());
    for (name, value) in
        response.headers().iter().filter(|(name, _)| !matches!(name.as_str(), "content-length" | "transfer-encoding"))
    {
        answered = answered.header(name, value);
    }
    let received: Bytes = response.bytes().await.unwrap();
    let json = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or_default();
    let exchange = Exchange {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        sent: json(&body),
        received: json(&received),
    };
    recorded.lock().unwrap().push(exchange);
    answered.body(Body::from(received)).unwrap()
}
