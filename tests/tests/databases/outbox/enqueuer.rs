//! The enqueuer: accepts events at once, and writes them in the background.

use std::time::Duration;

use affitor::{ClickId, EnqueueError, EventSink as _, Lead, Refund};
use affitor_outbox::{Outbox, sqlx};
use affitor_sandbox::ApiCall;

use crate::outbox::common::{Raw, Store, builder, click, connect, sale, sandbox, scenarios, wait_until};

const TIMEOUT: Duration = Duration::from_secs(10);

async fn accepts_at_once_and_writes_in_order<DB: Raw>(Store { outbox, .. }: Store<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    let enqueuer = outbox.enqueuer().unwrap();
    let client = builder(&sandbox).build().unwrap().with_sink(enqueuer.clone());
    let visitor = client.for_visitor(click_id);
    visitor.enqueue(Lead::new("user_7"));
    client.enqueue(sale("in_1"));
    client.enqueue(sale("in_1"));
    client.enqueue(Refund::full("in_1"));
    let error = client.try_enqueue(Refund::partial("in_1", 100)).unwrap_err();
    assert!(error.to_string().contains("refund_id"), "{error}");
    assert!(matches!(enqueuer.accept(Refund::full("a\0b").into()), Err(EnqueueError::Invalid(_))));
    assert_eq!(enqueuer.shutdown(TIMEOUT).await, 0);
    assert_eq!(client.try_enqueue(sale("in_2")), Err(EnqueueError::Closed));
    assert_eq!(outbox.stats().await.unwrap().total(), 3, "the second equal sale is a duplicate");

    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let stats = wait_until(&outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!(stats.recorded, 3, "{stats:?}");
    let changed = sandbox.requests().into_iter().filter(|request| request.changed);
    let calls: Vec<_> = changed.filter_map(|request| request.call).collect();
    assert_eq!(calls, [ApiCall::Click, ApiCall::Lead, ApiCall::Sale, ApiCall::Refund]);
}

scenarios! { accepts_at_once_and_writes_in_order events_that_cannot_be_stored }

/// An open transaction holds SQLite's only write lock, so that the database does not respond.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_respond() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone());
    outbox.migrate().await.unwrap();
    let write_lock = outbox.begin().await.unwrap();
    let enqueuer = outbox.enqueuer_with_capacity(3).unwrap();
    let lead = |number: u32| Lead::new(number).click_id(ClickId::new("cust_1_1").unwrap()).into();
    // The writer takes the events that are there and waits for the lock with them. Then three more fit.
    let accepted = tokio::time::timeout(TIMEOUT, async {
        let (mut accepted, mut refused) = (0, 0);
        while refused < 1_000 {
            match enqueuer.accept(lead(1)) {
                Ok(()) => (accepted, refused) = (accepted + 1, 0),
                Err(error) => {
                    assert_eq!(error, EnqueueError::Full, "refused at once, without waiting");
                    refused += 1;
                    tokio::time::sleep(Duration::from_micros(100)).await;
                }
            }
        }
        accepted
    })
    .await
    .unwrap();
    assert!((4..=6).contains(&accepted), "{accepted}");
    assert_eq!(enqueuer.pending(), accepted);
    let lost = enqueuer.shutdown(Duration::from_millis(50)).await;
    assert_eq!(lost, accepted, "the shutdown returns at the deadline, with the number of lost events");
    assert_eq!(enqueuer.accept(lead(2)), Err(EnqueueError::Closed));
    assert_eq!(enqueuer.shutdown(TIMEOUT).await, accepted, "the first deadline counts");

    let enqueuer = outbox.enqueuer().unwrap();
    enqueuer.accept(lead(3)).unwrap();
    drop(write_lock);
    assert_eq!(enqueuer.shutdown(TIMEOUT).await, 0, "the database responds again");
    assert_eq!(outbox.stats().await.unwrap().total(), 1);
    let keys: Vec<String> = sqlx::query_scalar("SELECT json_extract(args, '$.event.customer_key') FROM river_job")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(keys, ["3"]);
}

/// An event that the database can't store is refused, or lost without blocking the others.
async fn events_that_cannot_be_stored<DB: Raw>(store: Store<DB>) {
    let enqueuer = store.outbox.enqueuer().unwrap();
    let long = "x".repeat(1_025);
    let mut deep = serde_json::Value::Null;
    for _ in 0..1_000 {
        deep = serde_json::json!([deep]);
    }
    for (event, reason) in [
        (Lead::new(&long), "1,024"),
        (Lead::new("user_7").additional("deep", deep), "nested"),
        (Lead::new("a\0b"), "NUL"),
    ] {
        let error = enqueuer.accept(event.clone().into()).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert!(store.outbox.enqueue_alone(event).await.unwrap_err().is_invalid());
    }
    // An unforeseen database error.
    store.raw(DB::REFUSE).await;
    for key in ["user_1", "user_2", "refused", "user_3"] {
        enqueuer.accept(Lead::new(key).into()).unwrap();
    }
    assert_eq!(enqueuer.shutdown(TIMEOUT).await, 0);
    assert_eq!(store.outbox.stats().await.unwrap().total(), 3);
}

/// After its runtime has shut down, the enqueuer refuses events, and its shutdown returns at once with the number of lost events.
#[test]
fn a_runtime_that_shuts_down() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (doomed, other) = (runtime(), runtime());
    let (pool, _folder) = other.block_on(affitor_tests::databases::sqlite());
    let outbox = Outbox::sqlite(pool.clone());
    other.block_on(outbox.migrate()).unwrap();
    assert!(outbox.enqueuer().is_err(), "outside of a runtime");
    let enqueuer = doomed.block_on(async { outbox.enqueuer() }).unwrap();
    enqueuer.accept(sale("in_1").into()).unwrap();
    drop(doomed);
    assert_eq!(enqueuer.accept(sale("in_2").into()), Err(EnqueueError::Closed));
    assert_eq!(other.block_on(enqueuer.shutdown(TIMEOUT)), 1);
}

/// An enqueuer that is dropped without a shutdown still writes the events that it has accepted.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_enqueuer_writes_its_events() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool);
    outbox.migrate().await.unwrap();
    let enqueuer = outbox.enqueuer().unwrap();
    for number in 0..500 {
        enqueuer.accept(sale(&format!("in_{number}")).into()).unwrap();
    }
    drop(enqueuer);
    wait_until(&outbox, |stats| stats.total() == 500).await;
}

/// A flush waits until everything that was accepted before is written, and leaves the enqueuer open.
#[tokio::test(flavor = "multi_thread")]
async fn a_flush_waits_for_what_was_accepted_before() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone());
    outbox.migrate().await.unwrap();
    let enqueuer = outbox.enqueuer().unwrap();
    assert_eq!(enqueuer.flush(TIMEOUT).await, 0, "nothing to wait for");
    for round in 1..=3 {
        for number in 0..300 {
            enqueuer.accept(sale(&format!("in_{round}_{number}")).into()).unwrap();
        }
        assert_eq!(enqueuer.flush(TIMEOUT).await, 0);
        assert_eq!(outbox.stats().await.unwrap().pending, 300 * round);
    }
    let write_lock = outbox.begin().await.unwrap();
    enqueuer.accept(sale("in_late").into()).unwrap();
    assert_eq!(enqueuer.flush(Duration::from_millis(50)).await, 1, "the database does not respond");
    write_lock.rollback().await.unwrap();
    assert_eq!(enqueuer.flush(TIMEOUT).await, 0);
    assert_eq!(enqueuer.shutdown(TIMEOUT).await, 0);
    assert_eq!(enqueuer.flush(TIMEOUT).await, 0, "at once");
}
