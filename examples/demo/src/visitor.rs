//! A visitor with a browser: opens pages, keeps cookies, and does what the tracker script does in a page.

use demo::BoxError;
use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};

/// One visitor, who has agreed to the banner. Sends the click id as a cookie, which the tracker script sets in a real page.
pub(crate) struct Visitor {
    http: Client,
    click_id: Option<String>,
    /// The cookie of the session.
    session: Option<String>,
}

impl Visitor {
    pub(crate) fn new() -> Result<Self, BoxError> {
        Ok(Self { http: Client::builder().no_proxy().redirect(Policy::none()).build()?, click_id: None, session: None })
    }

    /// Opens a landing page. Unless the server has reported the click, reports it as the tracker does. Returns the service's response,
    /// or what the page's cookies say of it.
    pub(crate) async fn land(&mut self, page: &str, partner: &str, service: &str) -> Result<Value, BoxError> {
        let landing = format!("{page}/?aff={partner}");
        let request = self.http.get(&landing).header("cookie", "consent=yes");
        let request = request.header("user-agent", "Mozilla/5.0").header("accept", "text/html");
        let page = request.send().await?.error_for_status()?;
        let mut cookies =
            page.headers().get_all("set-cookie").iter().filter_map(|line| line.to_str().ok()?.split(';').next());
        if let Some(click_id) = cookies.find_map(|cookie| cookie.strip_prefix("affitor_click_id=")) {
            self.click_id = Some(click_id.to_owned());
            return Ok(json!({ "success": true, "click_id": click_id }));
        }
        let click = json!({ "affiliate_url": landing, "page_url": landing, "page_title": "Sign up" });
        let response = self.http.post(format!("{service}/api/v1/track/click")).json(&click).send().await?;
        let body: Value = response.json().await?;
        self.click_id = body["click_id"].as_str().map(str::to_owned);
        Ok(body)
    }

    /// Sends the sign-up form as the page's script does. Returns the new user's id.
    pub(crate) async fn sign_up(&mut self, site: &str) -> Result<String, BoxError> {
        let form = json!({ "email": "jo@example.com", "password": "correct horse", "affitorClickId": self.click_id });
        let response = self.http.post(format!("{site}/api/signup")).json(&form).send().await?.error_for_status()?;
        let session = response.headers().get("set-cookie").and_then(|cookie| cookie.to_str().ok());
        self.session = session.and_then(|cookie| Some(cookie.split(';').next()?.to_owned()));
        let user: Value = response.json().await?;
        Ok(user["userId"].as_str().ok_or("the sign-up's response has no userId")?.to_owned())
    }

    /// Checks out and pays on the provider's page. Returns the payment's id and whether the shop accepted the webhook.
    pub(crate) async fn buy(&self, site: &str) -> Result<(String, bool), BoxError> {
        let click_id = self.click_id.as_ref().map(|id| format!("affitor_click_id={id}"));
        let cookies: Vec<&str> = self.session.iter().chain(&click_id).map(String::as_str).collect();
        let request = self.http.post(format!("{site}/api/checkout")).header("cookie", cookies.join("; "));
        let response = request.send().await?;
        let pay_url = response.headers().get("location").and_then(|url| url.to_str().ok());
        let pay_url = pay_url.ok_or_else(|| format!("the checkout responded with {}", response.status()))?;
        let number = pay_url.rsplit('/').next().unwrap_or_default();
        let paid = self.http.post(pay_url).send().await?;
        Ok((format!("pi_{number}"), paid.status().is_success()))
    }

    /// Asks the provider for a refund. Returns whether the shop accepted the webhook.
    pub(crate) async fn refund(&self, provider: &str, payment_id: &str) -> Result<bool, BoxError> {
        let request = self.http.post(format!("{provider}/v1/refunds")).form(&[("payment_intent", payment_id)]);
        Ok(request.send().await?.status().is_success())
    }
}
