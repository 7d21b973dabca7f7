//! Checks of the connection: proxy, DNS and TCP.

use std::time::Duration;

use affitor::Readiness;
use reqwest::Url;
use tokio::{net::TcpStream, time::timeout};

use super::service;
use crate::{
    check::{Check, CheckStatus},
    diagnosis::{dns_hint, reason, unreachable_hint},
    dns::lookup,
    exit::Exit,
    proxy,
    settings::{Setting, Settings},
    url::host_and_port,
};

/// Timeout of the DNS lookup, and of the TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Checks the connection, then the service. Without a usable key, the service is still checked as far as possible. Also
/// returns the readiness if the service accepted the key.
pub(super) async fn checks(settings: &Settings, key: Option<&Setting>, url: &Url) -> (Vec<Check>, Option<Readiness>) {
    let mut checks = Vec::new();
    if let Some(variable) = proxy::variable(url) {
        let message = format!("the proxy set in {variable} is used");
        checks.push(Check::warning("proxy", message, "if that is not intended, unset it or add the host to NO_PROXY"));
    } else {
        let address = check_address(settings, url).await;
        let reachable = address.status == CheckStatus::Passed;
        checks.push(address);
        if !reachable {
            checks.push(Check::skipped("service", "the address is unreachable"));
            return (checks, None);
        }
    }
    let (of_service, readiness) = service::checks(settings, key, url).await;
    checks.extend(of_service);
    (checks, readiness)
}

/// Resolves the host and connects to it.
async fn check_address(settings: &Settings, url: &Url) -> Check {
    let source = settings.url.source;
    let failed = |message: String, hint: &str| Check::failed("address", message, hint).with_exit(Exit::Unreachable);
    let host = url.host_str().unwrap_or_default();
    let (server, port) = (host_and_port(url), url.port_or_known_default().unwrap_or(443));
    let seconds = CONNECT_TIMEOUT.as_secs();
    let addresses = match timeout(CONNECT_TIMEOUT, lookup(host, port)).await {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(_)) => return failed(format!("cannot resolve {host}"), &dns_hint(source)),
        Err(_) => return failed(format!("cannot resolve {host} within {seconds} s"), "check this machine's DNS"),
    };
    let hint = unreachable_hint(url, source);
    match timeout(CONNECT_TIMEOUT, TcpStream::connect(&addresses[..])).await {
        Ok(Ok(stream)) => {
            let peer = stream.peer_addr().map_or_else(|_| server.clone(), |peer| peer.to_string());
            Check::passed("address", format!("connected to {peer}"))
        }
        Ok(Err(error)) => failed(format!("cannot reach {server}: {}", reason(Some(error.kind()), &error)), &hint),
        Err(_) => failed(format!("cannot reach {server}: no connection within {seconds} s"), &hint),
    }
}
