//! What a request meets on its way: name, address, TLS, the service, its clock, the key.

use std::time::{Duration, SystemTime};

use affitor::Readiness;
use reqwest::{
    Response, Url,
    header::{DATE, HeaderMap, RETRY_AFTER},
};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

use crate::{
    check::Check,
    connection::{Setting, Settings},
    ending::Ending,
    output::{Sign, cleaned, come_back},
    proxy,
    settings::{SAME_PROGRAM, is_loopback},
    trouble,
};

const CONNECT: Duration = Duration::from_secs(3);
/// As the client's.
const BODY_LIMIT: usize = 1024 * 1024;
const REQUEST: Duration = Duration::from_secs(10);

/// How far a clock may be off: payment providers' signatures are good for five minutes.
const CLOCK_BAD: Duration = Duration::from_secs(300);
const CLOCK_UNSURE: Duration = Duration::from_secs(30);

/// `key` is absent where there is none that can be one.
pub(super) async fn checks(settings: &Settings, key: Option<&Setting>, url: &Url) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(variable) = proxy::variable(url) {
        let found = format!("{variable} is set, and is used");
        checks.push(Check::unsure("proxy", found, "if that is not meant, unset it or add the host to NO_PROXY"));
    } else {
        let reached = reach(settings, url).await;
        let there = reached.result == Sign::Good;
        checks.push(reached);
        if !there {
            checks.push(Check::skipped("service", "it can't be reached"));
            return checks;
        }
    }
    match ask(key, url).await {
        Ok(answer) => {
            if url.scheme() == "https" {
                checks.push(Check::good("TLS", "the certificate is trusted"));
            }
            checks.push(clock(answer.headers()));
            checks.push(service_and_key(settings, key, url, answer).await);
        }
        Err(error) => checks.push(failed(settings, url, &error)),
    }
    checks
}

/// Name and address.
async fn reach(settings: &Settings, url: &Url) -> Check {
    let from = settings.url.from;
    let unreachable = |found: String, mend: &str| Check::bad("address", found, mend).ending(Ending::Unreachable);
    let host = url.host_str().unwrap_or_default();
    let place = trouble::place(url);
    let addresses = match timeout(CONNECT, lookup_host(&place)).await {
        Ok(Ok(addresses)) => addresses.collect::<Vec<_>>(),
        Ok(Err(_)) => {
            let mend = format!("check the name in {from}, and this machine's DNS");
            return unreachable(format!("{host} has no address"), &mend);
        }
        Err(_) => return unreachable(format!("looking up {host} takes too long"), "check this machine's DNS"),
    };
    let mend = trouble::unreached(url, from);
    match timeout(CONNECT, TcpStream::connect(&addresses[..])).await {
        Ok(Ok(stream)) => {
            let peer = stream.peer_addr().map_or_else(|_| place.clone(), |peer| peer.to_string());
            Check::good("address", format!("{peer} answers"))
        }
        Ok(Err(error)) => {
            unreachable(format!("can't reach {place}: {}", trouble::reason(Some(error.kind()), &error)), &mend)
        }
        Err(_) => unreachable(format!("can't reach {place}: no answer within {} s", CONNECT.as_secs()), &mend),
    }
}

/// Asks for readiness, which changes nothing.
async fn ask(key: Option<&Setting>, url: &Url) -> Result<Response, reqwest::Error> {
    let mut builder = reqwest::Client::builder().timeout(REQUEST).redirect(reqwest::redirect::Policy::none());
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    let mut request = builder.build()?.get(format!("{url}api/v1/programs/me/readiness"));
    if let Some(key) = key {
        request = request.bearer_auth(key.value());
    }
    request.send().await
}

/// Why there was no whole answer.
fn failed(settings: &Settings, url: &Url, error: &reqwest::Error) -> Check {
    let trouble = trouble::of(error, url, settings.url.from);
    Check::bad(trouble.part, trouble.found, trouble.mend).ending(Ending::Unreachable)
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

async fn service_and_key(settings: &Settings, key: Option<&Setting>, url: &Url, answer: Response) -> Check {
    let status = answer.status().as_u16();
    let wait = retry_after(answer.headers());
    let from = settings.url.from;
    let unlike = |found: String| {
        let mend = if url.path() == "/" {
            format!("check {from}: another server or a proxy answers")
        } else {
            format!("end {from} with the host or the port, unless a proxy serves the API below that path")
        };
        Check::bad("service", found, mend).ending(Ending::Unreachable)
    };
    let text = match read(answer).await {
        Ok(Some(body)) => body,
        Ok(None) => return unlike("what answers is not the service: it says more than 1 MiB".to_owned()),
        Err(error) => return failed(settings, url, &error.without_url()),
    };
    let Some(key) = key else {
        return match status {
            401 | 403 | 429 | 500 | 502..=599 => Check::skipped("service", "there is no usable key to ask with"),
            _ => unlike(format!("what answers is not the service: status {status} without a key")),
        };
    };
    match status {
        200 => match serde_json::from_slice::<Readiness>(&text) {
            Ok(readiness) => accepted(settings, &cleaned(readiness, settings.secret())),
            Err(_) => unlike("what answers is not the service".to_owned()),
        },
        401 | 403 => Check::bad(
            "service",
            format!("it refuses the key in {}", key.from),
            "copy the program's key again: a new key makes the old one invalid at once",
        )
        .ending(Ending::KeyRefused),
        429 => {
            let mend = wait.map_or_else(|| "try again later".to_owned(), come_back);
            Check::unsure("service", "it could not be checked: it asks to come back later", mend).ending(Ending::Later)
        }
        500 | 502..=599 => {
            let mend = wait.map_or_else(|| "it fails for now: try again later".to_owned(), come_back);
            Check::bad("service", format!("it answers {status}"), mend).ending(Ending::Unreachable)
        }
        _ => unlike(format!("it answers {status}")),
    }
}

/// The body, or nothing where it is longer than the service's answers are.
async fn read(mut answer: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(data) = answer.chunk().await? {
        if body.len() + data.len() > BODY_LIMIT {
            return Ok(None);
        }
        body.extend_from_slice(&data);
    }
    Ok(Some(body))
}

/// How long the service asks to wait.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).ok(),
    }
}

fn accepted(settings: &Settings, readiness: &Readiness) -> Check {
    let its = readiness.program_id.as_deref();
    match settings.other_program(its) {
        Some(differs) => Check::bad("service", differs, SAME_PROGRAM),
        None => {
            Check::good("service", format!("the key is accepted: program {}, {}", its.unwrap_or("?"), readiness.state))
        }
    }
}
