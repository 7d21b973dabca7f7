//! The example app `examples/outbox`.

use affitor_outbox::Outbox;

use crate::outbox::common::{click, connect, sandbox, wait_until};

/// A visitor with a click signs up, buys and gets a refund. Each step commits in one transaction with its event.
#[tokio::test(flavor = "multi_thread")]
async fn the_example() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let sandbox = sandbox().start().await.unwrap();
    let delivery = Outbox::sqlite(pool.clone()).start(connect(&sandbox)).await.unwrap();
    let shop = outbox_example::Shop::open(pool, delivery.outbox().clone()).await.unwrap();
    let app = outbox_example::app(shop.clone(), delivery.client().clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });

    let (http, cookie) = (reqwest::Client::new(), format!("affitor_click_id={}", click(&sandbox).await));
    let post = async |path: &str, body: String| {
        let form = http.post(format!("{url}{path}")).header("content-type", "application/x-www-form-urlencoded");
        let response = form.header("cookie", &cookie).body(body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (status, user) = post("/users", "email=jo%40example.com".to_owned()).await;
    assert_eq!(status, 200);
    assert_eq!(
        post("/users", "email=jo%40example.com".to_owned()).await.0,
        500,
        "the duplicate user is rolled back with its event"
    );
    let (_, order) = post("/orders", format!("user_id={user}")).await;
    assert_eq!(post(&format!("/orders/{order}/refund"), String::new()).await.0, 204);
    assert_eq!(post(&format!("/orders/{order}/refund"), String::new()).await.0, 404);

    let stats = wait_until(&shop.outbox, |stats| stats.pending == 0).await;
    delivery.shutdown(std::time::Duration::from_secs(8)).await;
    assert_eq!((stats.total(), stats.recorded), (3, 3), "{stats:?}");
    let snapshot = sandbox.snapshot();
    assert_eq!((snapshot.leads.len(), snapshot.sales.len(), snapshot.refunds.len()), (1, 1, 1));
}
