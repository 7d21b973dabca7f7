//! The life of a subscription in Stripe's webhooks, and what remains of its commissions.

use std::time::{SystemTime, UNIX_EPOCH};

use affitor::{Click, Client, Lead, LeadOutcome};
use affitor_sandbox::{Commission, Interpretations, Sandbox, SecondRefund};
use serde_json::{Value, json};

/// 20 % of 49.00 USD.
pub(crate) const COMMISSION: u64 = 980;
pub(crate) const PRICE: u64 = 4_900;

/// Version of Stripe's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
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
pub(crate) fn invoice(api: Api, number: u64, reason: &str, paid: u64) -> Vec<Value> {
    let (id, payment) = (format!("in_{number}"), format!("pi_{number}"));
    let metadata = json!({ "program_id": "42", "affitor_customer_key": "user_7" });
    let mut object = json!({ "id": id, "object": "invoice", "status": "paid", "billing_reason": reason, "amount_paid": paid,
        "currency": "usd", "metadata": {} });
    // A manual invoice has no subscription, so Stripe puts no metadata of one into it.
    let of_subscription = reason != "manual";
    if api == Api::Old {
        object["subscription"] = if of_subscription { json!("sub_1") } else { Value::Null };
        object["subscription_details"] = if of_subscription { json!({ "metadata": metadata }) } else { Value::Null };
        // Nothing is paid in a trial.
        object["payment_intent"] = if paid > 0 { json!(payment) } else { Value::Null };
        return vec![stripe(api, "invoice.paid", &object, &Value::Null)];
    }
    object["parent"] = if of_subscription {
        json!({ "type": "subscription_details", "subscription_details": { "subscription": "sub_1", "metadata": metadata } })
    } else {
        Value::Null
    };
    if paid == 0 {
        return vec![stripe(api, "invoice.paid", &object, &Value::Null)];
    }
    let invoice_payment = json!({ "id": format!("inpay_{number}"), "object": "invoice_payment", "status": "paid",
        "amount_paid": paid, "invoice": id, "payment": { "type": "payment_intent", "payment_intent": payment } });
    vec![
        stripe(api, "invoice.paid", &object, &Value::Null),
        stripe(api, "invoice_payment.paid", &invoice_payment, &Value::Null),
    ]
}

/// A refund. Stripe reports it twice, on the charge and as a refund, and an endpoint may receive both.
pub(crate) fn refund(api: Api, number: u64, id: &str, amount: u64, before: u64) -> Vec<Value> {
    let payment = format!("pi_{number}");
    let mut charge = json!({ "id": format!("ch_{number}"), "amount": PRICE, "amount_refunded": before + amount,
        "object": "charge", "captured": true, "amount_captured": PRICE, "currency": "usd", "payment_intent": payment,
        "refunded": before + amount == PRICE });
    if api == Api::Old {
        charge["invoice"] = json!(format!("in_{number}"));
    }
    let refund = json!({ "id": id, "object": "refund", "amount": amount, "currency": "usd", "status": "succeeded",
            "payment_intent": payment, "charge": format!("ch_{number}"), "reason": null });
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
pub(crate) fn life(api: Api) -> Vec<Value> {
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

/// Returns the remaining commission of each sale, by transaction id.
pub(crate) fn remaining_commissions(sandbox: &Sandbox) -> Vec<(String, u64)> {
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
pub(crate) fn expected(second_renewal: u64) -> Vec<(String, u64)> {
    [("in_1", COMMISSION), ("in_2", second_renewal), ("in_3", 0), ("in_4", 0), ("in_5", COMMISSION), ("pi_6", 0)]
        .map(|(transaction_id, remaining)| (transaction_id.to_owned(), remaining))
        .to_vec()
}

/// Starts a sandbox that knows the customer, and returns the shop's client.
pub(crate) async fn sandbox_with_customer(second_refund: SecondRefund) -> (Sandbox, Client) {
    let mut interpretations = Interpretations::default();
    interpretations.second_refund = second_refund;
    let sandbox =
        Sandbox::builder().commission(Commission::lifetime(20)).interpretations(interpretations).start().await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).program_id(42).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = client.track_click(Click::landing(landing)).await.unwrap();
    let lead = Lead::new("user_7").click_id(click.click_id().cloned());
    assert_eq!(client.track_lead(lead).await.unwrap(), LeadOutcome::Recorded);
    (sandbox, client)
}
