//! The life of a subscription, told by Stripe's webhooks: each delivered twice, in any order, through both frameworks, in
//! both ages of Stripe's API and both readings of Affitor's documents. The commissions are right to the cent.

use std::{
    collections::VecDeque,
    time::{SystemTime, UNIX_EPOCH},
};

use affitor::{
    Click, Client, Lead, LeadOutcome,
    webhook::{Stripe, Webhook},
};
use affitor_sandbox::{Commission, Interpretations, Sandbox, SecondRefund};
use affitor_tests::shop::{Shop, ShopIn};
use serde_json::{Value, json};

/// 20 % of 49.00 USD.
const COMMISSION: u64 = 980;
const PRICE: u64 = 4_900;

/// How old Stripe's API is.
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

/// The checkout of a subscription with a trial: nothing is paid.
fn checkout(api: Api) -> Value {
    let object = json!({ "id": "cs_1", "mode": "subscription", "payment_status": "no_payment_required",
        "payment_intent": null, "invoice": "in_0", "subscription": "sub_1", "amount_total": 0, "currency": "usd",
        "metadata": { "program_id": "42", "affitor_customer_key": "user_7" } });
    stripe(api, "checkout.session.completed", &object, &Value::Null)
}

/// An invoice that is paid. In the new API a second event says by which payment.
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
    let by =
        json!({ "id": "inpay", "invoice": id, "payment": { "type": "payment_intent", "payment_intent": payment } });
    vec![stripe(api, "invoice.paid", &object, &Value::Null), stripe(api, "invoice_payment.paid", &by, &Value::Null)]
}

/// Money given back: Stripe says it twice, by charge and by refund, and an endpoint may hear both.
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

/// A subscription that is paid at its checkout: Stripe tells that twice, by session and by invoice.
fn paid_checkout(api: Api) -> Vec<Value> {
    let object = json!({ "id": "cs_5", "mode": "subscription", "payment_status": "paid", "payment_intent": null,
        "invoice": "in_5", "subscription": "sub_5", "amount_total": PRICE, "currency": "usd",
        "metadata": { "program_id": "42", "affitor_customer_key": "user_7" } });
    let mut events = vec![stripe(api, "checkout.session.completed", &object, &Value::Null)];
    events.extend(invoice(api, 5, "subscription_create", PRICE));
    events
}

/// A single payment of which Stripe has made an invoice afterwards, and which is given back: its refund names that invoice in the
/// old API, and its sale is tracked under the payment.
fn single_payment(api: Api) -> Vec<Value> {
    let object = json!({ "id": "cs_6", "mode": "payment", "payment_status": "paid", "payment_intent": "pi_6",
        "invoice": "in_6", "amount_total": PRICE, "currency": "usd",
        "metadata": { "program_id": "42", "affitor_customer_key": "user_7" } });
    let mut events = vec![stripe(api, "checkout.session.completed", &object, &Value::Null)];
    events.extend(invoice(api, 6, "manual", PRICE));
    events.extend(refund(api, 6, "re_6", PRICE, 0));
    events
}

/// Everything that happens, in its order.
fn life(api: Api) -> Vec<Value> {
    let mut events = vec![checkout(api)];
    events.extend(invoice(api, 0, "subscription_create", 0)); // the trial
    events.extend(paid_checkout(api));
    events.extend(single_payment(api));
    for number in 1..=4 {
        events.extend(invoice(api, number, "subscription_cycle", PRICE)); // the first payment, and three renewals
    }
    events.extend(refund(api, 2, "re_1", 1_500, 0)); // a part
    events.extend(refund(api, 2, "re_2", 1_000, 1_500)); // another part of the same
    events.extend(refund(api, 3, "re_3", PRICE, 0)); // all
    events.push(dispute(api, 4));
    events
}

struct World {
    sandbox: Sandbox,
    shop: Shop<Stripe>,
}

async fn world(framework: ShopIn, reading: SecondRefund) -> World {
    let mut interpretations = Interpretations::default();
    interpretations.second_refund = reading;
    let sandbox =
        Sandbox::builder().commission(Commission::lifetime(20)).interpretations(interpretations).start().await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).program_id(42).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = client.track_click(Click::landing(landing)).await.unwrap();
    let lead = Lead::new("user_7").click_id(click.click_id().cloned());
    assert_eq!(client.track_lead(lead).await.unwrap(), LeadOutcome::Recorded);
    let webhook = Webhook::<Stripe>::new("whsec_0123456789").unwrap();
    World { shop: Shop::with_subscriptions(framework, client, webhook).await, sandbox }
}

/// Delivers as Stripe does: what is answered with 503 comes again, behind the others.
async fn deliver(shop: &Shop<Stripe>, events: Vec<Value>) -> usize {
    let (mut waiting, mut again) = (VecDeque::from(events), 0);
    while let Some(event) = waiting.pop_front() {
        match shop.deliver(&event).await {
            200 => {}
            503 if again < 1_000 => {
                again += 1;
                waiting.push_back(event);
            }
            status => panic!("{status} after {again} deliveries more: {event}"),
        }
    }
    again
}

/// What is left of each sale's commission, by its invoice.
async fn left(sandbox: &Sandbox) -> Vec<(String, u64)> {
    let (sales, commissions) = (sandbox.sales(), sandbox.commissions());
    let left = |sale: &affitor_sandbox::SaleRecord| {
        let of = |made: &&affitor_sandbox::CommissionRecord| Some(made.commission_id) == sale.commission_id;
        commissions.iter().find(of).map_or(0, |made| made.amount_cents - made.deducted_cents)
    };
    let mut left: Vec<_> = sales.iter().map(|sale| (sale.transaction_id.clone(), left(sale))).collect();
    left.sort();
    left
}

fn expected(of_second: u64) -> Vec<(String, u64)> {
    [("in_1", COMMISSION), ("in_2", of_second), ("in_3", 0), ("in_4", 0), ("in_5", COMMISSION), ("pi_6", 0)]
        .map(|(invoice, left)| (invoice.to_owned(), left))
        .to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_its_order() {
    for framework in ShopIn::ALL {
        for api in [Api::Old, Api::New] {
            // In one reading a commission that was reduced once is final; in the other both parts count.
            for (reading, of_second) in [(SecondRefund::Skipped, 980 - 300), (SecondRefund::Taken, 980 - 500)] {
                let world = world(framework, reading).await;
                let again = deliver(&world.shop, life(api)).await;
                let what = format!("{framework:?}, {api:?} API, {reading:?}");
                assert_eq!(left(&world.sandbox).await, expected(of_second), "{what}");
                assert_eq!(again, 0, "{what}: nothing has to be delivered again");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twice_and_in_any_order() {
    for seed in 0..12 {
        for framework in ShopIn::ALL {
            for api in [Api::Old, Api::New] {
                let world = world(framework, SecondRefund::Taken).await;
                let mut events = life(api);
                events.extend(life(api));
                fastrand::Rng::with_seed(seed).shuffle(&mut events);
                deliver(&world.shop, events).await;
                let what = format!("{framework:?}, {api:?} API, seed {seed}");
                assert_eq!(left(&world.sandbox).await, expected(980 - 500), "{what}");
            }
        }
    }
}

/// Where a reduced commission is final, the part that arrives first counts, whichever it is.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_parts_the_first_to_arrive_counts_where_it_is_final() {
    for seed in 0..6 {
        for api in [Api::Old, Api::New] {
            let world = world(ShopIn::Axum, SecondRefund::Skipped).await;
            let mut events = life(api);
            events.extend(life(api));
            fastrand::Rng::with_seed(seed).shuffle(&mut events);
            deliver(&world.shop, events).await;
            let refunds = world.sandbox.refunds();
            let first = refunds.iter().find(|refund| refund.transaction_id == "in_2").unwrap().refund_amount_cents;
            let of_second = if first == Some(1_500) { 980 - 300 } else { 980 - 200 };
            assert_eq!(left(&world.sandbox).await, expected(of_second), "{api:?} API, seed {seed}");
        }
    }
}

/// A memory that ends with the process: the API can't tell a second delivery from a second refund of the same amount. In the
/// reading in which both count, a restart between the two takes too much. A durable outbox is what remembers.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_restart_forgets() {
    for (reading, of_second) in [(SecondRefund::Skipped, 980 - 300), (SecondRefund::Taken, 980 - 600)] {
        let world = world(ShopIn::Axum, reading).await;
        let mut events = invoice(Api::New, 2, "subscription_cycle", PRICE);
        events.extend(refund(Api::New, 2, "re_1", 1_500, 0));
        deliver(&world.shop, events.clone()).await;
        let client = Client::builder().api_key("test_key").api_url(world.sandbox.url()).program_id(42).build().unwrap();
        let webhook = Webhook::<Stripe>::new("whsec_0123456789").unwrap();
        let restarted = Shop::with_subscriptions(ShopIn::Axum, client, webhook).await;
        deliver(&restarted, events).await;
        assert_eq!(left(&world.sandbox).await, [("in_2".to_owned(), of_second)], "{reading:?}");
    }
}
