//! Explains network errors: which step of the connection failed, and how to fix it.

use std::{error::Error, io, iter};

use reqwest::Url;

use crate::{
    proxy,
    url::{host_and_port, is_loopback},
};

/// A failed step of the connection.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    /// Name of the step, as `affitor doctor` shows it.
    pub(crate) step: &'static str,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// Explains why a request to `url` has no response. `source` is the flag or variable that set the URL.
pub(crate) fn diagnose(error: &(dyn Error + 'static), url: &Url, source: &str) -> Diagnosis {
    let server = host_and_port(url);
    let chain = causes(error).map(|cause| cause.to_string().to_lowercase()).collect::<Vec<_>>().join(": ");
    let http = causes(error).find_map(|cause| cause.downcast_ref::<reqwest::Error>());
    let kind = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last().map(io::Error::kind);
    let (connecting, timed_out) = http.map_or((false, false), |http| (http.is_connect(), http.is_timeout()));
    let has = |part: &str| chain.contains(part);
    let diagnosis = |step, message: String, hint: String| Diagnosis { step, message, hint };

    if has("certificate") {
        return diagnosis(
            "TLS",
            format!("no response: the certificate of {server} is not trusted"),
            "check this machine's clock, and whether a proxy intercepts TLS; in a minimal container, install \
             ca-certificates"
                .to_owned(),
        );
    }
    if url.scheme() == "https" && (has("invalidcontenttype") || has("corrupt message")) {
        let hint = if is_loopback(url) {
            format!("use http:// if this is the sandbox; otherwise check the port in {source}")
        } else {
            format!("check the port in {source}")
        };
        return diagnosis("TLS", format!("no response: {server} does not use TLS"), hint);
    }
    if let Some(variable) = proxy::variable(url).filter(|_| connecting) {
        return diagnosis(
            "proxy",
            format!("cannot reach {server} through the proxy set in {variable}: {}", reason(kind, error)),
            format!("check {variable}; if no proxy is needed, unset it or add the host to NO_PROXY"),
        );
    }
    if has("dns error") {
        let host = url.host_str().unwrap_or_default();
        return diagnosis("address", format!("cannot resolve {host}"), dns_hint(source));
    }
    if timed_out && !connecting {
        return diagnosis(
            "service",
            format!("{server} accepts connections but does not respond in time"),
            "retry, and check any proxy or firewall in between".to_owned(),
        );
    }
    let closed = [
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::UnexpectedEof,
    ];
    if kind.is_some_and(|kind| closed.contains(&kind)) || has("closed before message completed") {
        return diagnosis(
            "service",
            format!("the connection to {server} was closed early, by a proxy or the service"),
            "retry".to_owned(),
        );
    }
    if connecting {
        let reason = if timed_out { "no response in time".to_owned() } else { reason(kind, error) };
        return diagnosis("address", format!("cannot reach {server}: {reason}"), unreachable_hint(url, source));
    }
    if has("parsed") {
        return diagnosis(
            "service",
            format!("{server} accepts connections but does not speak HTTP"),
            format!("check the port in {source}, and whether the URL should begin with https://"),
        );
    }
    diagnosis("service", format!("no response: {}", root_cause(error)), format!("retry, and check {source}"))
}

/// How to fix a host name that cannot be resolved.
pub(crate) fn dns_hint(source: &str) -> String {
    format!("check the host name in {source}, and this machine's DNS")
}

/// How to fix an address that accepts no connection.
pub(crate) fn unreachable_hint(url: &Url, source: &str) -> String {
    if is_loopback(url) {
        format!("start the sandbox with `affitor sandbox`, or check {source}")
    } else {
        format!("check {source}, this machine's network, and whether its firewall allows connections to this port")
    }
}

/// Why a connection failed, without the operating system's error number.
pub(crate) fn reason(kind: Option<io::ErrorKind>, error: &(dyn Error + 'static)) -> String {
    match kind {
        None | Some(io::ErrorKind::Other) => root_cause(error),
        Some(kind) => kind.to_string(),
    }
}

fn root_cause(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}
