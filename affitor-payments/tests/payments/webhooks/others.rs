//! Polar, Lemon Squeezy and Paddle: the event in each webhook.

use affitor_payments::{LemonSqueezy, Paddle, Polar};
use serde_json::{Value, json};

use super::{check, describe, event, payloads::*, webhook, with, without};

const ORDER: &str = "0a0b0c0d-0000-4000-8000-000000000001";

#[test]
fn polar() {
    let paid = format!("sale {ORDER} 4900 USD of user_7 with click");
    let renewal = with(
        order(),
        &[("data.billing_reason", json!("subscription_cycle")), ("data.subscription_id", json!("sub-id"))],
    );
    let renewed = format!("sale {ORDER} 4900 USD of user_7 with click, subscription sub-id again");
    let first = with(renewal.clone(), &[("data.billing_reason", json!("subscription_create"))]);
    let first_paid = format!("sale {ORDER} 4900 USD of user_7 with click, subscription sub-id");
    let external = with(order(), &[("data.metadata", json!({}))]);
    let no_external_id = with(external.clone(), &[("data.customer.external_id", Value::Null)]);
    let numeric = with(order(), &[("data.metadata.user_id", json!(7))]);
    let refunded = format!("refund 1089 of {ORDER} as {ORDER}:1089");
    let (of_external, of_polar, of_number, all) = (
        format!("sale {ORDER} 4900 USD of ext_7"),
        format!("sale {ORDER} 4900 USD of cus-id"),
        format!("sale {ORDER} 4900 USD of 7 with click"),
        format!("refund all of {ORDER}"),
    );
    let rows = [
        ("paid", order(), &*paid),
        ("first payment of a subscription", first, &first_paid),
        ("renewal", renewal.clone(), &renewed),
        ("an upgrade", with(renewal, &[("data.billing_reason", json!("subscription_update"))]), &renewed),
        ("a numeric user id", numeric, &of_number),
        ("the customer's external id", external, &of_external),
        ("the customer's Polar id", no_external_id, &of_polar),
        ("$0", with(order(), &[("data.total_amount", json!(0))]), "nothing: nothing_paid"),
        (
            "created, not paid",
            with(order(), &[("type", json!("order.created"))]),
            "sale 0a0b0c0d-0000-4000-8000-000000000001 4900 USD of user_7 with click",
        ),
        ("unsupported currency", with(order(), &[("data.currency", json!("gbp"))]), "nothing: unsupported_currency"),
        ("no amount", without(order(), "data.total_amount"), "refused: MissingField { field: \"total_amount\" }"),
        ("full refund", order_refunded(), &all),
        (
            "partial refund",
            with(order_refunded(), &[("data.refunded_amount", json!(1_000)), ("data.refunded_tax_amount", json!(89))]),
            &refunded,
        ),
        ("the event of the refund itself", polar_refund(), "ignored: CountedElsewhere { by: \"order.refunded\" }"),
        (
            "partial refund in an unsupported currency",
            with(order_refunded(), &[("data.refunded_amount", json!(1_000)), ("data.currency", json!("gbp"))]),
            "nothing: unsupported_currency",
        ),
    ];
    check(&webhook::<Polar>(), &rows);
    let test = webhook::<Polar>().test_mode(true);
    assert_eq!(describe(&event(&test, &order())), format!("{paid}, test"));
    assert_eq!(describe(&event(&test, &order_refunded())), "nothing: earlier_webhook");
    assert_eq!(event(&test, &order()).tax_cents(), Some(400));
}

#[test]
fn lemon_squeezy() {
    const A: &str = "data.attributes.";
    let at = |body: Value, field: &str, value: Value| with(body, &[(&*format!("{A}{field}"), value)]);
    let refund_of = |body: Value, kind: &str, refunded: u64| {
        with(at(body, "refunded_amount", json!(refunded)), &[("meta.event_name", json!(kind))])
    };
    let initial = at(lemon_invoice(), "billing_reason", json!("initial"));
    let rows = [
        ("paid", lemon_order(), "sale ls_order_1 4900 USD of user_7 with click"),
        (
            "a numeric id",
            with(lemon_order(), &[("data.id", json!(1))]),
            "sale ls_order_1 4900 USD of user_7 with click",
        ),
        (
            "a numeric user id",
            with(lemon_order(), &[("meta.custom_data.user_id", json!(7))]),
            "sale ls_order_1 4900 USD of 7 with click",
        ),
        ("pending", at(lemon_order(), "status", json!("pending")), "nothing: not_paid"),
        ("fraudulent", at(lemon_order(), "status", json!("fraudulent")), "nothing: not_paid"),
        ("free", at(lemon_order(), "total", json!(0)), "nothing: nothing_paid"),
        ("renewal", lemon_invoice(), "sale ls_invoice_1 4900 USD of user_7 with click, subscription 9 again"),
        ("the first invoice, counted from the order", initial.clone(), "nothing: "),
        (
            "test mode",
            with(lemon_order(), &[("meta.test_mode", json!(true))]),
            "sale ls_order_1 4900 USD of user_7 with click, test",
        ),
        (
            "test mode, set in the order",
            at(lemon_order(), "test_mode", json!(true)),
            "sale ls_order_1 4900 USD of user_7 with click, test",
        ),
        ("full refund", refund_of(lemon_order(), "order_refunded", 4_900), "refund all of ls_order_1"),
        (
            "partial refund",
            refund_of(lemon_order(), "order_refunded", 1_500),
            "refund 1500 of ls_order_1 as ls_order_1:1500",
        ),
        (
            "full refund of a renewal",
            refund_of(lemon_invoice(), "subscription_payment_refunded", 4_900),
            "refund all of ls_invoice_1",
        ),
        (
            "refund of the first invoice, counted from the order",
            refund_of(initial, "subscription_payment_refunded", 4_900),
            "nothing: ",
        ),
        (
            "refund in test mode",
            refund_of(at(lemon_order(), "test_mode", json!(true)), "order_refunded", 4_900),
            "nothing: earlier_webhook",
        ),
        ("refund of nothing", refund_of(lemon_order(), "order_refunded", 0), "nothing: earlier_webhook"),
        ("unsupported currency", at(lemon_order(), "currency", json!("GBP")), "nothing: unsupported_currency"),
        (
            "another event",
            with(lemon_order(), &[("meta.event_name", json!("license_key_created"))]),
            "ignored: OtherType",
        ),
        (
            "no total",
            without(lemon_order(), "data.attributes.total"),
            "refused: MissingField { field: \"attributes.total\" }",
        ),
    ];
    check(&webhook::<LemonSqueezy>(), &rows);
    let without_user_id = event(&webhook::<LemonSqueezy>(), &with(lemon_order(), &[("meta.custom_data", Value::Null)]));
    assert_eq!(describe(&without_user_id), "sale ls_order_1 4900 USD of jo@example.com");
}

#[test]
fn paddle() {
    let data = |body: Value, field: &str, value: Value| with(body, &[(&*format!("data.{field}"), value)]);
    let renewal =
        data(data(transaction(), "subscription_id", json!("sub_1")), "origin", json!("subscription_recurring"));
    let rows = [
        ("paid", transaction(), "sale txn_1 4900 USD of user_7 with click"),
        (
            "first payment of a subscription",
            data(transaction(), "subscription_id", json!("sub_1")),
            "sale txn_1 4900 USD of user_7 with click, subscription sub_1",
        ),
        ("renewal", renewal, "sale txn_1 4900 USD of user_7 with click, subscription sub_1 again"),
        ("a trial", data(transaction(), "details.totals.grand_total", json!("0")), "nothing: nothing_paid"),
        ("no customer", data(transaction(), "custom_data", Value::Null), "nothing: no_customer"),
        ("paid, not completed", with(transaction(), &[("event_type", json!("transaction.paid"))]), "nothing: "),
        (
            "amount as a number",
            data(transaction(), "details.totals.grand_total", json!(4_900)),
            "refused: WrongField { field: \"details.totals.grand_total\", expected: \"a string of digits\" }",
        ),
        (
            "amount with a decimal point",
            data(transaction(), "details.totals.grand_total", json!("49.00")),
            "refused: WrongField { field: \"details.totals.grand_total\", expected: \"a string of digits\" }",
        ),
        ("negative amount", data(transaction(), "details.totals.grand_total", json!("-4900")), "nothing: nothing_paid"),
        (
            "an empty amount",
            data(transaction(), "details.totals.grand_total", json!("")),
            "refused: WrongField { field: \"details.totals.grand_total\", expected: \"a string of digits\" }",
        ),
        ("unsupported currency", data(transaction(), "currency_code", json!("GBP")), "nothing: unsupported_currency"),
        ("partial refund", adjustment(), "refund 1500 of txn_1 as txn_1:adj_1"),
        (
            "refund approved at once",
            with(adjustment(), &[("event_type", json!("adjustment.created"))]),
            "refund 1500 of txn_1 as txn_1:adj_1",
        ),
        (
            "refund not approved yet",
            data(adjustment(), "status", json!("pending_approval")),
            "nothing: earlier_webhook",
        ),
        ("refund rejected", data(adjustment(), "status", json!("rejected")), "nothing: "),
        ("full refund", data(adjustment(), "type", json!("full")), "refund all of txn_1"),
        ("a credit", data(adjustment(), "action", json!("credit")), "ignored: OtherType"),
        (
            "a chargeback",
            data(data(adjustment(), "action", json!("chargeback")), "type", json!("full")),
            "refund all of txn_1",
        ),
        ("a chargeback warning", data(adjustment(), "action", json!("chargeback_warning")), "ignored: OtherType"),
        ("a reversed chargeback", data(adjustment(), "action", json!("chargeback_reverse")), "ignored: CannotBeUndone"),
        (
            "unknown type",
            data(adjustment(), "type", json!("most")),
            "refused: WrongField { field: \"type\", expected: \"full or partial\" }",
        ),
    ];
    check(&webhook::<Paddle>(), &rows);
    assert_eq!(
        describe(&event(&webhook::<Paddle>().test_mode(true), &transaction())),
        "sale txn_1 4900 USD of user_7 with click, test"
    );
}
