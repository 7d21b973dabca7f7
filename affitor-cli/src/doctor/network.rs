//! What a request meets on its way: name, address, TLS, the service, its clock, the key.

use std::{
    error::Error as _,
    time::{Duration, SystemTime},
};

use affitor::Readiness;
use reqwest::{
    Response, Url,
    header::{DATE, HeaderMap},
};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{Check, settings::is_loopback};
use crate::{connection::Connection, ending::Ending};

const CONNECT: Duration = Duration::from_secs(3);
const REQUEST: Duration = Duration::from_secs(10);

/// How far a clock may be off: payment providers' signatures are good for five minutes.
const CLOCK_BAD: Duration = Duration::from_secs(300);
const CLOCK_UNSURE: Duration = Duration::from_secs(30);

pub(super) async fn checks(connection: &Connection, url: &Url) -> Vec<Check> {
    let mut checks = Vec::new();
    let direct = proxy_is_not_used(url);
    if direct {
        let reached = reach(url).await;
        let there = reached.result == crate::output::Sign::Good;
        checks.push(reached);
        if !there {
            checks.push(Check::skipped("service", "it can't be reached"));
            return checks;
        }
    }
    match ask(connection, url).await {
        Ok(answer) => {
            if url.scheme() == "https" {
                checks.push(Check::good("TLS", "the certificate is trusted"));
            }
            checks.push(clock(answer.headers()));
            checks.push(service_and_key(connection, answer).await);
        }
        Err(error) => checks.push(failed(url, &error)),
    }
    checks
}

/// The client uses the environment's proxies for all but this machine.
fn proxy_is_not_used(url: &Url) -> bool {
    is_loopback(url) || super::settings::proxies().is_none()
}

/// Name and address.
async fn reach(url: &Url) -> Check {
    let unreachable = |found: String, mend: &str| Check::bad("address", found, mend).ending(Ending::Unreachable);
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    let address = format!("{host}:{port}");
    let addresses = match timeout(CONNECT, lookup_host(&address)).await {
        Ok(Ok(addresses)) => addresses.collect::<Vec<_>>(),
        Ok(Err(error)) => {
            return unreachable(format!("{host} has no address: {error}"), "check the name, and this machine's DNS");
        }
        Err(_) => return unreachable(format!("looking up {host} takes too long"), "check this machine's DNS"),
    };
    let mend = if is_loopback(url) {
        "start the sandbox with `affitor sandbox`, or check the port"
    } else {
        "check this machine's network and firewall: it must be let out to this port"
    };
    match timeout(CONNECT, TcpStream::connect(&addresses[..])).await {
        Ok(Ok(stream)) => {
            let peer = stream.peer_addr().map_or_else(|_| address.clone(), |peer| peer.to_string());
            Check::good("address", format!("{peer} answers"))
        }
        Ok(Err(error)) => unreachable(format!("{address} can't be reached: {error}"), mend),
        Err(_) => unreachable(format!("{address} does not answer within {} s", CONNECT.as_secs()), mend),
    }
}

/// Asks for readiness, which changes nothing.
async fn ask(connection: &Connection, url: &Url) -> Result<Response, reqwest::Error> {
    let mut builder = reqwest::Client::builder().timeout(REQUEST).redirect(reqwest::redirect::Policy::none());
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    let mut request = builder.build()?.get(format!("{url}api/v1/programs/me/readiness"));
    if let Some(key) = &connection.api_key {
        request = request.bearer_auth(key.trim());
    }
    request.send().await
}

/// Why there was no answer at all.
fn failed(url: &Url, error: &reqwest::Error) -> Check {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = cause.to_string();
        source = cause.source();
    }
    let encrypted = url.scheme() == "https";
    let lower = words.to_lowercase();
    if error.is_builder() {
        return Check::bad("service", format!("the request can't be made: {words}"), "mend the key first");
    }
    let (name, mend) = if encrypted && lower.contains("certificate") {
        (
            "TLS",
            "check the machine's clock, and that nothing between it and the service breaks TLS open; \
                 on a bare container, install its ca-certificates",
        )
    } else if encrypted && (lower.contains("tls") || lower.contains("corrupt") || lower.contains("invalidcontenttype"))
    {
        ("TLS", "this port does not speak TLS: begin the URL with http: where it is the sandbox, or check the port")
    } else if error.is_timeout() {
        ("service", "it takes connections but does not answer: try again, and look at what stands in between")
    } else {
        ("service", "it takes connections but does not speak HTTP: check the port")
    };
    Check::bad(name, format!("no answer: {words}"), mend).ending(Ending::Unreachable)
}

fn clock(headers: &HeaderMap) -> Check {
    let date =
        headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(|date| httpdate::parse_http_date(date).ok());
    let Some(date) = date else { return Check::skipped("clock", "the service does not say its time") };
    let now = SystemTime::now();
    let off = now.duration_since(date).or_else(|_| date.duration_since(now)).unwrap_or_default();
    let words = format!("{} s apart from the service's", off.as_secs());
    let mend = "let the machine take its time from the network (NTP): signatures of payments are refused otherwise";
    if off >= CLOCK_BAD {
        Check::bad("clock", words, mend)
    } else if off >= CLOCK_UNSURE {
        Check::unsure("clock", words, mend)
    } else {
        Check::good("clock", words)
    }
}

async fn service_and_key(connection: &Connection, answer: Response) -> Check {
    let status = answer.status().as_u16();
    let unlike = |found: String| {
        Check::bad("service", found, "check AFFITOR_API_URL: another server or a proxy answers")
            .ending(Ending::Unreachable)
    };
    let body = answer.bytes().await;
    let text = match body {
        Ok(body) => body,
        Err(error) => return unlike(format!("the answer breaks off: {}", error.without_url())),
    };
    match status {
        200 => match serde_json::from_slice::<Readiness>(&text) {
            Ok(readiness) => accepted(connection, &readiness),
            Err(_) => unlike("what answers is not the service".to_owned()),
        },
        401 | 403 if connection.api_key.is_none() => Check::skipped("service", "there is no key to ask with"),
        401 | 403 => Check::bad(
            "service",
            "it refuses the key",
            "copy the program's key again: a new key makes the old one invalid at once",
        )
        .ending(Ending::KeyRefused),
        429 => Check::unsure("service", "it asks to come back later", "try again in a minute").ending(Ending::Later),
        500..=599 => Check::bad("service", format!("it answers {status}"), "it fails for now: try again later")
            .ending(Ending::Unreachable),
        _ => unlike(format!("it answers {status}")),
    }
}

fn accepted(connection: &Connection, readiness: &Readiness) -> Check {
    let its = readiness.program_id.as_deref().unwrap_or("?");
    match connection.program_id.as_deref() {
        Some(ours) if ours != its => Check::bad(
            "service",
            format!("the key is for program {its}, and AFFITOR_PROGRAM_ID says {ours}"),
            "take key and id from the same program",
        ),
        _ => Check::good("service", format!("the key is accepted: program {its}, {}", readiness.state)),
    }
}
