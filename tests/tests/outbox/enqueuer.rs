//! Taking events at once, from where nobody can wait.

use std::time::Duration;

use affitor::{ClickId, Deliver as _, Lead, NotQueued, Refund};
use affitor_outbox::{Outbox, sqlx};
use affitor_sandbox::ApiCall;

use crate::common::{Raw, Store, builder, click, sale, sandbox, scenarios, until};

const SOON: Duration = Duration::from_secs(10);

async fn takes_at_once_and_writes_in_order<DB: Raw>(Store { outbox, .. }: Store<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    let enqueuer = outbox.enqueuer().unwrap();
    let client = builder(&sandbox).build().unwrap().deliver_with(enqueuer.clone());
    let visitor = client.for_visitor(click_id);
    visitor.enqueue_lead(Lead::new("user_7"));
    client.enqueue_sale(sale("in_1"));
    client.enqueue_sale(sale("in_1"));
    client.enqueue_refund(Refund::full("in_1"));
    let without_id = client.try_enqueue_refund(Refund::partial("in_1", 100)).unwrap_err();
    assert!(without_id.to_string().contains("refund_id"), "{without_id}");
    assert!(matches!(enqueuer.deliver(Refund::full("a\0b").into()), Err(NotQueued::Invalid(_))));
    assert_eq!(enqueuer.shutdown(SOON).await, 0);
    assert_eq!(client.try_enqueue_sale(sale("in_2")), Err(NotQueued::Closed));
    assert_eq!(outbox.books().await.unwrap().enqueued, 3, "the same sale is not there twice");

    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    let books = until(&outbox, |books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!(books.recorded, 3, "{books:?}");
    let changed = sandbox.requests().await.into_iter().filter(|request| request.changed);
    let calls: Vec<_> = changed.filter_map(|request| request.call).collect();
    assert_eq!(calls, [ApiCall::Click, ApiCall::Lead, ApiCall::Sale, ApiCall::Refund]);
}

scenarios! { takes_at_once_and_writes_in_order }

/// Somebody holds the only write lock of SQLite: as a database that does not answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_answer() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone()).unwrap();
    outbox.migrate().await.unwrap();
    let holding = outbox.begin().await.unwrap();
    let enqueuer = outbox.enqueuer_with_capacity(3).unwrap();
    let lead = |number: u32| Lead::new(number).click_id(ClickId::new("cust_1_1").unwrap()).into();
    // The first is in the writer's hand, and three wait.
    enqueuer.deliver(lead(0)).unwrap();
    tokio::time::timeout(SOON, async {
        while enqueuer.deliver(lead(1)).is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(enqueuer.deliver(lead(2)), Err(NotQueued::Full), "at once, and never a wait");
    let (taken, other) = (enqueuer.pending(), enqueuer.clone());
    assert!((3..=4).contains(&taken), "{taken}");
    assert_eq!(other.shutdown(Duration::from_millis(50)).await, taken, "the deadline counts, and it says what is lost");
    assert_eq!(enqueuer.shutdown(SOON).await, taken, "of several deadlines the first counts");

    let enqueuer = outbox.enqueuer().unwrap();
    enqueuer.deliver(lead(3)).unwrap();
    drop(holding);
    assert_eq!(enqueuer.shutdown(SOON).await, 0, "the database answers again");
    assert_eq!(outbox.books().await.unwrap().enqueued, 1);
    let keys: Vec<String> = sqlx::query_scalar("SELECT json_extract(args, '$.event.customer_key') FROM river_job")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(keys, ["3"]);
}

/// What nobody can write any more is said, not awaited.
#[test]
fn a_runtime_that_goes_down() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (ending, other) = (runtime(), runtime());
    let folder = other.block_on(affitor_tests::databases::sqlite());
    let outbox = Outbox::sqlite(folder.0.clone()).unwrap();
    other.block_on(outbox.migrate()).unwrap();
    assert!(outbox.enqueuer().is_err(), "there is no runtime here");
    let enqueuer = ending.block_on(async { outbox.enqueuer() }).unwrap();
    enqueuer.deliver(sale("in_1").into()).unwrap();
    drop(ending);
    assert_eq!(enqueuer.deliver(sale("in_2").into()), Err(NotQueued::Closed));
    assert_eq!(other.block_on(enqueuer.shutdown(SOON)), 1);
}

/// Dropped without a word, it still writes what it has taken.
#[tokio::test(flavor = "multi_thread")]
async fn dropped() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool).unwrap();
    outbox.migrate().await.unwrap();
    let enqueuer = outbox.enqueuer().unwrap();
    for number in 0..500 {
        enqueuer.deliver(sale(&format!("in_{number}")).into()).unwrap();
    }
    drop(enqueuer);
    until(&outbox, |books| books.enqueued == 500).await;
}
