//! Payment webhooks as tables: the event in each, and which signatures are accepted.

mod others;
mod payloads;
mod properties;
mod signatures;
mod stripe;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use affitor::Event;
use affitor_payments::{
    LemonSqueezy, NoFacts, Paddle, Polar, Provider, Reading, Refused, Stripe, VerifyError, Webhook, WebhookEvent,
};
use payloads::*;
use serde_json::{Value, json};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn event<P: Provider>(webhook: &Webhook<P>, body: &Value) -> WebhookEvent<P> {
    let body = body.to_string();
    let headers = webhook.sign("msg_1", body.as_bytes(), at(NOW));
    webhook.verify(|name| headers.get(name).map(String::as_bytes), body.as_bytes(), at(NOW)).unwrap()
}

fn webhook<P: Provider>() -> Webhook<P> {
    Webhook::disabled().or_secret(if P::NAME == "Stripe" { "whsec_a_secret" } else { "a secret" }).unwrap()
}

/// Describes what is decided about a webhook alone, on one line.
fn describe<P: Provider>(event: &WebhookEvent<P>) -> String {
    match Reading::new(event).decide_alone(at(NOW)) {
        Ok(decision) if !decision.events.is_empty() => {
            decision.events.iter().map(describe_event).collect::<Vec<_>>().join("; ")
        }
        Ok(decision) => {
            let statuses: Vec<&str> = decision.payments.iter().map(|payment| payment.status.as_str()).collect();
            format!("nothing: {}", statuses.join(", "))
        }
        Err(NoFacts::Ignored(reason)) => format!("ignored: {reason:?}"),
        Err(NoFacts::Refused(Refused::MissingField { field, .. })) => {
            format!("refused: MissingField {{ field: {field:?} }}")
        }
        Err(NoFacts::Refused(Refused::WrongField { field, expected, .. })) => {
            format!("refused: WrongField {{ field: {field:?}, expected: {expected:?} }}")
        }
        Err(other) => format!("{other:?}"),
    }
}

fn describe_event(event: &Event) -> String {
    match event {
        Event::Sale(sale) => {
            let mut line = format!("sale {} {} {}", sale.transaction_id, sale.amount_cents, sale.currency);
            let mut add = |text: &str| line.push_str(text);
            add(&format!(" of {}", sale.customer_key.as_deref().unwrap_or("-")));
            if sale.click_id.is_some() {
                add(" with click");
            }
            if let Some(subscription) = &sale.subscription_id {
                add(&format!(", {} {subscription}", sale.sale_type.as_ref().map_or("?", |kind| kind.as_str())));
            }
            if let Some(interval) = &sale.subscription_interval {
                add(&format!(" {interval}"));
            }
            if sale.is_recurring {
                add(" again");
            }
            if sale.is_test() {
                add(", test");
            }
            line
        }
        Event::Refund(refund) => {
            let amount = refund.refund_amount_cents.map_or_else(|| "all".to_owned(), |amount| amount.to_string());
            let id = refund.refund_id.as_ref().map_or_else(String::new, |id| format!(" as {id}"));
            format!("refund {amount} of {}{id}", refund.transaction_id)
        }
        other => format!("{other:?}"),
    }
}

/// Sets the value at a path. `null` values stay, because the providers send them.
fn with(mut body: Value, edits: &[(&str, Value)]) -> Value {
    for (path, value) in edits {
        let place = path.split('.').fold(&mut body, |place, name| &mut place[name]);
        *place = value.clone();
    }
    body
}

fn without(mut body: Value, path: &str) -> Value {
    let (parent, name) = path.rsplit_once('.').unwrap();
    let place = parent.split('.').fold(&mut body, |place, name| &mut place[name]);
    place.as_object_mut().unwrap().remove(name).unwrap();
    body
}

fn check<P: Provider>(webhook: &Webhook<P>, rows: &[(&str, Value, &str)]) {
    let mut wrong = String::new();
    for (name, body, expected) in rows {
        let event = event(webhook, body);
        let found = describe(&event);
        if found != *expected {
            wrong += &format!("{name}\n  found    {found}\n  expected {expected}\n");
        }
        let debug =
            format!("{event:?} {:?}", Reading::new(&event).decide_alone(at(NOW)).map(|decision| decision.payments));
        assert!(!debug.contains("jo@"), "{}: {name}: {debug}", P::NAME);
    }
    assert!(wrong.is_empty(), "{}\n{wrong}", P::NAME);
}

/// Path of a field of Stripe's `data.object`.
fn in_object(field: &str) -> String {
    format!("data.object.{field}")
}

/// Sets fields of Stripe's `data.object`.
macro_rules! edited {
    ($body:expr, $($field:expr => $value:expr),+ $(,)?) => {
        with($body, &[$((&*in_object($field), json!($value))),+])
    };
}
use edited;

fn verify<P: Provider>(body: &[u8]) -> Result<WebhookEvent<P>, VerifyError> {
    let webhook = webhook::<P>();
    let headers = webhook.sign("msg_1", body, at(NOW));
    webhook.verify(|name| headers.get(name).map(String::as_bytes), body, at(NOW))
}

#[test]
fn time_of_the_event() {
    let now = Some(at(NOW));
    assert_eq!(event(&webhook::<Stripe>(), &session()).occurred_at(), now);
    assert_eq!(event(&webhook::<Polar>(), &order()).occurred_at(), now);
    assert_eq!(event(&webhook::<LemonSqueezy>(), &lemon_order()).occurred_at(), now);
    let paddle = event(&webhook::<Paddle>(), &transaction());
    assert_eq!(paddle.occurred_at(), Some(at(NOW) + Duration::from_micros(155_553)));
    assert_eq!((paddle.id().as_deref(), paddle.kind()), (Some("evt_p1"), "transaction.completed"));
    assert_eq!(event(&webhook::<Stripe>(), &with(session(), &[("created", json!(-1))])).occurred_at(), None);
}
