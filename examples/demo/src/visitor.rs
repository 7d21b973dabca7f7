//! A visitor with a browser: pages, cookies, and what the tracker script does in it.

use demo::BoxError;
use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};

/// One visitor. The cookie is set by hand, as the tracker script does it in a page.
pub(crate) struct Visitor {
    http: Client,
    click_id: Option<String>,
}

impl Visitor {
    pub(crate) fn new() -> Result<Self, BoxError> {
        Ok(Self { http: Client::builder().no_proxy().redirect(Policy::none()).build()?, click_id: None })
    }

    /// Opens a landing page, and reports the click as the tracker does. Says what the service answered.
    pub(crate) async fn land(&mut self, page: &str, partner: &str, service: &str) -> Result<Value, BoxError> {
        let landing = format!("{page}/?aff={partner}");
        self.http.get(&landing).send().await?.error_for_status()?;
        let click = json!({ "affiliate_url": landing, "page_url": landing, "page_title": "Sign up" });
        let answer = self.http.post(format!("{service}/api/v1/track/click")).json(&click).send().await?;
        let answer: Value = answer.json().await?;
        self.click_id = answer["click_id"].as_str().map(str::to_owned);
        Ok(answer)
    }

    /// Sends the sign-up form by script, as the page does. Says the new user's id.
    pub(crate) async fn sign_up(&self, site: &str) -> Result<String, BoxError> {
        let form = json!({ "email": "jo@example.com", "password": "correct horse", "affitorClickId": self.click_id });
        let answer = self.http.post(format!("{site}/api/signup")).json(&form).send().await?.error_for_status()?;
        let user: Value = answer.json().await?;
        Ok(user["userId"].as_str().ok_or("the sign-up says no userId")?.to_owned())
    }

    /// Buys, and pays on the provider's page. Says the payment's id, and whether the shop has taken the webhook.
    pub(crate) async fn buy(&self, site: &str, user_id: &str) -> Result<(String, bool), BoxError> {
        let mut request = self.http.post(format!("{site}/api/checkout")).form(&[("userId", user_id)]);
        if let Some(click_id) = &self.click_id {
            request = request.header("cookie", format!("affitor_click_id={click_id}"));
        }
        let answer: Value = request.send().await?.json().await?;
        let pay_url = answer["payUrl"].as_str().ok_or("the checkout says no payUrl")?;
        let number = pay_url.rsplit('/').next().unwrap_or_default();
        let paid = self.http.post(pay_url).send().await?;
        Ok((format!("pi_{number}"), paid.status().is_success()))
    }

    /// Asks the provider for the money back. Says whether the shop has taken the webhook.
    pub(crate) async fn refund(&self, provider: &str, payment_id: &str) -> Result<bool, BoxError> {
        let answer =
            self.http.post(format!("{provider}/v1/refunds")).form(&[("payment_intent", payment_id)]).send().await?;
        Ok(answer.status().is_success())
    }
}
