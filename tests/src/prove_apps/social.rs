//! A sign-up with an identity provider, by OpenID Connect.

use affitor::{BoundClient, Lead};
use serde::Deserialize;
use serde_json::Value;

use super::{AnyError, page::Page, shop::Shop, users, variable};

/// What the provider sends back.
#[derive(Deserialize)]
pub(super) struct Callback {
    code: String,
}

#[derive(Deserialize)]
struct User {
    email: String,
}

impl Shop {
    /// Sends the visitor to the identity provider. `host` is the shop's own.
    pub(super) async fn log_in(&self, host: &str) -> Result<Page, AnyError> {
        let mut url: url::Url = self.endpoint("authorization_endpoint").await?.parse()?;
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("scope", "openid email"),
            ("client_id", "shop"),
            ("redirect_uri", &format!("http://{host}/auth/callback")),
        ]);
        Ok(Page::see_other(url.to_string()))
    }

    /// Creates the user, and reports the lead.
    pub(super) async fn logged_in(&self, affitor: &BoundClient, callback: Callback) -> Result<Page, AnyError> {
        let form = [("grant_type", "authorization_code"), ("code", &callback.code), ("client_id", "shop")];
        let url = self.endpoint("token_endpoint").await?;
        let tokens: Value = self.http.post(url).form(&form).send().await?.error_for_status()?.json().await?;
        let token = tokens["access_token"].as_str().unwrap_or_default();
        let request = self.http.get(self.endpoint("userinfo_endpoint").await?).bearer_auth(token);
        let user: User = request.send().await?.error_for_status()?.json().await?;
        let (user, token) = self.users.create(&user.email);
        affitor.enqueue(Lead::new(&user.id).email(&user.email));
        Ok(Page::see_other("/account").with_cookie(users::cookie(&token)))
    }

    async fn endpoint(&self, name: &str) -> Result<String, AnyError> {
        let url = format!("{}/.well-known/openid-configuration", variable("OIDC_ISSUER")?);
        let known: Value = self.http.get(url).send().await?.error_for_status()?.json().await?;
        Ok(known[name].as_str().ok_or("an endpoint is missing")?.to_owned())
    }
}
