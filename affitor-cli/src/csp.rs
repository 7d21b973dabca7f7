//! Whether a page's Content Security Policy lets a browser run the tracker, and lets the tracker make its calls.

use reqwest::{
    Url,
    header::{CONTENT_SECURITY_POLICY, HeaderMap},
};

/// Returns the directive that blocks the tracker. `script` is the URL of the script, `api` that of its calls.
pub(crate) fn blocking(
    headers: &HeaderMap,
    page: &Url,
    script: &Url,
    nonce: Option<&str>,
    api: &Url,
) -> Option<String> {
    let policies = headers.get_all(CONTENT_SECURITY_POLICY).into_iter().filter_map(|policy| policy.to_str().ok());
    // Each policy must allow it.
    policies.flat_map(|policies| policies.split(',')).find_map(|policy| {
        let directive = |names: &[&'static str]| names.iter().find_map(|name| Some((*name, sources(policy, name)?)));
        let runs = directive(&["script-src-elem", "script-src", "default-src"]);
        let calls = directive(&["connect-src", "default-src"]);
        let blocked_script = runs.filter(|(_, sources)| !allows_script(sources, page, script, nonce));
        let blocked = blocked_script.or_else(|| calls.filter(|(_, sources)| !allows(sources, page, api)));
        blocked.map(|(name, _)| name.to_owned())
    })
}

/// The sources of a directive, if the policy has it.
fn sources<'p>(policy: &'p str, name: &str) -> Option<Vec<&'p str>> {
    policy.split(';').find_map(|directive| {
        let mut words = directive.split_ascii_whitespace();
        words.next().filter(|word| word.eq_ignore_ascii_case(name))?;
        Some(words.collect())
    })
}

fn allows_script(sources: &[&str], page: &Url, script: &Url, nonce: Option<&str>) -> bool {
    let has_nonce = nonce.is_some_and(|nonce| sources.contains(&&*format!("'nonce-{nonce}'")));
    // With it, hosts are ignored.
    let is_strict = sources.iter().any(|source| source.eq_ignore_ascii_case("'strict-dynamic'"));
    has_nonce || (!is_strict && allows(sources, page, script))
}

fn allows(sources: &[&str], page: &Url, url: &Url) -> bool {
    sources.iter().any(|source| match *source {
        "*" => true,
        source if source.eq_ignore_ascii_case("'self'") => page.origin() == url.origin(),
        source if source.starts_with('\'') => false,
        source => match source.strip_suffix(':') {
            Some(scheme) => scheme.eq_ignore_ascii_case(url.scheme()),
            None => matches_host(source, page, url),
        },
    })
}

/// Whether a source such as `https://*.affitor.com:443/js/` matches.
fn matches_host(source: &str, page: &Url, url: &Url) -> bool {
    let (scheme, rest) = source.split_once("://").map_or((page.scheme(), source), |(scheme, rest)| (scheme, rest));
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(format!("/{path}"))));
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host, None),
    };
    let host_is = url.host_str().unwrap_or_default();
    let fits_host = match host.strip_prefix("*.") {
        Some(domain) => host_is.strip_suffix(domain).is_some_and(|before| before.len() > 1 && before.ends_with('.')),
        None => host.eq_ignore_ascii_case(host_is),
    };
    let fits_scheme = scheme.eq_ignore_ascii_case(url.scheme()) || (scheme == "http" && url.scheme() == "https");
    let fits_port = match port {
        Some("*") => true,
        Some(port) => port.parse().ok() == url.port_or_known_default(),
        None => url.port().is_none() || scheme_default(scheme) == url.port_or_known_default(),
    };
    let fits_path = path.is_none_or(|path| match path.ends_with('/') {
        true => url.path().starts_with(&*path),
        false => url.path() == path,
    });
    fits_host && fits_scheme && fits_port && fits_path
}

fn scheme_default(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_policies_block_the_tracker() {
        let url = |text: &str| Url::parse(text).unwrap();
        let (page, script) = (url("https://www.shop.example/"), url("https://api.affitor.com/js/affitor-tracker.js"));
        let api = url("https://api.affitor.com/");
        for (policies, nonce, expected) in [
            (&[][..], None, None),
            (&["img-src 'self'"], None, None),
            (&["script-src 'self'"], None, Some("script-src")),
            (&["script-src 'self' https://api.affitor.com"], None, None),
            (&["Script-Src api.affitor.com; default-src 'none'; connect-src https:"], None, None),
            (&["default-src 'self'"], None, Some("default-src")),
            (&["default-src *"], None, None),
            (&["script-src https://*.affitor.com; connect-src 'self'"], None, Some("connect-src")),
            (&["script-src https://*.affitor.com"], None, None),
            (&["script-src https://*.api.affitor.com"], None, Some("script-src")),
            (&["script-src https://api.affitor.com/js/"], None, None),
            (&["script-src https://api.affitor.com/other/"], None, Some("script-src")),
            (&["script-src https://api.affitor.com:8443"], None, Some("script-src")),
            (&["script-src 'nonce-abc' 'strict-dynamic'"], Some("abc"), None),
            (&["script-src 'nonce-abc' 'strict-dynamic' https:"], None, Some("script-src")),
            (&["script-src 'nonce-abc'"], Some("other"), Some("script-src")),
            (&["script-src-elem 'self'; script-src *"], None, Some("script-src-elem")),
            (&["script-src *", "script-src 'self'"], None, Some("script-src")),
            (&["script-src *, script-src 'none'"], None, Some("script-src")),
        ] {
            let mut headers = HeaderMap::new();
            for policy in policies {
                headers.append(CONTENT_SECURITY_POLICY, policy.parse().unwrap());
            }
            let found = blocking(&headers, &page, &script, nonce, &api);
            assert_eq!(found.as_deref(), expected, "{policies:?} {nonce:?}");
        }
    }
}
