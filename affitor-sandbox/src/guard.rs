//! Checks of the `Host` and of the origin: the page, `/_sandbox/…` and the calls that tell what was recorded without a key
//! are for this machine and the allowed hosts only.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State as Shared},
    http::{HeaderMap, HeaderName, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;
use url::{Host, Url};

use crate::{server::Peer, service::Service};

/// Hosts, besides those of this machine, under which the sandbox can be read and controlled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    /// Names without a port, in lower case.
    pub(crate) allowed: Vec<String>,
}

const REFUSED: &str = "this host is not allowed: use localhost on the same machine, or allow it with --allow-host (in \
                       Rust: SandboxBuilder::allow_host)";

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

/// Checks that the request is for an allowed host, or from and for this machine.
pub(crate) fn check_host(hosts: &Hosts, request: &Request) -> Result<(), &'static str> {
    let host = text(request.headers(), header::HOST).ok_or("the Host header is missing")?;
    let parsed = Url::parse(&format!("http://{host}/")).map_err(|_| REFUSED)?;
    let is_loopback = match parsed.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let is_allowed = || {
        let name = parsed.host_str().unwrap_or_default();
        hosts.allowed.iter().any(|allowed| allowed == name)
    };
    // Another machine can send any Host.
    let is_local = || request.extensions().get::<Peer>().is_some_and(Peer::is_local);
    if is_allowed() || (is_loopback && is_local()) { Ok(()) } else { Err(REFUSED) }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
