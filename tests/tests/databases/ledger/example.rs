//! `examples/payments`: a shop to start from.

use std::{sync::Arc, time::Duration};

use affitor::{Click, Client, Lead};
use affitor_outbox::Outbox;
use affitor_payments::Webhook;
use affitor_sandbox::Sandbox;
use affitor_tests::databases;
use checkout::stripe::Api;
use payments_example::{Shop, app, create_tables};
use serde_json::Value;
use session::Sessions;

use crate::ledger::stripe::{SECRET, checkout, metadata, refund};

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_and_its_refund() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).program_id(42).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = client.track_click(Click::landing(landing)).await.unwrap();
    client.track_lead(Lead::new("user_7").click_id(click.click_id().cloned())).await.unwrap();

    let (pool, _folder) = databases::sqlite().await;
    create_tables(&pool).await.unwrap();
    let delivery = Outbox::sqlite(pool.clone()).start(client).await.unwrap();
    let outbox = delivery.outbox();
    let webhook = Webhook::disabled().or_secret(SECRET).unwrap();
    let shop = Shop {
        outbox: outbox.clone(),
        stripe: Arc::new(Api {
            url: "http://127.0.0.1:1".parse().unwrap(),
            key: "sk_test".to_owned(),
            http: reqwest::Client::new(),
        }),
        webhook: webhook.clone(),
        sessions: Sessions::generate(),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/stripe", listener.local_addr().unwrap());
    let app = app(shop, delivery.client().clone());
    tokio::spawn(async move { axum::serve(listener, app).await });
    // The browser can't choose who buys.
    let buy = reqwest::Client::new().post(url.replace("/webhooks/stripe", "/api/checkout"));
    assert_eq!(buy.header("cookie", "session=user_7").body("userId=user_7").send().await.unwrap().status(), 401);
    let deliver = async |body: Value| {
        let body = body.to_string();
        let headers = webhook.sign("msg_1", body.as_bytes(), std::time::SystemTime::now());
        let mut request = reqwest::Client::new().post(&url).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        assert_eq!(request.send().await.unwrap().status(), 200);
    };
    // Twice each, and the refund first.
    for body in [refund(1, 1, 4_900, "succeeded"), checkout(1, 4_900, &metadata())] {
        deliver(body.clone()).await;
        deliver(body).await;
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while outbox.stats().await.unwrap().recorded < 2 {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", outbox.stats().await.unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    delivery.shutdown(Duration::from_secs(8)).await;
    assert_eq!((sandbox.sales().len(), sandbox.sales()[0].amount_cents), (1, 4_900));
    let commission = &sandbox.commissions()[0];
    assert_eq!(commission.deducted_cents, commission.amount_cents);
    let orders: i64 = affitor_outbox::sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&pool).await.unwrap();
    assert_eq!(orders, 1);
}
