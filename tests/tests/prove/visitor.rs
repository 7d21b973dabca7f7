//! A visitor: a browser that follows redirects and keeps the cookies of each host, and plays the tracker.

use std::collections::BTreeMap;

use reqwest::{Client, Method, header, redirect::Policy};
use serde_json::{Value, json};

use super::shop::Shop;

/// Name of the tracker's cookie.
const COOKIE: &str = "affitor_click_id";

/// How the click id reaches the sign-up handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Cookie,
    Header,
    FormField,
    JsonField,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Cookie, Self::Header, Self::FormField, Self::JsonField];
}

pub(crate) struct Visitor {
    http: Client,
    /// Cookies by host and name.
    cookies: BTreeMap<(String, String), String>,
}

/// The response at the end of all redirects.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) text: String,
    /// The last redirect that leads away from the shop is not followed.
    pub(crate) location: Option<String>,
}

impl Visitor {
    pub(crate) fn new() -> Self {
        let http = Client::builder().redirect(Policy::none()).user_agent("Mozilla/5.0 (X11; Linux x86_64)");
        Self { http: http.build().unwrap(), cookies: BTreeMap::new() }
    }

    /// Opens the landing page through a partner's link. If the server has not captured the click and the page has the sandbox's tracker,
    /// plays the tracker. Returns the click id.
    pub(crate) async fn land(&mut self, shop: &Shop) -> String {
        let landing = shop.url(&format!("/?aff={}", shop.sandbox.partner_code()));
        let page = self.get(&landing).await;
        assert_eq!(page.status, 200, "{}", page.text);
        if let Some(click_id) = self.cookie(&landing, COOKIE) {
            return click_id;
        }
        assert!(page.text.contains(&format!("{}/js/affitor-tracker.js", shop.sandbox.url())), "{}", page.text);
        let click = json!({ "affiliate_url": landing });
        let request = self.http.post(format!("{}/api/v1/track/click", shop.sandbox.url())).json(&click);
        let response: Value = request.send().await.unwrap().json().await.unwrap();
        let click_id = response["click_id"].as_str().unwrap().to_owned();
        self.cookies.insert((host(&landing), COOKIE.to_owned()), click_id.clone());
        click_id
    }

    /// Opens the form of the sign-up and sends it. With another way than the cookie, the cookie is lost before.
    pub(crate) async fn sign_up(&mut self, shop: &Shop, way: Way, click_id: &str) -> Reply {
        let forget = (host(&shop.url), COOKIE.to_owned());
        if way != Way::Cookie {
            self.cookies.remove(&forget);
        }
        let form = self.get(&shop.url("/signup")).await;
        let csrf = form.text.split_once("name=\"csrf\" value=\"").map(|(_, rest)| rest.split('"').next().unwrap());
        let mut fields = vec![("name", "Jo"), ("email", "jo@example.com"), ("csrf", csrf.unwrap_or_default())];
        let mut headers = header::HeaderMap::new();
        match way {
            Way::Cookie => {}
            Way::Header => drop(headers.insert("x-affitor-click-id", click_id.parse().unwrap())),
            Way::FormField | Way::JsonField => fields.push(("affitorClickId", click_id)),
        }
        let (kind, body) = if way == Way::JsonField {
            let fields: BTreeMap<_, _> = fields.into_iter().collect();
            ("application/json", serde_json::to_string(&fields).unwrap())
        } else {
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            ("application/x-www-form-urlencoded", body)
        };
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        self.visit(Method::POST, &shop.url("/signup"), headers, body).await
    }

    pub(crate) async fn get(&mut self, url: &str) -> Reply {
        self.visit(Method::GET, url, header::HeaderMap::new(), String::new()).await
    }

    /// Sends an empty form.
    pub(crate) async fn post(&mut self, url: &str) -> Reply {
        self.visit(Method::POST, url, header::HeaderMap::new(), String::new()).await
    }

    pub(crate) async fn post_form(&mut self, url: &str, form: &str) -> Reply {
        let kind = header::HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = header::HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]);
        self.visit(Method::POST, url, headers, form.to_owned()).await
    }

    async fn visit(&mut self, mut method: Method, url: &str, mut headers: header::HeaderMap, body: String) -> Reply {
        let (mut url, mut body) = (url.to_owned(), body);
        for _ in 0..5 {
            let request = self.http.request(method.clone(), &url).headers(headers.clone()).body(body.clone());
            let request = request.header(header::ACCEPT, "text/html").header(header::COOKIE, self.header(&url));
            let response = request.send().await.unwrap();
            self.store(&url, response.headers());
            let status = response.status().as_u16();
            let location = response.headers().get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned());
            let text = response.text().await.unwrap();
            let base = reqwest::Url::parse(&url).unwrap();
            let next = location.as_deref().map(|location| base.join(location).unwrap());
            let Some(next) = next.filter(|next| next.port() == base.port()) else {
                return Reply { status, text, location };
            };
            if status == 303 {
                (method, headers, body) = (Method::GET, header::HeaderMap::new(), String::new());
            }
            url = next.into();
        }
        panic!("too many redirects: {url}");
    }

    fn store(&mut self, url: &str, headers: &header::HeaderMap) {
        for cookie in headers.get_all(header::SET_COOKIE) {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let key = (host(url), name.to_owned());
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
    }

    fn cookie(&self, url: &str, name: &str) -> Option<String> {
        self.cookies.get(&(host(url), name.to_owned())).cloned()
    }

    fn header(&self, url: &str) -> String {
        let host = host(url);
        let cookies = self.cookies.iter().filter(|((of, _), _)| *of == host);
        cookies.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

fn host(url: &str) -> String {
    reqwest::Url::parse(url).unwrap().host_str().unwrap().to_owned()
}
