//! Hosts under which the sandbox can be read and controlled.
//!
//! The sandbox's own paths (`/`, `/_sandbox/…`) and the calls that read without a key respond only to loopback `Host`s, unless others
//! are allowed. The page's paths respond only to pages of the same origin. Templates escape what the page shows, and its Content
//! Security Policy allows no inline script.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, header},
};
use url::{Host, Url};

use crate::server::Peer;

/// Hosts, besides those of this machine, under which the sandbox can be read and controlled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    /// Names without a port, in lower case.
    pub(crate) allowed: Vec<String>,
}

const REFUSED: &str = "this host is not allowed: use localhost on the same machine, or allow it with --allow-host (in \
                       Rust: SandboxBuilder::allow_host)";

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

/// Returns the value of a header, if it is text.
pub(crate) fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
