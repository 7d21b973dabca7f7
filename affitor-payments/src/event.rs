//! A verified webhook.

use std::{borrow::Cow, fmt, sync::Arc, time::SystemTime};

use affitor_core::redact::Redacted;
use serde_json::Value;

use crate::{
    endpoint::Webhook,
    provider::{Account, Provider, VerifyError},
};

/// A verified webhook: what the provider reports about a payment. ([`Event`](affitor::Event) is what is reported to Affitor.) Cheap to
/// clone.
///
/// `Debug` shows its id and type, and nothing of its content.
pub struct WebhookEvent<P> {
    json: Arc<Value>,
    body: Arc<[u8]>,
    endpoint: Webhook<P>,
}

impl<P: Provider> Webhook<P> {
    /// Checks the signature of a request, and parses its body.
    ///
    /// `header` returns the value of a header by its lower-case name, `body` is the raw body. Signatures are compared in
    /// constant time.
    ///
    /// # Errors
    ///
    /// Returns an error if the signature is missing, malformed or wrong; if its time is outside the tolerance; if the body is not
    /// a JSON object. See [`VerifyError`].
    pub fn verify<'h>(
        &self,
        header: impl Fn(&str) -> Option<&'h [u8]>,
        body: &[u8],
        now: SystemTime,
    ) -> Result<WebhookEvent<P>, VerifyError> {
        // One lifetime for both, the shorter one.
        let header = |name: &str| -> Option<&[u8]> { header(name) };
        self.check_signature(&header, body, now)?;
        let json: Value = serde_json::from_slice(body).map_err(|_| VerifyError::NotJson)?;
        if !json.is_object() {
            return Err(VerifyError::NotJson);
        }
        Ok(WebhookEvent { json: Arc::new(json), body: body.into(), endpoint: self.clone() })
    }
}

impl<P: Provider> WebhookEvent<P> {
    /// Returns the endpoint that verified the webhook, with its settings.
    pub fn endpoint(&self) -> &Webhook<P> {
        &self.endpoint
    }

    /// Returns the account at the provider that the event is about, if the app has named it with
    /// [`Webhook::connected_account`]. `None` if it is the app's own.
    pub fn account(&self) -> Option<&str> {
        match P::account(&self.json)? {
            Account::Id(id) => Some(id).filter(|id| self.endpoint.get_connected_accounts().any(|known| known == *id)),
            Account::Malformed => None,
        }
    }

    /// Returns the body as JSON, for fields that this crate does not read.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// Returns the body as it was signed, for another library or an archive.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the tax included in a sale's amount, in the currency's smallest unit, if the event contains it: Stripe's sessions and
    /// invoices, orders, invoices and transactions do. Refunds don't.
    pub fn tax_cents(&self) -> Option<u64> {
        P::tax(&self.json)
    }

    /// Returns the id of the event at the provider, if it has one. It is the same in each delivery. (Lemon Squeezy's is the id of
    /// the webhook; Polar sends the id in the header `webhook-id`, so this is `None`.)
    pub fn id(&self) -> Option<Cow<'_, str>> {
        P::id(&self.json)
    }

    /// Returns the type of the event, such as `invoice.paid`. Empty if there is none.
    pub fn kind(&self) -> &str {
        P::kind(&self.json).unwrap_or_default()
    }

    /// Returns the time of the event, which differs from the time of its delivery.
    pub fn occurred_at(&self) -> Option<SystemTime> {
        P::occurred_at(&self.json)
    }

    /// Returns whether this is a test: because the provider marked it, or because of [`Webhook::test_mode`].
    pub fn is_test(&self) -> bool {
        self.endpoint.get_test_mode() || P::says_test(&self.json).unwrap_or(false)
    }
}

impl<P> Clone for WebhookEvent<P> {
    fn clone(&self) -> Self {
        Self { json: Arc::clone(&self.json), body: Arc::clone(&self.body), endpoint: self.endpoint.clone() }
    }
}

impl<P: Provider> fmt::Debug for WebhookEvent<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookEvent")
            .field("provider", &P::NAME)
            .field("id", &self.id().as_deref().map(Redacted))
            .field("kind", &Redacted(self.kind()))
            .field("test", &self.is_test())
            .finish_non_exhaustive()
    }
}
