//! The outbox of `docs/mysql.md` on MariaDB: the same conditions as for the other libraries.

use std::time::Duration;

use affitor::{Click, Client, Currency, Lead, Refund, Sale};
use affitor_conformance::{
    database::mariadb::MariaDb,
    mysql::{TABLE, count, deliver_due, enqueue},
};
use affitor_outbox::sqlx;
use affitor_sandbox::{ApiCall, Fault, Interpretations, Sandbox, SecondRefund};

#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_in_a_table_of_the_app() {
    let Some(server) = MariaDb::start() else { return };
    let pool = server.pool().await;
    for table in [TABLE, "CREATE TABLE orders (id varchar(50) PRIMARY KEY)"] {
        sqlx::raw_sql(table).execute(&pool).await.unwrap();
    }
    let mut interpretations = Interpretations::default();
    interpretations.second_refund = SecondRefund::Taken;
    let sandbox = Sandbox::builder().interpretations(interpretations).start().await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).max_attempts(1).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click_id = client.track_click(Click::landing(landing)).await.unwrap().click_id().unwrap().clone();
    let sale = |id: &str| Sale::new(id, 4_900, Currency::USD).customer_key("user_7");

    // Committed, rolled back, and twice.
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO orders VALUES ('in_1')").execute(&mut *tx).await.unwrap();
    assert!(enqueue(&mut tx, Lead::new("user_7").click_id(click_id)).await.unwrap());
    assert!(enqueue(&mut tx, sale("in_1")).await.unwrap());
    assert!(!enqueue(&mut tx, sale("in_1")).await.unwrap());
    tx.commit().await.unwrap();
    let mut tx = pool.begin().await.unwrap();
    assert!(enqueue(&mut tx, sale("in_2")).await.unwrap());
    tx.rollback().await.unwrap();
    let mut tx = pool.begin().await.unwrap();
    assert!(!enqueue(&mut tx, sale("in_1")).await.unwrap());
    for refund_id in ["re_1", "re_2"] {
        assert!(enqueue(&mut tx, Refund::partial("in_1", 1_500).refund_id(refund_id)).await.unwrap());
    }
    assert!(enqueue(&mut tx, Refund::partial("in_1", 100)).await.is_err(), "a partial refund without an id");
    tx.commit().await.unwrap();

    // The lead fails once. The sale and the refunds wait for it. Two processes deliver.
    sandbox.inject(Fault::BadGateway.times(1).on(ApiCall::Lead));
    let drained = async {
        while count(&pool, "delivered").await.unwrap() < 4 {
            let (one, other) = tokio::join!(deliver_due(&pool, &client), deliver_due(&pool, &client));
            one.unwrap();
            other.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), drained).await.unwrap();
    let calls: Vec<_> = sandbox.requests().iter().filter(|request| request.changed).filter_map(|r| r.call).collect();
    assert_eq!(calls, [ApiCall::Click, ApiCall::Lead, ApiCall::Sale, ApiCall::Refund, ApiCall::Refund]);
    assert_eq!((sandbox.sales().len(), sandbox.commissions()[0].deducted_cents), (1, 600));

    // A partial refund that was being sent when its process died is not repeated.
    let mut tx = pool.begin().await.unwrap();
    enqueue(&mut tx, Refund::partial("in_1", 100).refund_id("re_3")).await.unwrap();
    tx.commit().await.unwrap();
    sqlx::query("UPDATE affitor_events SET state = 'sending' WHERE state = 'pending'").execute(&pool).await.unwrap();
    deliver_due(&pool, &client).await.unwrap();
    assert_eq!((count(&pool, "uncertain").await.unwrap(), count(&pool, "pending").await.unwrap()), (1, 0));
    println!("conformance: a table on MariaDB: committed=1 rolled_back=0 twice=1");
}
