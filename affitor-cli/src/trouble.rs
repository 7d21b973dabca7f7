//! Why there was no answer, in words of our own instead of the HTTP library's chain of causes.

use std::{error::Error, io, iter};

use reqwest::Url;

use crate::{proxy, settings::is_loopback};

/// What went wrong on the way, and what to do.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// Which part of the way.
    pub(crate) part: &'static str,
    pub(crate) found: String,
    pub(crate) mend: String,
}

/// `from` is the flag or variable that says the URL.
pub(crate) fn of(error: &(dyn Error + 'static), url: &Url, from: &str) -> Trouble {
    let place = place(url);
    let words = causes(error).map(|cause| cause.to_string().to_lowercase()).collect::<Vec<_>>().join(": ");
    let http = causes(error).find_map(|cause| cause.downcast_ref::<reqwest::Error>());
    let kind = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last().map(io::Error::kind);
    let (connecting, late) = http.map_or((false, false), |http| (http.is_connect(), http.is_timeout()));
    let has = |part: &str| words.contains(part);
    let trouble = |part, found: String, mend: String| Trouble { part, found, mend };

    if has("certificate") {
        return trouble(
            "TLS",
            format!("no answer: the certificate of {place} is not trusted"),
            "check the machine's clock, and that nothing between it and the service breaks TLS open; on a bare \
             container, install its ca-certificates"
                .to_owned(),
        );
    }
    if url.scheme() == "https" && (has("invalidcontenttype") || has("corrupt message")) {
        let mend = if is_loopback(url) {
            format!("begin the URL with http: where it is the sandbox, or check the port in {from}")
        } else {
            format!("check the port in {from}")
        };
        return trouble("TLS", format!("no answer: {place} does not speak TLS"), mend);
    }
    if let Some(variable) = proxy::variable(url).filter(|_| connecting) {
        return trouble(
            "proxy",
            format!("can't reach {place} through the proxy that {variable} names: {}", reason(kind, error)),
            format!("check {variable}; or, where no proxy is needed, unset it or add the host to NO_PROXY"),
        );
    }
    if has("dns error") {
        let host = url.host_str().unwrap_or_default();
        let mend = format!("check the name in {from}, and this machine's DNS");
        return trouble("address", format!("{host} has no address"), mend);
    }
    if late && !connecting {
        return trouble(
            "service",
            format!("{place} takes connections but does not answer in time"),
            "try again, and look at what stands in between".to_owned(),
        );
    }
    let cut = [
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::UnexpectedEof,
    ];
    if kind.is_some_and(|kind| cut.contains(&kind)) || has("closed before message completed") {
        return trouble(
            "service",
            format!("the connection to {place} was cut: by a proxy or the service"),
            "try again".to_owned(),
        );
    }
    if connecting {
        let why = if late { "no answer in time".to_owned() } else { reason(kind, error) };
        return trouble("address", format!("can't reach {place}: {why}"), unreached(url, from));
    }
    if has("parsed") {
        return trouble(
            "service",
            format!("{place} takes connections but does not speak HTTP"),
            format!("check the port in {from}, and whether the URL begins with https:"),
        );
    }
    trouble("service", format!("no answer: {}", deepest(error)), format!("try again, and check {from}"))
}

/// Host and port.
pub(crate) fn place(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443))
}

/// What to do where nothing takes a connection.
pub(crate) fn unreached(url: &Url, from: &str) -> String {
    if is_loopback(url) {
        format!("start the sandbox with `affitor sandbox`, or check {from}")
    } else {
        format!("check {from}, and this machine's network and firewall: it must be let out to this port")
    }
}

/// Why there is no connection, without the operating system's numbers.
pub(crate) fn reason(kind: Option<io::ErrorKind>, error: &(dyn Error + 'static)) -> String {
    match kind {
        None | Some(io::ErrorKind::Other) => deepest(error),
        Some(kind) => kind.to_string(),
    }
}

fn deepest(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}
