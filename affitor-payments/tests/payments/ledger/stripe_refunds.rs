//! Stripe: what it can take back, and what is held.

use affitor_payments::Stripe;

use super::{
    objects::{
        Api::{New, Old},
        *,
    },
    stripe::*,
    support::{Delivery, NOW, Row, row},
};

pub(crate) fn refunds() -> Vec<Row<Stripe>> {
    let failed = |number, cents| refund(number, cents).event("refund.failed").set("status", "failed");
    let pending = |number, cents| refund(number, cents).set("status", "pending");
    let ten: Vec<Delivery> =
        [7, 2, 9, 0, 4, 1, 8, 3, 6, 5].iter().map(|number| refund(*number, 100 + number)).collect();
    vec![
        after_checkout("full refund", |api| vec![refund(1, 4_900), charge_refunded(api, 4_900, 0)])
            .gives("sale pi_1 4900 USD user_7; full refund pi_1"),
        after_checkout("partial refund", |api| vec![refund(1, 1_500), charge_refunded(api, 1_500, 0)])
            .gives("sale pi_1 4900 USD user_7; partial refund pi_1 1500"),
        after_checkout("partial refunds that add up to everything", |_| vec![refund(1, 900), refund(2, 4_000)])
            .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900; partial refund pi_1 4000"),
        row("ten partial refunds, each three times", [vec![session()], ten.clone(), ten.clone(), ten].concat()).gives(
            "sale pi_1 4900 USD user_7; partial refund pi_1 107; partial refund pi_1 102; partial refund pi_1 109; \
             partial refund pi_1 100; partial refund pi_1 104; partial refund pi_1 101; partial refund pi_1 108; \
             partial refund pi_1 103; partial refund pi_1 106; partial refund pi_1 105",
        ),
        after_checkout("refund that is pending", |_| vec![pending(1, 900)]).gives("sale pi_1 4900 USD user_7"),
        after_checkout("refund that is pending, then succeeds", |_| vec![pending(1, 900), refund(1, 900)])
            .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900"),
        after_checkout("refund that is pending, then fails", |api| {
            vec![pending(1, 900), charge_refunded(api, 900, 0), failed(1, 900)]
        })
        .gives("sale pi_1 4900 USD user_7"),
        after_checkout("refund that is canceled", |_| vec![pending(1, 900), refund(1, 900).set("status", "canceled")])
            .gives("sale pi_1 4900 USD user_7"),
        after_checkout("refund that succeeds, then fails", |_| vec![refund(1, 900), failed(1, 900)])
            .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900; pi_1 reported, doubt reported_too_much")
            .order_matters("a refund that is known to have failed is not reported"),
        after_checkout("refund of more than was paid", |_| vec![refund(1, 9_000)])
            .gives("sale pi_1 4900 USD user_7; full refund pi_1"),
        after_checkout("refund in another currency", |_| vec![refund(1, 900).set("currency", "eur")])
            .gives("sale pi_1 4900 USD user_7; pi_1 reported, doubt other_currency"),
        both("refund before its sale", |api| vec![refund(1, 900), charge_refunded(api, 900, 0), session()])
            .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900"),
        row("refund without its sale", [refund(1, 900)]).gives("pi_1 sale_unknown"),
        row("refund that names no payment", [refund(1, 900).set("payment_intent", ()).set("charge", ())])
            .gives("ignored Unattributable"),
        after_checkout("charge total only", |api| vec![charge_refunded(api, 900, 0), charge_refunded(api, 1_500, 900)])
            .gives("sale pi_1 4900 USD user_7; partial refund pi_1 1500"),
        after_checkout("charge total and refund objects", |api| {
            vec![charge_refunded(api, 900, 0), refund(1, 900), charge_refunded(api, 1_500, 900), refund(2, 600)]
        })
        .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900; partial refund pi_1 600"),
        after_checkout("charge total whose refund fails later", |api| {
            vec![charge_refunded(api, 900, 0), refund(2, 1).after(3_600), failed(1, 900)]
        })
        .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900; pi_1 reported, doubt reported_too_much")
        .order_matters("a refund that is known to have failed is not reported"),
        after_checkout("refund by charge.refund.updated", |_| vec![refund(1, 900).event("charge.refund.updated")])
            .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900"),
        both("refund of a subscription's payment", |api| {
            [vec![subscription_session()], billed(api, |invoice| invoice), vec![refund(1, 900)]].concat()
        })
        .gives("sale in_1 4900 USD user_7 sub_1; partial refund in_1 900"),
        row(
            "refund before the link of its payment and invoice",
            [refund(1, 900), invoice(New), link("in_1", "pi_1", 4_900)],
        )
        .gives("sale in_1 4900 USD user_7 sub_1; partial refund in_1 900"),
        row(
            "refund of an invoice paid by a charge without a payment intent",
            [
                invoice(Old).set("payment_intent", ()),
                charge(Old).set("payment_intent", ()).set("invoice", "in_1"),
                refund(1, 900).set("payment_intent", ()),
            ],
        )
        .gives("sale in_1 4900 USD user_7 sub_1; partial refund in_1 900"),
        both("refund of a Checkout with invoice_creation", |api| {
            let paid = session().set("invoice", "in_1");
            [vec![paid], billed(api, manual), vec![refund(1, 4_900)]].concat()
        })
        .gives("sale pi_1 4900 USD user_7; full refund pi_1; in_1 counted_as pi_1"),
    ]
}

pub(crate) fn disputes() -> Vec<Row<Stripe>> {
    vec![
        after_checkout("dispute that is open", |_| {
            vec![dispute(4_900, "needs_response").event("charge.dispute.created")]
        })
        .gives("sale pi_1 4900 USD user_7"),
        after_checkout("dispute that is lost", |_| {
            vec![dispute(4_900, "under_review").event("charge.dispute.created"), dispute(4_900, "lost")]
        })
        .gives("sale pi_1 4900 USD user_7; full refund pi_1"),
        after_checkout("dispute that is won", |_| vec![dispute(4_900, "won")]).gives("sale pi_1 4900 USD user_7"),
        after_checkout("dispute of a part", |_| vec![dispute(900, "lost")])
            .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900"),
        after_checkout("inquiry that is closed", |_| vec![dispute(4_900, "warning_closed")])
            .gives("sale pi_1 4900 USD user_7"),
        after_checkout("dispute that is prevented", |_| vec![dispute(4_900, "prevented")])
            .gives("sale pi_1 4900 USD user_7"),
        after_checkout("dispute that is lost after a full refund", |_| vec![refund(1, 4_900), dispute(4_900, "lost")])
            .gives("sale pi_1 4900 USD user_7; full refund pi_1"),
        after_checkout("dispute that is lost after a partial refund", |_| vec![refund(1, 900), dispute(4_900, "lost")])
            .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900; partial refund pi_1 4000"),
        both("dispute of a subscription's payment", |api| {
            [billed(api, |invoice| invoice), vec![dispute(4_900, "lost")]].concat()
        })
        .gives("sale in_1 4900 USD user_7 sub_1; full refund in_1"),
        after_checkout("dispute in another currency", |_| vec![dispute(4_500, "lost").set("currency", "eur")])
            .gives("sale pi_1 4900 USD user_7; pi_1 reported, doubt other_currency"),
        after_checkout("dispute that is lost, then won", |_| vec![dispute(4_900, "lost"), dispute(4_900, "won")])
            .gives("sale pi_1 4900 USD user_7; full refund pi_1; pi_1 reported, doubt reported_too_much")
            .order_matters("a dispute that is known to be won is not reported"),
    ]
}

/// Before the start of the ledger, in seconds of Unix time.
pub(crate) const BEFORE: u64 = NOW - 40 * 24 * 60 * 60;

pub(crate) fn before_the_ledger() -> Vec<Row<Stripe>> {
    let old_invoice = |api| invoice(api).set("status_transitions.paid_at", BEFORE);
    let rows = vec![
        both("payment from before the ledger", |api| vec![old_invoice(api)]).gives("in_1 before_ledger"),
        row(
            "refund of an invoice from before the ledger",
            [old_invoice(New), link("in_1", "pi_1", 4_900), refund(1, 900)],
        )
        .gives("partial refund in_1 900; in_1 before_ledger"),
        row("dispute of a payment from before the ledger", [dispute(4_900, "lost")]).gives("pi_1 sale_unknown"),
        row("refund of an unknown payment, made after the start of the ledger", [charge_refunded(New, 900, 0)])
            .gives("pi_1 sale_unknown"),
    ];
    rows.into_iter().map(|row| row.policy(|policy| policy.since = NOW - 300)).collect()
}

pub(crate) fn held() -> Vec<Row<Stripe>> {
    vec![
        both("held: payment intent", |api| vec![elements(api)]).held("pi_1 held").gives("sale pi_1 4900 USD user_7"),
        both("held: manual invoice", |api| vec![manual(invoice(api)).set("metadata", of("user_7"))])
            .held("in_1 held")
            .gives("sale in_1 4900 USD user_7"),
        both("held: payment intent whose session arrives", |api| vec![elements(api), session()])
            .held("sale pi_1 4900 USD user_7")
            .gives("sale pi_1 4900 USD user_7"),
        both("held: Checkout with manual capture", |api| vec![session().set("payment_status", "unpaid"), intent(api)])
            .held("pi_1 held")
            .gives("sale pi_1 4900 USD user_7"),
        both("held: refund in the charge's total", |api| vec![session(), charge_refunded(api, 900, 0)])
            .held("sale pi_1 4900 USD user_7")
            .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900"),
        both("held: refund of a held payment", |api| vec![elements(api), refund(1, 900)])
            .held("pi_1 held")
            .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900"),
        both("not held: Checkout", |_| vec![session()])
            .held("sale pi_1 4900 USD user_7")
            .gives("sale pi_1 4900 USD user_7"),
        both("not held: invoice of a subscription", |api| vec![invoice(api)])
            .held("sale in_1 4900 USD user_7 sub_1")
            .gives("sale in_1 4900 USD user_7 sub_1"),
    ]
}
