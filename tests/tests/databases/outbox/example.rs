//! The example app `examples/outbox`.

use affitor_outbox::Outbox;
use session::Sessions;

use crate::outbox::common::{builder, click, sandbox, wait_until};

/// A visitor with a click signs up, buys and gets a refund. Each step commits in one transaction with its event.
#[tokio::test(flavor = "multi_thread")]
async fn the_example() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let sandbox = sandbox().start().await.unwrap();
    let client = builder(&sandbox).program_id(sandbox.program_id()).build().unwrap();
    let delivery = Outbox::sqlite(pool.clone()).start(client).await.unwrap();
    let sessions = Sessions::generate();
    let shop = outbox_example::Shop::open(pool, delivery.outbox().clone(), delivery.client(), sessions).await.unwrap();
    let app = outbox_example::app(shop.clone(), delivery.client().clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });

    let (http, click) = (reqwest::Client::new(), format!("affitor_click_id={}", click(&sandbox).await));
    let post = async |path: &str, cookies: &str, body: &str| {
        let form = http.post(format!("{url}{path}")).header("content-type", "application/x-www-form-urlencoded");
        let response = form.header("cookie", cookies).body(body.to_owned()).send().await.unwrap();
        let session = response.headers().get("set-cookie").map(|cookie| cookie.to_str().unwrap().to_owned());
        (response.status().as_u16(), session, response.text().await.unwrap())
    };
    let sign_up = "email=jo%40example.com";
    let (status, session, user) = post("/users", &click, sign_up).await;
    assert_eq!(status, 200);
    assert_eq!(post("/users", &click, sign_up).await.0, 500, "the duplicate user is rolled back with its event");
    let cookies = format!("{click}; {}", session.unwrap().split(';').next().unwrap());

    // Only the session says who buys.
    let forged = [click.clone(), format!("{click}; session={user}"), cookies.replace(&format!("={user}"), "=2")];
    let by_form = format!("user_id={user}");
    for cookies in &forged {
        assert_eq!(post("/orders", cookies, &by_form).await.0, 401, "{cookies}");
    }
    let (_, _, order) = post("/orders", &cookies, "user_id=999").await;
    let refund = format!("/orders/{order}/refund");
    assert_eq!(post(&refund, &forged[0], "").await.0, 401);
    assert_eq!(post(&refund, &cookies, "").await.0, 204);
    assert_eq!(post(&refund, &cookies, "").await.0, 404);

    let stats = wait_until(&shop.outbox, |stats| stats.pending == 0).await;
    delivery.shutdown(std::time::Duration::from_secs(8)).await;
    assert_eq!((stats.total(), stats.recorded), (3, 3), "{stats:?}");
    let snapshot = sandbox.snapshot();
    assert_eq!((snapshot.leads.len(), snapshot.sales.len(), snapshot.refunds.len()), (1, 1, 1));
    let sale = &snapshot.sales[0];
    assert_eq!((sale.customer_key.as_deref(), sale.transaction_id.as_str()), (Some(&*user), "42/order/1"));
}
