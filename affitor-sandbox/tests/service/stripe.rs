//! The sandbox reads the webhooks of a connected Stripe account, as the service does.

use crate::support::{Visitor, builder, sale, start};
use affitor_sandbox::{
    CommissionStatus, Interpretations, SaleSource, Sandbox, SecondRefund, StripeInvoices, StripeSaleId, UnknownLead,
};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "whsec_test";

fn sign(body: &str) -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// Delivers an event, and returns the status and the result.
async fn deliver(sandbox: &Sandbox, event_type: &str, object: Value) -> (u16, String) {
    let event = json!({ "id": "evt_1", "type": event_type, "data": { "object": object } }).to_string();
    let request = reqwest::Client::new()
        .post(format!("{}/webhooks/stripe/42", sandbox.url()))
        .header("stripe-signature", sign(&event))
        .body(event);
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["result"].as_str().or(body["error"].as_str()).unwrap().to_owned())
}

async fn connected(interpretations: Interpretations) -> Sandbox {
    let sandbox = start(builder().stripe_webhook_secret(SECRET).interpretations(interpretations)).await;
    Visitor::server(&sandbox).lead("user_7").await;
    sandbox
}

fn interpreted(sale_id: StripeSaleId, invoices: StripeInvoices) -> Interpretations {
    let mut interpretations = Interpretations::default();
    (interpretations.stripe_sale_id, interpretations.stripe_invoices) = (sale_id, invoices);
    interpretations
}

fn metadata() -> Value {
    json!({ "program_id": "42", "affitor_customer_key": "user_7" })
}

fn session(id: &str) -> Value {
    json!({
        "id": id, "mode": "payment", "payment_status": "paid", "amount_total": 10_000, "currency": "usd",
        "payment_intent": format!("pi_{id}"), "customer": "cus_1", "metadata": metadata(),
    })
}

fn invoice(id: &str, reason: &str) -> Value {
    json!({
        "id": id, "billing_reason": reason, "amount_paid": 10_000, "currency": "usd", "customer": "cus_1",
        "payment_intent": format!("pi_{id}"),
        "parent": { "subscription_details": { "subscription": "sub_1", "metadata": metadata() } },
    })
}

#[tokio::test]
async fn checkout_renewal_and_refunds() {
    let mut interpretations = Interpretations::default();
    interpretations.second_refund = SecondRefund::Taken;
    let sandbox = connected(interpretations).await;
    let completed = "checkout.session.completed";
    assert_eq!(deliver(&sandbox, completed, session("cs_1")).await, (200, "sale affitor_stripe_cs_1".to_owned()));
    let first = sandbox.sales().remove(0);
    assert_eq!((first.source, first.amount_cents, first.currency.as_str()), (SaleSource::Stripe, 10_000, "USD"));
    assert_eq!((first.customer_key.as_deref(), first.is_recurring), (Some("user_7"), false));
    assert_eq!(sandbox.commissions()[0].amount_cents, 2_000);
    let renewal = deliver(&sandbox, "invoice.paid", invoice("in_1", "subscription_cycle")).await;
    assert_eq!(renewal.1, "sale affitor_stripe_in_1");
    assert!(sandbox.sales()[1].is_recurring);

    // Two partial refunds: Stripe reports the running total, and delivers events again.
    for (total, deducted) in [(2_500, 500), (2_500, 500), (10_000, 2_000)] {
        let charge = json!({ "id": "ch_1", "payment_intent": "pi_cs_1", "amount_refunded": total });
        deliver(&sandbox, "charge.refunded", charge).await;
        assert_eq!(sandbox.commissions()[0].deducted_cents, deducted, "{total}");
    }
    assert_eq!(sandbox.commissions()[0].status, CommissionStatus::Reversed);
    assert_eq!(sandbox.refunds().len(), 2);
    // Before version 2025-03-31 of Stripe's API, a charge names its invoice.
    let charge = json!({ "id": "ch_2", "invoice": "in_1", "amount_refunded": 10_000 });
    assert_eq!(deliver(&sandbox, "charge.refunded", charge).await.1, "refund of affitor_stripe_in_1");
    assert!(sandbox.double_payments().is_empty());
}

#[tokio::test]
async fn what_is_ignored() {
    let sandbox = connected(Interpretations::default()).await;
    let completed = "checkout.session.completed";
    let edited = |name: &str, value: Value| {
        let mut session = session("cs_1");
        session[name] = value;
        session
    };
    for (event_type, object, result) in [
        (completed, edited("payment_status", json!("unpaid")), "not paid"),
        (completed, edited("amount_total", json!(0)), "the amount is 0"),
        (completed, edited("currency", json!("dollars")), "not a code"),
        (completed, edited("metadata", json!({ "affitor_customer_key": "user_7" })), "metadata.program_id is missing"),
        (
            completed,
            edited("metadata", json!({ "program_id": "7", "affitor_customer_key": "user_7" })),
            "names another program",
        ),
        (completed, edited("metadata", json!({ "program_id": "42", "affitor_customer_key": "nobody" })), "no customer"),
        (completed, edited("id", json!(7)), "has no id"),
        ("invoice.paid", invoice("in_1", "subscription_create"), "billing_reason"),
        ("invoice.paid", invoice("in_1", "manual"), "billing_reason"),
        ("charge.refunded", json!({ "id": "ch_1", "payment_intent": "pi_9", "amount_refunded": 1 }), "no sale"),
        ("customer.created", json!({ "id": "cus_1" }), "metadata.program_id is missing"),
        ("invoice.payment_failed", invoice("in_1", "subscription_cycle"), "changes no sale"),
        ("customer.subscription.deleted", json!({ "id": "sub_1" }), "changes no sale"),
        ("customer.updated", json!({}), "does not read"),
    ] {
        let (status, got) = deliver(&sandbox, event_type, object.clone()).await;
        assert!(status == 200 && got.starts_with("ignored: ") && got.contains(result), "{object}: {status} {got}");
    }
    assert!(sandbox.sales().is_empty());
    // A payment that was pending counts once it succeeds, and only once.
    let succeeded = "checkout.session.async_payment_succeeded";
    assert_eq!(deliver(&sandbox, succeeded, session("cs_1")).await.1, "sale affitor_stripe_cs_1");
    assert!(deliver(&sandbox, completed, session("cs_1")).await.1.contains("already recorded"));
    assert_eq!(sandbox.sales().len(), 1);
}

#[tokio::test]
async fn signatures() {
    let sandbox = connected(Interpretations::default()).await;
    let event = json!({ "type": "checkout.session.completed", "data": { "object": session("cs_1") } }).to_string();
    let post = async |program: u64, signature: Option<String>, body: &str| {
        let url = format!("{}/webhooks/stripe/{program}", sandbox.url());
        let mut request = reqwest::Client::new().post(url).body(body.to_owned());
        if let Some(signature) = signature {
            request = request.header("stripe-signature", signature);
        }
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(post(42, None, &event).await, 400);
    assert_eq!(post(42, Some(sign(&event)), &event.replace("10000", "99999")).await, 400);
    assert_eq!(post(42, Some("t=1,v1=00".to_owned()), &event).await, 400);
    assert_eq!(post(42, Some(sign("{")), "{").await, 400);
    assert_eq!(post(7, Some(sign(&event)), &event).await, 404, "Stripe is not connected to this program");
    assert_eq!(post(8, Some(sign(&event)), &event).await, 404);
    assert!(sandbox.sales().is_empty());
    // The sandbox's clock does not matter: the sender signs with its own.
    sandbox.advance_days(30);
    assert_eq!(post(42, Some(sign(&event)), &event).await, 200);
    assert_eq!(sandbox.sales().len(), 1);
}

/// By click id, then e-mail address, then Stripe customer, then customer key.
#[tokio::test]
async fn order_of_the_customer_look_up() {
    let sandbox = start(builder().stripe_webhook_secret(SECRET)).await;
    let server = Visitor::server(&sandbox);
    let mut click_ids = Vec::new();
    for (key, email) in [("a", "a@example.com"), ("b", "b@example.com"), ("c", "c@example.com"), ("d", "d@example.com")]
    {
        let click_id = server.click("PARTNER123", None).await;
        let lead = json!({ "click_id": click_id, "customer_key": key, "email": email });
        assert_eq!(server.track("lead", lead).await.0, 200);
        click_ids.push(click_id);
    }
    let paid = async |id: &str, click: Option<&str>, email: Option<&str>, stripe: Option<&str>, key: Option<&str>| {
        let object = json!({
            "id": id, "payment_status": "paid", "amount_total": 100, "currency": "usd", "customer": stripe,
            "customer_details": { "email": email },
            "metadata": { "program_id": 42, "affitor_click_id": click, "affitor_customer_key": key },
        });
        deliver(&sandbox, "checkout.session.completed", object).await;
        let sale = sandbox.sales().pop().filter(|sale| sale.stripe_ids.contains(&id.to_owned()));
        sale.map(|sale| sale.customer_id)
    };
    assert_eq!(
        paid("cs_0", Some(&click_ids[2]), None, Some("cus_c"), None).await,
        Some(3),
        "binds the Stripe customer"
    );
    let all = Some(click_ids[0].as_str());
    assert_eq!(paid("cs_1", all, Some("B@example.com "), Some("cus_c"), Some("d")).await, Some(1));
    assert_eq!(paid("cs_2", None, Some("B@example.com "), Some("cus_c"), Some("d")).await, Some(2));
    assert_eq!(paid("cs_3", None, None, Some("cus_c"), Some("d")).await, Some(3));
    assert_eq!(paid("cs_4", None, None, Some("cus_new"), Some("d")).await, Some(4));
    assert_eq!(paid("cs_5", None, Some("nobody@example.com"), None, None).await, None);
}

#[tokio::test]
async fn an_app_that_tracks_as_well_pays_twice() {
    let sandbox = connected(Interpretations::default()).await;
    let server = Visitor::server(&sandbox);
    deliver(&sandbox, "checkout.session.completed", session("cs_1")).await;
    assert!(sandbox.double_payments().is_empty());
    assert_eq!(server.track("sale", sale("pi_cs_1", "user_7")).await.0, 200, "the ids differ, so there is no 409");
    let doubles = sandbox.double_payments();
    assert_eq!(doubles.len(), 1);
    assert_eq!(
        (
            doubles[0].tracked_transaction_id.as_str(),
            doubles[0].stripe_transaction_id.as_str(),
            doubles[0].amount_cents
        ),
        ("pi_cs_1", "affitor_stripe_cs_1", 10_000)
    );
    assert_eq!(sandbox.commissions().len(), 2, "the partner is paid twice");

    // Under an id of the app's own, the amount and the time tell; in either order.
    assert_eq!(server.track("sale", sale("order_2", "user_7")).await.0, 200);
    deliver(&sandbox, "checkout.session.completed", session("cs_2")).await;
    assert_eq!(sandbox.double_payments().len(), 2);
    // Two days later, the same amount is another payment.
    sandbox.advance_days(2);
    deliver(&sandbox, "invoice.paid", invoice("in_3", "subscription_cycle")).await;
    assert_eq!(sandbox.double_payments().len(), 2);
    let page = reqwest::get(sandbox.url()).await.unwrap().text().await.unwrap();
    assert!(page.contains("alert bad") && page.contains("2 payments have two sales"), "the page shows it");
    let snapshot: Value =
        reqwest::get(format!("{}/_sandbox/snapshot", sandbox.url())).await.unwrap().json().await.unwrap();
    assert_eq!(snapshot["double_payments"].as_array().unwrap().len(), 2);
}

/// Stripe's look-up and that of *track sale* may find different customers. An equal id is the same payment all the same.
#[tokio::test]
async fn double_payments_of_different_customers() {
    let sandbox = start(builder().stripe_webhook_secret(SECRET)).await;
    let server = Visitor::server(&sandbox);
    server.lead("user_7").await;
    let other_click = server.click("abc123", None).await;
    let mut paid = session("cs_1");
    paid["metadata"]["affitor_click_id"] = json!(other_click);
    deliver(&sandbox, "checkout.session.completed", paid).await;
    assert_eq!(server.track("sale", sale("pi_cs_1", "user_7")).await.0, 200);
    let partners: Vec<_> = sandbox.sales().into_iter().map(|sale| sale.partner_code).collect();
    assert_eq!(partners, ["abc123", "PARTNER123"], "two partners are paid");
    assert_eq!(sandbox.double_payments().len(), 1);

    // A guess by amount gives way to an equal id.
    let sandbox = connected(Interpretations::default()).await;
    let server = Visitor::server(&sandbox);
    for id in ["cs_2", "cs_3"] {
        deliver(&sandbox, "checkout.session.completed", session(id)).await;
    }
    assert_eq!(server.track("sale", sale("order_1", "user_7")).await.0, 200);
    let guessed = sandbox.double_payments();
    assert_eq!(guessed[0].stripe_transaction_id, "affitor_stripe_cs_3");
    assert_eq!(server.track("sale", sale("pi_cs_3", "user_7")).await.0, 200);
    let known = sandbox.double_payments();
    let pair = (known[0].tracked_transaction_id.as_str(), known[0].stripe_transaction_id.as_str());
    assert_eq!((known.len(), pair), (1, ("pi_cs_3", "affitor_stripe_cs_3")));
}

/// A customer of another program, or without a click, does not hide one with a click.
#[tokio::test]
async fn customers_with_a_click_take_precedence() {
    let mut interpretations = Interpretations::default();
    interpretations.unknown_lead = UnknownLead::Unattributed;
    let sandbox = connected(interpretations).await;
    let server = Visitor::server(&sandbox);
    let foreign = server.click("other", None).await;
    let mut paid = session("cs_1");
    paid["metadata"]["affitor_click_id"] = json!(foreign);
    assert_eq!(deliver(&sandbox, "checkout.session.completed", paid).await.1, "sale affitor_stripe_cs_1");
    let lead = json!({ "customer_key": "user_8", "email": "al@example.com" });
    assert_eq!(server.track("lead", lead).await.0, 200, "a customer without a click");
    let mut paid = session("cs_2");
    paid["customer"] = json!(null);
    paid["customer_details"] = json!({ "email": "al@example.com" });
    assert_eq!(deliver(&sandbox, "checkout.session.completed", paid).await.1, "sale affitor_stripe_cs_2");
    assert_eq!(sandbox.sales()[1].customer_key.as_deref(), Some("user_7"));
}

#[tokio::test]
async fn refunds_of_other_shapes() {
    // Since version 2025-03-31 of Stripe's API, an invoice lists its payments.
    let sandbox = connected(Interpretations::default()).await;
    let mut renewal = invoice("in_1", "subscription_cycle");
    renewal["payment_intent"] = json!(null);
    renewal["payments"] = json!({ "data": [{ "payment": { "type": "payment_intent", "payment_intent": "pi_7" } }] });
    deliver(&sandbox, "invoice.paid", renewal).await;
    let charge = json!({ "id": "ch_1", "payment_intent": "pi_7", "amount_refunded": 10_000 });
    assert_eq!(deliver(&sandbox, "charge.refunded", charge).await.1, "refund of affitor_stripe_in_1");
    // Each charge has a running total of its own.
    let mut interpretations = Interpretations::default();
    interpretations.second_refund = SecondRefund::Taken;
    let sandbox = connected(interpretations).await;
    let mut renewal = invoice("in_1", "subscription_cycle");
    let payments = ["pi_a", "pi_b"].map(|id| json!({ "payment": { "payment_intent": id } }));
    renewal["payments"] = json!({ "data": payments });
    deliver(&sandbox, "invoice.paid", renewal).await;
    for (charge, intent, total, deducted) in [
        ("ch_a", "pi_a", 3_000, 600),
        ("ch_b", "pi_b", 5_000, 1_600),
        ("ch_b", "pi_b", 7_000, 2_000),
        ("ch_a", "pi_a", 3_000, 2_000),
    ] {
        let charge = json!({ "id": charge, "payment_intent": intent, "amount_refunded": total });
        deliver(&sandbox, "charge.refunded", charge).await;
        assert_eq!(sandbox.commissions()[0].deducted_cents, deducted);
    }
    assert_eq!(sandbox.commissions()[0].status, CommissionStatus::Reversed);
    // With one of Stripe's ids, the sale that the app tracked first is the service's own, too.
    let sandbox = connected(interpreted(StripeSaleId::PaymentIntent, StripeInvoices::default())).await;
    assert_eq!(Visitor::server(&sandbox).track("sale", sale("pi_cs_1", "user_7")).await.0, 200);
    assert!(deliver(&sandbox, "checkout.session.completed", session("cs_1")).await.1.contains("already recorded"));
    let charge = json!({ "id": "ch_1", "payment_intent": "pi_cs_1", "amount_refunded": 10_000 });
    assert_eq!(deliver(&sandbox, "charge.refunded", charge).await.1, "refund of pi_cs_1");
}

/// Which ids the service uses, and which invoices it counts, are switches.
#[tokio::test]
async fn interpretations_of_what_is_undocumented() {
    for (sale_id, transaction_id, tracked) in [
        (StripeSaleId::Own, "affitor_stripe_cs_1", 200),
        (StripeSaleId::Object, "cs_1", 200),
        (StripeSaleId::PaymentIntent, "pi_cs_1", 409),
    ] {
        let sandbox = connected(interpreted(sale_id, StripeInvoices::default())).await;
        deliver(&sandbox, "checkout.session.completed", session("cs_1")).await;
        assert_eq!(sandbox.sales()[0].transaction_id, transaction_id);
        let (status, _) = Visitor::server(&sandbox).track("sale", sale("pi_cs_1", "user_7")).await;
        assert_eq!(status, tracked, "{sale_id:?}");
    }
    let reasons = ["subscription_create", "subscription_cycle", "subscription_update", "manual"];
    for (invoices, expected) in [
        (StripeInvoices::Renewals, vec!["cs_1", "in_subscription_cycle"]),
        (StripeInvoices::AllButFirst, vec!["cs_1", "in_subscription_cycle", "in_subscription_update", "in_manual"]),
        (
            StripeInvoices::All,
            vec!["in_subscription_create", "in_subscription_cycle", "in_subscription_update", "in_manual"],
        ),
    ] {
        let sandbox = connected(interpreted(StripeSaleId::Object, invoices)).await;
        let mut subscription = session("cs_1");
        subscription["mode"] = json!("subscription");
        deliver(&sandbox, "checkout.session.completed", subscription).await;
        for reason in reasons {
            deliver(&sandbox, "invoice.paid", invoice(&format!("in_{reason}"), reason)).await;
        }
        let ids: Vec<_> = sandbox.sales().into_iter().map(|sale| sale.transaction_id).collect();
        assert_eq!(ids, expected, "{invoices:?}");
    }
}

/// The sandbox's own shop delivers signed events, and shows the double payment if it also tracks.
#[tokio::test]
async fn the_shop() {
    let post = async |sandbox: &Sandbox, path: &str, body: Value| -> Value {
        let request = reqwest::Client::new().post(format!("{}/_sandbox/shop{path}", sandbox.url())).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    };
    let statuses = |made: &Value| -> Vec<(String, u64)> {
        let calls = made["calls"].as_array().unwrap().iter();
        calls.map(|call| (call["path"].as_str().unwrap().to_owned(), call["status"].as_u64().unwrap())).collect()
    };
    let sandbox = connected(Interpretations::default()).await;
    let paid = post(&sandbox, "/pay", json!({ "customer_key": "user_7" })).await;
    assert_eq!(statuses(&paid), [("/webhooks/stripe/42".to_owned(), 200)]);
    let refunded = post(&sandbox, "/refund", json!({ "payment": paid["payment"] })).await;
    assert!(refunded["calls"][0]["received"]["result"].as_str().unwrap().starts_with("refund of "), "{refunded}");
    let renewed = post(&sandbox, "/pay", json!({ "customer_key": "user_7", "renewal": true, "track": true })).await;
    assert_eq!(statuses(&renewed), [("/webhooks/stripe/42".to_owned(), 200), ("/api/v1/track/sale".to_owned(), 200)]);
    assert_eq!(sandbox.double_payments().len(), 1);

    let plain = start(builder()).await;
    Visitor::server(&plain).lead("user_7").await;
    let paid = post(&plain, "/pay", json!({ "customer_key": "user_7" })).await;
    assert_eq!(statuses(&paid), [("/api/v1/track/sale".to_owned(), 200)]);
    let refunded = post(&plain, "/refund", json!({ "payment": paid["payment"] })).await;
    assert_eq!(refunded["calls"][0]["received"]["status"], "reversed");
    let nobody = post(&plain, "/pay", json!({ "customer_key": "nobody" })).await;
    assert_eq!(statuses(&nobody), [("/api/v1/track/sale".to_owned(), 400)]);
}
