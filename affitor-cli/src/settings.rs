//! What can be seen of the settings without a network.

use std::env;

use reqwest::Url;

use crate::{check::Check, connection::Settings, ending::Ending};

const URL_HINT: &str = "give the service's origin, such as https://api.affitor.com or http://127.0.0.1:4010";

impl Settings {
    /// The key, which is never shown.
    pub(crate) fn check_key(&self) -> Check {
        let bad = |found: String, mend: &str| Check::bad("key", found, mend).ending(Ending::Usage);
        let Some(setting) = &self.key else {
            let state = if env::var_os("AFFITOR_API_KEY").is_some() { "empty" } else { "not set" };
            return bad(
                format!("there is no key: AFFITOR_API_KEY is {state}"),
                "set it to the program's key, from the program's settings (for the sandbox: test_key), or give --api-key",
            );
        };
        let (key, from) = (setting.value(), setting.from);
        if key.starts_with(['"', '\'']) || key.ends_with(['"', '\'']) {
            return bad(
                format!("there are quotes around the key in {from}"),
                "take them away: an env file's quotes may have become a part of it",
            );
        }
        if key.get(..7).is_some_and(|word| word.eq_ignore_ascii_case("bearer ")) {
            return bad(
                format!("the key in {from} begins with \"Bearer\""),
                "give the key alone: the client adds that word",
            );
        }
        if key.contains("${") || key.starts_with('$') {
            return bad(
                format!("{from} holds a variable's name that was not replaced"),
                "check how the environment is filled in",
            );
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return bad(
                format!("there are characters in {from} that no key has"),
                "copy it again, without what is around it",
            );
        }
        if key.starts_with("affk_") {
            return bad(
                format!("{from} is a management key"),
                "take the program's key: tracking refuses keys that begin with affk_",
            );
        }
        if setting.is_padded() {
            return Check::unsure(
                "key",
                format!("there is white space around the key in {from}, which is left out"),
                "take it away, for who does not leave it out: in a file, mind the end of the line",
            );
        }
        Check::good("key", format!("there, {} characters", key.len()))
    }

    /// The address, and the URL where it can be used. It ends with a slash.
    pub(crate) fn check_url(&self) -> (Check, Option<Url>) {
        let (text, from) = (self.url.value(), self.url.from);
        let named = format!("{from} {}", self.quoted(text));
        let bad = |found: String, mend: &str| (Check::bad("URL", found, mend).ending(Ending::Usage), None);
        if !text.contains("://") {
            let mend = guess(text).map_or_else(|| URL_HINT.to_owned(), |url| format!("did you mean {url}?"));
            return bad(format!("{named} is no URL: it begins with neither http: nor https:"), &mend);
        }
        let mut url = match Url::parse(text) {
            Ok(url) => url,
            Err(error) => return bad(format!("{named} is no URL: {error}"), URL_HINT),
        };
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return bad(format!("{named} begins with {}:", url.scheme()), URL_HINT);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return bad(format!("{from} has a user or a password in it"), URL_HINT);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return bad(format!("{from} has a ? or a # in it"), URL_HINT);
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return bad(
                format!("{named} is not encrypted, and the key would be sent in the open"),
                "begin it with https: (http: is for this machine alone)",
            );
        }
        if url.path() == "/" {
            return (Check::good("URL", url.origin().ascii_serialization()), Some(url));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        let check = Check::unsure(
            "URL",
            format!("{named} goes on after the host"),
            "right where a proxy serves the API below that path; else end it with the host or the port",
        );
        (check, Some(url))
    }

    pub(crate) fn check_program_id(&self) -> Check {
        match &self.program_id {
            None => Check::good("program", "not set: the key says it"),
            Some(id) if id.value().bytes().all(|byte| byte.is_ascii_digit()) => Check::good("program", id.value()),
            Some(id) => Check::unsure(
                "program",
                format!("{} is {}", id.from, self.quoted(id.value())),
                "program ids are numbers: copy it from the program's settings",
            ),
        }
    }

    /// What is wrong where the key's program is another than the setting's.
    pub(crate) fn other_program(&self, its: Option<&str>) -> Option<String> {
        let (ours, its) = (self.program_id.as_ref()?, its?);
        let differs = ours.value() != its;
        differs.then(|| format!("the key is for program {its}, and {} says {}", ours.from, self.quoted(ours.value())))
    }
}

pub(crate) const SAME_PROGRAM: &str = "take key and id from the same program";

/// The URL that somebody meant who left out how it begins.
fn guess(text: &str) -> Option<String> {
    if text.contains('@') {
        return None;
    }
    let plain = Url::parse(&format!("http://{text}")).ok()?;
    if is_loopback(&plain) {
        return Some(plain.origin().ascii_serialization());
    }
    let url = Url::parse(&format!("https://{text}")).ok()?;
    url.host_str()?.contains('.').then(|| url.origin().ascii_serialization())
}

/// As the library sees it: there `http:` is allowed, and no proxy is used.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let name = host.strip_suffix('.').unwrap_or(host).trim_matches(['[', ']']);
    let address = name.parse::<std::net::IpAddr>();
    address.map_or_else(|_| name == "localhost" || name.ends_with(".localhost"), |address| address.is_loopback())
}
