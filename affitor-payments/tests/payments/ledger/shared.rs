//! What the providers share: programs, currencies, times, ids, and what the app has reported itself. Shown with Stripe.

use affitor_payments::{
    Stripe,
    ledger::{CommissionOn, Reported},
};

use super::{
    objects::{Api::New, *},
    support::{Delivery, NOW, Row, row},
};

pub(crate) fn rows() -> Vec<Row<Stripe>> {
    [payments(), times(), ids(), reports(), corner_cases()].into_iter().flatten().collect()
}

/// Another payment.
fn second() -> Delivery {
    session().set("id", "cs_2").set("payment_intent", "pi_2")
}

fn payments() -> Vec<Row<Stripe>> {
    vec![
        row("two payments", [session(), second(), refund(1, 900)])
            .gives("sale pi_1 4900 USD user_7; sale pi_2 4900 USD user_7; partial refund pi_1 900"),
        row("several programs at one provider", [session(), second().set("metadata.program_id", "43")])
            .gives("sale pi_1 4900 USD user_7; pi_2 other_program"),
        row("no program is set", [session(), second().set("metadata.program_id", "43")])
            .policy(|policy| policy.program_id = None)
            .gives("sale pi_1 4900 USD user_7; sale pi_2 4900 USD user_7"),
        row(
            "currency of a payment that changes",
            [session(), session().set("currency", "eur").set("amount_total", 4_500)],
        )
        .gives("sale pi_1 4900 USD user_7")
        .order_matters("what was reported stays"),
        row("amount of a payment that changes", [session(), session().set("amount_total", 4_500)])
            .gives("sale pi_1 4900 USD user_7")
            .order_matters("what was reported stays"),
        row(
            "the same ids in live and in test mode",
            [session(), session().top("livemode", false), refund(1, 900).top("livemode", false)],
        )
        .gives("sale pi_1 4900 USD user_7; sale pi_1 4900 USD user_7 test"),
        row("amount that is a text", [session().set("amount_total", "4900")]).gives("refused amount_total"),
        row("amount that is negative", [session().set("amount_total", -4_900)]).gives("refused amount_total"),
        row("amount that is too large for JSON", [session().set("amount_total", 1_u64 << 53)])
            .gives("refused amount_total"),
        row("invoice with the id of a payment intent", [invoice(New).set("id", "pi_1")]).gives("refused id"),
        row("session with the id of an invoice", [session().set("id", "in_1")]).gives("refused id"),
        row("currency that does not exist", [session().set("currency", "dollars")]).gives("refused currency"),
    ]
}

fn times() -> Vec<Row<Stripe>> {
    const DAY: u64 = 24 * 60 * 60;
    let since = |row: Row<Stripe>| row.policy(|policy| policy.since = NOW - 300);
    vec![
        since(row("clock of the provider a day ahead", [session().top("created", NOW + DAY)]))
            .gives("sale pi_1 4900 USD user_7"),
        row("clock of the provider ten years behind", [session().top("created", NOW - 3_650 * DAY)])
            .gives("sale pi_1 4900 USD user_7"),
        since(row(
            "clock of the provider a day behind, at the start of the ledger",
            [session().top("created", NOW - DAY)],
        ))
        .gives("pi_1 before_ledger"),
        since(row("time that is out of range", [session().top("created", u64::MAX)]))
            .gives("sale pi_1 4900 USD user_7"),
        since(row("time that is missing", [session().top("created", ())])).gives("sale pi_1 4900 USD user_7"),
    ]
}

/// An id of 300 characters.
fn long() -> String {
    format!("pi_{}", "1".repeat(297))
}

fn ids() -> Vec<Row<Stripe>> {
    let manual = || manual(invoice(New)).set("metadata", of("user_7"));
    vec![
        row("id with a NUL", [session().set("payment_intent", "pi_\0")]).gives("sale pi_\0 4900 USD user_7"),
        row("id of 300 characters", [session().set("payment_intent", long())])
            .gives(format!("sale {} 4900 USD user_7", long())),
        row("id that is blank", [session().set("payment_intent", " ")]).gives("sale cs_1 4900 USD user_7"),
        row("id that is two kinds of objects", [manual().set("id", "x_1"), elements().set("id", "x_1")])
            .gives("sale x_1 4900 USD user_7"),
        row("id that is a payment and a refund", [session(), refund(1, 900).set("id", "pi_1"), refund(2, 900)])
            .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900; partial refund pi_1 900"),
    ]
}

fn elements() -> Delivery {
    intent(New).set("metadata", of("user_7"))
}

/// A Checkout payment with an invoice.
fn with_invoice() -> [Delivery; 3] {
    [session().set("invoice", "in_1"), manual(invoice(New)), link("in_1", "pi_1", 4_900)]
}

fn sold(cents: u64) -> impl Fn(&mut Reported) {
    move |reported| *reported = Reported::sale(cents)
}

fn reports() -> Vec<Row<Stripe>> {
    vec![
        row("sale that the app has reported", [session(), refund(1, 900)])
            .reported("pi_1", sold(4_900))
            .gives("partial refund pi_1 900; pi_1 reported"),
        row("sale that the app has reported, and of which only a refund arrives", [refund(1, 4_900)])
            .reported("pi_1", sold(4_900))
            .gives("full refund pi_1; pi_1 reported"),
        row(
            "sale that the app has reported under the invoice",
            [link("in_1", "pi_1", 4_900), manual(invoice(New)), session().set("invoice", "in_1"), refund(1, 900)],
        )
        .reported("in_1", sold(4_900))
        .gives("partial refund in_1 900; in_1 reported; pi_1 counted_as in_1")
        .order_matters("the invoice must be known before the payment"),
        row(
            "invoice that the app has reported, and of which only a refund arrives",
            [link("in_1", "pi_1", 4_900), refund(1, 900)],
        )
        .reported("in_1", sold(4_900))
        .gives("partial refund in_1 900; in_1 reported"),
        row("sale that was reported under two ids", with_invoice())
            .reported("in_1", sold(4_900))
            .reported("pi_1", sold(4_900))
            .gives("in_1 reported, doubt counted_twice; pi_1 reported"),
        row("sale that the app has reported with another amount", [session(), refund(1, 2_450)])
            .reported("pi_1", sold(4_000))
            .gives("partial refund pi_1 2000; pi_1 reported")
            .order_matters("without the session, it is unknown how much was paid"),
        row("refund that the app has reported", [session(), refund(1, 900), refund(2, 600)])
            .reported("pi_1", |reported| {
                *reported = Reported::sale(4_900);
                reported.refunded_cents = 900;
            })
            .gives("partial refund pi_1 600; pi_1 reported"),
        row("full refund that the app has reported", [session(), refund(1, 4_900)])
            .reported("pi_1", |reported| {
                *reported = Reported::sale(4_900);
                reported.fully_refunded = true;
            })
            .gives("pi_1 reported"),
        row("more reported as refunded than was returned", [session(), refund(1, 900)])
            .reported("pi_1", |reported| {
                *reported = Reported::sale(4_900);
                reported.refunded_cents = 1_500;
            })
            .gives("pi_1 reported, doubt reported_too_much"),
        row(
            "commission that changes after the sale",
            [session().set("total_details.amount_tax", 900), refund(1, 2_450)],
        )
        .reported("pi_1", sold(4_900))
        .policy(|policy| policy.commission_on = CommissionOn::Net)
        .gives("partial refund pi_1 2450; pi_1 reported"),
        row("sale that was discarded", [session(), refund(1, 900)])
            .reported("pi_1", |reported| {
                *reported = Reported::sale(4_900);
                reported.discarded = true;
            })
            .gives("pi_1 discarded")
            .order_matters("see the known row about a refund of a discarded sale"),
    ]
}

/// Rows that give a wrong result.
fn corner_cases() -> Vec<Row<Stripe>> {
    vec![
        row("session of a sale that the app has reported under the invoice", with_invoice())
            .reported("in_1", sold(4_900))
            .gives("in_1 reported; pi_1 counted_as in_1"),
        row("refund of a discarded sale, of which nothing else is known", [refund(1, 900)])
            .reported("pi_1", |reported| {
                *reported = Reported::sale(4_900);
                reported.discarded = true;
            })
            .gives("pi_1 discarded"),
        row(
            "full refund of one of several payments of an invoice that the app has reported",
            [
                link("in_1", "pi_1", 2_000),
                link("in_1", "pi_2", 2_900),
                charge_refunded(New, 2_000, 0).set("amount", 2_000).set("amount_captured", 2_000),
            ],
        )
        .reported("in_1", sold(4_900))
        .gives("partial refund in_1 2000; in_1 reported"),
        row("refund of a sale that was reported under two ids", [&with_invoice()[..], &[refund(1, 4_900)]].concat())
            .reported("in_1", sold(4_900))
            .reported("pi_1", sold(4_900))
            .gives("full refund pi_1; full refund in_1; in_1 reported, doubt counted_twice; pi_1 reported"),
    ]
}
