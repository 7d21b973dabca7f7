//! Middleware that restricts the page and `/_sandbox/…` to this machine.

use axum::{
    Json,
    extract::Request,
    http::{HeaderName, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;
use url::{Host, Url};

/// Rejects requests for a host that is not a loopback host, and requests from pages of other origins.
///
/// A page that points its own host name at this machine could otherwise read and change everything. Only a link from
/// another origin to the page itself is allowed.
pub(crate) async fn loopback_only(request: Request, next: Next) -> Response {
    let refuse = |reason: &str| (StatusCode::FORBIDDEN, Json(json!({ "error": reason }))).into_response();
    let headers = request.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(host) = text(header::HOST) else { return refuse("the Host header is missing") };
    if !is_loopback(host) {
        return refuse("only available under a loopback host such as localhost or 127.0.0.1");
    }
    let other_origin = match (text(HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.strip_prefix("http://") != Some(host),
        (None, None) => false,
    };
    let is_link_to_page = request.method().is_safe() && request.uri().path() == "/";
    if other_origin && !is_link_to_page {
        return refuse("not available to pages of other origins");
    }
    next.run(request).await
}

fn is_loopback(host: &str) -> bool {
    match Url::parse(&format!("http://{host}/")).ok().as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
