//! Taking events at once, from where nobody can wait.

use std::time::Duration;

use affitor::{ClickId, EnqueueError, EventSink as _, Lead, Refund};
use affitor_outbox::{Outbox, sqlx};
use affitor_sandbox::ApiCall;

use crate::common::{Raw, Store, builder, click, sale, sandbox, scenarios, until};

const SOON: Duration = Duration::from_secs(10);

async fn takes_at_once_and_writes_in_order<DB: Raw>(Store { outbox, .. }: Store<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    let enqueuer = outbox.enqueuer().unwrap();
    let client = builder(&sandbox).build().unwrap().with_sink(enqueuer.clone());
    let visitor = client.for_visitor(click_id);
    visitor.enqueue(Lead::new("user_7"));
    client.enqueue(sale("in_1"));
    client.enqueue(sale("in_1"));
    client.enqueue(Refund::full("in_1"));
    let without_id = client.try_enqueue(Refund::partial("in_1", 100)).unwrap_err();
    assert!(without_id.to_string().contains("refund_id"), "{without_id}");
    assert!(matches!(enqueuer.accept(Refund::full("a\0b").into()), Err(EnqueueError::Invalid(_))));
    assert_eq!(enqueuer.shutdown(SOON).await, 0);
    assert_eq!(client.try_enqueue(sale("in_2")), Err(EnqueueError::Closed));
    assert_eq!(outbox.stats().await.unwrap().enqueued, 3, "the same sale is not there twice");

    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    let books = until(&outbox, |books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!(books.recorded, 3, "{books:?}");
    let changed = sandbox.requests().into_iter().filter(|request| request.changed);
    let calls: Vec<_> = changed.filter_map(|request| request.call).collect();
    assert_eq!(calls, [ApiCall::Click, ApiCall::Lead, ApiCall::Sale, ApiCall::Refund]);
}

scenarios! { takes_at_once_and_writes_in_order one_that_does_not_fit }

/// Somebody holds the only write lock of SQLite: as a database that does not answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_answer() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone()).unwrap();
    outbox.migrate().await.unwrap();
    let holding = outbox.begin().await.unwrap();
    let enqueuer = outbox.enqueuer_with_capacity(3).unwrap();
    let lead = |number: u32| Lead::new(number).click_id(ClickId::new("cust_1_1").unwrap()).into();
    // The writer takes what there is once, and waits with it; then three wait.
    let taken = tokio::time::timeout(SOON, async {
        let (mut taken, mut refused) = (0, 0);
        while refused < 1_000 {
            match enqueuer.accept(lead(1)) {
                Ok(()) => (taken, refused) = (taken + 1, 0),
                Err(why) => {
                    assert_eq!(why, EnqueueError::Full, "at once, and never a wait");
                    refused += 1;
                    tokio::time::sleep(Duration::from_micros(100)).await;
                }
            }
        }
        taken
    })
    .await
    .unwrap();
    assert!((4..=6).contains(&taken), "{taken}");
    assert_eq!(enqueuer.pending(), taken);
    let asked = enqueuer.shutdown(Duration::from_millis(50));
    assert_eq!(asked.await, taken, "the deadline counts, and it says what is lost");
    assert_eq!(enqueuer.accept(lead(2)), Err(EnqueueError::Closed));
    assert_eq!(enqueuer.shutdown(SOON).await, taken, "of several deadlines the first counts");

    let enqueuer = outbox.enqueuer().unwrap();
    enqueuer.accept(lead(3)).unwrap();
    drop(holding);
    assert_eq!(enqueuer.shutdown(SOON).await, 0, "the database answers again");
    assert_eq!(outbox.stats().await.unwrap().enqueued, 1);
    let keys: Vec<String> = sqlx::query_scalar("SELECT json_extract(args, '$.event.customer_key') FROM river_job")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(keys, ["3"]);
}

/// What a database can't hold is refused, or lost alone: it does not hold up the others.
async fn one_that_does_not_fit<DB: Raw>(store: Store<DB>) {
    let enqueuer = store.outbox.enqueuer().unwrap();
    let long = "x".repeat(1_025);
    let mut deep = serde_json::Value::Null;
    for _ in 0..1_000 {
        deep = serde_json::json!([deep]);
    }
    for (event, why) in [
        (Lead::new(&long), "1,024"),
        (Lead::new("user_7").additional("deep", deep), "nested"),
        (Lead::new("a\0b"), "NUL"),
    ] {
        let refused = enqueuer.accept(event.clone().into()).unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
        assert!(store.outbox.enqueue_alone(event).await.unwrap_err().is_invalid());
    }
    // Something that nobody has thought of.
    store.raw(DB::REFUSE).await;
    for key in ["user_1", "user_2", "refused", "user_3"] {
        enqueuer.accept(Lead::new(key).into()).unwrap();
    }
    assert_eq!(enqueuer.shutdown(SOON).await, 0);
    assert_eq!(store.outbox.stats().await.unwrap().enqueued, 3);
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
    enqueuer.accept(sale("in_1").into()).unwrap();
    drop(ending);
    assert_eq!(enqueuer.accept(sale("in_2").into()), Err(EnqueueError::Closed));
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
        enqueuer.accept(sale(&format!("in_{number}")).into()).unwrap();
    }
    drop(enqueuer);
    until(&outbox, |books| books.enqueued == 500).await;
}
