//! Lemon Squeezy: what it can sell and take back.

use affitor_payments::{LemonSqueezy, ledger::CommissionOn};

use super::{
    objects::{lemon_invoice as invoice, lemon_order as order},
    support::{Delivery, NOW, Row, row},
};

impl Delivery {
    /// Sets the type of a webhook of Lemon Squeezy.
    fn named(self, name: &str) -> Self {
        self.top("meta.event_name", name)
    }

    /// Sets an attribute.
    fn with(self, name: &str, value: impl serde::Serialize) -> Self {
        self.set(&format!("attributes.{name}"), value)
    }

    fn without_custom_data(self) -> Self {
        self.top("meta.custom_data", ())
    }
}

/// The order after refunds. A partly refunded one may still be `paid`.
fn refunded(cents: u64) -> Delivery {
    let order = order().named("order_refunded").with("refunded_amount", cents);
    if cents < 4_900 { order } else { order.with("status", "refunded").with("refunded", true) }
}

fn invoice_refunded(cents: u64) -> Delivery {
    let status = if cents < 4_900 { "partial_refund" } else { "refunded" };
    invoice().named("subscription_payment_refunded").with("refunded_amount", cents).with("status", status)
}

pub(crate) fn rows() -> Vec<Row<LemonSqueezy>> {
    [sales(), customers(), refunds(), corner_cases(), strangers()].into_iter().flatten().collect()
}

fn sales() -> Vec<Row<LemonSqueezy>> {
    vec![
        row("order_created", [order()]).gives("sale ls_order_1 4900 USD user_7 9"),
        row("order_created with status pending", [order().with("status", "pending")]).gives("ls_order_1 not_paid"),
        row("order_created with status failed", [order().with("status", "failed")]).gives("ls_order_1 not_paid"),
        row("order_created with status fraudulent", [order().with("status", "fraudulent")])
            .gives("ls_order_1 not_paid"),
        row("order_created with a status that is not known", [order().with("status", "perhaps")])
            .gives("refused attributes.status"),
        row("order_created, pending, then read by API as paid", [order().with("status", "pending"), order().by_api()])
            .gives("sale ls_order_1 4900 USD user_7 9"),
        row("order that is marked as fraudulent later", [order(), order().with("status", "fraudulent").by_api()])
            .gives("sale ls_order_1 4900 USD user_7 9"),
        row("order_created that is free", [order().with("total", 0).with("tax", 0)]).gives("ls_order_1 nothing_paid"),
        row(
            "first payment of a subscription: order and initial invoice",
            [order(), invoice().with("billing_reason", "initial")],
        )
        .gives("sale ls_order_1 4900 USD user_7 9"),
        row("renewal invoice", [invoice()]).gives("sale ls_invoice_1 4900 USD user_7 7 recurring"),
        row("invoice of a changed subscription", [invoice().with("billing_reason", "updated")])
            .gives("sale ls_invoice_1 4900 USD user_7 7 recurring"),
        row(
            "renewal that fails, then recovers",
            [
                invoice().named("subscription_payment_failed").with("status", "pending"),
                invoice().named("subscription_payment_recovered"),
                invoice(),
            ],
        )
        .gives("sale ls_invoice_1 4900 USD user_7 7 recurring; ignored OtherType"),
        row("invoice that is void", [invoice().with("status", "void")]).gives("ls_invoice_1 not_paid"),
        row("order and invoice with the same number", [order(), invoice()])
            .gives("sale ls_order_1 4900 USD user_7 9; sale ls_invoice_1 4900 USD user_7 7 recurring"),
        row("order_created, commission on the net amount", [order(), refunded(2_450)])
            .policy(|policy| policy.commission_on = CommissionOn::Net)
            .gives("sale ls_order_1 4500 USD user_7 9; partial refund ls_order_1 2250"),
        row(
            "order_created in test mode",
            [order().top("meta.test_mode", true), refunded(4_900).top("meta.test_mode", true)],
        )
        .gives("sale ls_order_1 4900 USD user_7 9 test"),
        row("order_created in a currency that Affitor does not accept", [order().with("currency", "GBP")])
            .gives("ls_order_1 unsupported_currency GBP"),
        row("subscription_created", [order().named("subscription_created")]).gives(""),
    ]
}

fn customers() -> Vec<Row<LemonSqueezy>> {
    vec![
        row("order_created without custom data: the address", [order().without_custom_data()])
            .gives("sale ls_order_1 4900 USD jo@example.com 9"),
        row("order_created with a click id", [order().top("meta.custom_data.affitor_click_id", "cust_42_1")])
            .gives("sale ls_order_1 4900 USD user_7 click 9"),
        row("order_created of another program", [order().top("meta.custom_data.program_id", "43")])
            .gives("ls_order_1 other_program"),
        row("order_created with the program id as a number", [order().top("meta.custom_data.program_id", 42)])
            .gives("sale ls_order_1 4900 USD user_7 9"),
        row("order read by API, of a customer who is known", [order(), order().set("id", "2").by_api()])
            .gives("sale ls_order_1 4900 USD user_7 9; sale ls_order_2 4900 USD user_7 9"),
        row("order read by API, of a customer who is not known", [order().by_api()]).gives("ls_order_1 no_customer"),
        row("renewal invoice read by API", [order(), invoice().by_api()])
            .gives("sale ls_order_1 4900 USD user_7 9; sale ls_invoice_1 4900 USD user_7 7 recurring"),
        row("initial invoice read by API", [invoice().with("billing_reason", "initial").by_api()])
            .gives("ignored CountedElsewhere"),
    ]
}

fn refunds() -> Vec<Row<LemonSqueezy>> {
    vec![
        row("order_refunded in full", [order(), refunded(4_900)])
            .gives("sale ls_order_1 4900 USD user_7 9; full refund ls_order_1"),
        row("order_refunded in part", [order(), refunded(900)])
            .gives("sale ls_order_1 4900 USD user_7 9; partial refund ls_order_1 900"),
        row(
            "order_refunded in part, with status partial_refund",
            [order(), refunded(900).with("status", "partial_refund")],
        )
        .gives("sale ls_order_1 4900 USD user_7 9; partial refund ls_order_1 900"),
        row("order_refunded several times", [order(), refunded(900), refunded(1_500), refunded(4_900)]).gives(
            "sale ls_order_1 4900 USD user_7 9; partial refund ls_order_1 900; partial refund ls_order_1 600; \
             partial refund ls_order_1 3400",
        ),
        row("order_refunded before order_created", [refunded(900), order()])
            .gives("sale ls_order_1 4900 USD user_7 9; partial refund ls_order_1 900"),
        row(
            "order_created of an order that is refunded already",
            [order().with("status", "refunded").with("refunded_amount", 4_900)],
        )
        .gives("sale ls_order_1 4900 USD user_7 9; full refund ls_order_1"),
        row("subscription_payment_refunded in full", [invoice(), invoice_refunded(4_900)])
            .gives("sale ls_invoice_1 4900 USD user_7 7 recurring; full refund ls_invoice_1"),
        row("subscription_payment_refunded in part", [invoice(), invoice_refunded(900)])
            .gives("sale ls_invoice_1 4900 USD user_7 7 recurring; partial refund ls_invoice_1 900"),
        row(
            "refund of a subscription's first payment",
            [order(), invoice_refunded(4_900).with("billing_reason", "initial"), refunded(4_900)],
        )
        .gives("sale ls_order_1 4900 USD user_7 9; full refund ls_order_1"),
        row("order_created from before the ledger, refunded in full", [refunded(4_900)])
            .policy(|policy| policy.since = NOW + 1)
            .gives("full refund ls_order_1; ls_order_1 before_ledger"),
    ]
}

/// Rows that give a wrong result.
fn corner_cases() -> Vec<Row<LemonSqueezy>> {
    let second = || order().set("id", "2");
    vec![
        row("order_refunded without refunded_amount", [order(), refunded(4_900).with("refunded_amount", ())])
            .gives("sale ls_order_1 4900 USD user_7 9; full refund ls_order_1"),
        row(
            "invoice of a downgrade, with a negative total",
            [invoice().with("billing_reason", "updated").with("total", -1_000).with("tax", 0)],
        )
        .gives("ls_invoice_1 nothing_paid"),
        row("order_created without custom data, of a customer who is known", [order(), second().without_custom_data()])
            .gives("sale ls_order_1 4900 USD user_7 9; sale ls_order_2 4900 USD user_7 9")
            .order_matters("the customer must be known first"),
    ]
}

/// Anybody can buy with the address of somebody else, and put any user into the URL of a checkout.
fn strangers() -> Vec<Row<LemonSqueezy>> {
    let mallory = || order().set("id", "2").top("meta.custom_data.user_id", "mallory");
    let subscribed = |user: &str| {
        order()
            .named("subscription_created")
            .set("id", "7")
            .set("type", "subscriptions")
            .top("meta.custom_data.user_id", user)
    };
    vec![
        row(
            "renewal read by API, after a free order of a stranger",
            [order(), mallory().with("total", 0), invoice().by_api()],
        )
        .gives(
            "sale ls_order_1 4900 USD user_7 9; sale ls_invoice_1 4900 USD user_7 7 recurring; ls_order_2 nothing_paid",
        ),
        row(
            "renewal read by API, after a failed order of a stranger",
            [order(), mallory().with("status", "failed"), invoice().by_api()],
        )
        .gives("sale ls_order_1 4900 USD user_7 9; sale ls_invoice_1 4900 USD user_7 7 recurring; ls_order_2 not_paid"),
        row(
            "renewal read by API, of a subscription that is known, after a paid order of a stranger",
            [subscribed("user_7"), order(), mallory(), invoice().by_api()],
        )
        .gives(
            "sale ls_order_1 4900 USD user_7 9; sale ls_order_2 4900 USD mallory 9; \
             sale ls_invoice_1 4900 USD user_7 7 recurring",
        )
        .order_matters("the subscription must be known first"),
        row(
            "renewal read by API, of a subscription that is not known, after a paid order of a stranger",
            [order(), mallory(), invoice().by_api()],
        )
        .gives(
            "sale ls_order_1 4900 USD user_7 9; sale ls_order_2 4900 USD mallory 9; \
             ls_invoice_1 no_customer, doubt customers_disagree",
        )
        .order_matters("what was reported stays"),
        row(
            "renewal without custom data, after one that has some",
            [invoice(), mallory(), invoice().set("id", "3").without_custom_data()],
        )
        .gives(
            "sale ls_invoice_1 4900 USD user_7 7 recurring; sale ls_order_2 4900 USD mallory 9; \
             sale ls_invoice_3 4900 USD user_7 7 recurring",
        )
        .order_matters("the subscription must be known first"),
        row(
            "order without custom data, of a customer whose paid orders name two users",
            [order(), mallory(), order().set("id", "3").without_custom_data()],
        )
        .gives(
            "sale ls_order_1 4900 USD user_7 9; sale ls_order_2 4900 USD mallory 9; \
             sale ls_order_3 4900 USD jo@example.com 9; ls_order_3 reported, doubt customers_disagree",
        )
        .order_matters("the orders must be known first"),
        row(
            "order_created without a program id, of a customer who bought in another program",
            [order().top("meta.custom_data.program_id", "43"), order().set("id", "2")],
        )
        .gives("sale ls_order_2 4900 USD user_7 9; ls_order_1 other_program"),
        row(
            "order_created of two users with one customer",
            [
                order(),
                order().set("id", "2").top("meta.custom_data.user_id", "user_8"),
                order().set("id", "3").by_api(),
            ],
        )
        .gives(
            "sale ls_order_1 4900 USD user_7 9; sale ls_order_2 4900 USD user_8 9; \
             ls_order_3 no_customer, doubt customers_disagree",
        )
        .order_matters("what was reported stays"),
    ]
}

pub(crate) fn known_rows() -> Vec<Row<LemonSqueezy>> {
    vec![]
}
