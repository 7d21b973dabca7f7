//! One webhook, and the request that delivers it.

use std::{fmt, marker::PhantomData, time::SystemTime};

use affitor_core::redact::Redacted;
use serde_json::Value;

use super::script::Rendered;
use crate::{endpoint::Webhook, provider::Provider};

/// A webhook that a provider would send. `Debug` shows its id and type, and nothing of its content.
pub struct TestWebhook<P> {
    id: String,
    event_type: &'static str,
    body: String,
    provider: PhantomData<fn() -> P>,
}

impl<P: Provider> TestWebhook<P> {
    pub(super) fn new(rendered: Rendered) -> Self {
        let Rendered { id, event_type, body } = rendered;
        Self { id, event_type, body, provider: PhantomData }
    }

    /// Returns the id of the event, which is the same in each delivery. (Of Lemon Squeezy, which has none, that of the delivery.)
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the type of the event, such as `invoice.paid`.
    pub fn event_type(&self) -> &'static str {
        self.event_type
    }

    /// Returns the body, formatted as the provider does: Stripe's is indented, the others are on one line.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Returns the same event as JSON without white space and with sorted members: the body after an app has parsed and serialized
    /// it. Its bytes differ from those of [`body`](TestWebhook::body), so its signature does as well.
    pub fn canonical(&self) -> String {
        serde_json::from_str(&self.body).map_or_else(|_| self.body.clone(), |json| sorted(json).to_string())
    }

    /// Signs the body with the endpoint's (first) secret, as the provider does. Sign each delivery anew: a signature is valid only for
    /// some minutes, except that of Lemon Squeezy.
    pub fn sign(&self, endpoint: &Webhook<P>, now: SystemTime) -> SignedWebhook {
        let signature = endpoint.sign(&self.id, self.body.as_bytes(), now);
        let mut headers: Vec<_> = signature.into_iter().collect();
        headers.push(("content-type", "application/json".to_owned()));
        headers.sort_unstable();
        SignedWebhook { body: self.body.clone(), headers }
    }
}

/// Sorts the members of all objects, also if `serde_json` keeps their order.
fn sorted(json: Value) -> Value {
    match json {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

impl<P> Clone for TestWebhook<P> {
    fn clone(&self) -> Self {
        Self { id: self.id.clone(), event_type: self.event_type, body: self.body.clone(), provider: PhantomData }
    }
}

impl<P: Provider> fmt::Debug for TestWebhook<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestWebhook")
            .field("provider", &P::NAME)
            .field("id", &Redacted(&self.id))
            .field("event_type", &self.event_type)
            .finish_non_exhaustive()
    }
}

/// A signed webhook: the headers and the body of a `POST` request.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedWebhook {
    /// Body. Send its bytes unchanged.
    pub body: String,
    /// Names in lower case and values of the headers: those of the signature, and `content-type`.
    pub headers: Vec<(&'static str, String)>,
}

impl SignedWebhook {
    /// Returns the value of a header by its lower-case name, as [`Webhook::verify`] expects it.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes())
    }
}

impl fmt::Debug for SignedWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        f.debug_struct("SignedWebhook")
            .field("headers", &names)
            .field("body", &format_args!("[{} bytes]", self.body.len()))
            .finish()
    }
}
