//! The steps of each flow, from the landing to the new account.

use affitor::ClickId;
use serde_json::{Value, json};

use super::{
    flows_apps::{
        AUTH0_SECRET, CLERK_SECRET, SUPABASE_SECRET, Shop, passkeys,
        webhooks::{auth0, clerk, supabase},
    },
    visitor::{Browser, letter, welcomed},
};

/// All flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    OAuth,
    OAuthByPost,
    MagicLink,
    CarriedMagicLink,
    Passkey,
    Clerk,
    Supabase,
    Auth0,
    Invitation,
    CarriedInvitation,
    Guest,
}

impl Flow {
    pub(crate) const ALL: [Self; 11] = [
        Self::OAuth,
        Self::OAuthByPost,
        Self::MagicLink,
        Self::CarriedMagicLink,
        Self::Passkey,
        Self::Clerk,
        Self::Supabase,
        Self::Auth0,
        Self::Invitation,
        Self::CarriedInvitation,
        Self::Guest,
    ];

    /// Signs up. Returns the user id.
    pub(crate) async fn sign_up(self, shop: &Shop, mut browser: Browser) -> String {
        let mut other = Browser::new();
        match self {
            Self::OAuth => {
                let callback = to_provider(shop, &mut browser, "query").await;
                welcomed(browser.get(&callback.url).await).await
            }
            Self::OAuthByPost => {
                let callback = to_provider(shop, &mut browser, "form_post").await;
                welcomed(browser.post_from_elsewhere(&callback.url, &callback.form()).await).await
            }
            Self::MagicLink | Self::CarriedMagicLink | Self::Invitation | Self::CarriedInvitation => {
                let link = self.request_link(shop, &mut browser).await;
                let page = other.get(&link).await.text().await.unwrap();
                assert!(page.contains("<form method=\"post\">"), "{page}");
                welcomed(other.post(&link, &[]).await).await
            }
            Self::Passkey => {
                let (registration, challenge) = start_passkey(shop, &mut browser).await;
                let credential = passkeys::credential(&challenge, &shop.url(""), "127.0.0.1");
                let body = json!({ "registration": registration, "credential": credential });
                welcomed(Browser::new().post_json(&shop.url("/passkey/finish"), &body).await).await
            }
            Self::Clerk => {
                let metadata = metadata(shop, &mut browser).await;
                assert_eq!(clerk(shop, &metadata, CLERK_SECRET).await.status(), 200);
                "user_clerk".to_owned()
            }
            Self::Supabase => {
                let metadata = metadata(shop, &mut browser).await;
                assert_eq!(supabase(shop, &metadata, SUPABASE_SECRET).await.status(), 204);
                "user_supabase".to_owned()
            }
            Self::Auth0 => {
                let metadata = metadata(shop, &mut browser).await;
                assert_eq!(auth0(shop, &metadata, AUTH0_SECRET).await.status(), 200);
                "auth0|7".to_owned()
            }
            Self::Guest => {
                let form = [("email", "jo@example.com")];
                assert_eq!(browser.post(&shop.url("/guest/checkout"), &form).await.status(), 200);
                welcomed(other.post(&letter(shop, "jo@example.com"), &[]).await).await
            }
        }
    }

    /// Asks for a link. Returns the link in the e-mail.
    pub(crate) async fn request_link(self, shop: &Shop, browser: &mut Browser) -> String {
        let (path, keep) = match self {
            Self::MagicLink => ("/magic-link", "stored"),
            Self::CarriedMagicLink => ("/magic-link", "carried"),
            Self::Invitation => ("/invitation", "stored"),
            _ => ("/invitation", "carried"),
        };
        let form = [("email", "jo@example.com"), ("keep", keep)];
        assert_eq!(browser.post(&shop.url(path), &form).await.status(), 200);
        letter(shop, "jo@example.com")
    }
}

/// The callback to which the identity provider sends the visitor.
pub(crate) struct Callback {
    pub(crate) url: String,
    pub(crate) code: String,
    pub(crate) state: String,
}

impl Callback {
    pub(crate) fn form(&self) -> [(&'static str, &str); 2] {
        [("code", self.code.as_str()), ("state", self.state.as_str())]
    }
}

/// Starts a sign-up with the identity provider, and signs in there.
pub(crate) async fn to_provider(shop: &Shop, browser: &mut Browser, mode: &str) -> Callback {
    let started = browser.get(&shop.url(&format!("/oauth/start?response_mode={mode}"))).await;
    assert_eq!(started.status(), 303);
    let location = started.headers()["location"].to_str().unwrap().to_owned();
    assert!(!location.contains("cust_"), "the click id stays on the server");
    // The identity provider is another site, so it gets no cookies of the app.
    let response = Browser::new().get(&location).await;
    if mode == "query" {
        let url = response.headers()["location"].to_str().unwrap().to_owned();
        let parameters: Vec<_> = url::Url::parse(&url).unwrap().query_pairs().into_owned().collect();
        let value = |name: &str| parameters.iter().find(|(key, _)| key == name).unwrap().1.clone();
        return Callback { code: value("code"), state: value("state"), url };
    }
    let page = response.text().await.unwrap();
    let value = |before: &str| page.split_once(before).unwrap().1.split(['"', '>']).next().unwrap().to_owned();
    Callback { url: value("action=\""), code: value("name=code value="), state: value("name=state value=") }
}

/// Starts a registration. Returns its id and the challenge.
pub(crate) async fn start_passkey(shop: &Shop, browser: &mut Browser) -> (String, String) {
    let started = browser.post_json(&shop.url("/passkey/start"), &json!({ "email": "jo@example.com" })).await;
    let started: Value = started.json().await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&started["registration"]), text(&started["options"]["challenge"]))
}

/// What the page sends to the identity provider with the sign-up.
pub(crate) async fn metadata(shop: &Shop, browser: &mut Browser) -> Value {
    browser.get(&shop.url("/provider/metadata")).await.json().await.unwrap()
}

/// Buys as a guest. Returns the customer key of the sale, which the guest does not see.
pub(crate) async fn check_out(shop: &Shop, browser: &mut Browser) -> String {
    let sales = shop.sandbox.sales().len();
    let response = browser.post(&shop.url("/guest/checkout"), &[("email", "jo@example.com")]).await;
    assert_eq!(response.text().await.unwrap(), "Thank you. The receipt is in your mail.");
    let sold = shop.sandbox.wait_for(|snapshot| snapshot.sales.len() > sales).await.unwrap();
    sold.sales[sales].customer_key.clone().unwrap()
}

/// A browser that has landed through a partner's link, and the click id.
pub(crate) async fn landed(shop: &Shop) -> (Browser, ClickId) {
    let click_id = shop.click().await;
    (Browser::landed(&click_id), click_id)
}
