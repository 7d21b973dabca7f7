//! The app of `examples/flows` and an identity provider as two sites: each has TLS and a name of its own, since another port would
//! be the same site, and say nothing about `SameSite`.

use affitor::ClickId;
use fantoccini::Locator;
use serde_json::json;

use super::{
    Chromium,
    flows_apps::{Framework, IdentityProvider, Shop},
    tls::{Requests, Tls},
};

const APP: &str = "app.shop.example";
const PROVIDER: &str = "login.idp.example";
pub(crate) const CLICK_COOKIE: &str = "affitor_click_id";

/// The app and the identity provider behind TLS, and what browsers sent to them.
pub(crate) struct Sites {
    pub(crate) shop: Shop,
    pub(crate) origin: String,
    pub(crate) to_app: Requests,
    pub(crate) to_provider: Requests,
}

impl Sites {
    pub(crate) async fn start(framework: Framework) -> Self {
        let (app, pages) = (Tls::bind(APP).await, Tls::bind(PROVIDER).await);
        let provider = IdentityProvider::start().await;
        let to_provider = provider.address;
        let origin = app.origin.clone();
        let shop = Shop::behind(framework, Some((APP, origin.clone())), provider, &pages.origin).await;
        Self { to_app: app.forward(shop.address), to_provider: pages.forward(to_provider), shop, origin }
    }

    /// Opens the app in a browser without cookies.
    pub(crate) async fn open(&self, browser: &Chromium) {
        browser.cdp("Network.clearBrowserCookies", json!({})).await;
        browser.page.goto(&self.origin).await.unwrap();
    }

    /// Opens the app through a partner's link: the tracker reports the click, and sets the cookie.
    pub(crate) async fn land(&self, browser: &Chromium) -> ClickId {
        self.open(browser).await;
        let click_id = self.shop.click().await;
        let cookie = format!("{CLICK_COOKIE}={click_id}; Path=/; Max-Age=7776000; SameSite=Lax; Secure");
        browser.page.execute("document.cookie = arguments[0]", vec![json!(cookie)]).await.unwrap();
        click_id
    }

    /// Sends one of the forms with an e-mail address. Waits for the response.
    pub(crate) async fn send(&self, browser: &Chromium, form: &str, keep: Option<&str>) -> String {
        if let Some(keep) = keep {
            let script = "document.querySelector(arguments[0] + ' select').value = arguments[1]";
            browser.page.execute(script, vec![json!(form), json!(keep)]).await.unwrap();
        }
        enter_address(browser, form).await;
        browser.wait_until("return document.forms.length === 0 && document.body.innerText !== ''").await;
        browser.page.execute("return document.body.innerText", vec![]).await.unwrap().as_str().unwrap().to_owned()
    }

    /// Opens the link of the newest e-mail, and presses the button.
    pub(crate) async fn open_letter(&self, browser: &Chromium) -> String {
        let link = self.shop.flows.mailbox.newest("jo@example.com").expect("an e-mail");
        assert!(link.starts_with(&self.origin), "{link}");
        browser.page.goto(&link).await.unwrap();
        browser.click("form button").await;
        welcomed(browser, "document.body").await
    }

    pub(crate) async fn assert_lead(&self, user_id: &str, click_id: &ClickId, framework: Framework) {
        let lead = self.shop.lead(user_id).await;
        assert_eq!(lead.click_id.as_deref(), Some(click_id.as_str()), "{framework:?}");
        assert_eq!(self.shop.sandbox.leads().len(), 1, "{framework:?}");
    }
}

/// Enters an e-mail address into a form, and presses its button.
pub(crate) async fn enter_address(browser: &Chromium, form: &str) {
    let field = browser.page.find(Locator::Css(&format!("{form} [name=email]"))).await.unwrap();
    field.send_keys("jo@example.com").await.unwrap();
    browser.click(&format!("{form} button")).await;
}

/// Waits until an element welcomes the user. Returns the user id.
pub(crate) async fn welcomed(browser: &Chromium, element: &str) -> String {
    browser.wait_until(&format!("return {element}?.innerText.startsWith('Welcome, ') === true")).await;
    let text = browser.page.execute(&format!("return {element}.innerText"), vec![]).await.unwrap();
    text.as_str().unwrap().trim_start_matches("Welcome, ").to_owned()
}
