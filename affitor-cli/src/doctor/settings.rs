//! What can be seen without a network.

use std::env;

use reqwest::Url;

use super::Check;
use crate::ending::Ending;

/// The key, which is never shown.
pub(super) fn key(key: Option<&str>) -> Check {
    let bad = |found: &str, mend: &str| Check::bad("key", found, mend).ending(Ending::Usage);
    let Some(key) = key else {
        return bad(
            "AFFITOR_API_KEY is not set",
            "copy the program's key from its settings (for the sandbox: test_key)",
        );
    };
    let trimmed = key.trim();
    if trimmed.is_empty() {
        return bad("AFFITOR_API_KEY is empty", "copy the program's key from its settings (for the sandbox: test_key)");
    }
    if trimmed.len() != key.len() {
        return bad("there is white space around the key", "take it away: in a file, mind the end of the line");
    }
    if trimmed.starts_with(['"', '\'']) || trimmed.ends_with(['"', '\'']) {
        return bad(
            "there are quotes around the key",
            "take them away: an env file's quotes may have become a part of it",
        );
    }
    if trimmed.starts_with("Bearer ") {
        return bad("the key begins with \"Bearer\"", "give the key alone: the client adds that word");
    }
    if trimmed.contains("${") || trimmed.starts_with('$') {
        return bad("the key is a variable's name that was not replaced", "check how the environment is filled in");
    }
    if !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
        return bad("there are characters in the key that no key has", "copy it again, without what is around it");
    }
    if trimmed.starts_with("affk_") {
        return bad("this is a management key", "take the program's key: tracking refuses keys that begin with affk_");
    }
    Check::good("key", format!("there, {} characters", trimmed.len()))
}

/// The address, and the URL where it can be used.
pub(super) fn url(text: &str) -> (Check, Option<Url>) {
    let bad = |found: String, mend: &str| (Check::bad("URL", found, mend).ending(Ending::Usage), None);
    let hint = "give the service's origin, such as https://api.affitor.com or http://127.0.0.1:4010";
    let url = match Url::parse(text.trim()) {
        Ok(url) => url,
        Err(error) => return bad(format!("AFFITOR_API_URL is no URL: {error}"), hint),
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return bad(format!("AFFITOR_API_URL begins with {}:", url.scheme()), hint);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return bad("AFFITOR_API_URL has a user or a password in it".to_owned(), hint);
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        let path = url.path().to_owned();
        return bad(
            format!("AFFITOR_API_URL goes on after the host: {path}"),
            "end it with the host or the port: the client adds the path",
        );
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return bad(
            "AFFITOR_API_URL is not encrypted, and the key would be sent in the open".to_owned(),
            "begin it with https:",
        );
    }
    (Check::good("URL", url.origin().ascii_serialization()), Some(url))
}

pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(super) fn program_id(id: Option<&str>) -> Check {
    match id {
        None => Check::good("program", "not set: the key says it"),
        Some(id) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => Check::good("program", id),
        Some(id) => Check::unsure(
            "program",
            format!("AFFITOR_PROGRAM_ID is {id:?}"),
            "program ids are numbers: copy it from the program's settings",
        ),
    }
}

/// A proxy is used for everything but this machine.
pub(super) fn proxies() -> Option<Check> {
    let set: Vec<&str> = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .filter(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
        .collect();
    if set.is_empty() {
        return None;
    }
    let found = format!("{} is set, and is used", set.join(", "));
    Some(Check::unsure("proxy", found, "if that is not meant, unset it or add the host to NO_PROXY"))
}
