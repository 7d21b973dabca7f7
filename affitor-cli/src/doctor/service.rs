//! Checks of the service: TLS, and the key.

use std::time::{Duration, SystemTime};

use affitor::Readiness;
use reqwest::{Response, Url};

use super::clock;
use crate::{
    check::Check,
    diagnosis::diagnose,
    exit::Exit,
    format::retry_in,
    http,
    sanitize::sanitized,
    settings::{SAME_PROGRAM_HINT, Setting, Settings},
};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Same limit as the client's.
const BODY_LIMIT: usize = 1024 * 1024;

/// Returns what was found, and the readiness if the service accepted a key of the right program.
pub(super) async fn checks(settings: &Settings, key: Option<&Setting>, url: &Url) -> (Vec<Check>, Option<Readiness>) {
    let sent = SystemTime::now();
    let response = match request_readiness(key, url).await {
        Ok(response) => response,
        Err(error) => return (vec![no_response(settings, url, &error)], None),
    };
    let mut checks = Vec::new();
    if url.scheme() == "https" {
        checks.push(Check::passed("TLS", "the certificate is trusted"));
    }
    checks.push(clock::check(response.headers(), sent, SystemTime::now()));
    let (check, readiness) = match check_response(settings, key, url, response).await {
        Ok(readiness) => check_program(settings, readiness),
        Err(check) => (check, None),
    };
    checks.push(check);
    (checks, readiness)
}

/// Requests readiness, which changes nothing.
async fn request_readiness(key: Option<&Setting>, url: &Url) -> Result<Response, reqwest::Error> {
    let client = http::client(url).timeout(REQUEST_TIMEOUT).build()?;
    let mut request = client.get(format!("{url}api/v1/programs/me/readiness"));
    if let Some(key) = key {
        request = request.bearer_auth(key.value());
    }
    request.send().await
}

fn no_response(settings: &Settings, url: &Url, error: &reqwest::Error) -> Check {
    let diagnosis = diagnose(error, url, settings.url.source);
    Check::failed(diagnosis.step, diagnosis.message, diagnosis.hint).with_exit(Exit::Unreachable)
}

/// Returns the readiness, or the check that failed.
async fn check_response(
    settings: &Settings,
    key: Option<&Setting>,
    url: &Url,
    response: Response,
) -> Result<Readiness, Check> {
    let status = response.status().as_u16();
    let retry_after = http::retry_after(response.headers());
    let source = settings.url.source;
    let foreign = |message: String| {
        let hint = if url.path() == "/" {
            format!("check {source}: another server or a proxy responded")
        } else {
            format!("remove the path from {source}, unless a proxy serves the API below that path")
        };
        Check::failed("service", message, hint).with_exit(Exit::Unreachable)
    };
    let body = match http::read_body(response, BODY_LIMIT).await {
        Ok(Some(body)) => body,
        Ok(None) => return Err(foreign("not an Affitor service: the response is larger than 1 MiB".to_owned())),
        Err(error) => return Err(no_response(settings, url, &error.without_url())),
    };
    let Some(key) = key else {
        return Err(match status {
            401 | 403 | 429 | 500 | 502..=599 => Check::skipped("service", "there is no usable key"),
            _ => {
                foreign(format!("not an Affitor service: it responded with status {status} to a request without a key"))
            }
        });
    };
    Err(match status {
        200 => match serde_json::from_slice::<Readiness>(&body) {
            Ok(readiness) => return Ok(sanitized(readiness, settings.secret())),
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
    })
}

fn check_program(settings: &Settings, readiness: Readiness) -> (Check, Option<Readiness>) {
    let program = readiness.program_id.as_deref();
    if let Some(mismatch) = settings.program_mismatch(program) {
        return (Check::failed("service", mismatch, SAME_PROGRAM_HINT), None);
    }
    let message = format!("accepted the key: program {}, {}", program.unwrap_or("?"), readiness.state);
    (Check::passed("service", message), Some(readiness))
}
