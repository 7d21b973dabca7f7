//! Explains errors of the client library.

use affitor::Error;

use crate::{
    diagnosis::diagnose,
    exit::Exit,
    failure::Failure,
    settings::{SAME_PROGRAM_HINT, Settings},
};

impl Settings {
    /// Converts an error of the client into a failure that says how to fix it.
    pub(crate) fn failure(&self, error: &Error) -> Failure {
        let retry_after = error.retry_after();
        let failure = |exit, message: String, hint: Option<String>| Failure { exit, message, hint, retry_after };
        let message = error.to_string();
        let (status, url_source) = (error.status(), self.url.source);
        if error.is_unauthorized() {
            let source = self.key.as_ref().map_or("AFFITOR_API_KEY", |key| key.source);
            let hint = format!("check {source} against the program's settings; for details run `affitor doctor`");
            return failure(Exit::KeyRejected, message, Some(hint));
        }
        if error.is_rate_limited() {
            // If the service names a delay, the output shows it as the hint.
            let hint = retry_after.is_none().then(|| "retry later".to_owned());
            return failure(Exit::RetryLater, error.message().unwrap_or("too many requests").to_owned(), hint);
        }
        if error.is_invalid() {
            return failure(Exit::Usage, message, Some("see --help for the allowed values".to_owned()));
        }
        if let (Some(404), Some("Program not found"), Some(id)) = (status, error.message(), &self.program_id) {
            let hint = format!("the program id is {}: {SAME_PROGRAM_HINT}", self.quoted(id.value()));
            return failure(Exit::Failed, message, Some(hint));
        }
        if is_foreign_response(error) {
            let status = status.map(|status| format!(" (status {status})")).unwrap_or_default();
            let url = self.quoted(self.url.value());
            return failure(
                Exit::Unreachable,
                format!("the response is not from an Affitor service{status}"),
                Some(format!(
                    "check {url_source} ({url}): it may be another server, a proxy or a wrong path; for details run \
                     `affitor doctor`"
                )),
            );
        }
        if error.is_unavailable() {
            let hint = retry_after.is_none().then(|| "retry later".to_owned());
            return failure(Exit::Unreachable, message, hint);
        }
        if error.is_transport() || error.is_timeout() {
            let diagnosis = self.check_url().1.map(|url| diagnose(error, &url, url_source));
            let (message, hint) = diagnosis.map_or((message, None), |found| (found.message, Some(found.hint)));
            return failure(Exit::Unreachable, message, hint);
        }
        failure(Exit::Failed, message, None)
    }
}

/// Whether the response came from something other than the service.
///
/// The service returns 404 only for a program or a sale that does not exist, and gives a message with every rejection.
fn is_foreign_response(error: &Error) -> bool {
    let not_found = [Some("Program not found"), Some("Sale not found")];
    // The client describes a body without a message: "the response is empty", "the response is not JSON (5 bytes)".
    let no_message = error.message().is_none_or(|text| text.starts_with("the response is "));
    match error.status() {
        Some(404) => !not_found.contains(&error.message()),
        Some(405 | 501) => true,
        _ => error.is_unexpected() || (error.is_rejected() && no_message),
    }
}
