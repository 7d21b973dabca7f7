//! Paddle: what it can sell and take back.

use affitor_payments::{Paddle, ledger::CommissionOn};
use serde_json::json;

use super::{
    objects::{adjustment, transaction},
    support::{Delivery, NOW, Row, row},
};

impl Delivery {
    /// Sets the type of a webhook of Paddle.
    fn of_type(self, kind: &str) -> Self {
        self.top("event_type", kind)
    }
}

/// The transaction before it is completed.
fn with_status(status: &str) -> Delivery {
    transaction().of_type(&format!("transaction.{status}")).set("status", status)
}

/// A transaction of a subscription.
fn subscription(origin: &str) -> Delivery {
    transaction().set("subscription_id", "sub_1").set("origin", origin)
}

/// An adjustment with another action.
fn other(action: &str) -> Delivery {
    adjustment(1, 4_900).set("action", action).set("type", "full").of_type("adjustment.created")
}

fn full_refund() -> Delivery {
    other("refund")
}

fn pending(adjustment: Delivery) -> Delivery {
    adjustment.of_type("adjustment.created").set("status", "pending_approval")
}

/// A partial refund with its tax.
fn of_totals(net: u64, tax: u64) -> Delivery {
    let totals = [("subtotal", net), ("tax", tax), ("total", net + tax)];
    totals.into_iter().fold(adjustment(1, 0), |adjustment, (name, cents)| {
        adjustment.set(&format!("totals.{name}"), cents.to_string())
    })
}

/// A transaction whose first line does not name its product.
fn without_product(mut transaction: Delivery) -> Delivery {
    transaction.body["data"]["details"]["line_items"][0]["product"] = json!(null);
    transaction
}

/// A transaction of these products, with what each one cost.
fn of_products(products: &[(&str, &str)]) -> Delivery {
    let items = products.iter().map(|(product, _)| {
        json!({ "price_id": format!("pri_{product}"), "quantity": 1, "proration": null,
            "price": { "id": format!("pri_{product}"), "product_id": product, "name": "Monthly" } })
    });
    let costs = products.iter().map(|(product, total)| {
        json!({ "id": "txnitm_1", "price_id": format!("pri_{product}"), "quantity": 1, "tax_rate": "0",
            "product": { "id": product, "name": format!("Plan {product}") },
            "totals": { "subtotal": total, "tax": "0", "discount": "0", "total": total } })
    });
    let (items, costs): (Vec<_>, Vec<_>) = (items.collect(), costs.collect());
    transaction().set("items", items).set("details.line_items", costs)
}

pub(crate) fn rows() -> Vec<Row<Paddle>> {
    [sales(), refunds(), corner_cases()].into_iter().flatten().collect()
}

fn sales() -> Vec<Row<Paddle>> {
    vec![
        row("transaction, one-time", [transaction()]).gives("sale txn_1 4900 USD user_7"),
        row(
            "transaction that is ready, paid, then completed",
            [with_status("ready"), with_status("paid"), transaction()],
        )
        .gives("sale txn_1 4900 USD user_7"),
        row("transaction that is only ready", [with_status("ready")]).gives("txn_1 not_paid"),
        row("transaction that is only paid", [with_status("paid")]).gives("txn_1 not_paid"),
        row("transaction that is billed", [with_status("billed")]).gives("txn_1 not_paid"),
        row("transaction that is past due", [with_status("past_due")]).gives("txn_1 not_paid"),
        row("transaction that is canceled", [with_status("canceled")]).gives("txn_1 not_paid"),
        row("transaction of a new subscription", [subscription("web")]).gives("sale txn_1 4900 USD user_7 sub_1"),
        row("transaction of a renewal", [subscription("subscription_recurring")])
            .gives("sale txn_1 4900 USD user_7 sub_1 recurring"),
        row("transaction of a changed subscription", [subscription("subscription_update")])
            .gives("sale txn_1 4900 USD user_7 sub_1 recurring"),
        row("transaction of a one-time charge to a subscription", [subscription("subscription_charge")])
            .gives("sale txn_1 4900 USD user_7 sub_1 recurring"),
        row(
            "transaction of a changed payment method",
            [subscription("subscription_payment_method_change")
                .set("details.totals.total", "0")
                .set("details.totals.grand_total", "0")],
        )
        .gives("txn_1 nothing_paid"),
        row(
            "transaction of a renewal without custom data",
            [subscription("web"), subscription("subscription_recurring").set("id", "txn_2").set("custom_data", ())],
        )
        .gives("sale txn_1 4900 USD user_7 sub_1; sale txn_2 4900 USD user_7 sub_1 recurring"),
        row("transaction without custom data", [transaction().set("custom_data", ())]).gives("txn_1 no_customer"),
        row(
            "transaction with only a click id",
            [transaction().set("custom_data", json!({ "affitor_click_id": "cust_42_1" }))],
        )
        .gives("sale txn_1 4900 USD - click"),
        row(
            "transaction of zero",
            [transaction().set("details.totals.total", "0").set("details.totals.grand_total", "0")],
        )
        .gives("txn_1 nothing_paid"),
        row("transaction of another program", [transaction().set("custom_data.program_id", "43")])
            .gives("txn_1 other_program"),
        row("transaction with the program id as a number", [transaction().set("custom_data.program_id", 42)])
            .gives("sale txn_1 4900 USD user_7"),
        row("transaction read by API", [transaction().by_api(), adjustment(1, 900).by_api()])
            .gives("sale txn_1 4900 USD user_7; partial refund txn_1 900"),
        row("adjustment of the tax alone, commission on the net amount", [transaction(), of_totals(0, 400)])
            .or([transaction(), of_totals(0, 400).set("type", "full")])
            .policy(|policy| policy.commission_on = CommissionOn::Net)
            .gives("sale txn_1 4500 USD user_7"),
        row("adjustment of the tax alone", [transaction(), of_totals(0, 400)])
            .or([transaction(), of_totals(0, 400).set("type", "full")])
            .gives("sale txn_1 4900 USD user_7; partial refund txn_1 400"),
        row(
            "adjustments with more and less tax than the transaction, commission on the net amount",
            [transaction(), of_totals(1_000, 0), of_totals(900, 300).set("id", "adj_2")],
        )
        .policy(|policy| policy.commission_on = CommissionOn::Net)
        .gives("sale txn_1 4500 USD user_7; partial refund txn_1 1000; partial refund txn_1 900"),
        row("transaction, commission on the net amount", [transaction(), adjustment(1, 2_450)])
            .policy(|policy| policy.commission_on = CommissionOn::Net)
            .gives("sale txn_1 4500 USD user_7; partial refund txn_1 2250"),
        row("transaction of one product", [of_products(&[("pro_1", "4900")])]).gives("sale txn_1 4900 USD user_7 pro_1"),
        row("transaction whose product the shop names", [of_products(&[("pro_1", "4900")])])
            .policy(|policy| policy.products = [("pro_1".into(), "pro".into())].into())
            .gives("sale txn_1 4900 USD user_7 pro"),
        row("transaction of several products", [of_products(&[("pro_1", "4000"), ("pro_2", "900")])]).gives(
            r#"sale txn_1 4900 USD user_7 [{"amount_cents":4000,"name":"Plan pro_1","quantity":1},{"amount_cents":900,"name":"Plan pro_2","quantity":1}]"#,
        ),
        row("transaction with the proration of one product", [of_products(&[("pro_1", "-1000"), ("pro_1", "5900")])])
            .gives("sale txn_1 4900 USD user_7 pro_1"),
        row("transaction whose lines have no product", [without_product(of_products(&[("pro_1", "4900")]))])
            .gives("sale txn_1 4900 USD user_7 pro_1"),
        row("transaction without the costs of its items", [of_products(&[("pro_1", "4900")]).set("details.line_items", json!([]))])
            .gives("sale txn_1 4900 USD user_7; txn_1 reported, doubt product_unknown"),
        row("transaction in a sandbox", [transaction(), full_refund()])
            .endpoint(|webhook| webhook.test_mode(true))
            .gives("sale txn_1 4900 USD user_7 test"),
        row("transaction in a currency that Affitor does not accept", [transaction().set("currency_code", "GBP")])
            .gives("txn_1 unsupported_currency GBP"),
        row("subscription.activated", [transaction().of_type("subscription.activated")]).gives("ignored OtherType"),
    ]
}

fn refunds() -> Vec<Row<Paddle>> {
    vec![
        row("full refund of a transaction", [transaction(), full_refund()])
            .gives("sale txn_1 4900 USD user_7; full refund txn_1"),
        row("partial refund of a transaction", [transaction(), adjustment(1, 900)])
            .gives("sale txn_1 4900 USD user_7; partial refund txn_1 900"),
        row("partial refunds of a transaction", [transaction(), adjustment(1, 900), adjustment(2, 4_000)])
            .gives("sale txn_1 4900 USD user_7; partial refund txn_1 900; partial refund txn_1 4000"),
        row(
            "full refund of a transaction after a partial one",
            [transaction(), adjustment(1, 900), full_refund().set("id", "adj_2")],
        )
        .gives("sale txn_1 4900 USD user_7; partial refund txn_1 900; partial refund txn_1 4000"),
        row("refund of a transaction that waits for approval", [transaction(), pending(adjustment(1, 900))])
            .gives("sale txn_1 4900 USD user_7"),
        row(
            "refund of a transaction that is approved",
            [transaction(), pending(adjustment(1, 900)), adjustment(1, 900)],
        )
        .gives("sale txn_1 4900 USD user_7; partial refund txn_1 900"),
        row(
            "refund of a transaction that is rejected",
            [transaction(), pending(full_refund()), full_refund().set("status", "rejected")],
        )
        .gives("sale txn_1 4900 USD user_7"),
        row("refund of a transaction before the transaction", [adjustment(1, 900), transaction()])
            .gives("sale txn_1 4900 USD user_7; partial refund txn_1 900"),
        row("refund of a transaction that is not known", [adjustment(1, 900)]).gives("txn_1 sale_unknown"),
        row(
            "refund of a transaction in another currency",
            [transaction(), adjustment(1, 900).set("currency_code", "EUR")],
        )
        .gives("sale txn_1 4900 USD user_7; txn_1 reported, doubt other_currency"),
        row("chargeback", [transaction(), other("chargeback")]).gives("sale txn_1 4900 USD user_7; full refund txn_1"),
        row("chargeback after a partial refund", [transaction(), adjustment(2, 900), other("chargeback")])
            .gives("sale txn_1 4900 USD user_7; partial refund txn_1 900; partial refund txn_1 4000"),
        row("chargeback_warning", [transaction(), other("chargeback_warning")])
            .gives("sale txn_1 4900 USD user_7; ignored OtherType"),
        row(
            "chargeback that is reversed",
            [
                transaction(),
                other("chargeback"),
                other("chargeback").of_type("adjustment.updated").set("status", "reversed"),
                other("chargeback_reverse").set("id", "adj_2"),
            ],
        )
        .gives(
            "sale txn_1 4900 USD user_7; full refund txn_1; txn_1 reported, doubt reported_too_much; \
             ignored CannotBeUndone",
        )
        .order_matters("a chargeback that is known to be reversed is not reported"),
        row("credit to the customer's balance", [transaction(), other("credit")])
            .gives("sale txn_1 4900 USD user_7; ignored OtherType"),
        row("credit that is reversed", [transaction(), other("credit_reverse")])
            .gives("sale txn_1 4900 USD user_7; ignored OtherType"),
        row("transaction from before the ledger, refunded in full", [transaction(), full_refund()])
            .policy(|policy| policy.since = NOW + 1)
            .gives("full refund txn_1; txn_1 before_ledger"),
    ]
}

/// Rows that give a wrong result.
fn corner_cases() -> Vec<Row<Paddle>> {
    let paid = |credit: &str, left: &str| {
        let totals = transaction().set("details.totals.credit", credit);
        totals.set("details.totals.grand_total", left).set("details.totals.grand_total_tax", "0")
    };
    vec![
        row("transaction paid partly with credit", [paid("1000", "3900")]).gives("sale txn_1 3900 USD user_7"),
        row(
            "transaction paid partly with credit, commission on the net amount",
            [paid("1000", "3900").set("details.totals.grand_total_tax", "318")],
        )
        .policy(|policy| policy.commission_on = CommissionOn::Net)
        .gives("sale txn_1 3582 USD user_7"),
        row("transaction paid with credit only", [paid("4900", "0")]).gives("txn_1 nothing_paid"),
        row(
            "transaction of a downgrade, with a negative total",
            [subscription("subscription_update")
                .set("details.totals.total", "-1000")
                .set("details.totals.grand_total", "0")],
        )
        .gives("txn_1 nothing_paid"),
        row(
            "transaction that was billed before the ledger, and paid after its start",
            [transaction().set("created_at", "2026-08-21T14:13:20Z").set("billed_at", "2026-08-21T14:13:20Z").set(
                "payments",
                json!([{ "amount": "4900", "status": "captured", "captured_at": "2026-09-21T14:13:20Z" }]),
            )],
        )
        .policy(|policy| policy.since = NOW - 300)
        .gives("sale txn_1 4900 USD user_7"),
        row("refund without a type, as in older payloads", [transaction(), adjustment(1, 900).without("type")])
            .gives("sale txn_1 4900 USD user_7; partial refund txn_1 900"),
    ]
}

pub(crate) fn known_rows() -> Vec<Row<Paddle>> {
    vec![]
}
