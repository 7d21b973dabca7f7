//! A browser for the tests: it keeps cookies, and knows which of them a POST from another site carries.

use std::collections::HashMap;

use affitor::ClickId;
use reqwest::{Client, RequestBuilder, Response, header, redirect::Policy};

use super::flows_apps::Shop;

pub(crate) struct Browser {
    http: Client,
    /// Values with `SameSite`, by name.
    cookies: HashMap<String, (String, String)>,
}

impl Browser {
    /// A browser without cookies.
    pub(crate) fn new() -> Self {
        Self { http: Client::builder().redirect(Policy::none()).build().unwrap(), cookies: HashMap::new() }
    }

    /// A browser whose visitor has landed through a partner's link.
    pub(crate) fn landed(click_id: &ClickId) -> Self {
        let mut browser = Self::new();
        browser.cookies.insert("affitor_click_id".to_owned(), (click_id.to_string(), "Lax".to_owned()));
        browser
    }

    pub(crate) fn forget(&mut self, cookie: &str) {
        self.cookies.remove(cookie).unwrap();
    }

    pub(crate) async fn get(&mut self, url: &str) -> Response {
        let request = self.http.get(url);
        self.send(request, |_| true).await
    }

    /// Sends a form of the app.
    pub(crate) async fn post(&mut self, url: &str, form: &[(&str, &str)]) -> Response {
        let request = self.form(url, form);
        self.send(request, |_| true).await
    }

    /// Sends a form of another site. Only cookies with `SameSite=None` go with it.
    pub(crate) async fn post_from_elsewhere(&mut self, url: &str, form: &[(&str, &str)]) -> Response {
        let request = self.form(url, form);
        self.send(request, |same_site| same_site == "None").await
    }

    pub(crate) async fn post_json(&mut self, url: &str, body: &serde_json::Value) -> Response {
        let request = self.http.post(url).json(body);
        self.send(request, |_| true).await
    }

    fn form(&self, url: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.http.post(url).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
    }

    async fn send(&mut self, request: RequestBuilder, sent: impl Fn(&str) -> bool) -> Response {
        let cookies = self.cookies.iter().filter(|(_, (_, same_site))| sent(same_site));
        let cookies: Vec<_> = cookies.map(|(name, (value, _))| format!("{name}={value}")).collect();
        let request = match cookies.as_slice() {
            [] => request,
            cookies => request.header(header::COOKIE, cookies.join("; ")),
        };
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let same_site = attributes.split("; ").find_map(|attribute| attribute.strip_prefix("SameSite="));
            self.cookies.insert(name.to_owned(), (value.to_owned(), same_site.unwrap().to_owned()));
        }
        response
    }
}

/// Returns the user id of a response that welcomes the user.
pub(crate) async fn welcomed(response: Response) -> String {
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert_eq!(status, 200, "{text}");
    text.strip_prefix("Welcome, ").unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// Returns the newest link that was sent to an address.
pub(crate) fn letter(shop: &Shop, address: &str) -> String {
    shop.flows.mailbox.newest(address).expect("an e-mail")
}

/// Replaces the value of a parameter of a link.
pub(crate) fn with_parameter(link: &str, name: &str, value: &str) -> String {
    let mut url = url::Url::parse(link).unwrap();
    let others: Vec<_> = url.query_pairs().into_owned().filter(|(key, _)| key != name).collect();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
    url.into()
}
