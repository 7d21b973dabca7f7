//! Stripe: which product a sale names, by which the service chooses the commission.

use affitor_payments::Stripe;
use serde_json::{Value, json};

use super::{
    objects::{Api, *},
    stripe::{both, elements},
    support::{Delivery, Row, row},
};

/// A line of an invoice.
fn line(api: Api, product: Option<&str>, amount: i64) -> Value {
    let line = json!({ "id": "il_1", "object": "line_item", "amount": amount, "description": "A plan", "quantity": 1 });
    with_product(line, api, product)
}

fn with_product(mut line: Value, api: Api, product: Option<&str>) -> Value {
    match api {
        Api::New => {
            let details = product.map(|product| json!({ "price": "price_1", "product": product }));
            line["pricing"] = json!({ "type": "price_details", "price_details": details, "unit_amount_decimal": "1" });
        }
        Api::Old => {
            line["price"] = product.map_or(Value::Null, |product| json!({ "id": "price_1", "product": product }));
        }
    }
    line
}

fn invoice_of(api: Api, lines: &[(Option<&str>, i64)]) -> Delivery {
    let data: Vec<Value> = lines.iter().map(|(product, amount)| line(api, *product, *amount)).collect();
    invoice(api).set("lines", json!({ "object": "list", "has_more": false, "data": data }))
}

/// A session as the API returns it, with its lines.
fn read_session(products: &[&str]) -> Delivery {
    let lines = products.iter().map(|product| {
        json!({ "id": "li_1", "object": "item", "amount_total": 2_450, "amount_subtotal": 2_450, "description": "A course",
            "quantity": 2, "price": { "id": "price_1", "product": product } })
    });
    let lines: Vec<Value> = lines.collect();
    session().by_api().set("line_items", json!({ "object": "list", "has_more": false, "data": lines }))
}

const LIST: &str =
    r#"[{"amount_cents":4000,"name":"A plan","quantity":1},{"amount_cents":900,"name":"A plan","quantity":1}]"#;

pub(crate) fn products() -> Vec<Row<Stripe>> {
    let of_product = |product: &str| {
        let mut metadata = of("user_7");
        metadata["affitor_product_id"] = json!(product);
        metadata
    };
    vec![
        both("invoice of one product", |api| vec![invoice_of(api, &[(Some("prod_1"), 4_900)])])
            .gives("sale in_1 4900 USD user_7 prod_1 sub_1"),
        both("invoice whose product the shop names", |api| vec![invoice_of(api, &[(Some("prod_1"), 4_900)])])
            .policy(|policy| policy.products = [("prod_1".into(), "pro".into())].into())
            .endpoint(|webhook| webhook.product("prod_1", "pro"))
            .gives("sale in_1 4900 USD user_7 pro sub_1"),
        both("invoice of two products of one name", |api| {
            vec![invoice_of(api, &[(Some("prod_1"), 4_000), (Some("prod_2"), 900)])]
        })
        .policy(|policy| {
            policy.products = [("prod_1".into(), "pro".into()), ("prod_2".into(), "pro".into())].into();
        })
        .gives("sale in_1 4900 USD user_7 pro sub_1"),
        both("proration of one product", |api| {
            vec![invoice_of(api, &[(Some("prod_1"), -1_000), (Some("prod_1"), 5_900)])]
        })
        .gives("sale in_1 4900 USD user_7 prod_1 sub_1"),
        both("invoice of several products", |api| {
            vec![invoice_of(api, &[(Some("prod_1"), 4_000), (Some("prod_2"), 900)])]
        })
        .gives(format!("sale in_1 4900 USD user_7 sub_1 {LIST}")),
        both("invoice with a product that costs nothing", |api| {
            vec![invoice_of(api, &[(Some("prod_1"), 4_900), (Some("prod_2"), 0)])]
        })
        .gives("sale in_1 4900 USD user_7 prod_1 sub_1"),
        both("invoice with an amount of no product", |api| {
            vec![invoice_of(api, &[(Some("prod_1"), 4_000), (None, 900)])]
        })
        .gives(
            r#"sale in_1 4900 USD user_7 sub_1 [{"amount_cents":900,"quantity":1},{"amount_cents":4000,"name":"A plan","quantity":1}]"#,
        ),
        both("invoice whose lines are not all listed", |api| {
            vec![invoice_of(api, &[(Some("prod_1"), 4_900)]).set("lines.has_more", true)]
        })
        .gives("sale in_1 4900 USD user_7 sub_1; in_1 reported, doubt product_unknown"),
        both("invoice whose lines are read by API before it is reported", |api| {
            let cut = invoice_of(api, &[(Some("prod_1"), 4_900)]).set("lines.has_more", true);
            vec![invoice_of(api, &[(Some("prod_1"), 4_900)]).by_api(), cut]
        })
        .order_matters("the product of a sale can't be added later")
        .gives("sale in_1 4900 USD user_7 prod_1 sub_1"),
        both("invoice whose lines are read by API after it was reported", |api| {
            let cut = invoice_of(api, &[(Some("prod_1"), 4_900)]).set("lines.has_more", true);
            vec![cut, invoice_of(api, &[(Some("prod_1"), 4_900)]).by_api()]
        })
        .order_matters("the product of a sale can't be added later")
        .gives("sale in_1 4900 USD user_7 sub_1; in_1 reported, doubt product_unknown"),
        both("invoice with a line that can't be read", |api| {
            vec![invoice_of(api, &[(Some("prod_1"), 4_900)]).set("lines.data", json!([{ "amount": "4900" }]))]
        })
        .gives("sale in_1 4900 USD user_7 sub_1; in_1 reported, doubt product_unknown"),
        both("invoice whose metadata names the product", |api| {
            vec![manual(invoice_of(api, &[(None, 4_900)])).set("metadata", of_product("pro"))]
        })
        .gives("sale in_1 4900 USD user_7 pro"),
        row("Checkout whose metadata names the product", [session().set("metadata", of_product("pro"))])
            .gives("sale pi_1 4900 USD user_7 pro"),
        row("Checkout read by API", [read_session(&["prod_1"])]).gives("sale pi_1 4900 USD user_7 prod_1"),
        row("Checkout of several products, read by API", [read_session(&["prod_1", "prod_2"])]).gives(
            r#"sale pi_1 4900 USD user_7 [{"amount_cents":2450,"name":"A course","quantity":2},{"amount_cents":2450,"name":"A course","quantity":2}]"#,
        ),
        both("payment intent whose metadata names the product", |api| {
            vec![elements(api).set("metadata", of_product("pro"))]
        })
        .gives("sale pi_1 4900 USD user_7 pro"),
    ]
}
