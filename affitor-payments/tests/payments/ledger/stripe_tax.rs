//! Stripe: commissions on what was paid without tax, and credit notes, which tell how much of a refund is tax.

use affitor_payments::{
    Stripe,
    ledger::{CommissionOn, Policy},
};
use serde_json::json;

use super::{
    objects::{Api, *},
    stripe::both,
    support::{Delivery, Row},
};

fn net(policy: &mut Policy) {
    policy.commission_on = CommissionOn::Net;
}

/// An invoice of 59.50 dollars, of which 9.50 are tax, and its payment.
fn taxed(api: Api) -> Vec<Delivery> {
    let whole = |delivery: Delivery, fields: &[&str]| fields.iter().fold(delivery, |it, field| it.set(field, 5_950));
    let mut deliveries = vec![whole(invoice(api), &["amount_paid", "total"]).set("total_excluding_tax", 5_000)];
    if api == Api::New {
        deliveries.push(link("in_1", "pi_1", 5_950));
    }
    deliveries.extend([
        whole(intent(api), &["amount", "amount_received"]),
        whole(charge(api), &["amount", "amount_captured"]),
    ]);
    deliveries
}

/// A credit note that returns money.
fn credit_note(number: u64, cents: u64, without_tax: u64) -> Delivery {
    let refund = format!("re_{number}");
    let object = json!({
        "id": format!("cn_{number}"), "object": "credit_note", "invoice": "in_1", "status": "issued", "type": "post_payment",
        "amount": cents, "total": cents, "total_excluding_tax": without_tax, "post_payment_amount": cents,
        "pre_payment_amount": 0, "currency": "usd", "refund": refund,
        "refunds": [{ "refund": refund, "amount_refunded": cents, "type": "refund" }], "created": 1_790_000_000,
    });
    stripe("credit_note.created", &object)
}

fn with(api: Api, more: impl IntoIterator<Item = Delivery>) -> Vec<Delivery> {
    taxed(api).into_iter().chain(more).collect()
}

pub(crate) fn tax() -> Vec<Row<Stripe>> {
    vec![
        both("tax, commission on the net amount", |api| {
            let session = session().set("amount_total", 5_950).set("total_details.amount_tax", 950);
            vec![
                session,
                refund(1, 1_983),
                refund(2, 1_983),
                refund(3, 1_983),
                refund(4, 1),
                charge(api).set("amount", 5_950),
            ]
        })
        .policy(net)
        .gives(
            "sale pi_1 5000 USD user_7; partial refund pi_1 1666; partial refund pi_1 1667; partial refund pi_1 1666; \
             partial refund pi_1 1",
        ),
        both("invoice with tax, commission on the net amount", |api| {
            let taxed = |invoice: Delivery| {
                invoice.set("amount_paid", 5_950).set("total", 5_950).set("total_excluding_tax", 5_000)
            };
            vec![taxed(invoice(api))]
        })
        .policy(net)
        .gives("sale in_1 5000 USD user_7 sub_1"),
        both("invoice with tax, paid partly by credit balance, commission on the net amount", |api| {
            vec![invoice(api).set("amount_paid", 2_975).set("total", 5_950).set("total_excluding_tax", 5_000)]
        })
        .policy(net)
        .gives("sale in_1 2500 USD user_7 sub_1"),
        both("credit note with a refund", |api| {
            [billed(api, |invoice| invoice), vec![credit_note(1, 900, 900), refund(1, 900)]].concat()
        })
        .gives("sale in_1 4900 USD user_7 sub_1; partial refund in_1 900"),
        both("credit note without a refund", |api| {
            let note = credit_note(1, 900, 900).set("refund", ()).set("refunds", json!([]));
            [billed(api, |invoice| invoice), vec![note]].concat()
        })
        .gives("sale in_1 4900 USD user_7 sub_1; ignored OtherType"),
        both("refund of an invoice without a credit note, commission on the net amount", |api| {
            with(api, [refund(1, 1_190)])
        })
        .policy(net)
        .held("sale in_1 5000 USD user_7 sub_1")
        .gives("sale in_1 5000 USD user_7 sub_1; partial refund in_1 1000"),
        both("refund with a credit note, commission on the net amount", |api| {
            with(api, [refund(1, 1_190), credit_note(1, 1_190, 1_190)])
        })
        .policy(net)
        .held("sale in_1 5000 USD user_7 sub_1; partial refund in_1 1190")
        .gives("sale in_1 5000 USD user_7 sub_1; partial refund in_1 1190"),
        both("credit note of tax alone, commission on the net amount", |api| {
            with(api, [refund(1, 950), credit_note(1, 950, 0)])
        })
        .policy(net)
        .gives("sale in_1 5000 USD user_7 sub_1"),
        both("one refund with a credit note and one without, commission on the net amount", |api| {
            with(api, [refund(1, 950), credit_note(1, 950, 0), refund(2, 1_190)])
        })
        .policy(net)
        .held("sale in_1 5000 USD user_7 sub_1")
        .gives("sale in_1 5000 USD user_7 sub_1; partial refund in_1 1000"),
        both("everything is refunded, commission on the net amount", |api| with(api, [refund(1, 5_950)]))
            .policy(net)
            .held("sale in_1 5000 USD user_7 sub_1; full refund in_1")
            .gives("sale in_1 5000 USD user_7 sub_1; full refund in_1"),
        both("credit note of tax alone, while a dispute is open, commission on the net amount", |api| {
            with(api, [dispute(5_950, "needs_response"), refund(1, 950), credit_note(1, 950, 0)])
        })
        .policy(net)
        .gives("sale in_1 5000 USD user_7 sub_1"),
        both("credit note that was voided, commission on the net amount", |api| {
            let voided = credit_note(1, 950, 0).event("credit_note.voided").set("status", "void");
            with(api, [refund(1, 1_190), credit_note(1, 1_190, 0).set("status", "void"), voided])
        })
        .policy(net)
        .gives("sale in_1 5000 USD user_7 sub_1; partial refund in_1 1000"),
        both("credit note after the hold that takes back less, commission on the net amount", |api| {
            with(api, [refund(1, 1_190), credit_note(1, 1_190, 240).after(3_600)])
        })
        .policy(net)
        .order_matters("what was reported can't be taken back")
        .gives("sale in_1 5000 USD user_7 sub_1; partial refund in_1 1000; in_1 reported, doubt reported_too_much"),
        both("credit note after the hold that takes back more, commission on the net amount", |api| {
            with(api, [refund(1, 1_190), credit_note(1, 1_190, 1_190).after(3_600)])
        })
        .policy(net)
        .order_matters("the rest is another refund")
        .gives("sale in_1 5000 USD user_7 sub_1; partial refund in_1 1000; partial refund in_1 190"),
        both("refund of an invoice without a credit note", |api| with(api, [refund(1, 1_190)]))
            .held("sale in_1 5950 USD user_7 sub_1; partial refund in_1 1190")
            .gives("sale in_1 5950 USD user_7 sub_1; partial refund in_1 1190"),
    ]
}
