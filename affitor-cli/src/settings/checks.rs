//! Checks of the settings that need no network.

use std::env;

use reqwest::Url;

use super::{API_KEY_FILE, KeyFileProblem, Settings};
use crate::{
    check::Check,
    exit::Exit,
    url::{is_loopback, with_scheme},
};

const URL_HINT: &str = "use the service's origin, such as https://api.affitor.com or http://127.0.0.1:4010";

impl Settings {
    /// Checks the key, without showing it.
    pub(crate) fn check_key(&self) -> Check {
        let failed = |message: String, hint: &str| Check::failed("key", message, hint).with_exit(Exit::Usage);
        match self.key_file.as_ref().and_then(|file| file.problem.as_ref()) {
            Some(KeyFileProblem::Conflict(variable)) => {
                return failed(format!("both {variable} and {API_KEY_FILE} are set"), "use one of them");
            }
            Some(KeyFileProblem::Unreadable(error)) => {
                return failed(
                    format!("the file in {API_KEY_FILE} can't be read: {error}"),
                    "check its path and its rights",
                );
            }
            None => {}
        }
        let Some(setting) = &self.key else {
            let state = if env::var_os("AFFITOR_API_KEY").is_some() { "empty" } else { "not set" };
            return failed(
                format!("no API key: AFFITOR_API_KEY is {state}"),
                "set it to the key from the program's settings (for the sandbox, test_key), or use --api-key",
            );
        };
        if let Some((message, hint)) = setting.problem("--api-key") {
            return failed(message, &hint);
        }
        let (key, source) = (setting.value(), setting.source);
        if key.starts_with(['"', '\'']) || key.ends_with(['"', '\'']) {
            return failed(
                format!("the key in {source} begins or ends with a quote"),
                "remove the quotes; some tools read quotes in an env file as part of the value",
            );
        }
        if key.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case("bearer ")) {
            return failed(
                format!("the key in {source} begins with \"Bearer\""),
                "use the key alone; the client adds the prefix",
            );
        }
        if key.contains("${") || key.starts_with('$') {
            return failed(
                format!("{source} contains a variable that was not expanded"),
                "check how the environment is set up",
            );
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return failed(
                format!("the key in {source} contains characters that are not visible ASCII"),
                "copy the key again, without the text around it",
            );
        }
        if key.starts_with("affk_") {
            return failed(
                format!("{source} is a management key"),
                "use the program's API key; tracking rejects keys that begin with affk_",
            );
        }
        if setting.is_padded() {
            return Check::warning(
                "key",
                format!("the key in {source} has surrounding white space, which is ignored"),
                "remove it, since other tools may not ignore it; in a file, check the end of the line",
            );
        }
        Check::passed("key", format!("set ({} characters)", key.len()))
    }

    /// Checks the URL. Returns it, with a trailing slash, if it is usable.
    pub(crate) fn check_url(&self) -> (Check, Option<Url>) {
        let (text, source) = (self.url.value(), self.url.source);
        let setting = format!("{source} {}", self.quoted(text));
        let failed = |message: String, hint: &str| (Check::failed("URL", message, hint).with_exit(Exit::Usage), None);
        if let Some((message, hint)) = self.url.problem("--api-url") {
            return failed(message, &hint);
        }
        if !text.contains("://") {
            let hint = with_scheme(text).map_or_else(|| URL_HINT.to_owned(), |url| format!("did you mean {url}?"));
            return failed(format!("{setting} does not begin with http:// or https://"), &hint);
        }
        let mut url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return failed(format!("{setting} is not a valid URL: {error}"), URL_HINT),
        };
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return failed(format!("{setting} begins with {}://, not https://", url.scheme()), URL_HINT);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return failed(format!("{source} contains a user name or a password"), URL_HINT);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return failed(format!("{source} contains a query (?) or a fragment (#)"), URL_HINT);
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return failed(
                format!("{setting} is not encrypted, so the key would be sent as plain text"),
                "use https:// (http:// is only allowed for this machine)",
            );
        }
        if url.path() == "/" {
            return (Check::passed("URL", url.origin().ascii_serialization()), Some(url));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        let check = Check::warning(
            "URL",
            format!("{setting} contains a path"),
            "this is correct if a proxy serves the API below that path; otherwise remove the path",
        );
        (check, Some(url))
    }

    pub(crate) fn check_program_id(&self) -> Check {
        match &self.program_id {
            None => Check::warning(
                "program",
                "not set; this command takes it from the key",
                "set AFFITOR_PROGRAM_ID for the app: without it, the script tag of its pages is empty",
            ),
            Some(id) if id.value().bytes().all(|byte| byte.is_ascii_digit()) => Check::passed("program", id.value()),
            Some(id) => Check::warning(
                "program",
                format!("{} is {}, which is not a number", id.source, self.quoted(id.value())),
                "copy the id from the program's settings",
            ),
        }
    }

    /// Describes the mismatch if the key belongs to another program than the one that is set.
    pub(crate) fn program_mismatch(&self, program_of_key: Option<&str>) -> Option<String> {
        let (id, program) = (self.program_id.as_ref()?, program_of_key?);
        let differs = id.value() != program;
        differs
            .then(|| format!("the key belongs to program {program}, but {} is {}", id.source, self.quoted(id.value())))
    }
}
