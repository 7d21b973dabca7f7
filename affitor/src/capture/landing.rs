//! The page on which a visitor arrives by a partner's link: what is kept of its URL.

use form_urlencoded::parse;
use percent_encoding::percent_decode;
use reqwest::Url;

/// Longest URL that is stored or sent, in bytes.
pub(super) const MAX_URL: usize = 1024;

/// Longest code of a partner, in bytes.
const MAX_PARTNER: usize = 256;

/// Longest value of another parameter, in bytes.
const MAX_VALUE: usize = 256;

/// The parameter that the service reads.
pub(super) const PARAMETER: &str = "aff";

/// A page on which a visitor arrived by a partner's link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Landing {
    /// Origin, path, the partner's code as `aff`, `utm_*`, and what the app keeps besides.
    pub(super) url: String,
    /// Code of the partner.
    pub(super) partner: String,
}

/// Returns the partner's code in a query: the first value of the parameter. One that is blank, too long or contains control
/// characters is treated as missing.
pub(super) fn partner_in_query(query: &str, parameter: &str) -> Option<String> {
    let (_, partner) = parse(query.as_bytes()).find(|(name, _)| name == parameter)?;
    let valid = !partner.trim().is_empty() && partner.len() <= MAX_PARTNER && !partner.chars().any(char::is_control);
    valid.then(|| partner.into_owned())
}

/// Returns the partner's code in the cookie with the landing URL, which older trackers write without encoding it.
pub(super) fn partner_in_cookie(value: &[u8]) -> Option<String> {
    let url = percent_decode(value).decode_utf8_lossy();
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next()?;
    partner_in_query(query, PARAMETER)
}

/// Returns whether a query has a parameter, whose name is written without escapes.
pub(super) fn has_parameter(mut query: &[u8], name: &str) -> bool {
    loop {
        if query.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'=')) {
            return true;
        }
        match memchr::memchr(b'&', query) {
            Some(at) => query = &query[at + 1..],
            None => return false,
        }
    }
}

/// Returns whether a query begins with the code of the partner in the cookie with the landing URL. It compares them as they are
/// written, so `false` may also mean that they have to be decoded.
pub(super) fn is_plainly_same(query: &str, parameter: &str, cookie: &[u8]) -> bool {
    const BEFORE: &[u8] = b"%3Faff%3D";
    let Some(value) = query.strip_prefix(parameter).and_then(|rest| rest.strip_prefix('=')) else { return false };
    // Older trackers write the URL without encoding it, so `%3F` may be part of a value.
    if memchr::memchr2(b'?', b'&', cookie).is_some() {
        return false;
    }
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let partner = value.bytes().position(|byte| !is_plain(&byte)).map_or(value, |end| &value[..end]);
    let is_whole = partner.len() == value.len() || value.as_bytes()[partner.len()] == b'&';
    if partner.is_empty() || partner.len() > MAX_PARTNER || !is_whole {
        return false;
    }
    // In the cookie, the code is that of the first parameter, as this crate writes it.
    let question_mark = cookie.iter().enumerate().position(|(at, byte)| *byte == b'F' && cookie[..at].ends_with(b"%3"));
    let query = question_mark.map(|end| &cookie[end - 2..]);
    let rest = query.and_then(|query| query.strip_prefix(BEFORE)?.strip_prefix(partner.as_bytes()));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"%26"))
}

/// Returns what is kept of a URL with a partner's link. `parameter` is the name that the app uses, `kept` are names of parameters to
/// keep besides `utm_*`.
pub(super) fn landing(origin: &Url, path: &str, query: &str, parameter: &str, kept: &[String]) -> Option<Landing> {
    let partner = partner_in_query(query, parameter)?;
    let is_kept = |name: &str| name != PARAMETER && (name.starts_with("utm_") || kept.iter().any(|kept| kept == name));
    let build = |path: &str, with_others: bool| {
        let mut url = bare(origin, path);
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair(PARAMETER, &partner);
            if with_others {
                for (name, value) in
                    parse(query.as_bytes()).filter(|(name, value)| is_kept(name) && value.len() <= MAX_VALUE)
                {
                    pairs.append_pair(&name, &value);
                }
            }
        }
        String::from(url)
    };
    // A 64 KiB query is not worth building first.
    let with_others = query.len() <= 4 * MAX_URL;
    let fits = |url: &String| url.len() <= MAX_URL;
    let url = (with_others && path.len() <= MAX_URL).then(|| build(path, true)).filter(fits);
    let url = url.or_else(|| (path.len() <= MAX_URL).then(|| build(path, false)).filter(fits));
    let url = url.or_else(|| Some(build("/", false)).filter(fits))?;
    Some(Landing { url, partner })
}

/// Returns what is kept of the URL of another page: origin and path.
pub(super) fn without_query(url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let bare = String::from(bare(&url, url.path()));
    (bare.len() <= MAX_URL).then_some(bare)
}

fn bare(origin: &Url, path: &str) -> Url {
    let mut url = origin.clone();
    // These fail only for URLs that can't have a user, which `http` can.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url.set_query(None);
    url.set_path(path);
    url
}

#[cfg(test)]
mod tests {
    use percent_encoding::utf8_percent_encode;
    use proptest::prelude::*;

    use super::*;
    use crate::capture::component::COMPONENT;

    proptest! {
        /// The comparison without decoding must not find a partner that the cookie does not have.
        #[test]
        fn plainly_same_is_the_same(query in r"(aff=|x=|a|b|&|%3F|%41|\?|=){1,8}", url in r"(aff=|x=|a|b|&|%3F|%41|\?|=|#){1,8}") {
            let cookie = utf8_percent_encode(&format!("https://shop.example/?{url}"), COMPONENT).to_string();
            if is_plainly_same(&query, "aff", cookie.as_bytes()) {
                let partner = partner_in_query(&query, "aff");
                prop_assert!(partner.is_some());
                prop_assert_eq!(partner_in_cookie(cookie.as_bytes()), partner);
            }
        }

        #[test]
        fn a_landing_is_short_and_has_only_what_is_kept(path in r"/\PC{0,1200}", query in r"(aff=A&)?(\PC{0,40}=\PC{0,300}&){0,8}aff=B") {
            let origin = Url::parse("https://shop.example/").unwrap();
            if let Some(Landing { url, partner }) = landing(&origin, &path, &query, "aff", &[]) {
                prop_assert!(url.len() <= MAX_URL && url.is_ascii() && !url.contains(|character: char| character.is_ascii_control()));
                let url = Url::parse(&url).unwrap();
                prop_assert_eq!(url.origin(), origin.origin());
                prop_assert!(url.query_pairs().all(|(name, _)| name == "aff" || name.starts_with("utm_")));
                prop_assert_eq!(partner_in_query(url.query().unwrap(), "aff"), Some(partner));
            }
        }
    }
}
