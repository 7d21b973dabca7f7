//! Stripe: what it can sell. What it can take back is in `stripe_refunds.rs`.

use affitor::Currency;
use affitor_payments::{
    Stripe, StripeReporter,
    ledger::{CommissionOn, Reported},
};
use serde_json::json;

use super::{
    objects::{
        Api::{New, Old},
        *,
    },
    stripe_corner_cases::corner_cases,
    stripe_metadata::metadata,
    stripe_products::products,
    stripe_refunds::{before_the_ledger, disputes, held, refunds},
    stripe_tax::tax,
    support::{Delivery, Row, row},
    unknown,
};

pub(crate) use super::stripe_corner_cases::known_rows;

pub(crate) fn rows() -> Vec<Row<Stripe>> {
    [
        sales(),
        invoices(),
        special_cases(),
        metadata(),
        refunds(),
        disputes(),
        before_the_ledger(),
        held(),
        tax(),
        products(),
        corner_cases(),
        unknown::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A row for both forms of the API.
pub(crate) fn both(name: &'static str, deliveries: impl Fn(Api) -> Vec<Delivery>) -> Row<Stripe> {
    row(name, deliveries(New)).or(deliveries(Old))
}

/// A row about the Checkout payment `pi_1`.
pub(crate) fn after_checkout(name: &'static str, deliveries: impl Fn(Api) -> Vec<Delivery>) -> Row<Stripe> {
    both(name, |api| [vec![session()], deliveries(api)].concat())
}

/// A payment intent that the app created itself.
pub(crate) fn elements(api: Api) -> Delivery {
    intent(api).set("metadata", of("user_7"))
}

pub(crate) fn sales() -> Vec<Row<Stripe>> {
    vec![
        both("Checkout, one-time", |api| vec![session(), intent(api), charge(api)]).gives("sale pi_1 4900 USD user_7"),
        both("Checkout with invoice_creation", |api| {
            let paid = session().set("invoice", "in_1");
            [vec![paid], billed(api, manual)].concat()
        })
        .gives("sale pi_1 4900 USD user_7; in_1 counted_as pi_1"),
        both("Checkout of a subscription", |api| {
            [vec![subscription_session()], billed(api, |invoice| invoice)].concat()
        })
        .gives("sale in_1 4900 USD user_7 sub_1"),
        both("Checkout of a trial, and its first payment", |api| {
            let session = subscription_session().set("payment_status", "no_payment_required").set("amount_total", 0);
            vec![session, subscription(), invoice(api).set("amount_paid", 0).set("total", 0), renewal(api)]
        })
        .gives("sale in_2 4900 USD user_7 sub_1 recurring; in_1 nothing_paid"),
        row(
            "Checkout with a delayed payment that succeeds",
            [
                session().set("payment_status", "unpaid"),
                session().event("checkout.session.async_payment_succeeded"),
                intent(New),
            ],
        )
        .gives("sale pi_1 4900 USD user_7"),
        row(
            "Checkout with a delayed payment that fails",
            [
                session().set("payment_status", "unpaid"),
                intent(New).event("payment_intent.payment_failed").set("status", "requires_payment_method"),
                session().event("checkout.session.async_payment_failed").set("payment_status", "unpaid"),
            ],
        )
        .gives("pi_1 not_paid"),
        row(
            "Checkout that is free",
            [session().set("payment_status", "no_payment_required").set("payment_intent", ()).set("amount_total", 0)],
        )
        .gives(""),
        row("Checkout that saves a card", [session().set("mode", "setup").set("payment_intent", ())])
            .gives("ignored NothingPaid"),
        row("Checkout that expires", [session().event("checkout.session.expired").set("payment_status", "unpaid")])
            .gives("pi_1 not_paid"),
        both("Checkout with manual capture", |api| {
            vec![
                session().set("payment_status", "unpaid"),
                intent(api).event("payment_intent.amount_capturable_updated").set("status", "requires_capture"),
                intent(api),
            ]
        })
        .gives("sale pi_1 4900 USD user_7"),
        both("payment intent of the app's own (Elements)", |api| vec![elements(api), charge(api)])
            .gives("sale pi_1 4900 USD user_7"),
        both("payment intent without metadata", |api| vec![intent(api)]).gives(""),
        both("charge of a payment intent without metadata", |api| vec![intent(api), charge(api)]).gives(""),
        both("failed attempt before the payment", |api| {
            let failed =
                charge(api).event("charge.failed").set("id", "ch_0").set("status", "failed").set("captured", false);
            vec![failed.set("amount_captured", 0), session(), intent(api), charge_refunded(api, 900, 0)]
        })
        .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900"),
        both("payment intent that fails", |api| {
            let failed = elements(api).event("payment_intent.payment_failed").set("status", "requires_payment_method");
            vec![failed]
        })
        .gives(""),
        row(
            "objects inside of other objects",
            [
                session().set("payment_intent", json!({ "id": "pi_1", "object": "payment_intent" })),
                refund(1, 900).set("payment_intent", json!({ "id": "pi_1", "object": "payment_intent" })),
            ],
        )
        .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900"),
        row(
            "objects read by API",
            [session().by_api(), intent(New).by_api(), charge(New).by_api(), refund(1, 900).by_api()],
        )
        .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900"),
    ]
}

pub(crate) fn invoices() -> Vec<Row<Stripe>> {
    let reason = |api, reason: &'static str| billed(api, |invoice| invoice.set("billing_reason", reason));
    vec![
        both("subscription by API", |api| [vec![subscription()], billed(api, |invoice| invoice)].concat())
            .gives("sale in_1 4900 USD user_7 sub_1"),
        both("renewal", |api| {
            let monthly =
                json!({ "data": [{ "amount": 4_900, "price": { "recurring": { "interval": "month", "interval_count": 1 } } }] });
            vec![renewal(api).set("lines", monthly)]
        })
        .gives("sale in_2 4900 USD user_7 sub_1 monthly recurring"),
        both("invoice.paid and invoice.payment_succeeded", |api| {
            vec![invoice(api), invoice(api).event("invoice.payment_succeeded")]
        })
        .gives("sale in_1 4900 USD user_7 sub_1"),
        both("upgrade with a proration invoice", |api| {
            billed(api, |invoice| invoice.set("billing_reason", "subscription_update").set("amount_paid", 1_700))
        })
        .gives("sale in_1 1700 USD user_7 sub_1 recurring"),
        both("invoice at a usage threshold", |api| reason(api, "subscription_threshold"))
            .gives("sale in_1 4900 USD user_7 sub_1 recurring"),
        both("several invoices in a month", |api| {
            let second = invoice(api).set("id", "in_2").set("billing_reason", "subscription_update");
            let second = if api == Old { second.set("payment_intent", "pi_2") } else { second };
            [billed(api, |invoice| invoice), vec![second.set("amount_paid", 900)]].concat()
        })
        .gives("sale in_1 4900 USD user_7 sub_1; sale in_2 900 USD user_7 sub_1 recurring"),
        both("manual invoice with metadata", |api| {
            billed(api, |invoice| manual(invoice).set("metadata", of("user_7")))
        })
        .gives("sale in_1 4900 USD user_7"),
        both("manual invoice without metadata", |api| billed(api, manual)).gives("in_1 no_customer"),
        both("invoice that is not paid", |api| {
            vec![invoice(api).event("invoice.payment_failed").set("status", "open").set("amount_paid", 0)]
        })
        .gives("in_1 not_paid"),
        row("preview of an invoice", [invoice(New).event("invoice.upcoming").set("id", ())]).gives("ignored OtherType"),
        both("invoice of zero", |api| {
            vec![invoice(api).set("amount_due", 0).set("amount_paid", 0).set("total", 0).set("subtotal", 0)]
        })
        .gives("in_1 nothing_paid"),
        both("invoice paid by credit balance", |api| {
            vec![invoice(api).set("amount_due", 0).set("amount_paid", 0).set("starting_balance", -4_900)]
        })
        .gives("in_1 nothing_paid"),
        both("invoice paid partly by credit balance", |api| {
            vec![invoice(api).set("amount_due", 3_000).set("amount_paid", 3_000).set("starting_balance", -1_900)]
        })
        .gives("sale in_1 3000 USD user_7 sub_1"),
        row(
            "invoice paid by several payments",
            [
                invoice(New),
                link("in_1", "pi_1", 2_000),
                link("in_1", "pi_2", 2_900),
                intent(New).set("amount_received", 2_000),
                intent(New).set("id", "pi_2").set("amount_received", 2_900),
                refund(1, 500),
                refund(2, 2_900).set("payment_intent", "pi_2"),
            ],
        )
        .gives("sale in_1 4900 USD user_7 sub_1; partial refund in_1 500; partial refund in_1 2900"),
        row(
            "one payment for several invoices",
            [
                invoice(New),
                invoice(New).set("id", "in_2").set("amount_paid", 3_000),
                link("in_1", "pi_1", 4_900),
                link("in_2", "pi_1", 3_000),
                intent(New).set("amount_received", 7_900),
                refund(1, 1_500),
            ],
        )
        .gives(
            "sale in_1 4900 USD user_7 sub_1; sale in_2 3000 USD user_7 sub_1; partial refund in_1 930; \
             partial refund in_2 570",
        )
        .order_matters("a share is known only when all invoices of the payment are"),
        both("payment that belongs to an invoice and has metadata", |api| {
            let mut deliveries = billed(api, |invoice| invoice);
            for delivery in &mut deliveries {
                if delivery.object()["object"] == "payment_intent" {
                    *delivery = delivery.clone().set("metadata", of("user_7"));
                }
            }
            deliveries
        })
        .gives("sale in_1 4900 USD user_7 sub_1; pi_1 counted_as in_1"),
        row(
            "link of a payment and its invoice that arrives after both were reported",
            [elements(New), invoice(New).after(3_600), link("in_1", "pi_1", 4_900)],
        )
        .gives("sale pi_1 4900 USD user_7; sale in_1 4900 USD user_7 sub_1; pi_1 reported, doubt counted_twice")
        .order_matters("the payment is reported before its invoice is known"),
        row("payment intent with metadata whose link to the invoice is missing", [invoice(New), elements(New)])
            .gives("sale in_1 4900 USD user_7 sub_1; sale pi_1 4900 USD user_7"),
        row(
            "Checkout with invoice_creation, whose session arrives after the hold",
            [
                manual(invoice(New)).set("metadata", of("user_7")),
                link("in_1", "pi_1", 4_900),
                session().set("invoice", "in_1").after(3_600),
                refund(1, 900),
            ],
        )
        .gives("sale in_1 4900 USD user_7; partial refund in_1 900; pi_1 counted_as in_1")
        .order_matters("the invoice is reported before its session is known"),
        row(
            "link of a payment and its invoice that arrives after the hold",
            [
                elements(New),
                intent(New).set("metadata", of("user_7")).after(3_600),
                invoice_of_no_subscription(),
                link("in_1", "pi_1", 4_900),
            ],
        )
        .gives("sale pi_1 4900 USD user_7; in_1 counted_as pi_1")
        .order_matters("the payment is reported before its invoice is known"),
    ]
}

pub(crate) fn invoice_of_no_subscription() -> Delivery {
    manual(invoice(New)).set("metadata", of("user_7"))
}

/// A partial capture of 30 of 49 dollars. Until API 2025-03-31 the rest was a refund.
pub(crate) fn partly_captured(api: Api) -> Vec<Delivery> {
    let captured = charge(api).event("charge.captured").set("amount_captured", 3_000);
    let paid = elements(api).set("amount_received", 3_000);
    match api {
        New => vec![captured, paid],
        Old => vec![captured.set("amount_refunded", 1_900), refund(9, 1_900), paid],
    }
}

/// A payment that was authorized and released. Until API 2025-03-31 that was a refund.
pub(crate) fn released(api: Api) -> Vec<Delivery> {
    let canceled = elements(api).event("payment_intent.canceled").set("status", "canceled").set("amount_received", 0);
    let charge = charge(api).set("captured", false).set("amount_captured", 0);
    match api {
        New => vec![charge.event("charge.expired"), canceled],
        Old => vec![
            charge.event("charge.refunded").set("refunded", true).set("amount_refunded", 4_900),
            refund(9, 4_900).set("reason", "expired_uncaptured_charge"),
            canceled,
        ],
    }
}

/// A payment of which a connected account gets all but 4.90 dollars.
pub(crate) fn destination(delivery: Delivery) -> Delivery {
    delivery.set("transfer_data", json!({ "destination": "acct_9", "amount": null })).set("application_fee_amount", 490)
}

pub(crate) fn special_cases() -> Vec<Row<Stripe>> {
    let foreign = |delivery: Delivery| {
        delivery.set("presentment_details", json!({ "presentment_amount": 4_500, "presentment_currency": "eur" }))
    };
    vec![
        row(
            "invoice paid outside Stripe, before API 2025-03-31",
            [invoice(Old)
                .set("paid_out_of_band", true)
                .set("amount_paid", 0)
                .set("payment_intent", ())
                .set("charge", ())],
        )
        .gives("in_1 nothing_paid"),
        both("downgrade with a credit, and the next invoice", |api| {
            let downgrade = invoice(api).set("billing_reason", "subscription_update").set("amount_due", 0);
            let downgrade = downgrade.set("amount_paid", 0).set("total", -1_000).set("total_excluding_tax", -1_000);
            vec![downgrade, renewal(api).set("amount_due", 3_900).set("amount_paid", 3_900)]
        })
        .gives("sale in_2 3900 USD user_7 sub_1 recurring; in_1 nothing_paid"),
        both("partial capture", partly_captured).gives("sale pi_1 3000 USD user_7"),
        both("partial capture, then a refund", |api| {
            let refunded = if api == Old { 2_400 } else { 500 };
            let charge = charge_refunded(api, refunded, refunded - 500).set("amount_captured", 3_000);
            [partly_captured(api), vec![refund(1, 500), charge]].concat()
        })
        .gives("sale pi_1 3000 USD user_7; partial refund pi_1 500"),
        both("partial capture, then everything refunded", |api| {
            let charge =
                charge_refunded(api, if api == Old { 4_900 } else { 3_000 }, 1_900).set("amount_captured", 3_000);
            [partly_captured(api), vec![refund(1, 3_000), charge]].concat()
        })
        .gives("sale pi_1 3000 USD user_7; full refund pi_1"),
        both("Checkout whose authorization is released", |api| {
            [vec![session().set("payment_status", "unpaid")], released(api)].concat()
        })
        .gives("pi_1 not_paid"),
        both("presentment currency", |api| {
            vec![foreign(session()), foreign(intent(api)), foreign(charge(api)), foreign(refund(1, 900))]
        })
        .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900"),
        both("destination charge, commission on the whole amount", |api| {
            vec![destination(elements(api)), destination(charge(api))]
        })
        .gives("sale pi_1 4900 USD user_7; pi_1 reported, doubt destination_charge"),
        both("destination charge, commission on the fee", |api| {
            vec![destination(elements(api)), destination(charge(api)), refund(1, 2_450)]
        })
        .policy(|policy| policy.commission_on = CommissionOn::Fee)
        .gives("sale pi_1 490 USD user_7; partial refund pi_1 245"),
        both("destination charge with an amount instead of a fee", |api| {
            vec![elements(api).set("transfer_data", json!({ "destination": "acct_9", "amount": 4_000 }))]
        })
        .policy(|policy| policy.commission_on = CommissionOn::Fee)
        .gives("sale pi_1 900 USD user_7"),
        both("destination charge without a fee", |api| {
            vec![elements(api).set("transfer_data", json!({ "destination": "acct_9", "amount": null }))]
        })
        .policy(|policy| policy.commission_on = CommissionOn::Fee)
        .gives("pi_1 nothing_paid"),
        row("connected account", [session().top("account", "acct_1")]).gives("ignored ConnectedAccount"),
        row(
            "connected account that is named",
            [session().top("account", "acct_1"), refund(1, 900).top("account", "acct_1")],
        )
        .endpoint(|webhook| webhook.connected_account("acct_1"))
        .gives("sale pi_1 4900 USD user_7; partial refund pi_1 900"),
        row("refund of another account with the same ids", [session(), refund(1, 900).top("account", "acct_1")])
            .endpoint(|webhook| webhook.connected_account("acct_1"))
            .gives("sale pi_1 4900 USD user_7; pi_1 sale_unknown"),
        row(
            "test clock",
            [
                invoice(New).set("test_clock", "clock_1").top("livemode", false),
                link("in_1", "pi_1", 4_900).top("livemode", false),
                refund(1, 900).top("livemode", false),
            ],
        )
        .gives("sale in_1 4900 USD user_7 sub_1 test"),
        row(
            "thin event",
            [session()
                .top("object", "v2.core.event")
                .event("v1.checkout.session.completed")
                .top("created", "2026-09-21T14:13:20Z")
                .top("related_object", json!({ "id": "cs_1", "type": "checkout.session" }))
                .top("data", ())],
        )
        .gives("ignored ThinEvent"),
        row(
            "currency that Affitor does not accept",
            [session().set("currency", "jpy"), refund(1, 900).set("currency", "jpy")],
        )
        .gives("pi_1 unsupported_currency JPY"),
        row(
            "yen, which the endpoint allows",
            [session().set("currency", "jpy"), refund(1, 900).set("currency", "jpy")],
        )
        .endpoint(|webhook| webhook.allow_currency(Currency::from_code("JPY").unwrap()))
        .gives("sale pi_1 4900 JPY user_7; partial refund pi_1 900"),
        row("dong, a currency without cents", [session().set("currency", "vnd").set("amount_total", 129_000)])
            .gives("sale pi_1 129000 VND user_7"),
        row("conflict with Affitor's own connection", [session(), refund(1, 900)])
            .policy(|policy| policy.conflict = true)
            .gives("pi_1 conflict"),
        row("refund during a conflict, of a sale that was reported", [session(), refund(1, 900)])
            .policy(|policy| policy.conflict = true)
            .reported("pi_1", |reported| *reported = Reported::sale(4_900))
            .gives("pi_1 reported"),
        row("webhooks that Affitor reads itself", [session(), refund(1, 900)])
            .endpoint(|webhook| webhook.stripe_reporter(StripeReporter::Affitor))
            .gives("pi_1 read_by_affitor"),
    ]
}
