//! Compares the expected sales with the final state of the provider's objects, which is a second view of the same money.

use serde_json::Value;
use shop_lives::{Api, ExpectedSale, Life, Provider, share};

const NOW: u64 = 1_760_000_000;

fn lives(provider: Provider, api: Api) -> impl Iterator<Item = Life> {
    let mut rng = fastrand::Rng::with_seed(21);
    (0..share(600)).map(move |number| Life::generate(&mut rng, provider, api, number, NOW))
}

fn objects<'a>(life: &'a Life, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    life.objects.iter().filter(move |object| object["object"] == kind)
}

fn number(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.parse().unwrap(),
        number => number.as_u64().unwrap_or_else(|| panic!("{number} is no amount")),
    }
}

fn sum<'a>(values: impl Iterator<Item = &'a Value>) -> u64 {
    values.map(number).sum()
}

/// Payment intents that paid a sale.
fn intents<'a>(life: &'a Life, sale: &'a ExpectedSale) -> Vec<&'a Value> {
    let id = sale.transaction_id.as_str();
    if id.starts_with("pi_") {
        return objects(life, "payment_intent").filter(|intent| intent["id"] == id).collect();
    }
    let of_payments = objects(life, "invoice_payment").filter(|payment| payment["invoice"] == id);
    let mut ids: Vec<&Value> = of_payments.map(|payment| &payment["payment"]["payment_intent"]).collect();
    ids.extend(
        objects(life, "invoice").filter(|invoice| invoice["id"] == id).map(|invoice| &invoice["payment_intent"]),
    );
    objects(life, "payment_intent").filter(|intent| ids.contains(&&intent["id"])).collect()
}

fn given_back(life: &Life, intent: &Value) -> u64 {
    let refunds = objects(life, "refund")
        .filter(|refund| refund["payment_intent"] == intent["id"] && refund["status"] == "succeeded")
        // The released part of a charge was never paid.
        .filter(|refund| refund["destination_details"]["card"]["type"] != "reversal");
    let disputes = objects(life, "dispute")
        .filter(|dispute| dispute["payment_intent"] == intent["id"] && dispute["status"] == "lost");
    sum(refunds.chain(disputes).map(|object| &object["amount"]))
}

#[test]
fn stripe_sales_match_the_payment_intents_and_refunds() {
    for life in [Api::Old, Api::New].into_iter().flat_map(|api| lives(Provider::Stripe, api)) {
        for sale in &life.sales {
            let intents = intents(&life, sale);
            let paid = sum(intents.iter().map(|intent| &intent["amount_received"]));
            let back: u64 = intents.iter().map(|intent| given_back(&life, intent)).sum();
            match life.kind {
                "invoice paid out of band" => assert_eq!((paid, back), (0, 0)),
                "payment of two invoices" => {
                    assert_eq!(paid, life.sales.iter().map(|sale| sale.amount_cents).sum::<u64>());
                    assert_eq!(sale.refunded_cents, if back == 0 { 0 } else { sale.amount_cents });
                }
                kind => assert_eq!((paid, back), (sale.amount_cents, sale.refunded_cents), "{kind}: {sale:?}"),
            }
        }
    }
}

#[test]
fn every_payment_of_our_customers_is_part_of_a_sale() {
    for life in [Api::Old, Api::New].into_iter().flat_map(|api| lives(Provider::Stripe, api)) {
        let ours = !["without our metadata", "another program", "connected account"].contains(&life.kind);
        let received = sum(objects(&life, "payment_intent").map(|intent| &intent["amount_received"]));
        let expected: u64 = life.sales.iter().map(|sale| sale.amount_cents).sum();
        match life.kind {
            "invoice paid out of band" => assert!(expected > 0),
            kind => assert_eq!(expected, if ours { received } else { 0 }, "{kind}"),
        }
    }
}

#[test]
fn stripe_charges_never_give_back_more_than_they_took() {
    for life in [Api::Old, Api::New].into_iter().flat_map(|api| lives(Provider::Stripe, api)) {
        for charge in objects(&life, "charge") {
            assert!(number(&charge["amount_refunded"]) <= number(&charge["amount"]), "{}: {charge}", life.kind);
        }
        for webhook in life.webhooks.iter().filter(|webhook| webhook.body["type"] == "charge.succeeded") {
            assert_eq!(webhook.body["data"]["object"]["amount_refunded"], 0, "{}", life.kind);
        }
    }
}

fn with_id<'a>(life: &'a Life, id: &str) -> &'a Value {
    life.objects.iter().find(|object| object["id"] == id).unwrap_or_else(|| panic!("no object {id}"))
}

#[test]
fn polar_sales_match_the_orders() {
    for life in lives(Provider::Polar, Api::New) {
        for sale in &life.sales {
            let order = with_id(&life, &sale.transaction_id);
            assert_eq!(sale.amount_cents, number(&order["total_amount"]));
            assert_eq!(sale.tax_cents, number(&order["tax_amount"]));
            let refunded = number(&order["refunded_amount"]) + number(&order["refunded_tax_amount"]);
            assert_eq!(sale.refunded_cents, refunded);
            let refunds = life
                .objects
                .iter()
                .filter(|refund| refund["order_id"] == sale.transaction_id.as_str() && refund["status"] == "succeeded");
            let refunds: u64 = refunds.map(|refund| number(&refund["amount"]) + number(&refund["tax_amount"])).sum();
            assert_eq!(sale.refunded_cents, refunds);
        }
    }
}

#[test]
fn lemon_squeezy_sales_match_the_orders_and_invoices() {
    for life in lives(Provider::LemonSqueezy, Api::New) {
        for sale in &life.sales {
            let (prefix, id) = sale.transaction_id.rsplit_once('_').unwrap();
            let kind = if prefix == "ls_order" { "orders" } else { "subscription-invoices" };
            let found = life.objects.iter().find(|object| object["type"] == kind && object["id"] == id).unwrap();
            assert_eq!(sale.amount_cents, number(&found["attributes"]["total"]));
            assert_eq!(sale.refunded_cents, number(&found["attributes"]["refunded_amount"]));
        }
    }
}

#[test]
fn paddle_sales_match_the_transactions_and_adjustments() {
    for life in lives(Provider::Paddle, Api::New) {
        for sale in &life.sales {
            let transaction = with_id(&life, &sale.transaction_id);
            assert_eq!(sale.amount_cents, number(&transaction["details"]["totals"]["total"]));
            let adjustments = life.objects.iter().filter(|adjustment| {
                adjustment["transaction_id"] == sale.transaction_id.as_str()
                    && adjustment["status"] == "approved"
                    && adjustment["action"] != "credit"
            });
            assert_eq!(sale.refunded_cents, sum(adjustments.map(|adjustment| &adjustment["totals"]["total"])));
        }
    }
}
