//! What the client could not do, as the command says it.

use affitor::Error;

use crate::{
    connection::Settings,
    ending::{Ending, Failure},
    settings::SAME_PROGRAM,
    trouble,
};

impl Settings {
    pub(crate) fn explain(&self, error: &Error) -> Failure {
        let retry_after = error.retry_after();
        let failure = |ending, message: String, mend: Option<String>| Failure { ending, message, mend, retry_after };
        let words = error.to_string();
        let (status, url_from) = (error.status(), self.url.from);
        if error.is_unauthorized() {
            let from = self.key.as_ref().map_or("AFFITOR_API_KEY", |key| key.from);
            let mend = format!("check {from} against the program's settings; `affitor doctor` says more");
            return failure(Ending::KeyRefused, words, Some(mend));
        }
        if error.is_rate_limited() {
            // The time of the wait is the mend.
            let mend = retry_after.is_none().then(|| "come back later".to_owned());
            return failure(Ending::Later, error.message().unwrap_or("too many calls").to_owned(), mend);
        }
        if error.is_invalid() {
            return failure(Ending::Usage, words, Some("give another value: --help says what there is".to_owned()));
        }
        if let (Some(404), Some("Program not found"), Some(id)) = (status, error.message(), &self.program_id) {
            let mend = format!("the program id is {}: {SAME_PROGRAM}", self.quoted(id.value()));
            return failure(Ending::No, words, Some(mend));
        }
        if not_the_service(error) {
            let status = status.map(|status| format!(" (status {status})")).unwrap_or_default();
            let url = self.quoted(self.url.value());
            return failure(
                Ending::Unreachable,
                format!("what answers is not the service{status}"),
                Some(format!(
                    "check {url_from} ({url}): another server, a proxy, or a wrong path; `affitor doctor` says more"
                )),
            );
        }
        if error.is_unavailable() {
            let mend = retry_after.is_none().then(|| "try again later".to_owned());
            return failure(Ending::Unreachable, words, mend);
        }
        if error.is_transport() || error.is_timeout() {
            let trouble = self.check_url().1.map(|url| trouble::of(error, &url, url_from));
            let (found, mend) = trouble.map_or((words, None), |trouble| (trouble.found, Some(trouble.mend)));
            return failure(Ending::Unreachable, found, mend);
        }
        failure(Ending::No, words, None)
    }
}

/// The service says *not found* of things alone, and has its words for all that it refuses.
fn not_the_service(error: &Error) -> bool {
    let things = [Some("Program not found"), Some("Sale not found")];
    let wordless = error.message().is_none_or(|words| words.starts_with("no JSON") || words == "an empty answer");
    match error.status() {
        Some(404) => !things.contains(&error.message()),
        Some(405 | 501) => true,
        _ => error.is_unexpected() || (error.is_rejected() && wordless),
    }
}
