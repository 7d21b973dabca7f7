//! Polar: what it can sell and take back.

use affitor_payments::{Polar, ledger::CommissionOn};
use serde_json::json;

use super::{
    objects::polar_order as order,
    support::{Delivery, NOW, Row, row},
};

/// The order of a subscription.
fn subscription(reason: &str) -> Delivery {
    order().set("subscription_id", "sub_1").set("billing_reason", reason)
}

/// The order after refunds: the running totals of what was refunded without tax, and of the tax.
fn refunded(cents: u64, tax: u64) -> Delivery {
    let status = if cents >= 4_500 { "refunded" } else { "partially_refunded" };
    order().event("order.refunded").set("status", status).set("refunded_amount", cents).set("refunded_tax_amount", tax)
}

fn refund_created(status: &str) -> Delivery {
    let object = json!({ "id": "refund_1", "status": status, "amount": 900, "tax_amount": 80, "currency": "usd",
        "order_id": "order_1", "reason": "customer_request" });
    order().event("refund.created").top("data", object)
}

pub(crate) fn rows() -> Vec<Row<Polar>> {
    [sales(), customers(), refunds(), corner_cases()].into_iter().flatten().collect()
}

fn sales() -> Vec<Row<Polar>> {
    vec![
        row("order, one-time", [order()]).gives("sale order_1 4900 USD user_7 product_1"),
        row("order of a new subscription", [subscription("subscription_create")])
            .gives("sale order_1 4900 USD user_7 product_1 sub_1"),
        row("order of a renewal", [subscription("subscription_cycle")])
            .gives("sale order_1 4900 USD user_7 product_1 sub_1 recurring"),
        row("order of a changed subscription", [subscription("subscription_update")])
            .gives("sale order_1 4900 USD user_7 product_1 sub_1 recurring"),
        row("order that is pending, then paid", [order().event("order.created").set("status", "pending"), order()])
            .gives("sale order_1 4900 USD user_7 product_1"),
        row("order that stays pending", [order().event("order.created").set("status", "pending")])
            .gives("order_1 not_paid"),
        row("order that is a draft", [order().event("order.created").set("status", "draft")]).gives("order_1 not_paid"),
        row("order that is void", [order().event("order.updated").set("status", "void")]).gives("order_1 not_paid"),
        row(
            "order that is free",
            [order().set("total_amount", 0).set("net_amount", 0).set("tax_amount", 0).set("due_amount", 0)],
        )
        .gives("order_1 nothing_paid"),
        row(
            "order.created, order.paid and order.updated",
            [order().event("order.created"), order(), order().event("order.updated")],
        )
        .gives("sale order_1 4900 USD user_7 product_1"),
        row("order read by API", [order().by_api()]).gives("sale order_1 4900 USD user_7 product_1"),
        row(
            "order paid partly with credit, commission on the net amount",
            [order().set("applied_balance_amount", -1_000).set("due_amount", 3_900)],
        )
        .policy(|policy| policy.commission_on = CommissionOn::Net)
        .gives("sale order_1 3500 USD user_7 product_1"),
        row(
            "order that pays a debt too, commission on the net amount",
            [order().set("applied_balance_amount", 1_000).set("due_amount", 5_900)],
        )
        .policy(|policy| policy.commission_on = CommissionOn::Net)
        .gives("sale order_1 5500 USD user_7 product_1"),
        row("order whose amounts contradict each other", [order().set("due_amount", 0)])
            .gives("order_1 nothing_paid, doubt amounts_contradict"),
        row("order paid with credit alone", [order().set("applied_balance_amount", -4_900).set("due_amount", 0)])
            .gives("order_1 nothing_paid"),
        row("order, commission on the net amount", [order(), refunded(2_250, 200)])
            .policy(|policy| policy.commission_on = CommissionOn::Net)
            .gives("sale order_1 4500 USD user_7 product_1; partial refund order_1 2250"),
        row("order in a sandbox", [order(), refunded(4_500, 400)])
            .endpoint(|webhook| webhook.test_mode(true))
            .gives("sale order_1 4900 USD user_7 product_1 test"),
        row("order in a currency that Affitor does not accept", [order().set("currency", "gbp")])
            .gives("order_1 unsupported_currency GBP"),
        row("subscription.created", [order().event("subscription.created")]).gives("ignored OtherType"),
    ]
}

fn customers() -> Vec<Row<Polar>> {
    let bare = || order().set("metadata", json!({}));
    vec![
        row("order with an external id", [bare().set("customer.external_id", "ext_3")])
            .gives("sale order_1 4900 USD ext_3 product_1"),
        row("order without a user id", [bare()]).gives("sale order_1 4900 USD polar_customer product_1"),
        row("order with a click id", [order().set("metadata.affitor_click_id", "cust_42_1")])
            .gives("sale order_1 4900 USD user_7 click product_1"),
        row(
            "order of a checkout link with reference_id",
            [bare().set("metadata", json!({ "reference_id": "cust_42_1" }))],
        )
        .gives("sale order_1 4900 USD polar_customer click product_1"),
        row("order with an invalid reference_id", [bare().set("metadata", json!({ "reference_id": "a, b" }))])
            .gives("sale order_1 4900 USD polar_customer product_1"),
        row("order of another program", [order().set("metadata.program_id", "43")]).gives("order_1 other_program"),
        row("order with the program id as a number", [order().set("metadata.program_id", 42)])
            .gives("sale order_1 4900 USD user_7 product_1"),
        row("order with the user id as a number", [order().set("metadata.user_id", 7)])
            .gives("sale order_1 4900 USD 7 product_1"),
    ]
}

fn refunds() -> Vec<Row<Polar>> {
    let sale = || order();
    vec![
        row("full refund of an order", [sale(), refunded(4_500, 400)])
            .gives("sale order_1 4900 USD user_7 product_1; full refund order_1"),
        row("partial refund of an order", [sale(), refunded(900, 80)])
            .gives("sale order_1 4900 USD user_7 product_1; partial refund order_1 980"),
        row(
            "refunds of an order, with running totals",
            [sale(), refunded(900, 80), refunded(1_800, 160), refunded(4_500, 400)],
        )
        .gives(
            "sale order_1 4900 USD user_7 product_1; partial refund order_1 980; partial refund order_1 980; \
                 partial refund order_1 2940",
        ),
        row("running totals out of order", [sale(), refunded(1_800, 160), refunded(900, 80)])
            .gives("sale order_1 4900 USD user_7 product_1; partial refund order_1 1960"),
        row("refund of an order before the order", [refunded(900, 80), sale()])
            .gives("sale order_1 4900 USD user_7 product_1; partial refund order_1 980"),
        row("refund.created and order.refunded", [sale(), refund_created("succeeded"), refunded(900, 80)])
            .gives("sale order_1 4900 USD user_7 product_1; partial refund order_1 980; ignored CountedElsewhere"),
        row("refund.created of a pending refund", [sale(), refund_created("pending")])
            .gives("sale order_1 4900 USD user_7 product_1; ignored CountedElsewhere"),
        row(
            "refund of a renewal's order",
            [
                subscription("subscription_cycle"),
                refunded(4_500, 400).set("subscription_id", "sub_1").set("billing_reason", "subscription_cycle"),
            ],
        )
        .gives("sale order_1 4900 USD user_7 product_1 sub_1 recurring; full refund order_1"),
        row("order from before the ledger", [order()])
            .policy(|policy| policy.since = NOW + 1)
            .gives("order_1 before_ledger"),
        row("full refund of an order from before the ledger", [refunded(4_500, 400)])
            .policy(|policy| policy.since = NOW + 1)
            .gives("full refund order_1; order_1 before_ledger"),
    ]
}

/// Rows that give a wrong result.
fn corner_cases() -> Vec<Row<Polar>> {
    let credited = |order: Delivery| order.set("applied_balance_amount", -1_000).set("due_amount", 3_900);
    vec![
        row("order paid partly with credit", [credited(order())]).gives("sale order_1 3900 USD user_7 product_1"),
        row(
            "full refund of an order paid partly with credit",
            [credited(order()), credited(refunded(3_582, 318)).set("status", "refunded")],
        )
        .gives("sale order_1 3900 USD user_7 product_1; full refund order_1"),
        row("order paid with credit only", [order().set("applied_balance_amount", -4_900).set("due_amount", 0)])
            .gives("order_1 nothing_paid"),
        row(
            "order of a downgrade, with a negative total",
            [subscription("subscription_update")
                .set("net_amount", -1_000)
                .set("tax_amount", 0)
                .set("total_amount", -1_000)
                .set("due_amount", 0)],
        )
        .gives("order_1 nothing_paid"),
        row("order of metered usage", [subscription("subscription_meter_cycle")])
            .gives("sale order_1 4900 USD user_7 product_1 sub_1 recurring"),
    ]
}

pub(crate) fn known_rows() -> Vec<Row<Polar>> {
    vec![
        row(
            "order that was created before the ledger, and paid after its start",
            [order().set("created_at", "2026-08-21T14:13:20Z")],
        )
        .policy(|policy| policy.since = NOW - 300)
        .gives("sale order_1 4900 USD user_7 product_1")
        .but_today("order_1 before_ledger"),
        row(
            "refund of an order that fails afterwards",
            [order(), refunded(900, 80), order().event("order.updated").set("modified_at", "2026-09-22T14:13:20Z")],
        )
        .gives("sale order_1 4900 USD user_7 product_1; partial refund order_1 980; order_1 reported, doubt reported_too_much")
        .but_today("sale order_1 4900 USD user_7 product_1; partial refund order_1 980"),
]
}
