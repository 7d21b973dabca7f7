//! Stripe's webhooks, in the form of API version 2025-10-29.

use std::fmt;

use affitor::stripe::{CUSTOMER_KEY, PRODUCT_ID};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Details, PaymentIds, Script, TestPayment, script::Rendered, template::Values};
use crate::provider::Stripe;

/// What an app can choose about a payment at Stripe.
#[derive(Clone, Default)]
#[allow(missing_debug_implementations, reason = "metadata may contain e-mail addresses")]
pub struct StripeScript {
    session: Option<String>,
    intent: Option<String>,
    customer: Option<String>,
    client_reference_id: Option<String>,
    metadata: Map<String, Value>,
    subscription_metadata: Map<String, Value>,
    intent_metadata: Map<String, Value>,
    is_test: bool,
}

/// What an app chooses about a payment at Stripe.
impl TestPayment<Stripe> {
    /// Sets the id of the Checkout session. Default: `cs_…`, unique.
    #[must_use]
    pub fn session_id(mut self, id: impl fmt::Display) -> Self {
        self.script.session = Some(id.to_string());
        self
    }

    /// Sets the id of the first payment's payment intent. Default: `pi_…`, unique.
    #[must_use]
    pub fn payment_intent(mut self, id: impl fmt::Display) -> Self {
        self.script.intent = Some(id.to_string());
        self
    }

    /// Sets Stripe's id of the customer. Default: `cus_…`, unique.
    #[must_use]
    pub fn customer(mut self, id: impl fmt::Display) -> Self {
        self.script.customer = Some(id.to_string());
        self
    }

    /// Sets the session's `client_reference_id`. Default: none.
    #[must_use]
    pub fn client_reference_id(mut self, id: impl fmt::Display) -> Self {
        self.script.client_reference_id = Some(id.to_string());
        self
    }

    /// Adds an entry to the session's `metadata`.
    #[must_use]
    pub fn metadata(mut self, key: impl fmt::Display, value: impl fmt::Display) -> Self {
        self.script.metadata.insert(key.to_string(), value.to_string().into());
        self
    }

    /// Adds an entry to the subscription's `metadata`, which its invoices contain: what a checkout sends as
    /// `subscription_data.metadata`.
    #[must_use]
    pub fn subscription_metadata(mut self, key: impl fmt::Display, value: impl fmt::Display) -> Self {
        self.script.subscription_metadata.insert(key.to_string(), value.to_string().into());
        self
    }

    /// Adds an entry to the `metadata` of a one-off payment's payment intent and charge: what a checkout sends as
    /// `payment_intent_data.metadata`.
    #[must_use]
    pub fn payment_intent_metadata(mut self, key: impl fmt::Display, value: impl fmt::Display) -> Self {
        self.script.intent_metadata.insert(key.to_string(), value.to_string().into());
        self
    }

    /// Sets whether the payment is a real one (default: `true`). `false` marks the webhooks as Stripe's test mode does, so that this
    /// crate reports test events.
    #[must_use]
    pub fn live_mode(mut self, on: bool) -> Self {
        self.script.is_test = !on;
        self
    }
}

/// The event around an object, with its members in Stripe's order.
#[derive(Serialize)]
struct Event<'a> {
    id: &'a str,
    object: &'a str,
    api_version: &'a str,
    created: u64,
    data: Data,
    livemode: bool,
    pending_webhooks: u8,
    request: Value,
    #[serde(rename = "type")]
    event_type: &'a str,
}

#[derive(Serialize)]
struct Data {
    object: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_attributes: Option<Value>,
}

impl StripeScript {
    fn event(&self, details: &Details, number: usize, event_type: &'static str, data: Data) -> Rendered {
        let id = format!("{}E{number:02}", details.refund_id("evt"));
        let event = Event {
            id: &id,
            object: "event",
            api_version: "2025-10-29.clover",
            created: details.now(),
            data,
            livemode: !self.is_test,
            pending_webhooks: 1,
            request: json!({ "id": null, "idempotency_key": null }),
            event_type,
        };
        let body = serde_json::to_string_pretty(&event).unwrap_or_default();
        Rendered { id, event_type, body }
    }

    fn session_id(&self, details: &Details) -> String {
        let mode = if self.is_test { "cs_test" } else { "cs_live" };
        self.session.clone().unwrap_or_else(|| details.id(mode))
    }

    fn with_details(details: &Details, entries: &Map<String, Value>) -> Value {
        let mut metadata = details.metadata(CUSTOMER_KEY);
        metadata.extend(entries.clone());
        metadata.into()
    }

    /// A session has no lines, so its metadata names the product of a one-off payment.
    fn session_metadata(&self, details: &Details) -> Value {
        let mut metadata = Self::with_details(details, &self.metadata);
        if let Some(product) = details.product_id.as_ref().filter(|_| !details.is_subscription) {
            metadata[PRODUCT_ID] = json!(product);
        }
        metadata
    }

    fn values(&self, details: &Details) -> Values {
        let ids = self.ids(details);
        let (period_start, period_end) = details.period();
        let (reason, description) = match (details.is_subscription, details.period) {
            (false, _) => ("manual", Value::Null),
            (true, 0) => ("subscription_create", json!("Subscription creation")),
            (true, _) => ("subscription_cycle", json!("Subscription update")),
        };
        Values::from([
            ("amount", json!(details.amount_cents)),
            ("amount_text", json!(details.amount_cents.to_string())),
            ("discount", json!(details.discount_cents)),
            ("discount_amounts", discount_amounts(details)),
            ("list", json!(details.list_price())),
            ("list_text", json!(details.list_price().to_string())),
            ("billing_reason", json!(reason)),
            ("charge", json!(ids.charge_id)),
            ("client_reference_id", json!(self.client_reference_id)),
            ("currency", json!(details.currency.as_str().to_ascii_lowercase())),
            ("customer", json!(ids.customer_id)),
            ("description", description),
            ("email", json!(details.email)),
            ("expires_at", json!(details.paid_at() + 86_400)),
            ("intent", json!(ids.payment_intent_id)),
            ("intent_metadata", if details.is_subscription { json!({}) } else { self.intent_metadata.clone().into() }),
            ("invoice", json!(ids.invoice_id)),
            ("invoice_number", json!(format!("{:08X}-{:04}", details.number & 0xffff_ffff, details.period + 1))),
            ("invoice_payment", json!(details.period_id("inpay"))),
            ("item", json!(details.id("si"))),
            ("line", json!(details.period_id("il"))),
            ("live_mode", json!(!self.is_test)),
            ("metadata", self.session_metadata(details)),
            ("method", json!(details.id("pm"))),
            ("mode", json!(if details.is_subscription { "subscription" } else { "payment" })),
            ("paid_at", json!(details.paid_at())),
            ("period_end", json!(period_end)),
            ("period_start", json!(period_start)),
            ("price", json!(details.id("price"))),
            ("product", details.product(details.id("prod"))),
            ("refund", json!(details.refund_id("re"))),
            ("refund_amount", json!(details.refunds.last())),
            ("refund_transaction", json!(details.refund_id("txn"))),
            ("refunded", json!(details.refunded())),
            ("refunded_at", json!(details.now())),
            ("refunded_in_full", json!(details.left() == 0)),
            ("session", json!(ids.session_id)),
            // The session of a subscription names its invoice.
            ("session_intent", json!(ids.payment_intent_id.filter(|_| !details.is_subscription))),
            ("started_at", json!(details.started_at())),
            ("subscription", json!(ids.subscription_id)),
            ("subscription_metadata", Self::with_details(details, &self.subscription_metadata)),
            ("transaction", json!(details.period_id("txn"))),
        ])
    }
}

/// The discounts of an invoice, or of its only line.
fn discount_amounts(details: &Details) -> Value {
    match details.discount_cents {
        0 => json!([]),
        amount => json!([{ "amount": amount, "discount": details.id("di") }]),
    }
}

const SESSION: &str = include_str!("stripe/session.json");
const PAYMENT_INTENT: &str = include_str!("stripe/payment_intent.json");
const CHARGE: &str = include_str!("stripe/charge.json");
const SUBSCRIPTION: &str = include_str!("stripe/subscription.json");
const INVOICE: &str = include_str!("stripe/invoice.json");
const INVOICE_PAYMENT: &str = include_str!("stripe/invoice_payment.json");
const REFUND: &str = include_str!("stripe/refund.json");

impl Script for StripeScript {
    fn ids(&self, details: &Details) -> PaymentIds {
        let intent = self.intent.clone().filter(|_| details.period == 0);
        let intent = intent.unwrap_or_else(|| details.period_id("pi"));
        let of_subscription = |id: String| details.is_subscription.then_some(id);
        let invoice = of_subscription(details.period_id("in"));
        PaymentIds {
            transaction_id: invoice.clone().unwrap_or_else(|| intent.clone()),
            customer_id: self.customer.clone().unwrap_or_else(|| details.id("cus")),
            subscription_id: of_subscription(details.id("sub")),
            session_id: Some(self.session_id(details)),
            payment_intent_id: Some(intent),
            charge_id: Some(details.period_id("ch")),
            invoice_id: invoice,
        }
    }

    fn paid(&self, details: &Details) -> Vec<Rendered> {
        let mut events = vec![("charge.succeeded", CHARGE), ("payment_intent.succeeded", PAYMENT_INTENT)];
        if details.period == 0 {
            events.push(("checkout.session.completed", SESSION));
        }
        if details.is_subscription {
            if details.period == 0 {
                events.push(("customer.subscription.created", SUBSCRIPTION));
            }
            events.push(("invoice.paid", INVOICE));
            events.push(("invoice.payment_succeeded", INVOICE));
            events.push(("invoice_payment.paid", INVOICE_PAYMENT));
        }
        let values = self.values(details);
        let events = events.into_iter().enumerate().map(|(number, (event_type, template))| {
            let data = Data { object: values.fill(template), previous_attributes: None };
            self.event(details, number, event_type, data)
        });
        events.collect()
    }

    fn refunded(&self, details: &Details, cents: u64) -> Vec<Rendered> {
        let values = self.values(details);
        let refund = Data { object: values.fill(REFUND), previous_attributes: None };
        let before = json!({ "amount_refunded": details.refunded() - cents, "refunded": false });
        let charge = Data { object: values.fill(CHARGE), previous_attributes: Some(before) };
        vec![self.event(details, 0, "refund.created", refund), self.event(details, 1, "charge.refunded", charge)]
    }
}
