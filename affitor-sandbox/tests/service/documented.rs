//! Facts of the service's documentation, each with its sentence.

use std::time::Duration;

use affitor_sandbox::{Commission, CustomerStatus, LeadAuth, Percent, SandboxBuilder, StripeInvoices};
use serde_json::{Value, json};

use crate::support::{Visitor, builder, sale, start};

async fn get(url: String) -> (u16, String, String) {
    let response = reqwest::get(url).await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    (response.status().as_u16(), kind, response.text().await.unwrap())
}

async fn json_at(url: String) -> Value {
    serde_json::from_str(&get(url).await.2).unwrap()
}

/// "`amount_cents`: `100.0` is an integer in JSON"; "lower case is accepted".
#[tokio::test]
async fn amounts_and_currencies() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    server.bought("user_7", "t_0").await;
    let track = async |id: &str, amount: &str, currency: &str| {
        let body = format!(
            r#"{{"transaction_id":"{id}","amount_cents":{amount},"currency":"{currency}","customer_key":"user_7"}}"#
        );
        server.post("/api/v1/track/sale", &body).await.0
    };
    for (id, amount, currency, status) in [
        ("t_1", "100.0", "usd", 200),
        ("t_2", "1e2", "Eur", 200),
        ("t_3", "100.5", "USD", 400),
        ("t_4", "-100.0", "USD", 400),
        ("t_5", "1e300", "USD", 400),
        ("t_6", "100", "us", 400),
        ("t_7", "100", "u5d", 400),
    ] {
        assert_eq!(track(id, amount, currency).await, status, "{id}");
    }
    let sales = sandbox.sales().split_off(1);
    let stored: Vec<_> = sales.iter().map(|sale| (sale.amount_cents, sale.currency.as_str())).collect();
    assert_eq!(stored, [(100, "USD"), (100, "EUR")]);
}

fn connected() -> SandboxBuilder {
    let mut interpretations = affitor_sandbox::Interpretations::default();
    interpretations.stripe_invoices = StripeInvoices::All;
    builder().interpretations(interpretations).stripe_webhook_secret("whsec_1")
}

/// Delivers an event to the address of the service. Returns the result.
async fn distribute(sandbox: &affitor_sandbox::Sandbox, kind: &str, object: Value) -> String {
    use hmac::{Hmac, Mac as _};
    let body = json!({ "id": "evt_1", "type": kind, "data": { "object": object } }).to_string();
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"whsec_1").unwrap();
    mac.update(format!("{seconds}.{body}").as_bytes());
    let signature = format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()));
    let request = reqwest::Client::new().post(format!("{}/api/webhook-distributor/stripe", sandbox.url()));
    let response = request.header("stripe-signature", signature).body(body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.json::<Value>().await.unwrap()["result"].as_str().unwrap().to_owned()
}

/// "renewals from `invoice.payment_succeeded` or `invoice.paid`, one sale per invoice"; "`customer.created`, which is a lead if the
/// customer's metadata says whose"; "at its one address".
#[tokio::test]
async fn events_of_stripe() {
    for kinds in [["invoice.paid", "invoice.payment_succeeded"], ["invoice.payment_succeeded", "invoice.paid"]] {
        let sandbox = start(connected()).await;
        let click_id = Visitor::browser(&sandbox).click("PARTNER123", None).await;
        let metadata = json!({ "program_id": "42", "affitor_click_id": click_id, "affitor_customer_key": "user_7" });
        let customer = json!({ "id": "cus_1", "email": "jo@example.com", "metadata": metadata });
        assert_eq!(distribute(&sandbox, "customer.created", customer.clone()).await, "lead");
        assert_eq!(distribute(&sandbox, "customer.created", customer).await, "ignored: the customer is a lead already");
        let lead = &sandbox.leads()[0];
        assert_eq!((lead.customer_key.as_deref(), lead.click_id.as_deref()), (Some("user_7"), Some(&*click_id)));
        let line = |product: &str| json!({ "pricing": { "price_details": { "product": product } } });
        let invoice = json!({
            "id": "in_1", "billing_reason": "subscription_cycle", "amount_paid": 2_900, "currency": "usd",
            "subscription_details": { "metadata": metadata }, "lines": { "data": [line("prod_1"), line("prod_1")] },
        });
        assert_eq!(distribute(&sandbox, kinds[0], invoice.clone()).await, "sale affitor_stripe_in_1");
        assert_eq!(distribute(&sandbox, kinds[1], invoice).await, "ignored: the payment is already recorded");
        let refund = json!({ "id": "ch_1", "invoice": "in_1", "amount_refunded": 2_900 });
        assert_eq!(distribute(&sandbox, "charge.refunded", refund).await, "refund of affitor_stripe_in_1");
        assert_eq!(sandbox.sales()[0].product_id.as_deref(), Some("prod_1"));
    }
}

/// "A `transaction_id` that is given is an idempotency key in test mode too, shared with real sales."
#[tokio::test]
async fn transaction_ids_of_test_sales() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    server.bought("user_7", "t_1").await;
    let test = |id: Option<&str>| json!({ "transaction_id": id, "additional_data": { "test_mode": true } });
    assert_eq!(server.track("sale", test(Some("t_1"))).await.0, 409, "of a real sale");
    assert_eq!(server.track("sale", test(Some("t_2"))).await.0, 200);
    assert_eq!(server.track("sale", test(Some("t_2"))).await.0, 409);
    assert_eq!(server.track("sale", sale("t_2", "user_7")).await.0, 409, "of a test sale");
    for _ in 0..2 {
        assert_eq!(server.track("sale", test(None)).await.0, 200, "one is made");
    }
}

/// "It settles when the server-side lead comes, or with the customer's first verified payment. Reporting both is idempotent."
#[tokio::test]
async fn provisional_leads_settle_with_a_payment() {
    let sandbox = start(builder().lead_auth(LeadAuth::ServerRequired)).await;
    let (browser, server) = (Visitor::browser(&sandbox), Visitor::server(&sandbox));
    let click_id = browser.click("abc123", None).await;
    let lead = json!({ "click_id": click_id, "customer_key": "user_7" });
    assert_eq!(browser.track("lead", lead.clone()).await.1["provisional"], true);
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 200);
    let customer = &sandbox.customers()[0];
    assert_eq!((customer.status, customer.customer_key.as_deref()), (CustomerStatus::Conversion, Some("user_7")));
    let leads = sandbox.leads();
    assert_eq!((leads.len(), leads[0].provisional), (1, false));
    assert_eq!(server.track("lead", lead).await.0, 200, "the browser has reported it");
    // Two visitors claim one key: nobody is credited.
    for code in ["abc123", "PARTNER123"] {
        let click_id = browser.click(code, None).await;
        browser.track("lead", json!({ "click_id": click_id, "customer_key": "user_8" })).await;
    }
    assert_eq!(server.track("sale", sale("t_2", "user_8")).await.0, 400);

    let sandbox = start(connected().lead_auth(LeadAuth::ServerRequired)).await;
    let browser = Visitor::browser(&sandbox);
    let click_id = browser.click("abc123", None).await;
    browser.track("lead", json!({ "click_id": click_id, "customer_key": "user_7" })).await;
    let metadata = json!({ "program_id": "42", "affitor_customer_key": "user_7" });
    let session =
        json!({ "id": "cs_1", "mode": "payment", "payment_status": "paid", "amount_total": 100, "metadata": metadata });
    assert_eq!(distribute(&sandbox, "checkout.session.completed", session).await, "sale affitor_stripe_cs_1");
    assert!(!sandbox.leads()[0].provisional);
}

/// "A program without a policy that pays for *sales* gets `unattributed`, and its gate `economics` the action `set_commission_policy`."
#[tokio::test]
async fn policies_that_pay_for_no_sale() {
    for (policy, attributed) in
        [(Commission::per_click(), false), (Commission::per_lead(), false), (Commission::lifetime(5), true)]
    {
        let sandbox = start(builder().commission(policy)).await;
        let server = Visitor::server(&sandbox);
        let (_, chain) = server.post("/api/v1/cli/test-event", r#"{"type":"chain"}"#).await;
        assert_eq!(chain["data"]["attributed"], attributed, "{policy}");
        let url = format!("{}/api/v1/programs/me/readiness", sandbox.url());
        let request = reqwest::Client::new().get(url).bearer_auth("test_key");
        let readiness: Value = request.send().await.unwrap().json().await.unwrap();
        let action = readiness["gates"]["economics"].get("next_action").and_then(Value::as_str);
        assert_eq!(action.is_none(), attributed, "{readiness}");
    }
}

/// "A rate in per cent (fractions allowed: 12.5)".
#[tokio::test]
async fn rates_with_decimals() {
    let sandbox = start(builder().commission("lifetime:12.5".parse().unwrap())).await;
    let server = Visitor::server(&sandbox);
    server.bought("user_7", "t_1").await;
    assert_eq!(sandbox.commissions()[0].amount_cents, 1_250);
    let refund = json!({ "transaction_id": "t_1", "refund_amount_cents": 5_000 });
    let (_, response) = server.track("refund", refund).await;
    assert_eq!(response["deductionAmount"].to_string(), "6.25");
    let rest = server.post("/api/v1/track/refund", r#"{"transaction_id":"t_1"}"#).await.1;
    assert!(rest.get("deductionAmount").is_none_or(|amount| !amount.to_string().ends_with(".0")), "{rest}");
    assert_eq!(Commission::recurring(12.5, 12).to_string(), "recurring:12.5:12");
    assert_eq!(Commission::lifetime(20).percent(), Percent::from(20));
    let performance = get(format!("{}/api/tracking/performance/42", sandbox.url())).await.2;
    assert!(performance.contains("\"revenue\":100,") && !performance.contains(".0,"), "{performance}");
}

/// "A click older than the window by any amount earns nothing: on day 60.5 of 60 it is over."
#[tokio::test]
async fn the_window_ends_to_the_second() {
    for (seconds, commission) in [(60 * 86_400 - 5, true), (60 * 86_400 + 2, false), (60 * 86_400 + 43_200, false)] {
        let sandbox = start(builder()).await;
        let server = Visitor::server(&sandbox);
        let click_id = server.click("abc123", None).await;
        assert_eq!(server.track("lead", json!({ "click_id": click_id, "customer_key": "user_7" })).await.0, 200);
        sandbox.advance(Duration::from_secs(seconds));
        let (_, response) = server.track("sale", sale("t_1", "user_7")).await;
        assert_eq!(response["commission_id"].is_number(), commission, "{seconds}: {response}");
    }
}

/// "default `7d`: the example has the first and the last day, 8 rows"; "`meta` repeats them as they were asked"; "a conversion has no
/// such field"; "every row of a chain is `is_test`: it counts where test events are counted".
#[tokio::test]
async fn what_the_dashboard_reads() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    server.bought("user_7", "t_1").await;
    let performance = |query: &str| json_at(format!("{}/api/tracking/performance/42?{query}", sandbox.url()));
    for (query, rows) in [("", 8), ("period=7d", 8), ("period=30d", 31), ("dateFrom=2026-01-05&dateTo=2026-01-06", 2)] {
        assert_eq!(performance(query).await["data"].as_array().unwrap().len(), rows, "{query}");
    }
    let asked = performance("dateFrom=2026-01-05T10:30:00Z&dateTo=2026-01-06").await["meta"].clone();
    assert_eq!(
        (&asked["dateFrom"], &asked["dateTo"]),
        (&json!("2026-01-05T10:30:00.000Z"), &json!("2026-01-06T23:59:59.999Z"))
    );
    let events = json_at(format!("{}/api/tracking/events/42", sandbox.url())).await["data"].clone();
    let rows = events.as_array().unwrap();
    let converted: Vec<_> =
        rows.iter().map(|row| (row["event_type"].as_str().unwrap(), row.get("converted"))).collect();
    assert_eq!(converted, [("conversion", None), ("lead", Some(&json!(true))), ("click", Some(&json!(true)))]);

    server.post("/api/v1/cli/test-event", r#"{"type":"chain"}"#).await;
    let found = Visitor::browser(&sandbox).post("/api/tracking/check-test-events", r#"{"program_id":42}"#).await.1;
    assert_eq!(found["data"]["eventCount"], 3);
    assert_eq!(sandbox.sales().len(), 1, "and nowhere else");
}

/// Sales, commissions and events count separately, and what is unknown is not made up.
#[tokio::test]
async fn numbers_and_places() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    server.click("abc123", None).await;
    server.bought("user_7", "t_1").await;
    server.bought("user_8", "t_2").await;
    let sales = sandbox.sales();
    assert_eq!(sales.iter().map(|sale| sale.sale_id).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(sandbox.commissions().iter().map(|known| known.commission_id).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(sales.iter().map(|sale| sale.event_id).collect::<Vec<_>>(), [4, 7]);
    let browser = Visitor::browser(&sandbox);
    let click =
        json!({ "affiliate_url": "https://shop.example/?aff=abc123", "timezone": "Asia/Tokyo", "user_agent": "x/1" });
    browser.track("click", click).await;
    let row = json_at(format!("{}/api/tracking/events/42?eventType=click", sandbox.url())).await["data"][0].clone();
    assert_eq!(
        (&row["geo_country"], &row["device_type"], &row["browser_name"]),
        (&json!("JP"), &json!(null), &json!(null))
    );
}

/// "`No affiliate attribution found for this customer in this program` (the customer exists, by key or by click, in another program)".
#[tokio::test]
async fn a_customer_of_another_program() {
    let sandbox = start(builder()).await;
    Visitor::server(&sandbox).bought("user_7", "t_1").await;
    let other = Visitor::with(&sandbox, Some("Bearer other_key".to_owned()));
    for (body, expected) in [
        (sale("t_2", "user_7"), "No affiliate attribution found for this customer in this program"),
        (sale("t_2", "nobody"), "Customer not found. Provide customer_key or click_id."),
    ] {
        assert_eq!(other.track("sale", body).await, (400, json!({ "error": expected })));
    }
}

/// "`GET /openapi.yaml` at the base is the contract, `GET /skill.md` a runbook for agents."
#[tokio::test]
async fn documents_for_tools() {
    let sandbox = start(builder()).await;
    let (status, kind, yaml) = get(format!("{}/openapi.yaml", sandbox.url())).await;
    assert!(status == 200 && kind.starts_with("application/yaml"), "{kind}");
    assert!(yaml.starts_with("openapi: 3.1.0\n") && yaml.contains("\n  /api/v1/track/sale:\n"), "{yaml:.200}");
    let (status, kind, text) = get(format!("{}/skill.md", sandbox.url())).await;
    assert!(status == 200 && kind.starts_with("text/markdown"), "{kind}");
    assert!(text.starts_with("# Track partners") && text.contains("/api/v1/track/lead"));
}
