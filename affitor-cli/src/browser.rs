//! A browser without scripts: its cookies, and the headers of a page that it opens.

use cookie_store::{CookieStore, RawCookie};
use reqwest::{
    Client, RequestBuilder, Response, Url,
    header::{ACCEPT, COOKIE, HeaderMap, HeaderValue, LOCATION, SET_COOKIE},
};

/// The cookie that carries the click id.
pub(crate) const CLICK_ID_COOKIE: &str = "affitor_click_id";

/// Sends requests with the cookies of earlier responses. Follows no redirects.
pub(crate) struct Browser {
    pub(crate) http: Client,
    jar: CookieStore,
}

impl Browser {
    pub(crate) fn new(http: Client) -> Self {
        Self { http, jar: CookieStore::default() }
    }

    /// Returns the cookie with the click id that would be sent to a URL.
    pub(crate) fn click_id_at(&self, url: &Url) -> Option<String> {
        self.jar.get_request_values(url).find(|(name, _)| *name == CLICK_ID_COOKIE).map(|(_, value)| value.to_owned())
    }

    /// Returns the name and the path of a cookie of this host that is not sent to a URL, because its path is another one.
    pub(crate) fn kept_from(&self, url: &Url) -> Option<(String, String)> {
        let is_kept = |cookie: &&cookie_store::Cookie<'static>| cookie.domain.matches(url) && !cookie.path.matches(url);
        let cookie = self.jar.iter_unexpired().find(is_kept)?;
        Some((cookie.name().to_owned(), cookie.path.to_string()))
    }

    /// Stores a cookie as a script on the page does: of this host alone.
    pub(crate) fn store(&mut self, url: &Url, name: &str, value: &str) {
        let cookie = RawCookie::build((name.to_owned(), value.to_owned())).path("/").build();
        // Fails only for cookies that a browser would not accept either.
        let _ = self.jar.insert_raw(&cookie, url);
    }

    /// Sends a request, with cookies unless it has some, and stores the cookies of the response.
    pub(crate) async fn send(&mut self, request: RequestBuilder) -> Result<Response, reqwest::Error> {
        let mut request = request.build()?;
        let url = request.url().clone();
        let mut cookies = self.jar.matches(&url);
        // Those with longer paths first (RFC 6265, section 5.4): apps take the first one of a name.
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let cookies: Vec<_> = cookies.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value())).collect();
        if let (false, Ok(cookies)) = (cookies.is_empty(), HeaderValue::from_str(&cookies.join("; "))) {
            request.headers_mut().entry(COOKIE).or_insert(cookies);
        }
        let response = self.http.execute(request).await?;
        let cookies = response.headers().get_all(SET_COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let cookies = cookies.filter_map(|value| RawCookie::parse(value.to_owned()).ok());
        if clears_cookies(response.headers()) {
            self.jar.clear();
        }
        self.jar.store_response_cookies(cookies, &url);
        Ok(response)
    }
}

/// Whether a response makes the browser delete the site's cookies: `Clear-Site-Data: "cookies"`.
fn clears_cookies(headers: &HeaderMap) -> bool {
    let values = headers.get_all("clear-site-data").into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|kind| ["\"cookies\"", "\"*\""].contains(&kind.trim()))
}

/// The headers of a page that is opened from `site`, a value of `Sec-Fetch-Site`.
pub(crate) fn navigation(site: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (ACCEPT.as_str(), "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-site", site),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
}

/// The URL in `Location`, if there is a valid one.
pub(crate) fn location(url: &Url, headers: &HeaderMap) -> Option<Url> {
    url.join(headers.get(LOCATION)?.to_str().ok()?).ok()
}
