//! Checks of the site: whether a visitor who follows a partner's link keeps the click id until the sign-up.

mod aff;
mod cache;
mod cookie;
mod domain;
mod hosts;
mod landing;
mod tracker;
mod visit;

use reqwest::Url;

use self::cookie::ClickCookie;
use crate::{check::Check, failure::Failure, html::tracker_tags, sanitize::printable, url::with_scheme};

/// Parameter of a partner's link.
const PARAMETER: &str = "aff";

/// What the user says about the site.
#[derive(Debug)]
pub(super) struct Site {
    /// Landing page, with a partner's code. Only this page is requested, and where it redirects to within the site.
    url: Url,
    /// Other hosts of the site, which need the click id too.
    app_hosts: Vec<String>,
}

/// What the settings say about the program.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    pub(super) program_id: Option<&'a str>,
    pub(super) api: Option<&'a Url>,
}

impl Site {
    /// Checks the arguments.
    ///
    /// # Errors
    ///
    /// Returns a failure if the URL or a host can't be used.
    pub(super) fn new(url: &str, app_hosts: &[String]) -> Result<Self, Failure> {
        const EXAMPLE: &str = "use the URL of a landing page, such as https://www.shop.example/?aff=PARTNER123";
        let url = url.trim();
        let Some(url) = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https")) else {
            let hint = with_scheme(url).filter(|_| !url.contains("://"));
            let hint = hint.map_or_else(|| EXAMPLE.to_owned(), |origin| format!("did you mean {origin}/…?"));
            return Err(Failure::usage("--site is not a URL that begins with http:// or https://", hint));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::usage("--site contains a user name or a password", EXAMPLE));
        }
        let host = |text: &String| {
            let url = Url::parse(&format!("https://{}/", text.trim())).ok()?;
            let is_bare = url.path() == "/" && url.port().is_none() && url.username().is_empty();
            url.host_str().filter(|_| is_bare).map(str::to_owned)
        };
        let Some(app_hosts) = app_hosts.iter().map(host).collect() else {
            return Err(Failure::usage("--app-host is not a host name", "use a name such as app.shop.example"));
        };
        Ok(Self { url, app_hosts })
    }

    /// Opens the landing page, and checks what a visitor would get.
    pub(super) async fn checks(&self, expected: &Expected<'_>) -> Vec<Check> {
        let visit = match visit::open(&self.url).await {
            Ok(visit) => visit,
            Err(check) => {
                let names = ["https", "aff", "tracker", "cookie", "cache"];
                let skipped = names.map(|name| Check::skipped(name, "the landing page can't be opened"));
                return [check].into_iter().chain(skipped).collect();
            }
        };
        let tags = tracker_tags(&visit.body);
        let cookie = ClickCookie::find(&visit);
        let mut checks = vec![landing::check(&visit), landing::https(&visit), aff::check(&visit, cookie.as_ref())];
        checks.push(tracker::check(&visit, &tags, expected, cookie.is_some()));
        checks.extend(cookie::checks(cookie.as_ref(), !tags.is_empty()));
        checks.extend(self.app_hosts.iter().map(|host| domain::check(host, &visit, cookie.as_ref(), tags.first())));
        checks.push(cache::check(&visit, cookie.as_ref()));
        checks
    }
}

/// A URL for output: its origin and path. The query may be private.
fn shown(url: &Url) -> String {
    printable(&format!("{}{}", url.origin().ascii_serialization(), url.path()))
}

/// The host of a URL.
fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Site;

    #[test]
    fn arguments() {
        for (url, hosts, is_valid) in [
            ("https://www.shop.example/?aff=A", &["app.shop.example"][..], true),
            (" http://127.0.0.1:3000/ ", &[], true),
            ("www.shop.example", &[], false),
            ("ftp://shop.example", &[], false),
            ("https://user:secret@shop.example", &[], false),
            ("https://shop.example", &["https://app.shop.example"], false),
            ("https://shop.example", &["app.shop.example/path"], false),
            ("https://shop.example", &["app.shop.example:8443"], false),
        ] {
            let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            let site = Site::new(url, &hosts);
            assert_eq!(site.is_ok(), is_valid, "{url} {hosts:?}: {site:?}");
            assert!(!format!("{:?}", site.err()).contains("secret"));
        }
    }
}
