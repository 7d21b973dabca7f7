//! Lives of Stripe customers.

mod charge;
mod checkout;
mod disputes;
mod intent;
mod invoice;
mod invoices;
mod line;
mod metadata;
mod paid;
mod payments;
mod refunds;
mod session;
mod shop;
mod subscription;
mod subscriptions;

use serde_json::json;

use crate::{Api, Life, Provider};
use metadata::Metadata;
use shop::Shop;

/// Generates the events of one kind of life.
type Script = fn(&mut Shop<'_>);

const ONE_TIME: &str = "one-time checkout";
const FAILED: &str = "asynchronous checkout, failed";
const NO_METADATA: &str = "without our metadata";
const ANOTHER_PROGRAM: &str = "another program";
const CONNECTED: &str = "connected account";

pub(crate) const KINDS: &[&str] = &[
    ONE_TIME,
    "one-time checkout with invoice",
    "asynchronous checkout",
    FAILED,
    "free checkout",
    "subscription via checkout",
    "subscription via checkout with trial",
    "subscription via API",
    "upgrade",
    "downgrade",
    "credit balance",
    "manual invoice",
    "bare payment intent",
    "partial capture",
    "several invoices of one subscription",
    "invoice paid by two payments",
    "payment of two invoices",
    "invoice paid out of band",
    NO_METADATA,
    ANOTHER_PROGRAM,
    CONNECTED,
];

/// Kinds that need invoice payments, which the old API lacks. It also doesn't say in `amount_paid` what was paid out of band.
const NEW_ONLY: [&str; 3] = ["invoice paid by two payments", "payment of two invoices", "invoice paid out of band"];

fn script(kind: &str) -> Script {
    match kind {
        "one-time checkout with invoice" => checkout::with_invoice,
        "asynchronous checkout" => checkout::asynchronous,
        FAILED => checkout::asynchronous_failed,
        "free checkout" => checkout::free,
        "subscription via checkout" => subscriptions::via_checkout,
        "subscription via checkout with trial" => subscriptions::with_trial,
        "subscription via API" => subscriptions::via_api,
        "upgrade" => subscriptions::upgrade,
        "downgrade" => subscriptions::downgrade,
        "credit balance" => subscriptions::credit_balance,
        "several invoices of one subscription" => subscriptions::several,
        "manual invoice" => invoices::manual,
        "invoice paid by two payments" => invoices::two_payments,
        "payment of two invoices" => invoices::two_invoices,
        "invoice paid out of band" => invoices::out_of_band,
        "bare payment intent" => payments::bare_intent,
        "partial capture" => payments::partial_capture,
        _ => checkout::one_time,
    }
}

/// Generates a life, or `None` if the kind doesn't exist in this API version.
pub(crate) fn live(rng: &mut fastrand::Rng, api: Api, kind: &'static str, number: u64, now: u64) -> Option<Life> {
    if api == Api::Old && NEW_ONLY.contains(&kind) {
        return None;
    }
    let mut shop = Shop::new(rng, api, number, now);
    let foreign = [NO_METADATA, ANOTHER_PROGRAM, CONNECTED].contains(&kind);
    match kind {
        NO_METADATA => shop.metadata = Metadata::None,
        ANOTHER_PROGRAM => shop.metadata = Metadata::AnotherProgram { number },
        CONNECTED => shop.account = Some(shop.id("acct")),
        _ => {}
    }
    let script_of = if foreign { another_kind(&mut shop) } else { kind };
    script(script_of)(&mut shop);
    let Shop { webhooks, sales, objects, traits, .. } = shop;
    Some(Life { kind, traits, provider: Provider::Stripe, api, webhooks, sales, objects })
}

/// Draws what a payment that isn't ours looks like.
fn another_kind(shop: &mut Shop<'_>) -> &'static str {
    loop {
        let kind = KINDS[shop.rng.usize(..KINDS.len() - 3)];
        if !(shop.is_old() && NEW_ONLY.contains(&kind)) {
            shop.note(kind);
            return kind;
        }
    }
}

/// An empty list of the API.
fn list(data: &[serde_json::Value], url: &str) -> serde_json::Value {
    json!({ "object": "list", "data": data, "has_more": false, "url": url })
}
