//! Checks of the service: TLS, its clock, and the key.

use std::time::{Duration, SystemTime};

use affitor::Readiness;
use reqwest::{
    Response, Url,
    header::{DATE, HeaderMap, RETRY_AFTER},
};

use crate::{
    check::Check,
    diagnosis::diagnose,
    exit::Exit,
    format::retry_in,
    sanitize::sanitized,
    settings::{SAME_PROGRAM_HINT, Setting, Settings},
    url::is_loopback,
};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Same limit as the client's.
const BODY_LIMIT: usize = 1024 * 1024;

/// Clock difference that fails. Payment providers reject webhook signatures older than five minutes.
const CLOCK_FAILED: Duration = Duration::from_secs(300);
const CLOCK_WARNING: Duration = Duration::from_secs(30);

pub(super) async fn checks(settings: &Settings, key: Option<&Setting>, url: &Url) -> Vec<Check> {
    let response = match request_readiness(key, url).await {
        Ok(response) => response,
        Err(error) => return vec![no_response(settings, url, &error)],
    };
    let mut checks = Vec::new();
    if url.scheme() == "https" {
        checks.push(Check::passed("TLS", "the certificate is trusted"));
    }
    checks.push(check_clock(response.headers()));
    checks.push(check_response(settings, key, url, response).await);
    checks
}

/// Requests readiness, which changes nothing.
async fn request_readiness(key: Option<&Setting>, url: &Url) -> Result<Response, reqwest::Error> {
    let mut builder = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).redirect(reqwest::redirect::Policy::none());
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    let mut request = builder.build()?.get(format!("{url}api/v1/programs/me/readiness"));
    if let Some(key) = key {
        request = request.bearer_auth(key.value());
    }
    request.send().await
}

fn no_response(settings: &Settings, url: &Url, error: &reqwest::Error) -> Check {
    let diagnosis = diagnose(error, url, settings.url.source);
    Check::failed(diagnosis.step, diagnosis.message, diagnosis.hint).with_exit(Exit::Unreachable)
}

fn check_clock(headers: &HeaderMap) -> Check {
    let date =
        headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(|date| httpdate::parse_http_date(date).ok());
    let Some(date) = date else { return Check::skipped("clock", "the response has no date") };
    let now = SystemTime::now();
    let difference = now.duration_since(date).or_else(|_| date.duration_since(now)).unwrap_or_default();
    let message = format!("differs from the service's by {} s", difference.as_secs());
    let hint = "synchronize this machine's clock (NTP), or signatures of payment webhooks will be rejected";
    if difference >= CLOCK_FAILED {
        Check::failed("clock", message, hint)
    } else if difference >= CLOCK_WARNING {
        Check::warning("clock", message, hint)
    } else {
        Check::passed("clock", message)
    }
}

async fn check_response(settings: &Settings, key: Option<&Setting>, url: &Url, response: Response) -> Check {
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers());
    let source = settings.url.source;
    let foreign = |message: String| {
        let hint = if url.path() == "/" {
            format!("check {source}: another server or a proxy responded")
        } else {
            format!("remove the path from {source}, unless a proxy serves the API below that path")
        };
        Check::failed("service", message, hint).with_exit(Exit::Unreachable)
    };
    let body = match read_body(response).await {
        Ok(Some(body)) => body,
        Ok(None) => return foreign("not an Affitor service: the response is larger than 1 MiB".to_owned()),
        Err(error) => return no_response(settings, url, &error.without_url()),
    };
    let Some(key) = key else {
        return match status {
            401 | 403 | 429 | 500 | 502..=599 => Check::skipped("service", "there is no usable key"),
            _ => {
                foreign(format!("not an Affitor service: it responded with status {status} to a request without a key"))
            }
        };
    };
    match status {
        200 => match serde_json::from_slice::<Readiness>(&body) {
            Ok(readiness) => check_program(settings, &sanitized(readiness, settings.secret())),
            Err(_) => foreign("not an Affitor service".to_owned()),
        },
        401 | 403 => Check::failed(
            "service",
            format!("rejected the key in {}", key.source),
            "copy the program's key again; creating a new key invalidates the old one immediately",
        )
        .with_exit(Exit::KeyRejected),
        429 => {
            let hint = retry_after.map_or_else(|| "retry later".to_owned(), retry_in);
            Check::warning("service", "not checked: it asked to retry later", hint).with_exit(Exit::RetryLater)
        }
        500 | 502..=599 => {
            let hint = retry_after.map_or_else(|| "the service is failing; retry later".to_owned(), retry_in);
            Check::failed("service", format!("responded with status {status}"), hint).with_exit(Exit::Unreachable)
        }
        _ => foreign(format!("responded with status {status}")),
    }
}

/// Reads the body, or returns `None` if it is larger than any response of the service.
async fn read_body(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(data) = response.chunk().await? {
        if body.len() + data.len() > BODY_LIMIT {
            return Ok(None);
        }
        body.extend_from_slice(&data);
    }
    Ok(Some(body))
}

/// The delay that the service requests, in seconds or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).ok(),
    }
}

fn check_program(settings: &Settings, readiness: &Readiness) -> Check {
    let program = readiness.program_id.as_deref();
    let rotated = readiness.key_rotated_at.as_ref().map_or_else(String::new, |at| format!(", key rotated at {at}"));
    match settings.program_mismatch(program) {
        Some(mismatch) => Check::failed("service", mismatch, SAME_PROGRAM_HINT),
        None => Check::passed(
            "service",
            format!("accepted the key: program {}, {}{rotated}", program.unwrap_or("?"), readiness.state),
        ),
    }
}
