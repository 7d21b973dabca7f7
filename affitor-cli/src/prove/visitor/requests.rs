//! The requests of a visitor: headers and cookies as a browser sends them, and redirects on this machine.

use reqwest::{
    Method, Response, Url,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER, USER_AGENT},
};

use super::{Body, ClickIdIn, NoPage, Page, TIMEOUT, Visitor};
use crate::{
    browser::{location, navigation},
    html::{forms, metas, refresh},
    http::read_body,
    prove::{layer, shown::causes},
    url::is_loopback,
};

/// Largest page that is read, in bytes.
const PAGE_LIMIT: usize = 4 * 1024 * 1024;
const REDIRECTS: usize = 10;

/// That of a browser with a window: capture makes no click for crawlers, among which a headless one is.
pub(in crate::prove) const AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// Whether a response sets a cookie or leads to a payment page, and yet allows caches to give it to other visitors.
fn is_own_and_shared(url: &Url, headers: &HeaderMap) -> bool {
    let values = headers.get_all("cache-control").into_iter().filter_map(|value| value.to_str().ok());
    let directives: Vec<_> = values.flat_map(|value| value.split(',')).map(|text| text.trim().to_lowercase()).collect();
    let has = |name: &str| directives.iter().any(|directive| directive.split('=').next() == Some(name));
    let is_own =
        headers.contains_key("set-cookie") || location(url, headers).is_some_and(|next| next.origin() != url.origin());
    is_own && (has("public") || has("s-maxage")) && !has("private") && !has("no-store")
}

impl Visitor {
    pub(super) async fn request(
        &mut self,
        mut method: Method,
        mut url: Url,
        mut body: Option<Body>,
        further: HeaderMap,
    ) -> Result<Page, NoPage> {
        for _ in 0..=REDIRECTS {
            let response = self.send(&method, &url, body.as_ref(), &further).await?;
            let status = response.status();
            let next = location(&url, response.headers()).map(|next| self.in_development(next));
            let Some(next) = next.filter(|_| status.is_redirection()) else {
                let page = self.page(method, url, response).await?;
                // As a redirect, but in the page.
                let Some(next) = refresh(&page.body, &page.url).filter(|next| *next != page.url) else {
                    return Ok(page);
                };
                if !is_loopback(&next) {
                    self.left_to = Some(next.clone());
                    return Ok(Page { left_to: Some(next), ..page });
                }
                (method, url, body) = (Method::GET, next, None);
                continue;
            };
            if !is_loopback(&next) {
                self.left_to = Some(next.clone());
                return Ok(Page {
                    method,
                    status: status.as_u16(),
                    url,
                    body: String::new(),
                    headers: HeaderMap::new(),
                    layer_problem: None,
                    left_to: Some(next),
                });
            }
            if !matches!(status.as_u16(), 307 | 308) {
                (method, body) = (Method::GET, None);
            }
            url = next;
        }
        Err(NoPage(format!("{url} redirects more than {REDIRECTS} times")))
    }

    /// In production an app is behind a proxy, and redirects to its own host by https. Here there is none.
    fn in_development(&self, mut next: Url) -> Url {
        let is_own = is_loopback(&next) && next.port().is_none_or(|port| Some(port) == self.origin.port());
        if self.origin.scheme() == "http" && next.scheme() == "https" && is_own {
            // Neither fails for these.
            let _ = next.set_scheme("http");
            let _ = next.set_port(self.origin.port());
        }
        next
    }

    async fn send(
        &mut self,
        method: &Method,
        url: &Url,
        body: Option<&Body>,
        further: &HeaderMap,
    ) -> Result<Response, NoPage> {
        if !is_loopback(url) {
            return Err(NoPage(format!("{url} is not on this machine")));
        }
        let mut request =
            self.browser.http.request(method.clone(), url.clone()).headers(self.headers(method, url, body));
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, body.content_type).body(body.text.clone());
        }
        if *method == Method::POST {
            // They replace others of the same name.
            request = request.headers(further.clone());
        }
        let had = self.click_id_at(url).is_some();
        let response = self.browser.send(request).await.map_err(|error| {
            let error = error.without_url();
            let why =
                if error.is_timeout() { format!("no response within {} s", TIMEOUT.as_secs()) } else { causes(&error) };
            NoPage(format!("{method} {}: {why}", url.path()))
        })?;
        if had && self.click_id_at(url).is_none() {
            self.removed_by = Some(url.clone());
        }
        if *method == Method::GET && is_own_and_shared(url, response.headers()) {
            self.shared_by = Some(url.clone());
        }
        Ok(response)
    }

    fn headers(&self, method: &Method, url: &Url, body: Option<&Body>) -> HeaderMap {
        let is_fetch = body.is_some_and(|body| body.content_type == "application/json");
        let mut headers = navigation(if self.open.is_some() { "same-origin" } else { "none" });
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if is_fetch {
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            headers.insert("sec-fetch-mode", HeaderValue::from_static("cors"));
            headers.insert("sec-fetch-dest", HeaderValue::from_static("empty"));
        }
        let mut insert = |name, value: &str| value.parse().map(|value| headers.insert(name, value)).is_ok();
        if let Some(open) = &self.open {
            insert(REFERER, open.as_str());
        }
        if *method == Method::POST {
            insert(ORIGIN, &url.origin().ascii_serialization());
            if let ClickIdIn::Header(id) | ClickIdIn::Everywhere(id) = &self.click_id_in
                && let (Ok(id), Ok(name)) = (HeaderValue::from_str(id), "x-affitor-click-id".parse::<HeaderName>())
            {
                headers.insert(name, id);
            }
        }
        headers
    }

    async fn page(&mut self, method: Method, url: Url, response: Response) -> Result<Page, NoPage> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let layer_problem = layer::problem_of(&headers);
        let body = read_body(response, PAGE_LIMIT).await.map_err(|error| NoPage(causes(&error.without_url())))?;
        let too_large = || NoPage(format!("the page {} is larger than {PAGE_LIMIT} bytes", url.path()));
        let body = body.ok_or_else(too_large)?;
        let body = String::from_utf8_lossy(&body).into_owned();
        (self.forms, self.metas) = (forms(&body, &url), metas(&body));
        self.open = Some(url.clone());
        let scripts = ["affitor.signup(", "affitor?.signup(", "affitorQueue"];
        self.saw_sign_up_script |= scripts.iter().any(|script| body.contains(script));
        Ok(Page { method, status, url, body, headers, layer_problem, left_to: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_that_caches_share() {
        let url = Url::parse("http://127.0.0.1:3000/checkout").unwrap();
        let cookie = ("set-cookie", "session=1");
        for (headers, expected) in [
            ([cookie, ("cache-control", "public, max-age=60")], true),
            ([cookie, ("cache-control", "S-MaxAge=60")], true),
            ([cookie, ("cache-control", "max-age=60")], false),
            ([cookie, ("cache-control", "public, no-store")], false),
            ([("location", "https://pay.example/cs_1"), ("cache-control", "public")], true),
            ([("location", "/account"), ("cache-control", "public")], false),
            ([("content-type", "text/html"), ("cache-control", "public")], false),
        ] {
            let map = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            assert_eq!(is_own_and_shared(&url, &map), expected, "{headers:?}");
        }
    }
}
