//! What is kept of a person.

use affitor::{Lead, Refund};
use affitor_outbox::Enqueued;
use affitor_sandbox::{ApiCall, Fault};

use crate::outbox::common::{Amount, Raw, Store, click, connect, sale, sandbox, scenarios, wait_until};

const PERSON: &str = "jo@example.com";

/// Counts the rows in which a text occurs in any column.
async fn rows_with<DB: Raw>(store: &Store<DB>, text: &str) -> u64 {
    let columns = DB::ALL_COLUMNS;
    let sql = format!("UPDATE JOBS SET priority = priority WHERE {columns} LIKE '%{text}%'");
    store.raw(&sql).await
}

/// A delivered event contains neither the customer key, which may be an e-mail address, nor other data of the app.
async fn delivered_events_name_nobody<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let lead = Lead::new(PERSON).email(PERSON).click_id(click(&sandbox).await).additional("name", "Jo Doe");
    outbox.enqueue_alone(lead.clone()).await.unwrap();
    outbox.enqueue_alone(sale("in_1").customer_key(PERSON).additional("name", "Jo Doe")).await.unwrap();
    outbox.enqueue_alone(Refund::partial("in_1", 100).refund_id("re_1").refund_reason("Jo Doe moved")).await.unwrap();
    assert_eq!((rows_with(&store, PERSON).await, rows_with(&store, "Doe").await), (2, 3));
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    wait_until(outbox, |stats| stats.recorded == 3).await;
    worker.shutdown().await.unwrap();
    assert_eq!((rows_with(&store, PERSON).await, rows_with(&store, "Doe").await), (0, 0));
    assert_eq!(outbox.enqueue_alone(lead).await.unwrap(), Enqueued::Known, "by a hash");
    assert_eq!(outbox.enqueue_alone(sale("in_1")).await.unwrap(), Enqueued::Known);
    assert_eq!(rows_with(&store, "in_1").await, 2, "the ids of payments are kept");
}

/// A customer is forgotten: in dead letters, in pending events, and as a hash.
async fn a_customer_is_forgotten<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let lead = Lead::new(PERSON).email(PERSON).click_id(click(&sandbox).await);
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    outbox.enqueue_alone(lead.clone()).await.unwrap();
    outbox.enqueue_alone(sale("in_big").customer_key(PERSON).amount(u64::MAX)).await.unwrap();
    outbox.enqueue_alone(sale("in_other").customer_key("jo").amount(u64::MAX)).await.unwrap();
    wait_until(outbox, |stats| stats.recorded == 1 && stats.dead == 2).await;
    sandbox.inject(Fault::BadGateway.always().on(ApiCall::Sale));
    outbox.enqueue_alone(sale("in_waits").customer_key(PERSON)).await.unwrap();
    while sandbox.requests().iter().filter(|request| request.status == Some(502)).count() == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    worker.shutdown().await.unwrap();
    let forgotten = outbox.forget_customer(PERSON).await.unwrap();
    assert_eq!((forgotten.discarded, forgotten.being_sent), (2, 0));
    assert_eq!(rows_with(&store, PERSON).await, 0);
    let stats = outbox.stats().await.unwrap();
    assert_eq!((stats.recorded, stats.discarded, stats.dead, stats.pending), (1, 2, 1, 0), "{stats:?}");
    assert_eq!(outbox.enqueue_alone(lead).await.unwrap(), Enqueued::New, "not even the hash is known");
    let again = outbox.forget_customer("somebody else").await.unwrap();
    assert_eq!((again.discarded, again.being_sent), (0, 0));
}

scenarios! { delivered_events_name_nobody a_customer_is_forgotten }
