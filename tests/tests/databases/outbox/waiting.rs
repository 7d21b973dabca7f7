//! Waiting for a person or for the service: events do not age, and one worker does not stop another.

use std::time::{Duration, Instant};

use affitor::{Client, Currency, Lead, Refund, Sale};
use affitor_sandbox::{ApiCall, Fault};

use crate::outbox::common::{Amount as _, Raw, Store, builder, click, connect, sale, sandbox, scenarios, wait_until};

fn sale_of_nobody(id: String) -> Sale {
    Sale::new(id, 100, Currency::USD).customer_key("nobody")
}

/// Moves the times of all pending events back, as if so much time had passed, and makes them due.
async fn time_passes<DB: Raw>(store: &Store<DB>, days: u64) {
    let history = days * 24 * 60 * 60;
    let sql = format!(
        "UPDATE JOBS SET scheduled_at = AT('-1 second'), created_at = AT('-{days} days'), metadata = {}
         WHERE state IN ('available', 'scheduled', 'retryable')",
        DB::HISTORY_MOVED_BACK.replace("SECONDS", &history.to_string())
    );
    store.raw(&sql).await;
}

/// Refunds of one sale are sent one after the other, and none waits longer than the one before it takes: `wait_until` allows a minute.
async fn many_refunds_of_one_sale_follow_each_other<DB: Raw>(store: Store<DB>) {
    const REFUNDS: u64 = 119;
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let click = click(&sandbox).await;
    outbox.enqueue_alone(Lead::new("user_7").click_id(click)).await.unwrap();
    outbox.enqueue_alone(sale("in_1").amount(10_000)).await.unwrap();
    for number in 0..REFUNDS {
        outbox.enqueue_alone(Refund::partial("in_1", number + 1).refund_id(format!("re_{number:03}"))).await.unwrap();
    }
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.recorded, stats.uncertain, stats.dead), (REFUNDS + 2, 0, 0), "{stats:?}");
    let requests = sandbox.requests();
    let refunds = requests.iter().filter(|request| request.call == Some(ApiCall::Refund));
    let amounts: Vec<u64> = refunds.map(|request| request.amount_cents.unwrap()).collect();
    assert_eq!(amounts, (1..=REFUNDS).collect::<Vec<_>>());
}

/// A wrong key for 15 days, then the right key and a failure of the service: the event is not too old.
async fn a_wrong_key_for_days_ages_no_event<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    outbox.enqueue_alone(sale_of_nobody("in_1".to_owned())).await.unwrap();
    // The service fails first, so that the event has failed for 15 days in the end.
    sandbox.inject(Fault::BadGateway.times(1));
    let worker = outbox.worker(builder(&sandbox).api_key("aff_wrong").build().unwrap()).start().await.unwrap();
    let rejected = async {
        while !sandbox.requests().iter().any(|request| request.status == Some(401)) {
            time_passes(&store, 0).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), rejected).await.unwrap();
    worker.shutdown().await.unwrap();
    time_passes(&store, 15).await;
    sandbox.inject(Fault::BadGateway.times(1));
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let delivered = async {
        while outbox.stats().await.unwrap().pending > 0 {
            time_passes(&store, 0).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), delivered).await.unwrap();
    worker.shutdown().await.unwrap();
    let stats = outbox.stats().await.unwrap();
    assert_eq!((stats.not_attributed, stats.dead), (1, 0), "{stats:?}");
    let statuses: Vec<_> = sandbox.requests().iter().filter_map(|request| request.status).collect();
    assert_eq!(statuses, [502, 401, 502, 400]);
}

/// Two workers, of which one has an outdated key: the other one delivers everything.
async fn an_outdated_key_stops_only_its_own_worker<DB: Raw>(store: Store<DB>) {
    const EVENTS: u64 = 200;
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    for number in 0..EVENTS {
        outbox.enqueue_alone(sale_of_nobody(format!("in_{number}"))).await.unwrap();
    }
    let outdated = outbox.worker(builder(&sandbox).api_key("aff_outdated").build().unwrap()).start().await.unwrap();
    let rejected = async {
        while sandbox.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), rejected).await.unwrap();
    let good = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let delivered = async {
        while outbox.stats().await.unwrap().pending > 0 {
            // What the outdated worker has postponed is due in half a minute.
            store.raw("UPDATE JOBS SET scheduled_at = AT('-1 second') WHERE state = 'scheduled'").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), delivered).await.unwrap();
    let rejected = sandbox.requests().iter().filter(|request| request.status == Some(401)).count();
    assert!(rejected <= 51, "the outdated worker tried {rejected} times with 50 senders");
    for worker in [outdated, good] {
        worker.shutdown().await.unwrap();
    }
    let stats = outbox.stats().await.unwrap();
    assert_eq!((stats.not_attributed, stats.dead), (EVENTS, 0), "{stats:?}");
}

/// The service is down: after some events in a row nothing is sent, and delivery resumes by itself. A partial refund is not
/// the event that finds out.
async fn delivery_resumes_after_an_outage<DB: Raw>(store: Store<DB>) {
    const EVENTS: u64 = 300;
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_sale")).await.unwrap();
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    wait_until(outbox, |stats| stats.recorded == 2).await;
    let before = sandbox.requests().len();
    sandbox.inject(Fault::BadGateway.always());
    for number in 0..EVENTS {
        outbox.enqueue_alone(sale_of_nobody(format!("in_{number}"))).await.unwrap();
    }
    let started = Instant::now();
    while sandbox.requests().len() < before + 20 {
        assert!(started.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let partial = affitor::Refund::partial("in_sale", 100).refund_id("re_1");
    outbox.enqueue_alone(partial).await.unwrap();
    // The gate is closed for 5 seconds. Then one event probes.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let during = sandbox.requests().len() - before;
    assert!(during <= 20 + 50, "{during} attempts");
    sandbox.clear_faults();
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.recorded, stats.not_attributed, stats.dead), (3, EVENTS, 0), "{stats:?}");
    let refunds = sandbox.requests().iter().filter(|request| request.call == Some(ApiCall::Refund)).count();
    assert_eq!(refunds, 1, "the partial refund is sent once");
}

scenarios! {
    a_wrong_key_for_days_ages_no_event an_outdated_key_stops_only_its_own_worker delivery_resumes_after_an_outage
    many_refunds_of_one_sale_follow_each_other
}

/// A worker whose key is rotated reads the new one and goes on, without a restart.
///
/// Over 10 s: a client reads its key at most once in 5 s, and the key is rotated three times.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_needs_no_restart() {
    let (pool, folder) = affitor_tests::databases::sqlite().await;
    let outbox = affitor_outbox::Outbox::sqlite(pool);
    outbox.migrate().await.unwrap();
    let sandbox = sandbox().start().await.unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, sandbox.api_key()).unwrap();
    let client = Client::builder().api_key_file(&path).api_url(sandbox.url()).build().unwrap();
    let worker = outbox.worker(client).start().await.unwrap();
    for round in 0..3 {
        for number in 0..100 {
            outbox.enqueue_alone(sale_of_nobody(format!("in_{round}_{number}"))).await.unwrap();
        }
        std::fs::write(&path, sandbox.rotate_key().unwrap()).unwrap();
        let stats = wait_until(&outbox, |stats| stats.pending == 0).await;
        assert_eq!((stats.not_attributed, stats.dead), (100 * (round + 1), 0), "{stats:?}");
    }
    worker.shutdown().await.unwrap();
}
