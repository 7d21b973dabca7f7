//! Stripe: rare combinations, and what is known to be wrong.

use affitor_payments::{Stripe, ledger::CommissionOn};
use serde_json::json;

use super::{
    objects::{
        Api::{New, Old},
        *,
    },
    stripe::*,
    stripe_refunds::BEFORE,
    support::{NOW, Row, row},
};

pub(crate) fn corner_cases() -> Vec<Row<Stripe>> {
    let old_charge = |cents, before| charge_refunded(New, cents, before).set("created", BEFORE);
    let outside =
        || link("in_1", "pi_1", 4_900).set("payment", json!({ "type": "payment_record", "payment_record": "pr_1" }));
    vec![
        row("authorization that is released, since API 2025-03-31", released(New)).gives(""),
        row("authorization that is released, before API 2025-03-31", released(Old)).gives(""),
        row("charge whose payment is not known", [charge(New)]).gives(""),
        row("full refund of a payment from before the ledger", [old_charge(4_900, 0)])
            .policy(|policy| policy.since = NOW - 300)
            .gives("full refund pi_1; pi_1 before_ledger, doubt uncertain_id"),
        row("partial refund of a payment from before the ledger", [old_charge(1_500, 0)])
            .policy(|policy| policy.since = NOW - 300)
            .gives("partial refund pi_1 1500; pi_1 before_ledger, doubt uncertain_id"),
        row("partial refund of a payment that was refunded before the ledger", [old_charge(2_500, 1_000)])
            .policy(|policy| policy.since = NOW - 300)
            .gives("partial refund pi_1 1500; pi_1 before_ledger, doubt refunded_before_ledger, doubt uncertain_id"),
        row("bare charge without metadata", [charge(New).set("payment_intent", ())]).gives(""),
        row(
            "invoice read by API, paid partly outside Stripe",
            [invoice(New)
                .set(
                    "payments",
                    json!({ "data": [
                    link("in_1", "pi_1", 2_000).object(),
                    outside().set("amount_paid", 2_900).object(),
                ] }),
                )
                .by_api()],
        )
        .gives("sale in_1 2000 USD user_7 sub_1"),
        row(
            "invoice read by API, with a payment that was canceled",
            [invoice(New)
                .set(
                    "payments",
                    json!({ "data": [
                    link("in_1", "pi_0", 0).set("status", "canceled").set("amount_paid", ()).object(),
                    link("in_1", "pi_1", 4_900).object(),
                ] }),
                )
                .by_api()],
        )
        .gives("sale in_1 4900 USD user_7 sub_1"),
        row("Checkout as a destination charge, commission on the fee", [session(), destination(intent(New))])
            .policy(|policy| policy.commission_on = CommissionOn::Fee)
            .gives("sale pi_1 490 USD user_7"),
        row(
            "invoice as a destination charge, commission on the fee",
            billed(New, |invoice| invoice)
                .into_iter()
                .map(
                    |delivery| {
                        if delivery.object()["object"] == "payment_intent" { destination(delivery) } else { delivery }
                    },
                )
                .collect::<Vec<_>>(),
        )
        .policy(|policy| policy.commission_on = CommissionOn::Fee)
        .gives("sale in_1 490 USD user_7 sub_1"),
        row(
            "direct charge of a connected account that is named, commission on the fee",
            [elements(New).set("application_fee_amount", 490).top("account", "acct_1")],
        )
        .endpoint(|webhook| webhook.connected_account("acct_1"))
        .policy(|policy| policy.commission_on = CommissionOn::Fee)
        .gives("sale pi_1 490 USD user_7"),
        row(
            "destination charge with an amount, captured in part, commission on the fee",
            [elements(New)
                .set("amount_received", 3_000)
                .set("transfer_data", json!({ "destination": "acct_9", "amount": 2_500 }))],
        )
        .policy(|policy| policy.commission_on = CommissionOn::Fee)
        .gives("sale pi_1 500 USD user_7"),
        row(
            "Checkout with manual capture and tax, commission on the net amount",
            [session().set("payment_status", "unpaid").set("total_details.amount_tax", 900), intent(New)],
        )
        .policy(|policy| policy.commission_on = CommissionOn::Net)
        .gives("sale pi_1 4000 USD user_7"),
        row(
            "partial capture of a Checkout that is read by API later, then everything refunded",
            [
                session().set("payment_status", "unpaid"),
                intent(New).set("amount_received", 3_000),
                session().by_api().after(3_600),
                refund(1, 3_000),
            ],
        )
        .order_matters("the session is read last")
        .gives("sale pi_1 3000 USD user_7; full refund pi_1"),
        row(
            "one payment for several invoices, with metadata of the payment intent only",
            [
                manual(invoice(New)),
                manual(invoice(New)).set("id", "in_2").set("amount_paid", 3_000),
                link("in_1", "pi_1", 4_900),
                link("in_2", "pi_1", 3_000),
                elements(New).set("amount_received", 7_900),
            ],
        )
        .gives("sale in_1 4900 USD user_7; sale in_2 3000 USD user_7; pi_1 counted_as in_1"),
        row(
            "partial refund of a destination charge from before the ledger, commission on the fee",
            [destination(charge_refunded(New, 2_450, 0)).set("created", BEFORE)],
        )
        .policy(|policy| (policy.since, policy.commission_on) = (NOW - 300, CommissionOn::Fee))
        .gives("partial refund pi_1 245; pi_1 before_ledger, doubt uncertain_id"),
        row(
            "full refund of one of several payments of an invoice from before the ledger",
            [
                link("in_1", "pi_1", 2_000),
                link("in_1", "pi_2", 2_900),
                old_charge(2_000, 0).set("amount", 2_000).set("amount_captured", 2_000),
            ],
        )
        .policy(|policy| policy.since = NOW - 300)
        .gives("partial refund in_1 2000; in_1 before_ledger"),
        row(
            "partial capture without a refund object, in the form before API 2025-03-31, then a refund",
            [
                elements(Old).set("amount_received", 3_000),
                charge(Old).set("amount_captured", 3_000),
                refund(1, 500),
                charge_refunded(Old, 500, 0).set("amount_captured", 3_000),
            ],
        )
        .gives("sale pi_1 3000 USD user_7; partial refund pi_1 500"),
        row(
            "one payment for several invoices, one of which is known only after the refund",
            [
                intent(New).set("amount_received", 7_900),
                invoice(New),
                link("in_1", "pi_1", 4_900),
                refund(1, 1_500),
                invoice(New).set("id", "in_2").set("amount_paid", 3_000),
                link("in_2", "pi_1", 3_000),
            ],
        )
        .gives(
            "sale in_1 4900 USD user_7 sub_1; partial refund in_1 930; sale in_2 3000 USD user_7 sub_1; \
             partial refund in_2 570",
        )
        .order_matters("only the payment intent says how much was paid for all of them"),
    ]
}

/// Rows that give a wrong result.
pub(crate) fn known_rows() -> Vec<Row<Stripe>> {
    let outside =
        || link("in_1", "pi_1", 4_900).set("payment", json!({ "type": "payment_record", "payment_record": "pr_1" }));
    vec![
        row("bare charge with metadata", [charge(New).set("payment_intent", ()).set("metadata", of("user_7"))])
            .gives("sale ch_1 4900 USD user_7")
            .but_today(""),
        row("invoice paid outside Stripe, since API 2025-03-31", [invoice(New), outside()])
            .gives("in_1 nothing_paid; ignored OtherType")
            .but_today("sale in_1 4900 USD user_7 sub_1; ignored OtherType"),
        row(
            "destination charge without a payment intent, commission on the fee",
            [
                destination(charge(Old).set("payment_intent", ())).set("invoice", "in_1"),
                invoice(Old).set("payment_intent", ()),
            ],
        )
        .policy(|policy| policy.commission_on = CommissionOn::Fee)
        .gives("sale in_1 490 USD user_7 sub_1")
        .but_today("sale in_1 4900 USD user_7 sub_1"),
        row(
            "another program in the payment intent's metadata",
            [
                session().set("metadata", json!({})).set("client_reference_id", "ref_9"),
                intent(New).set("metadata", json!({ "program_id": "43" })),
            ],
        )
        .gives("pi_1 other_program")
        .but_today("sale pi_1 4900 USD ref_9"),
    ]
}
