//! Sign-up webhooks of identity providers: the visitor is in the metadata that the page sets at the sign-up.

use std::{fmt, time::Duration, time::SystemTime};

use affitor::{
    ClickId, Visitor,
    carry::{PARAMETER, VisitorKey},
};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook, WebhookError};
use subtle::ConstantTimeEq as _;

use crate::Refusal;

/// How long a form may be open before it is sent.
const FORM_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// A user who signed up at the identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedUp {
    /// The provider's id of the user, which is also the customer key.
    pub user_id: String,
    /// E-mail address.
    pub email: String,
    /// The visitor in the metadata. The user can change it, so it is not trusted: what is not valid is missing.
    pub visitor: Visitor,
}

/// The secrets of the webhooks.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it contains secrets")]
pub struct Secrets {
    /// Signing secret of Clerk, `whsec_…`.
    pub clerk: String,
    /// Secret of Supabase's hook, `v1,whsec_…`.
    pub supabase: String,
    /// Random secret that the Auth0 action sends as a bearer token.
    pub auth0: String,
}

/// The endpoints of the webhooks.
pub struct Webhooks {
    clerk: Webhook,
    supabase: Webhook,
    auth0: String,
    key: VisitorKey,
}

impl Webhooks {
    /// Creates the endpoints. The key signs the metadata for Auth0.
    ///
    /// # Errors
    ///
    /// Returns an error if a secret is not Base64.
    pub fn new(secrets: Secrets, key: VisitorKey) -> Result<Self, WebhookError> {
        let clerk = Webhook::new(&secrets.clerk)?;
        let supabase = Webhook::new(secrets.supabase.strip_prefix("v1,").unwrap_or(&secrets.supabase))?;
        Ok(Self { clerk, supabase, auth0: secrets.auth0, key })
    }

    /// Returns what the page adds to the metadata of the sign-up. Clerk and Supabase store any JSON: `affitor`. Auth0 stores texts
    /// of at most 500 characters, so it gets the signed text: `affitor_visitor`.
    pub fn metadata(&self, visitor: &Visitor) -> Value {
        let text = self.key.sign(visitor, SystemTime::now(), FORM_LIFETIME);
        json!({ "affitor": visitor, PARAMETER: text.unwrap_or_default() })
    }

    /// Reads a webhook of Clerk, which Svix signs. `None` if it is not a sign-up.
    ///
    /// # Errors
    ///
    /// Returns an error if the webhook is not signed with the secret, or is older than 5 minutes.
    pub fn clerk<'h>(
        &self,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<Option<SignedUp>, Refusal> {
        // Svix signs like Standard Webhooks, under its own names.
        let event =
            verified(&self.clerk, [header("svix-id"), header("svix-timestamp"), header("svix-signature")], body)?;
        let user = &event["data"];
        let addresses = user["email_addresses"].as_array().map(Vec::as_slice).unwrap_or_default();
        let primary = addresses.iter().find(|address| address["id"] == user["primary_email_address_id"]);
        let email = text(&primary.or(addresses.first()).unwrap_or(&Value::Null)["email_address"]);
        let metadata = &user["unsafe_metadata"];
        // The service's own guide for Node keeps the click id alone.
        let visitor = match metadata["affitor_click_id"].as_str() {
            Some(click_id) if metadata["affitor"].is_null() => click_id.parse::<ClickId>().ok().into(),
            _ => visitor(&metadata["affitor"]),
        };
        Ok((event["type"] == "user.created").then(|| SignedUp { user_id: text(&user["id"]), email, visitor }))
    }

    /// Reads Supabase's hook "before user created".
    ///
    /// # Errors
    ///
    /// Returns an error if the hook is not signed with the secret, or is older than 5 minutes.
    pub fn supabase<'h>(
        &self,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<Option<SignedUp>, Refusal> {
        let headers = [HEADER_WEBHOOK_ID, HEADER_WEBHOOK_TIMESTAMP, HEADER_WEBHOOK_SIGNATURE].map(header);
        let event = verified(&self.supabase, headers, body)?;
        let user = &event["user"];
        let visitor = visitor(&user["user_metadata"]["affitor"]);
        let is_sign_up = event["metadata"]["name"] == "before-user-created";
        Ok(is_sign_up.then(|| SignedUp { user_id: text(&user["id"]), email: text(&user["email"]), visitor }))
    }

    /// Reads the call of an action in Auth0's trigger "post user registration", which sends the event's `user`.
    ///
    /// # Errors
    ///
    /// Returns an error if the bearer token is not the secret.
    pub fn auth0(&self, authorization: Option<&str>, body: &[u8]) -> Result<Option<SignedUp>, Refusal> {
        let given = authorization.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        if !bool::from(given.as_bytes().ct_eq(self.auth0.as_bytes())) {
            return Err(Refusal::Signature);
        }
        let user: Value = serde_json::from_slice(body).unwrap_or_default();
        let carried = user["user_metadata"][PARAMETER].as_str();
        let visitor = carried.and_then(|text| self.key.verify(text, SystemTime::now())).unwrap_or_default();
        Ok(Some(SignedUp { user_id: text(&user["user_id"]), email: text(&user["email"]), visitor }))
    }
}

/// Verifies the signature of the raw body, and then parses it. `headers` are id, timestamp and signature.
fn verified(webhook: &Webhook, headers: [Option<&str>; 3], body: &[u8]) -> Result<Value, Refusal> {
    let names = [HEADER_WEBHOOK_ID, HEADER_WEBHOOK_TIMESTAMP, HEADER_WEBHOOK_SIGNATURE];
    let mut signed = HeaderMap::new();
    for (name, value) in names.into_iter().zip(headers) {
        let value = value.and_then(|value| HeaderValue::from_str(value).ok()).ok_or(Refusal::Signature)?;
        signed.insert(name, value);
    }
    webhook.verify(body, &signed).map_err(|_| Refusal::Signature)?;
    Ok(serde_json::from_slice(body).unwrap_or_default())
}

/// Reads a visitor that may have been changed.
fn visitor(metadata: &Value) -> Visitor {
    serde_json::from_value(metadata.clone()).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").finish_non_exhaustive()
    }
}
