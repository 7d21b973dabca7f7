//! The life of a subscription in Stripe's webhooks: delivered in order, and twice in random order, through both frameworks, with
//! old and new versions of Stripe's API, and in both interpretations of Affitor's documentation. The commissions must be correct
//! to the cent.

use std::{
    collections::VecDeque,
    time::{SystemTime, UNIX_EPOCH},
};

use affitor::{
    Click, Client, Lead, LeadOutcome,
    webhook::{Stripe, Webhook},
};
use affitor_sandbox::{Commission, Interpretations, Sandbox, SecondRefund};
use affitor_tests::shop::{Shop, ShopFramework};
use serde_json::{Value, json};

/// 20 % of 49.00 USD.
const COMMISSION: u64 = 980;
const PRICE: u64 = 4_900;

/// Version of Stripe's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Api {
    Old,
    New,
}

fn stripe(api: Api, kind: &str, object: &Value, previous: &Value) -> Value {
    let api_version = if api == Api::New { "2025-09-30.clover" } else { "2024-06-20" };
    let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    json!({ "id": "evt", "object": "event", "api_version": api_version, "created": created, "livemode": true,
        "type": kind, "data": { "object": object, "previous_attributes": previous } })
}

/// The checkout of a subscription with a trial. Nothing is paid.
fn checkout(api: Api) -> Value {
    let object = json!({ "id": "cs_1", "mode": "subscription", "payment_status": "no_payment_required",
        "payment_intent": null, "invoice": "in_0", "subscription": "sub_1", "amount_total": 0, "currency": "usd",
        "metadata": { "program_id": "42", "affitor_customer_key": "user_7" } });
    stripe(api, "checkout.session.completed", &object, &Value::Null)
}

/// A paid invoice. In the new API, a second event names the payment.
fn invoice(api: Api, number: u64, reason: &str, paid: u64) -> Vec<Value> {
    let (id, payment) = (format!("in_{number}"), format!("pi_{number}"));
    let metadata = json!({ "program_id": "42", "affitor_customer_key": "user_7" });
    let mut object = json!({ "id": id, "billing_reason": reason, "amount_paid": paid, "currency": "usd" });
    if api == Api::Old {
        object["subscription"] = json!("sub_1");
        object["subscription_details"] = json!({ "metadata": metadata });
        object["payment_intent"] = json!(payment);
        return vec![stripe(api, "invoice.paid", &object, &Value::Null)];
    }
    object["parent"] = json!({ "subscription_details": { "subscription": "sub_1", "metadata": metadata } });
    let invoice_payment =
        json!({ "id": "inpay", "invoice": id, "payment": { "type": "payment_intent", "payment_intent": payment } });
    vec![
        stripe(api, "invoice.paid", &object, &Value::Null),
        stripe(api, "invoice_payment.paid", &invoice_payment, &Value::Null),
    ]
}

/// A refund. Stripe reports it twice, on the charge and as a refund, and an endpoint may receive both.
fn refund(api: Api, number: u64, id: &str, amount: u64, before: u64) -> Vec<Value> {
    let payment = format!("pi_{number}");
    let mut charge = json!({ "id": format!("ch_{number}"), "amount": PRICE, "amount_refunded": before + amount,
        "currency": "usd", "payment_intent": payment, "refunded": before + amount == PRICE });
    if api == Api::Old {
        charge["invoice"] = json!(format!("in_{number}"));
    }
    let refund =
        json!({ "id": id, "amount": amount, "status": "succeeded", "payment_intent": payment, "reason": null });
    vec![
        stripe(api, "charge.refunded", &charge, &json!({ "amount_refunded": before })),
        stripe(api, "refund.created", &refund, &Value::Null),
    ]
}

fn dispute(api: Api, number: u64) -> Value {
    let object = json!({ "id": "du_1", "amount": PRICE, "status": "lost", "currency": "usd", "payment_intent": format!("pi_{number}") });
    stripe(api, "charge.dispute.closed", &object, &Value::Null)
}

/// A subscription that is paid at the checkout. Stripe reports it twice, as a session and as an invoice.
fn paid_checkout(api: Api) -> Vec<Value> {
    let object = json!({ "id": "cs_5", "mode": "subscription", "payment_status": "paid", "payment_intent": null,
        "invoice": "in_5", "subscription": "sub_5", "amount_total": PRICE, "currency": "usd",
        "metadata": { "program_id": "42", "affitor_customer_key": "user_7" } });
    let mut events = vec![stripe(api, "checkout.session.completed", &object, &Value::Null)];
    events.extend(invoice(api, 5, "subscription_create", PRICE));
    events
}

/// A single payment for which Stripe creates an invoice afterwards, and which is refunded. The sale is tracked under the payment,
/// and in the old API the refund names the invoice.
fn single_payment(api: Api) -> Vec<Value> {
    let object = json!({ "id": "cs_6", "mode": "payment", "payment_status": "paid", "payment_intent": "pi_6",
        "invoice": "in_6", "amount_total": PRICE, "currency": "usd",
        "metadata": { "program_id": "42", "affitor_customer_key": "user_7" } });
    let mut events = vec![stripe(api, "checkout.session.completed", &object, &Value::Null)];
    events.extend(invoice(api, 6, "manual", PRICE));
    events.extend(refund(api, 6, "re_6", PRICE, 0));
    events
}

/// All events, in order.
fn life(api: Api) -> Vec<Value> {
    let mut events = vec![checkout(api)];
    events.extend(invoice(api, 0, "subscription_create", 0)); // the trial
    events.extend(paid_checkout(api));
    events.extend(single_payment(api));
    for number in 1..=4 {
        events.extend(invoice(api, number, "subscription_cycle", PRICE)); // the first payment, and three renewals
    }
    events.extend(refund(api, 2, "re_1", 1_500, 0)); // a partial refund
    events.extend(refund(api, 2, "re_2", 1_000, 1_500)); // another partial refund of the same payment
    events.extend(refund(api, 3, "re_3", PRICE, 0)); // a full refund
    events.push(dispute(api, 4));
    events
}

struct World {
    sandbox: Sandbox,
    shop: Shop<Stripe>,
}

async fn world(framework: ShopFramework, second_refund: SecondRefund) -> World {
    let mut interpretations = Interpretations::default();
    interpretations.second_refund = second_refund;
    let sandbox =
        Sandbox::builder().commission(Commission::lifetime(20)).interpretations(interpretations).start().await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).program_id(42).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = client.track_click(Click::landing(landing)).await.unwrap();
    let lead = Lead::new("user_7").click_id(click.click_id().cloned());
    assert_eq!(client.track_lead(lead).await.unwrap(), LeadOutcome::Recorded);
    let webhook = Webhook::<Stripe>::new("whsec_0123456789").unwrap();
    World { shop: Shop::start_with_subscriptions(framework, client, webhook).await, sandbox }
}

/// Delivers as Stripe does: a webhook whose response is 503 is redelivered after the others. Returns the number of redeliveries.
async fn deliver(shop: &Shop<Stripe>, events: Vec<Value>) -> usize {
    let (mut waiting, mut redeliveries) = (VecDeque::from(events), 0);
    while let Some(event) = waiting.pop_front() {
        match shop.deliver(&event).await {
            200 => {}
            503 if redeliveries < 1_000 => {
                redeliveries += 1;
                waiting.push_back(event);
            }
            status => panic!("{status} after {redeliveries} redeliveries: {event}"),
        }
    }
    redeliveries
}

/// Returns the remaining commission of each sale, by transaction id.
async fn remaining_commissions(sandbox: &Sandbox) -> Vec<(String, u64)> {
    let (sales, commissions) = (sandbox.sales(), sandbox.commissions());
    let remaining = |sale: &affitor_sandbox::SaleRecord| {
        let commission = commissions.iter().find(|commission| Some(commission.commission_id) == sale.commission_id);
        commission.map_or(0, |commission| commission.amount_cents - commission.deducted_cents)
    };
    let mut all: Vec<_> = sales.iter().map(|sale| (sale.transaction_id.clone(), remaining(sale))).collect();
    all.sort();
    all
}

/// `second_renewal` is the remaining commission of `in_2`, which has two partial refunds.
fn expected(second_renewal: u64) -> Vec<(String, u64)> {
    [("in_1", COMMISSION), ("in_2", second_renewal), ("in_3", 0), ("in_4", 0), ("in_5", COMMISSION), ("pi_6", 0)]
        .map(|(transaction_id, remaining)| (transaction_id.to_owned(), remaining))
        .to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_in_order() {
    for framework in ShopFramework::ALL {
        for api in [Api::Old, Api::New] {
            // In one interpretation, only the first of two partial refunds counts. In the other, both count.
            for (second_refund, remaining) in [(SecondRefund::Skipped, 980 - 300), (SecondRefund::Taken, 980 - 500)] {
                let world = world(framework, second_refund).await;
                let redeliveries = deliver(&world.shop, life(api)).await;
                let name = format!("{framework:?}, {api:?} API, {second_refund:?}");
                assert_eq!(remaining_commissions(&world.sandbox).await, expected(remaining), "{name}");
                assert_eq!(redeliveries, 0, "{name}: no redelivery is necessary");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_twice_in_random_order() {
    for seed in 0..12 {
        for framework in ShopFramework::ALL {
            for api in [Api::Old, Api::New] {
                let world = world(framework, SecondRefund::Taken).await;
                let mut events = life(api);
                events.extend(life(api));
                fastrand::Rng::with_seed(seed).shuffle(&mut events);
                deliver(&world.shop, events).await;
                let name = format!("{framework:?}, {api:?} API, seed {seed}");
                assert_eq!(remaining_commissions(&world.sandbox).await, expected(980 - 500), "{name}");
            }
        }
    }
}

/// If only the first partial refund counts, it is the one that arrives first, whichever that is.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_partial_refund_to_arrive_counts() {
    for seed in 0..6 {
        for api in [Api::Old, Api::New] {
            let world = world(ShopFramework::Axum, SecondRefund::Skipped).await;
            let mut events = life(api);
            events.extend(life(api));
            fastrand::Rng::with_seed(seed).shuffle(&mut events);
            deliver(&world.shop, events).await;
            let refunds = world.sandbox.refunds();
            let first = refunds.iter().find(|refund| refund.transaction_id == "in_2").unwrap().refund_amount_cents;
            let remaining = if first == Some(1_500) { 980 - 300 } else { 980 - 200 };
            assert_eq!(remaining_commissions(&world.sandbox).await, expected(remaining), "{api:?} API, seed {seed}");
        }
    }
}

/// The endpoint's memory is lost at a restart, and the API can't tell a redelivery from a second refund of the same amount. If both
/// count, a restart between two deliveries deducts too much. Only a durable outbox remembers.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_the_memory_of_refunds() {
    for (second_refund, remaining) in [(SecondRefund::Skipped, 980 - 300), (SecondRefund::Taken, 980 - 600)] {
        let world = world(ShopFramework::Axum, second_refund).await;
        let mut events = invoice(Api::New, 2, "subscription_cycle", PRICE);
        events.extend(refund(Api::New, 2, "re_1", 1_500, 0));
        deliver(&world.shop, events.clone()).await;
        let client = Client::builder().api_key("test_key").api_url(world.sandbox.url()).program_id(42).build().unwrap();
        let webhook = Webhook::<Stripe>::new("whsec_0123456789").unwrap();
        let restarted = Shop::start_with_subscriptions(ShopFramework::Axum, client, webhook).await;
        deliver(&restarted, events).await;
        assert_eq!(remaining_commissions(&world.sandbox).await, [("in_2".to_owned(), remaining)], "{second_refund:?}");
    }
}
