//! Stripe: where the metadata is read that says whose payment it is.

use affitor_payments::Stripe;
use serde_json::json;

use super::{
    objects::{Api::New, *},
    stripe::{both, elements},
    support::{Row, row},
};

pub(crate) fn metadata() -> Vec<Row<Stripe>> {
    let bare = || session().set("metadata", json!({}));
    let bare_bill = |api| billed(api, |invoice| with_subscription_metadata(invoice, ()));
    vec![
        row("metadata of the session only", [session(), intent(New)]).gives("sale pi_1 4900 USD user_7"),
        row("client_reference_id only", [bare().set("client_reference_id", "ref_9")]).gives("sale pi_1 4900 USD ref_9"),
        row("metadata and client_reference_id", [session().set("client_reference_id", "ref_9")])
            .gives("sale pi_1 4900 USD user_7"),
        row("only a click id", [bare().set("metadata", json!({ "affitor_click_id": "cust_42_1" }))])
            .gives("sale pi_1 4900 USD - click"),
        both("metadata of the payment intent only", |api| vec![bare(), elements(api)])
            .gives("sale pi_1 4900 USD user_7"),
        both("metadata of the subscription only", |api| {
            let session = subscription_session().set("metadata", json!({}));
            [vec![session, subscription()], bare_bill(api)].concat()
        })
        .gives("sale in_1 4900 USD user_7 sub_1"),
        both("metadata of a subscription's session only", |api| {
            [vec![subscription_session()], bare_bill(api), vec![with_subscription_metadata(renewal(api), ())]].concat()
        })
        .gives("sale in_1 4900 USD user_7 sub_1; sale in_2 4900 USD user_7 sub_1 recurring"),
        both("metadata that the invoice has from its subscription", |api| vec![invoice(api)])
            .gives("sale in_1 4900 USD user_7 sub_1"),
        row(
            "session and subscription that name different customers",
            [
                subscription_session().set("metadata", json!({})).set("client_reference_id", "zoe"),
                subscription(),
                with_subscription_metadata(invoice(New), ()),
            ],
        )
        .order_matters("what was reported stays")
        .gives("sale in_1 4900 USD user_7 sub_1"),
        both("metadata of the invoice itself", |api| {
            vec![with_subscription_metadata(invoice(api), ()).set("metadata", of("user_7"))]
        })
        .gives("sale in_1 4900 USD user_7 sub_1"),
        both("metadata of the invoice's lines", |api| {
            let lines = json!({ "data": [{ "amount": 0, "metadata": {} }, { "amount": 4_000, "metadata": of("user_7") },
                { "amount": 900, "metadata": of("user_7") }] });
            vec![with_subscription_metadata(invoice(api), ()).set("lines", lines)]
        })
        .gives("sale in_1 4900 USD user_7 sub_1"),
        both("lines that name different customers", |api| {
            let lines = json!({ "data": [{ "metadata": of("user_7") }, { "metadata": of("user_8") }] });
            vec![with_subscription_metadata(invoice(api), ()).set("lines", lines)]
        })
        .gives("in_1 no_customer"),
        both("metadata of a Checkout's invoice only", |api| {
            let session = bare().set("invoice", "in_1");
            [vec![session], billed(api, |invoice| manual(invoice).set("metadata", of("user_7")))].concat()
        })
        .gives("sale pi_1 4900 USD user_7; in_1 counted_as pi_1"),
        both("metadata of an invoice's payment intent only", |api| {
            let mut deliveries = billed(api, manual);
            deliveries.push(deliveries[deliveries.len() - 2].clone().set("metadata", of("user_7")));
            deliveries
        })
        .gives("sale in_1 4900 USD user_7; pi_1 counted_as in_1"),
        both("metadata of the customer only", |api| {
            let customer = json!({ "id": "cus_1", "object": "customer", "metadata": of("user_7") });
            vec![stripe("customer.created", &customer), manual(invoice(api))]
        })
        .gives("in_1 no_customer; ignored OtherType"),
        row("metadata of a payment link", [session().set("payment_link", "plink_1"), intent(New)])
            .gives("sale pi_1 4900 USD user_7"),
        row("metadata of the charge only", [bare(), charge(New).set("metadata", of("user_7"))])
            .gives("pi_1 no_customer"),
        row("no metadata anywhere", [bare(), intent(New)]).gives("pi_1 no_customer"),
        row(
            "click id of the payment intent only",
            [session(), intent(New).set("metadata", json!({ "affitor_click_id": "cust_42_1" }))],
        )
        .gives("sale pi_1 4900 USD user_7")
        .order_matters("a click that becomes known after the sale is not added"),
        both("subscription whose metadata changes", |api| {
            let changed = subscription().event("customer.subscription.updated").set("metadata", of("user_9"));
            vec![changed, subscription(), invoice(api)]
        })
        .gives("sale in_1 4900 USD user_7 sub_1"),
        row("program id of another program", [session().set("metadata.program_id", "43"), refund(1, 900)])
            .gives("pi_1 other_program"),
        row("program id as a number", [session().set("metadata.program_id", 42)]).gives("sale pi_1 4900 USD user_7"),
        row("program id of another program, as a number", [session().set("metadata.program_id", 43)])
            .gives("pi_1 other_program"),
        row("no program id", [session().set("metadata", json!({ "affitor_customer_key": "user_7" }))])
            .gives("sale pi_1 4900 USD user_7"),
        row("customer key that is a list", [session().set("metadata.affitor_customer_key", ["user_7"])])
            .gives("refused metadata"),
    ]
}
