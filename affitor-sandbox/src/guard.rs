//! Checks of the `Host` and of the origin: the page, `/_sandbox/…` and the calls that tell what was recorded without a key
//! are for this machine and the allowed hosts only.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State as Shared},
    http::{HeaderName, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    hosts::{check_host, text},
    service::Service,
};

/// Rejects requests for other hosts, and requests from pages of other origins.
///
/// A page that points its own host name at this machine could otherwise read and change everything. Only a link from
/// another origin to a page of the sandbox is allowed.
pub(crate) async fn same_origin(Shared(service): Shared<Arc<Service>>, request: Request, next: Next) -> Response {
    let refuse = |reason: &str| (StatusCode::FORBIDDEN, Json(json!({ "error": reason }))).into_response();
    if let Err(reason) = check_host(&service.hosts, &request) {
        return refuse(reason);
    }
    let headers = request.headers();
    let other_origin = match (text(headers, SEC_FETCH_SITE), text(headers, header::ORIGIN)) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = text(headers, header::HOST).unwrap_or_default();
            ["http://", "https://"].iter().all(|scheme| origin.strip_prefix(scheme) != Some(host))
        }
        (None, None) => false,
    };
    let is_link_to_page = request.method().is_safe() && LINKED_PAGES.contains(&request.uri().path());
    if other_origin && !is_link_to_page {
        return refuse("not available to pages of other origins");
    }
    next.run(request).await
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Pages that other origins may link to. They change nothing.
const LINKED_PAGES: [&str; 3] = ["/", "/_sandbox/shop", "/_sandbox/consent"];
