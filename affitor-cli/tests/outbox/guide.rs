//! The output of `affitor payments explain` that `docs/guides/payments.md` shows. The guide shows it exactly as it is, except for the times.

use std::time::{Duration, SystemTime};

use affitor::{Click, Client, Lead};
use affitor_outbox::{Outbox, sqlx::Sqlite};
use affitor_payments::{LemonSqueezy, Provider, Stripe, Webhook};
use affitor_sandbox::{ApiCall, Fault, Sandbox};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::shop::{Database, now, run};

const GUIDE: &str = include_str!("../../../docs/guides/payments.md");

fn event(id: &str, kind: &str, object: &Value) -> Value {
    json!({ "id": id, "object": "event", "created": now(), "livemode": true, "type": kind, "data": { "object": object,
        "previous_attributes": if kind == "charge.refunded" { json!({ "amount_refunded": 0 }) } else { Value::Null } } })
}

fn checkout(number: u32, metadata: &Value) -> Value {
    let object = json!({ "id": format!("cs_{number}"), "object": "checkout.session", "mode": "payment",
        "payment_status": "paid", "payment_intent": format!("pi_{number}"), "amount_total": 4_900, "currency": "usd",
        "metadata": metadata });
    event(&format!("evt_{number}0"), "checkout.session.completed", &object)
}

/// A refund, which Stripe reports twice.
fn refund(number: u32) -> [Value; 2] {
    let payment = format!("pi_{number}");
    let charge = json!({ "id": format!("ch_{number}"), "object": "charge", "payment_intent": payment, "amount": 4_900,
        "amount_captured": 4_900, "amount_refunded": 1_500, "captured": true, "currency": "usd", "created": now() });
    let refund = json!({ "id": format!("re_{number}"), "object": "refund", "payment_intent": payment, "amount": 1_500,
        "charge": format!("ch_{number}"), "currency": "usd", "status": "succeeded", "created": now() });
    [
        event(&format!("evt_{number}1"), "refund.created", &refund),
        event(&format!("evt_{number}2"), "charge.refunded", &charge),
    ]
}

/// A dispute that the shop has won.
fn won_dispute(number: u32) -> Value {
    let object = json!({ "id": format!("dp_{number}"), "object": "dispute", "payment_intent": format!("pi_{number}"),
        "charge": format!("ch_{number}"), "amount": 4_900, "currency": "usd", "status": "won", "created": now() });
    event(&format!("evt_{number}3"), "charge.dispute.closed", &object)
}

/// A paid checkout with an amount that can't be read.
fn unreadable(number: u32) -> Value {
    let mut body = checkout(number, &json!({ "affitor_customer_key": "user_7" }));
    body["data"]["object"]["amount_total"] = json!("49.00");
    body
}

/// A payment of an account that the app has not listed.
fn of_account(number: u32, account: &str) -> Value {
    let mut body = checkout(number, &json!({ "affitor_customer_key": "user_7" }));
    body["account"] = json!(account);
    body
}

/// A Lemon Squeezy order of one customer.
fn order(number: u32, customer: u32, user: Option<&str>) -> Value {
    let custom_data = user.map(|user| json!({ "user_id": user }));
    json!({ "meta": { "event_name": "order_created", "test_mode": false, "custom_data": custom_data },
        "data": { "type": "orders", "id": number.to_string(), "attributes": { "customer_id": customer, "status": "paid",
            "total": 4_900, "tax": 0, "currency": "USD", "refunded_amount": 0, "created_at": Timestamp::now().to_string() } } })
}

async fn record(outbox: &Outbox<Sqlite>, body: &Value) {
    record_of::<Stripe>(outbox, "whsec_0123456789", body).await;
}

async fn record_of<P: Provider>(outbox: &Outbox<Sqlite>, secret: &str, body: &Value) {
    let endpoint = Webhook::<P>::disabled().or_secret(secret).unwrap();
    let (body, now) = (body.to_string(), SystemTime::now());
    let headers = endpoint.sign("", body.as_bytes(), now);
    let event = endpoint.verify(|name| headers.get(name).map(String::as_bytes), body.as_bytes(), now).unwrap();
    outbox.record_payment_alone(&event).await.unwrap();
}

/// Waits until nothing is pending.
async fn delivered(outbox: &Outbox<Sqlite>) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while outbox.stats().await.unwrap().pending > 0 {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", outbox.stats().await.unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Replaces times such as `2026-11-23 09:30:00`.
fn without_times(text: &str) -> String {
    const FORM: &str = "0000-00-00 00:00:00";
    let (mut result, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let is_time = rest.get(..FORM.len()).is_some_and(|time| {
            time.chars()
                .zip(FORM.chars())
                .all(|(char, form)| if form == '0' { char.is_ascii_digit() } else { char == form })
        });
        let (taken, length) = if is_time { (FORM, FORM.len()) } else { (&rest[..first.len_utf8()], first.len_utf8()) };
        result.push_str(taken);
        rest = &rest[length..];
    }
    result
}

#[tokio::test(flavor = "multi_thread")]
async fn what_explain_prints() {
    let database = Database::sqlite().await;
    let Database::Sqlite { pool, .. } = &database else { unreachable!() };
    let outbox = Outbox::sqlite(pool.clone());
    let sandbox = Sandbox::start().await.unwrap();
    let visitor = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = visitor.track_click(Click::landing(landing)).await.unwrap();
    visitor.track_lead(Lead::new("user_7").click_id(click.click_id().cloned())).await.unwrap();
    let worker = outbox.worker(visitor.clone()).start().await.unwrap();

    let of = |customer: &str| json!({ "affitor_customer_key": customer });
    for body in
        [checkout(1, &of("user_7")), checkout(2, &of("user_8")), checkout(3, &json!({})), checkout(4, &of("user_7"))]
    {
        record(&outbox, &body).await;
    }
    delivered(&outbox).await;
    for body in refund(1) {
        record(&outbox, &body).await;
    }
    delivered(&outbox).await;
    sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
    for body in refund(4) {
        record(&outbox, &body).await;
    }
    delivered(&outbox).await;
    record(&outbox, &checkout(10, &of("user_7"))).await;
    record(&outbox, &won_dispute(10)).await;
    record(&outbox, &unreadable(5)).await;
    record(&outbox, &of_account(6, "acct_6")).await;
    // A stranger buys with the address of a customer, and names themselves.
    for body in [order(7, 70, Some("user_7")), order(8, 70, Some("user_9")), order(9, 70, None)] {
        record_of::<LemonSqueezy>(&outbox, "0123456789", &body).await;
    }
    delivered(&outbox).await;
    worker.shutdown().await.unwrap();

    let (guide, mut missing) = (without_times(GUIDE), String::new());
    for id in ["cs_1", "pi_2", "pi_3", "re_4", "dp_10", "evt_50", "acct_6", "ls_order_9", "user_9"] {
        let ran = run(&database.url(), &["explain", id], ("UNUSED", "")).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        let shown = format!("```console\n$ affitor payments explain {id}\n{}```\n", ran.stdout);
        if !guide.contains(&without_times(&shown)) {
            missing += &shown;
        }
    }
    assert!(missing.is_empty(), "the guide does not show this:\n{missing}");

    let of = async |arguments: &[&str]| run(&database.url(), arguments, ("UNUSED", "")).await;
    let refused = of(&["refused", "--json"]).await.json();
    assert_eq!(refused["refused_webhooks"].as_array().unwrap().len(), 1, "{refused}");
    assert_eq!(refused["refused_webhooks"][0]["event_id"], "evt_50");
    assert_eq!(of(&["balance", "--json"]).await.json()["refused_webhooks"], 1);
    assert!(of(&["balance"]).await.stdout.contains("1 webhook can't be read"));
    let check = of(&["list", "--check", "--json"]).await.json();
    let ids: Vec<&Value> =
        check["payments"].as_array().unwrap().iter().map(|payment| &payment["transaction_id"]).collect();
    assert_eq!(ids, ["ls_order_9"]);
    assert_eq!(of(&["list", "--check", "--status", "reported", "--json"]).await.json()["payments"], json!([]));

    // A provider may name the app's own user in a field that is not known.
    outbox.forget_customer("acct_6").await.unwrap();
    assert_eq!(of(&["explain", "acct_6"]).await.code, 1);
}
