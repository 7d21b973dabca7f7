//! Stripe: refunds of sales that are not known: the app has reported them itself, or they are older than the ledger.

use affitor::Currency;
use affitor_payments::{Stripe, ledger::Reported};

use super::{
    objects::{Api::New, *},
    stripe_refunds::BEFORE,
    support::{Delivery, NOW, Row, row},
};

fn sold(cents: u64) -> impl Fn(&mut Reported) {
    move |reported| {
        *reported = Reported::sale(cents);
        reported.currency = Some(Currency::USD);
    }
}

fn refund_of(payment_intent: &str, number: u64, cents: u64) -> Delivery {
    refund(number, cents).set("payment_intent", payment_intent).set("charge", format!("ch_of_{payment_intent}"))
}

pub(crate) fn rows() -> Vec<Row<Stripe>> {
    let old_charge = |cents, before| charge_refunded(New, cents, before).set("created", BEFORE);
    let failed =
        || charge(New).event("charge.failed").set("id", "ch_0").set("status", "failed").set("amount_captured", 0);
    vec![
        row("total of refunds of a payment that the app has reported", [charge_refunded(New, 900, 0)])
            .reported("pi_1", sold(4_900))
            .held("pi_1 reported")
            .gives("partial refund pi_1 900; pi_1 reported"),
        row(
            "full refund after a partial one, of a payment that was refunded before the ledger",
            [old_charge(2_500, 1_000), old_charge(4_900, 2_500).after(3_600)],
        )
        .policy(|policy| policy.since = NOW - 300)
        .gives("partial refund pi_1 1500; full refund pi_1; pi_1 before_ledger, doubt uncertain_id")
        .order_matters("a full refund says it all"),
        row(
            "refunds of both payments of an invoice that the app has reported",
            [
                link("in_1", "pi_1", 2_000),
                link("in_1", "pi_2", 2_900),
                refund_of("pi_1", 1, 2_000),
                refund_of("pi_2", 2, 2_900),
            ],
        )
        .reported("in_1", sold(4_900))
        .gives("partial refund in_1 2000; partial refund in_1 2900; in_1 reported")
        .order_matters("the links must be known before the refunds"),
        row(
            "equal refunds of both payments of an invoice that the app has reported",
            [
                link("in_1", "pi_1", 2_450),
                link("in_1", "pi_2", 2_450),
                refund_of("pi_1", 1, 2_450),
                refund_of("pi_2", 2, 2_450),
            ],
        )
        .reported("in_1", sold(4_900))
        .gives("partial refund in_1 2450; partial refund in_1 2450; in_1 reported")
        .order_matters("the links must be known before the refunds"),
        row(
            "refund of an invoice that the app has reported, and of which only the payment intent arrives",
            [intent(New), link("in_1", "pi_1", 4_900), refund(1, 900)],
        )
        .reported("in_1", sold(4_900))
        .gives("partial refund in_1 900; in_1 reported")
        .order_matters("the link must be known before the refund"),
        row(
            "refund of a payment intent from before the ledger, which names nobody",
            [intent(New).set("created", BEFORE).top("created", BEFORE), refund(1, 900)],
        )
        .policy(|policy| policy.since = NOW - 300)
        .gives("partial refund pi_1 900; pi_1 before_ledger"),
        row("refund of a payment intent that names nobody", [intent(New), refund(1, 900)])
            .policy(|policy| policy.since = NOW - 300)
            .gives("pi_1 no_customer"),
        row(
            "refund of a payment from before the ledger that failed at first",
            [failed().set("created", BEFORE), charge(New).set("created", BEFORE), refund(1, 900)],
        )
        .policy(|policy| policy.since = NOW - 300)
        .gives("partial refund pi_1 900; pi_1 before_ledger, doubt uncertain_id"),
        row(
            "dispute in another currency than the sale that the app has reported",
            [dispute(4_500, "lost").set("currency", "eur")],
        )
        .reported("pi_1", sold(4_900))
        .gives("pi_1 reported, doubt other_currency"),
        row(
            "refund of a charge in another currency than the sale that the app has reported",
            [
                charge(New).set("currency", "eur").set("amount", 4_500).set("amount_captured", 4_500),
                refund(1, 4_500).set("currency", "eur"),
            ],
        )
        .reported("pi_1", sold(4_900))
        .gives("full refund pi_1; pi_1 reported"),
    ]
}
