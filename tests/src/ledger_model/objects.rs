//! What a provider's API returns about a life, with the objects of one payment together, as `affitor payments reconcile` reads them.

use std::{collections::BTreeSet, time::SystemTime};

use affitor_payments::{
    NoFacts,
    ledger::{Facts, Object},
    object_facts,
};
use serde_json::{Value, json};
use shop_lives::{Life, Provider};

/// Returns what the API says about each payment. With `is_newer`, a request names Stripe's newer version, as the command does, though
/// the webhooks have the older one.
pub fn payments(life: &Life, is_newer: bool, now: SystemTime) -> Vec<Facts> {
    // The key of the own account does not read the payments of others.
    if life.kind == "connected account" {
        return vec![];
    }
    if life.provider == Provider::Stripe {
        return if is_newer { stripe(&newer(&life.objects), now) } else { stripe(&life.objects, now) };
    }
    let payments = life.objects.iter().filter(|object| is_payment(life.provider, object));
    payments
        .map(|payment| {
            let mut facts = facts(life.provider, payment, now);
            for adjustment in life.objects.iter().filter(|object| object["transaction_id"] == payment["id"]) {
                facts.merge(self::facts(life.provider, adjustment, now));
            }
            facts
        })
        .filter(|facts| !facts.is_empty())
        .collect()
}

fn is_payment(provider: Provider, object: &Value) -> bool {
    match provider {
        Provider::Stripe => false,
        // Refunds name their order.
        Provider::Polar => object["order_id"].is_null(),
        Provider::LemonSqueezy => object["type"] == "orders" || object["type"] == "subscription-invoices",
        Provider::Paddle => object["transaction_id"].is_null() && object["status"] == "completed",
    }
}

/// Reads an object. Some say nothing about payments, but none is unreadable.
fn facts(provider: Provider, object: &Value, now: SystemTime) -> Facts {
    match with_rules!(provider, |Rules| object_facts::<Rules>(object, now)) {
        Ok(facts) => facts,
        Err(NoFacts::Ignored(_)) => Facts::default(),
        Err(error) => panic!("{error}: {object}"),
    }
}

/// Objects of the older version as the newer one returns them: no payment names its invoice, but invoice payments link them.
fn newer(objects: &[Value]) -> Vec<Value> {
    let mut objects = objects.to_vec();
    let mut invoice_payments = vec![];
    for object in &mut objects {
        if object["object"] == "charge" || object["object"] == "payment_intent" {
            object.as_object_mut().map(|fields| fields.remove("invoice"));
        }
        if object["object"] != "invoice" {
            continue;
        }
        let fields = object.as_object_mut().unwrap();
        let [intent, subscription, details, _] = ["payment_intent", "subscription", "subscription_details", "charge"]
            .map(|name| fields.remove(name).unwrap_or_default());
        let metadata = &details["metadata"];
        fields.insert(
            "parent".to_owned(),
            json!({ "type": "subscription_details", "subscription_details": { "subscription": subscription, "metadata": metadata } }),
        );
        if intent.is_string() {
            invoice_payments.push(json!({ "id": format!("inpay_{}", object["id"]), "object": "invoice_payment",
                "amount_paid": object["amount_paid"], "created": object["created"], "currency": object["currency"],
                "invoice": object["id"], "status": object["status"],
                "payment": { "type": "payment_intent", "payment_intent": intent } }));
        }
    }
    objects.extend(invoice_payments);
    objects
}

/// Follows the ids from one object to the others. A subscription only says who its payments belong to: they have nothing else in
/// common.
fn stripe(objects: &[Value], now: SystemTime) -> Vec<Facts> {
    let (sources, mut left): (Vec<&Value>, Vec<&Value>) = objects.iter().partition(|object| {
        object["object"] == "subscription"
            || object["subscription"].is_string() && object["object"] == "checkout.session"
    });
    let mut payments = vec![];
    while let Some(first) = left.pop() {
        let (mut payment, mut ids) = (vec![first], ids(first));
        loop {
            let (related, rest): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|object| !self::ids(object).is_disjoint(&ids));
            left = rest;
            if related.is_empty() {
                break;
            }
            ids.extend(related.iter().flat_map(|object| self::ids(object)));
            payment.extend(related);
        }
        // The lists lead to money that moved.
        if payment.iter().any(|object| has_moved_money(object)) {
            payments.push(stripe_facts(&payment, &sources, now));
        }
    }
    payments
}

/// The id of an object, and those of the payments and invoices that it names.
fn ids(object: &Value) -> BTreeSet<&str> {
    let fields = ["/id", "/payment_intent", "/charge", "/invoice", "/payment/payment_intent", "/payment/charge"];
    fields.iter().filter_map(|field| object.pointer(field)?.as_str()).collect()
}

fn has_moved_money(object: &Value) -> bool {
    match object["object"].as_str() {
        Some("charge") => object["status"] != "failed",
        Some("invoice_payment") => object["status"] == "paid",
        kind => matches!(kind, Some("refund" | "dispute")),
    }
}

fn stripe_facts(payment: &[&Value], sources: &[&Value], now: SystemTime) -> Facts {
    let mut all = Facts::default();
    for object in payment.iter().filter(|object| object["object"] != "charge" || has_moved_money(object)) {
        all.merge(facts(Provider::Stripe, object, now));
        // The place of the subscription since API 2025-03-31, and before.
        let subscription =
            object.pointer("/parent/subscription_details/subscription").unwrap_or(&object["subscription"]);
        let names = |source: &Value| {
            !subscription.is_null() && [&source["id"], &source["subscription"]].contains(&subscription)
        };
        for source in sources.iter().filter(|source| names(source)) {
            let (_, sources) = facts(Provider::Stripe, source, now).split_sources();
            sources.into_iter().for_each(|(id, source)| all.add(id, Object::Source(source)));
        }
    }
    all
}
