//! Properties of every webhook.

use affitor_payments::{LemonSqueezy, Paddle, Polar, Stripe};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{at, describe, payloads::*, verify, webhook};

proptest! {
    /// Whatever a webhook contains, deciding about it returns a result.
    #[test]
    fn reading_never_panics(
        kind in prop::sample::select(vec![
            "checkout.session.completed", "invoice.paid", "refund.created", "refund.updated", "charge.refunded",
            "charge.dispute.closed", "order.paid", "order.refunded", "order_created", "subscription_payment_success",
            "order_refunded", "transaction.completed", "adjustment.created",
        ]),
        base in 0..12usize,
        place in any::<prop::sample::Index>(),
        value in prop_oneof![
            Just(Value::Null), any::<bool>().prop_map(Value::from), any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from), any::<f64>().prop_map(Value::from), ".{0,20}".prop_map(Value::from),
            Just(json!([])), Just(json!({})), Just(json!({ "object": { "id": 1 } })),
        ],
    ) {
        let bases = [
            session(), subscription_session(), new_renewal(), old_renewal(), refund(), charge(), dispute(), order(),
            polar_refund(), lemon_order(), lemon_invoice(), transaction(),
        ];
        let mut body = bases[base].clone();
        let mut paths = Vec::new();
        collect(&body, String::new(), &mut paths);
        *body.pointer_mut(&paths[place.index(paths.len())]).unwrap() = value;
        body["type"] = json!(kind);
        if let Some(body) = body.as_object_mut() {
            body.insert("event_type".to_owned(), json!(kind));
        }
        if body["meta"].is_object() {
            body["meta"]["event_name"] = json!(kind);
        }
        let text = body.to_string();
        if let Ok(event) = verify::<Stripe>(text.as_bytes()) { let _ = describe(&event); }
        if let Ok(event) = verify::<Polar>(text.as_bytes()) { let _ = describe(&event); }
        if let Ok(event) = verify::<LemonSqueezy>(text.as_bytes()) { let _ = describe(&event); }
        if let Ok(event) = verify::<Paddle>(text.as_bytes()) { let _ = describe(&event); }
    }

    /// Whatever the headers contain, only a signature with the secret is accepted.
    #[test]
    fn forged_headers_are_rejected(header in "(t=[0-9]{0,12},?|ts=[0-9]{0,12};?|v1=[0-9a-f]{0,70}[,;]?|h1=[0-9a-f]{64}|.){0,6}", id in ".{0,9}") {
        let body = session().to_string();
        let value = header.as_bytes();
        let time = NOW.to_string();
        let all = |name: &str| Some(match name {
            "webhook-id" => id.as_bytes(),
            "webhook-timestamp" => time.as_bytes(),
            _ => value,
        });
        prop_assert!(webhook::<Stripe>().verify(all, body.as_bytes(), at(NOW)).is_err());
        prop_assert!(webhook::<Polar>().verify(all, body.as_bytes(), at(NOW)).is_err());
        prop_assert!(webhook::<LemonSqueezy>().verify(all, body.as_bytes(), at(NOW)).is_err());
        prop_assert!(webhook::<Paddle>().verify(all, body.as_bytes(), at(NOW)).is_err());
    }
}

/// Collects the paths in a value, as JSON pointers.
fn collect(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| collect(value, format!("{path}/{name}"), paths));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| collect(value, format!("{path}/{n}"), paths));
        }
        _ => {}
    }
    if !path.is_empty() {
        paths.push(path);
    }
}
