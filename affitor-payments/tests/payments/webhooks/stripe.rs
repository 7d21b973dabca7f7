//! Stripe: the event in each webhook.

use affitor::Currency;
use affitor_payments::{Stripe, StripeReporter};
use serde_json::{Value, json};

use super::{check, describe, edited, event, in_object, payloads::*, webhook, with, without};

#[test]
fn stripe_sales() {
    let click_only = edited!(session(), "metadata" => { json!({ "affitor_click_id": "cust_42_1" }) }, "client_reference_id" => Value::Null);
    let rows = [
        ("paid", session(), "sale pi_1 4900 USD of user_7 with click"),
        ("old API", with(session(), &[("api_version", json!(OLD))]), "sale pi_1 4900 USD of user_7 with click"),
        (
            "unknown API",
            with(session(), &[("api_version", json!("2031-01-01.zeta"))]),
            "sale pi_1 4900 USD of user_7 with click",
        ),
        ("delayed payment, completed", edited!(session(), "payment_status" => "unpaid"), "nothing: not_paid"),
        (
            "delayed payment, succeeded",
            with(session(), &[("type", json!("checkout.session.async_payment_succeeded"))]),
            "sale pi_1 4900 USD of user_7 with click",
        ),
        (
            "delayed payment, failed",
            with(session(), &[("type", json!("checkout.session.async_payment_failed"))]),
            "nothing: ",
        ),
        ("a full discount", edited!(session(), "payment_status" => "no_payment_required"), "nothing: not_paid"),
        ("$0", edited!(session(), "amount_total" => 0), "nothing: nothing_paid"),
        ("setup", edited!(session(), "mode" => "setup"), "ignored: NothingPaid"),
        (
            "no payment intent",
            edited!(session(), "payment_intent" => Value::Null),
            "sale cs_1 4900 USD of user_7 with click",
        ),
        ("no metadata", edited!(session(), "metadata" => json!({})), "sale pi_1 4900 USD of ref_9"),
        (
            "an empty customer key",
            edited!(session(), "metadata.affitor_customer_key" => ""),
            "sale pi_1 4900 USD of ref_9 with click",
        ),
        ("only a click id", click_only, "sale pi_1 4900 USD of - with click"),
        ("an empty click id", edited!(session(), "metadata.affitor_click_id" => ""), "sale pi_1 4900 USD of user_7"),
        (
            "an invalid click id",
            edited!(session(), "metadata.affitor_click_id" => "a b"),
            "sale pi_1 4900 USD of user_7",
        ),
        (
            "no customer: another payment of the account",
            edited!(session(), "metadata" => json!({}), "client_reference_id" => Value::Null),
            "nothing: no_customer",
        ),
        (
            "no customer, in an unsupported currency: not an error",
            edited!(session(), "metadata" => json!({}), "client_reference_id" => Value::Null, "currency" => "kwd"),
            "nothing: no_customer",
        ),
        ("euros", edited!(session(), "currency" => "eur"), "sale pi_1 4900 EUR of user_7 with click"),
        (
            "dong, a currency without cents",
            edited!(session(), "currency" => "vnd", "amount_total" => 1_200_000),
            "sale pi_1 1200000 VND of user_7 with click",
        ),
        ("unsupported currency", edited!(session(), "currency" => "jpy"), "nothing: unsupported_currency"),
        (
            "invalid currency",
            edited!(session(), "currency" => "dollars"),
            "refused: WrongField { field: \"currency\", expected: \"a currency code\" }",
        ),
        ("test mode", with(session(), &[("livemode", json!(false))]), "sale pi_1 4900 USD of user_7 with click, test"),
        ("subscription", subscription_session(), "nothing: "),
        ("trial", edited!(subscription_session(), "amount_total" => 0, "invoice" => "in_0"), "nothing: "),
        (
            "amount as a string",
            edited!(session(), "amount_total" => "4900"),
            "refused: WrongField { field: \"amount_total\", expected: \"an integer of at least 0\" }",
        ),
        (
            "amount as a float",
            edited!(session(), "amount_total" => 49.0),
            "refused: WrongField { field: \"amount_total\", expected: \"an integer of at least 0\" }",
        ),
        (
            "negative amount",
            edited!(session(), "amount_total" => -4_900),
            "refused: WrongField { field: \"amount_total\", expected: \"an integer of at least 0\" }",
        ),
        (
            "amount out of range",
            edited!(session(), "amount_total" => u64::MAX),
            "refused: WrongField { field: \"amount_total\", expected: \"an integer of at least 0\" }",
        ),
        (
            "no amount",
            without(session(), "data.object.amount_total"),
            "refused: MissingField { field: \"amount_total\" }",
        ),
        (
            "no status",
            without(session(), "data.object.payment_status"),
            "refused: MissingField { field: \"payment_status\" }",
        ),
        (
            "unknown status",
            edited!(session(), "payment_status" => "perhaps"),
            "refused: WrongField { field: \"payment_status\", expected: \"paid, unpaid or no_payment_required\" }",
        ),
        (
            "unknown mode",
            edited!(session(), "mode" => "barter"),
            "refused: WrongField { field: \"mode\", expected: \"payment, subscription or setup\" }",
        ),
        (
            "a customer key of another type",
            edited!(session(), "metadata.affitor_customer_key" => ["user_7"]),
            "refused: WrongField { field: \"metadata\", expected: \"metadata of strings\" }",
        ),
        ("another event", with(session(), &[("type", json!("customer.created"))]), "ignored: OtherType"),
        ("no type", with(session(), &[("type", json!(7))]), "refused: MissingField { field: \"the event's type\" }"),
        (
            "no live mode",
            with(session(), &[("livemode", Value::Null)]),
            "refused: WrongField { field: \"livemode\", expected: \"true or false\" }",
        ),
        (
            "no data",
            json!({ "type": "checkout.session.completed", "livemode": true }),
            "refused: MissingField { field: \"data.object\" }",
        ),
    ];
    check(&webhook::<Stripe>(), &rows);

    let long = "k".repeat(500);
    let key = event(&webhook::<Stripe>(), &edited!(session(), "metadata.affitor_customer_key" => long.clone()));
    assert_eq!(describe(&key), format!("sale pi_1 4900 USD of {long} with click"));
    let yen = event(
        &webhook::<Stripe>().allow_currency(Currency::from_code("JPY").unwrap()),
        &edited!(session(), "currency" => "jpy"),
    );
    assert_eq!(describe(&yen), "sale pi_1 4900 JPY of user_7 with click");
    for body in [session(), new_renewal()] {
        let read = event(&webhook::<Stripe>().stripe_reporter(StripeReporter::Affitor), &body);
        assert_eq!(describe(&read), "nothing: read_by_affitor");
    }
}

#[test]
fn stripe_renewals() {
    let rows = [
        ("new API", new_renewal(), "sale in_2 4900 USD of user_7 with click, subscription sub_1 again"),
        ("old API", old_renewal(), "sale in_2 4900 USD of user_7, subscription sub_1 monthly again"),
        (
            "the older event",
            with(new_renewal(), &[("type", json!("invoice.payment_succeeded"))]),
            "sale in_2 4900 USD of user_7 with click, subscription sub_1 again",
        ),
        (
            "every three months",
            edited!(old_renewal(), "lines.data" => { json!([{ "plan": { "interval": "month", "interval_count": 3 } }]) }),
            "sale in_2 4900 USD of user_7, subscription sub_1 quarterly again",
        ),
        (
            "every year",
            edited!(old_renewal(), "lines.data" => { json!([{ "price": { "recurring": { "interval": "year" } } }]) }),
            "sale in_2 4900 USD of user_7, subscription sub_1 annual again",
        ),
        (
            "every two weeks",
            edited!(old_renewal(), "lines.data" => { json!([{ "plan": { "interval": "week", "interval_count": 2 } }]) }),
            "sale in_2 4900 USD of user_7, subscription sub_1 again",
        ),
        (
            "the first invoice, counted from its session",
            edited!(new_renewal(), "billing_reason" => "subscription_create"),
            "sale in_2 4900 USD of user_7 with click, subscription sub_1",
        ),
        (
            "an upgrade",
            edited!(new_renewal(), "billing_reason" => "subscription_update"),
            "sale in_2 4900 USD of user_7 with click, subscription sub_1 again",
        ),
        (
            "a manual invoice",
            edited!(new_renewal(), "billing_reason" => "manual"),
            "sale in_2 4900 USD of user_7 with click, subscription sub_1 again",
        ),
        ("$0", edited!(new_renewal(), "amount_paid" => 0), "nothing: nothing_paid"),
        (
            "no metadata",
            edited!(new_renewal(), "parent.subscription_details.metadata" => json!({})),
            "nothing: no_customer",
        ),
        (
            "no amount",
            without(new_renewal(), "data.object.amount_paid"),
            "refused: MissingField { field: \"amount_paid\" }",
        ),
        ("no id", without(old_renewal(), "data.object.id"), "refused: MissingField { field: \"id\" }"),
    ];
    check(&webhook::<Stripe>(), &rows);
}

#[test]
fn stripe_refunds() {
    let second_part = edited!(
        with(charge(), &[("data.previous_attributes.amount_refunded", json!(1_500))]),
        "amount_refunded" => 2_500
    );
    let rest = edited!(second_part.clone(), "amount_refunded" => 4_900);
    let failed_later = with(
        edited!(refund(), "status" => "failed"),
        &[("type", json!("refund.updated")), ("data.previous_attributes", json!({ "status": "succeeded" }))],
    );
    let rows = [
        ("partial refund", charge(), "refund 1500 of pi_1 as pi_1:1500"),
        ("new API", with(charge(), &[("api_version", json!(NEW))]), "refund 1500 of pi_1 as pi_1:1500"),
        ("no API version", with(charge(), &[("api_version", Value::Null)]), "refund 1500 of pi_1 as pi_1:1500"),
        ("a second part", second_part, "refund 1000 of pi_1 as pi_1:2500"),
        ("the rest", rest, "refund 3400 of pi_1 as pi_1:4900"),
        ("full refund", edited!(charge(), "amount_refunded" => 4_900, "refunded" => true), "refund all of pi_1"),
        ("of a subscription, old API", edited!(charge(), "invoice" => "in_2"), "refund 1500 of in_2 as in_2:1500"),
        (
            "of an unknown payment",
            edited!(charge(), "payment_intent" => Value::Null),
            "refund 1500 of ch_1 as ch_1:1500",
        ),
        ("in test mode", with(charge(), &[("livemode", json!(false))]), "nothing: earlier_webhook"),
        (
            "in an unsupported currency, as its sale was refused",
            edited!(charge(), "currency" => "jpy"),
            "nothing: unsupported_currency",
        ),
        (
            "no previous amount",
            without(charge(), "data.previous_attributes.amount_refunded"),
            "refused: MissingField { field: \"data.previous_attributes.amount_refunded\" }",
        ),
        (
            "less than the previous amount",
            with(charge(), &[("data.previous_attributes.amount_refunded", json!(2_000))]),
            "nothing: earlier_webhook",
        ),
        ("the event of the refund itself", refund(), "ignored: CountedElsewhere { by: \"charge.refunded\" }"),
        ("a refund that fails later", failed_later, "ignored: CannotBeUndone"),
        ("the event `refund.failed`", with(refund(), &[("type", json!("refund.failed"))]), "ignored: CannotBeUndone"),
        ("a lost dispute", dispute(), "refund 4900 of pi_1 as pi_1:du_1"),
        ("a won dispute", edited!(dispute(), "status" => "won"), "nothing: "),
        ("an inquiry", edited!(dispute(), "status" => "warning_closed"), "nothing: "),
        ("an open dispute", with(dispute(), &[("type", json!("charge.dispute.created"))]), "nothing: "),
    ];
    check(&webhook::<Stripe>(), &rows);
}

#[test]
fn tax_of_sessions_and_invoices() {
    assert_eq!(event(&webhook::<Stripe>(), &session()).tax_cents(), Some(400));
    let invoice = edited!(new_renewal(), "total" => 5_831, "total_excluding_tax" => 4_900);
    assert_eq!(event(&webhook::<Stripe>(), &invoice).tax_cents(), Some(931));
    for body in [new_renewal(), charge()] {
        assert_eq!(event(&webhook::<Stripe>(), &body).tax_cents(), None);
    }
}
