//! OAuth with an identity provider: the visitor is stored beside the pending sign-up, under the random `state`.

use std::{fmt, time::Duration};

use affitor::{Visitor, reqwest};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _, TokenUrl,
    basic::BasicClient, url::ParseError,
};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use crate::{
    Refusal,
    store::{Pending, random_text},
};

/// Name of the cookie that binds a pending sign-up to the browser. The prefix keeps other subdomains from setting it.
pub const BINDING_COOKIE: &str = "__Host-sign-up";

const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// The app's registration at the identity provider.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it contains a secret")]
pub struct Provider {
    /// URL to which the visitor is sent.
    pub authorize_url: String,
    /// URL at which the code is exchanged.
    pub token_url: String,
    /// URL of the user's data.
    pub userinfo_url: String,
    /// Client id.
    pub client_id: String,
    /// Client secret.
    pub client_secret: String,
}

/// How the identity provider sends the visitor back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// A GET with a query. It carries cookies with `SameSite=Lax`.
    #[default]
    Query,
    /// A POST from the provider's site, as Apple sends it. It carries only cookies with `SameSite=None`.
    FormPost,
}

/// What the identity provider sends back, in the query or in the form.
#[derive(Debug, Deserialize)]
pub struct Callback {
    state: String,
    code: Option<String>,
}

/// The user, as the identity provider knows them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Subject {
    /// The provider's id of the user, which never changes. The e-mail address can.
    pub sub: String,
    /// E-mail address.
    #[serde(default)]
    pub email: String,
}

/// Where a new sign-up continues.
#[derive(Clone, Debug)]
pub struct Started {
    /// URL at the identity provider.
    pub location: String,
    /// Value of `Set-Cookie`.
    pub cookie: String,
}

struct SignUp {
    visitor: Visitor,
    binding: String,
    pkce: PkceCodeVerifier,
}

type Registered = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Sign-ups with the identity provider.
pub struct OAuth {
    client: Registered,
    userinfo_url: String,
    http: reqwest::Client,
    pending: Pending<SignUp>,
}

impl OAuth {
    /// Registers the app. `http` must not follow redirects.
    ///
    /// # Errors
    ///
    /// Returns an error if a URL is malformed.
    pub fn new(provider: Provider, origin: &str, http: reqwest::Client) -> Result<Self, ParseError> {
        let client = BasicClient::new(ClientId::new(provider.client_id))
            .set_client_secret(ClientSecret::new(provider.client_secret))
            .set_auth_uri(AuthUrl::new(provider.authorize_url)?)
            .set_token_uri(TokenUrl::new(provider.token_url)?)
            .set_redirect_uri(RedirectUrl::new(format!("{origin}/oauth/callback"))?);
        Ok(Self { client, userinfo_url: provider.userinfo_url, http, pending: Pending::new(LIFETIME) })
    }

    /// Starts a sign-up: stores the visitor under a new `state`.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system has no random numbers.
    pub fn start(&self, visitor: &Visitor, mode: ResponseMode) -> Result<Started, Refusal> {
        let (challenge, pkce) = PkceCodeChallenge::new_random_sha256();
        let binding = random_text()?;
        // The click id is neither the state nor a part of it: the state must be a secret, and the click id is not.
        let state = self.pending.insert(SignUp { visitor: visitor.clone(), binding: binding.clone(), pkce })?;
        let request = self.client.authorize_url(|| CsrfToken::new(state)).set_pkce_challenge(challenge);
        let request = request.add_scopes(["openid", "email"].map(|scope| Scope::new(scope.to_owned())));
        // Without this cookie, an attacker could send their own `code` and `state` through the visitor's browser, and the visitor
        // would use the attacker's account (login CSRF). A cross-site POST carries no `Lax` cookie, so the callback by POST needs
        // `None`. The cookie is random, lives for 10 minutes, and is worth nothing without the state.
        let (request, same_site) = match mode {
            ResponseMode::Query => (request, "Lax"),
            ResponseMode::FormPost => (request.add_extra_param("response_mode", "form_post"), "None"),
        };
        let seconds = LIFETIME.as_secs();
        let cookie =
            format!("{BINDING_COOKIE}={binding}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite={same_site}");
        Ok(Started { location: request.url().0.into(), cookie })
    }

    /// Ends a sign-up: returns the user, and the visitor who started. The request's own click id is not needed.
    ///
    /// # Errors
    ///
    /// Returns an error if the state is unknown, was used, or belongs to another browser; if the provider rejects the code.
    pub async fn finish(&self, callback: Callback, cookie: Option<&str>) -> Result<(Subject, Visitor), Refusal> {
        let SignUp { visitor, binding, pkce } = self.pending.take(&callback.state)?;
        if !bool::from(binding.as_bytes().ct_eq(cookie.unwrap_or_default().as_bytes())) {
            return Err(Refusal::OtherBrowser);
        }
        let code = AuthorizationCode::new(callback.code.ok_or(Refusal::Cancelled)?);
        let send = |request| send(self.http.clone(), request);
        let token = self.client.exchange_code(code).set_pkce_verifier(pkce).request_async(&send).await;
        let token = token.map_err(|error| unavailable(&error))?;
        // Read from the provider over TLS with a fresh token, so there is no signature to verify.
        let request = self.http.get(&self.userinfo_url).bearer_auth(token.access_token().secret());
        let response = request.send().await.and_then(reqwest::Response::error_for_status);
        let body = response.map_err(|error| unavailable(&error))?.bytes().await.map_err(|error| unavailable(&error))?;
        Ok((serde_json::from_slice(&body).map_err(|error| unavailable(&error))?, visitor))
    }
}

/// Makes the call of the `oauth2` crate.
async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let response = http.execute(request.try_into()?).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut result = HttpResponse::new(response.bytes().await?.into());
    *result.status_mut() = status;
    *result.headers_mut() = headers;
    Ok(result)
}

fn unavailable(error: &dyn std::error::Error) -> Refusal {
    tracing::error!(%error, "the identity provider did not return the user");
    Refusal::Provider
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth").field("userinfo_url", &self.userinfo_url).finish_non_exhaustive()
    }
}
