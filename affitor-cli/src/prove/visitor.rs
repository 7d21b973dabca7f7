//! A visitor: a browser without scripts, with its own cookies.

mod requests;

use std::{collections::BTreeMap, fmt, time::Duration};

use affitor::adapter::MissingLayer;
use reqwest::{
    Method, Url,
    header::{HeaderMap, HeaderName},
};
use serde_json::{Map, Value};

pub(super) use self::requests::AGENT;
use super::{config::Step, shown::first_line};
use crate::{browser::Browser, failure::Failure, html::Form, http};

/// Time limit of a request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where a visitor puts the click id, beside the cookie.
#[derive(Clone, Debug, Default)]
pub(super) enum ClickIdIn {
    #[default]
    Cookie,
    Header(String),
    /// In the header and in the body.
    Everywhere(String),
    Field(String),
}

/// A page as the visitor sees it, after redirects.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) method: Method,
    pub(super) status: u16,
    pub(super) url: Url,
    pub(super) body: String,
    pub(super) headers: HeaderMap,
    /// What an extractor says about its layer.
    pub(super) layer_problem: Option<MissingLayer>,
    /// A redirect off this machine, which was not followed.
    pub(super) left_to: Option<Url>,
}

/// Why a visitor got no page.
#[derive(Clone, Debug)]
pub(super) struct NoPage(String);

impl fmt::Display for NoPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Page {
    /// The first line of the page, if it is short text, for messages.
    pub(super) fn excerpt(&self) -> String {
        first_line(&self.body)
    }
}

pub(super) struct Visitor {
    browser: Browser,
    origin: Url,
    pub(super) email: String,
    id: String,
    click_id_in: ClickIdIn,
    /// The page that is open.
    open: Option<Url>,
    forms: Vec<Form>,
    metas: Vec<(String, String)>,
    /// The last `POST`: its URL, and whether it carried the cookie.
    pub(super) posted: Option<(Url, bool)>,
    /// Where the visitor was sent off this machine.
    pub(super) left_to: Option<Url>,
    /// Whether a page reports sign-ups by script.
    pub(super) saw_sign_up_script: bool,
    /// The URL of a response that removed the cookie.
    pub(super) removed_by: Option<Url>,
    /// The URL of a response that is this visitor's own, and that shared caches may give to others.
    pub(super) shared_by: Option<Url>,
}

impl Visitor {
    /// A new visitor of an app.
    pub(super) fn new(origin: &Url) -> Result<Self, Failure> {
        // Nobody has signed the certificate of a server on this machine.
        let http = http::client(origin).timeout(TIMEOUT).tls_danger_accept_invalid_certs(true).build();
        let http = http.map_err(|error| Failure::no_http_client(&error))?;
        let id = format!("{:010x}", fastrand::u64(..1 << 40));
        Ok(Self {
            browser: Browser::new(http),
            origin: origin.clone(),
            // Addresses are compared without case by some apps, and with it by others.
            email: format!("Prove-{id}@Example.com"),
            id,
            click_id_in: ClickIdIn::default(),
            open: None,
            forms: Vec::new(),
            metas: Vec::new(),
            posted: None,
            left_to: None,
            saw_sign_up_script: false,
            removed_by: None,
            shared_by: None,
        })
    }

    /// Puts the click id somewhere else than into the cookie.
    pub(super) fn with_click_id_in(mut self, place: ClickIdIn) -> Self {
        self.click_id_in = place;
        self
    }

    /// The same person in another browser.
    pub(super) fn with_data_of(mut self, other: &Self) -> Self {
        self.email.clone_from(&other.email);
        self.id.clone_from(&other.id);
        self
    }

    /// A text of a step, with the visitor's own values.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        // What is filled in is not searched again: a page could make it endless.
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let value = after.split_once('}').and_then(|(name, after)| Some((self.value(name)?, after)));
            match value {
                Some((value, after)) => {
                    filled.push_str(value);
                    rest = after;
                }
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled + rest
    }

    fn value(&self, name: &str) -> Option<&str> {
        match name {
            "email" => Some(&self.email),
            "id" => Some(&self.id),
            _ => {
                let name = name.strip_prefix("meta:")?;
                self.metas.iter().find(|(known, _)| known == name).map(|(_, content)| content.as_str())
            }
        }
    }

    /// Returns the cookie with the click id that would be sent to a URL.
    pub(super) fn click_id_at(&self, url: &Url) -> Option<String> {
        self.browser.click_id_at(url)
    }

    /// Why a page may not know the visitor: a cookie of the app that the last form was sent without.
    pub(super) fn missing_cookie(&self) -> Option<String> {
        let (url, _) = self.posted.as_ref()?;
        let (name, path) = self.browser.kept_from(url)?;
        Some(format!("the cookie {name} is for the path {path}, so it is not sent to {}: set `Path=/`", url.path()))
    }

    /// Stores a cookie as the tracker does.
    pub(super) fn store(&mut self, url: &Url, name: &str, value: &str) {
        self.browser.store(url, name, value);
    }

    /// Carries out steps, and returns the last page.
    pub(super) async fn follow(&mut self, steps: &[Step]) -> Result<Page, NoPage> {
        let mut last = Err(NoPage("there are no steps".to_owned()));
        for step in steps {
            let page = match (&step.get, &step.post) {
                (Some(path), _) => self.get(path).await?,
                (None, Some(path)) => self.post(path, step).await?,
                (None, None) => continue,
            };
            if page.status >= 400 || page.left_to.is_some() {
                return Ok(page);
            }
            last = Ok(page);
        }
        last
    }

    /// Goes back to the host to which the last form was sent, from the payment page.
    pub(super) fn return_from_payment(&mut self) {
        self.open = self.posted.as_ref().map(|(url, _)| url.clone());
    }

    /// Opens a page of the app.
    pub(super) async fn get(&mut self, path: &str) -> Result<Page, NoPage> {
        let url = self.resolve(path)?;
        self.request(Method::GET, url, None, HeaderMap::new()).await
    }

    /// Opens a URL, if it is on this machine. What it shows is not of interest.
    pub(super) async fn open(&mut self, url: &str) {
        if let Ok(url) = Url::parse(url) {
            // It refuses other machines.
            let _ = self.request(Method::GET, url, None, HeaderMap::new()).await;
        }
    }

    async fn post(&mut self, path: &str, step: &Step) -> Result<Page, NoPage> {
        let url = self.resolve(path)?;
        let field = match &self.click_id_in {
            ClickIdIn::Field(id) | ClickIdIn::Everywhere(id) => Some(("affitorClickId", id.clone())),
            _ => None,
        };
        let form = self.form_for(&url);
        let hidden = form.into_iter().flat_map(|form| form.hidden.iter().cloned());
        let body = if let Some(json) = &step.json {
            let mut fields: Map<String, Value> = hidden.map(|(name, value)| (name, value.into())).collect();
            let mut own = json.clone();
            own.values_mut().for_each(|value| self.fill_json(value));
            fields.extend(own);
            fields.extend(field.map(|(name, id)| (name.to_owned(), id.into())));
            Body { content_type: "application/json", text: Value::Object(fields).to_string() }
        } else {
            let mut fields: BTreeMap<String, String> = hidden.collect();
            fields.extend(step.form.iter().flatten().map(|(name, value)| (name.clone(), self.fill(value))));
            fields.extend(field.map(|(name, id)| (name.to_owned(), id)));
            let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            Body { content_type: "application/x-www-form-urlencoded", text }
        };
        self.posted = Some((url.clone(), self.click_id_at(&url).is_some()));
        let headers = self.headers_of(step)?;
        self.request(Method::POST, url, Some(body), headers).await
    }

    /// The form of the open page that is posted to a URL.
    fn form_for(&self, url: &Url) -> Option<&Form> {
        self.forms.iter().find(|form| form.is_post && form.action.path() == url.path())
    }

    /// Returns whether the page shows the form again that was posted last.
    pub(super) fn sees_form_again(&self) -> bool {
        self.posted.as_ref().is_some_and(|(url, _)| self.form_for(url).is_some())
    }

    fn fill_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.fill(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.fill_json(item)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.fill_json(value)),
            _ => {}
        }
    }

    fn headers_of(&self, step: &Step) -> Result<HeaderMap, NoPage> {
        let header = |(name, value): (&String, &String)| {
            let invalid = || NoPage(format!("the header {name:?} of a step is invalid"));
            let value = self.fill(value).parse().map_err(|_| invalid())?;
            Ok((name.parse::<HeaderName>().map_err(|_| invalid())?, value))
        };
        step.headers.iter().map(header).collect()
    }

    /// Paths belong to the host of the page that is open, as in a browser.
    fn resolve(&self, path: &str) -> Result<Url, NoPage> {
        let base = self.open.as_ref().unwrap_or(&self.origin);
        base.join(&self.fill(path)).map_err(|error| NoPage(format!("the path {path:?} is invalid: {error}")))
    }
}

struct Body {
    content_type: &'static str,
    text: String,
}
