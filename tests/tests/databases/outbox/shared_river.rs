//! An app that runs River itself on the same SQLite file.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use affitor::{Lead, Refund};
use affitor_outbox::{
    DeadReason, Outbox, QUEUE, maintenance,
    riverqueue::{BoxError, Client, Job, JobArgs, QueueConfig, Retention, WorkContext, WorkOutcome, Workers},
};
use affitor_sandbox::{ApiCall, Fault};
use serde::{Deserialize, Serialize};

use crate::outbox::common::{click, connect, sale, sandbox, wait_until};

#[derive(Debug, Serialize, Deserialize)]
struct SendMail {}

impl JobArgs for SendMail {
    const KIND: &'static str = "send_mail";
}

#[tokio::test(flavor = "multi_thread")]
async fn one_river_for_the_app_and_the_outbox() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone());
    outbox.migrate().await.unwrap();
    let sandbox = sandbox().start().await.unwrap();

    let (mails, mut workers) = (Arc::new(AtomicUsize::new(0)), Workers::new());
    let counter = Arc::clone(&mails);
    workers
        .add_fn(move |_: WorkContext, _: Job<SendMail>| {
            counter.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, BoxError>(WorkOutcome::Complete) }
        })
        .unwrap();
    outbox.register(&mut workers, connect(&sandbox)).unwrap();
    assert!(outbox.register(&mut workers, connect(&sandbox)).is_err(), "it can be registered once");
    // The app deletes finished jobs at once, and its cleaner runs every 50 ms.
    let retention = Retention::DeleteAfter(Duration::from_millis(1));
    let maintenance = maintenance()
        .with_job_cleaner_interval(Duration::from_millis(50))
        .with_completed_job_retention(retention)
        .with_discarded_job_retention(retention);
    let river = Client::builder(pool.clone())
        .workers(workers)
        .queue("default", QueueConfig::new(2))
        .queue(QUEUE, QueueConfig::new(10))
        .maintenance(maintenance)
        .build()
        .unwrap();
    let mut running = river.start().unwrap();
    running.wait_ready().await.unwrap();

    // A job of the app and events in one transaction.
    let click_id = click(&sandbox).await;
    let mut tx = outbox.begin().await.unwrap();
    river.insert(SendMail {}).tx(&mut tx).await.unwrap();
    outbox.enqueue(&mut tx, Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue(&mut tx, sale("in_1")).await.unwrap();
    tx.commit().await.unwrap();
    wait_until(&outbox, |stats| stats.recorded == 2).await;
    sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
    outbox.enqueue_alone(Refund::partial("in_1", 500).refund_id("re_1")).await.unwrap();
    wait_until(&outbox, |stats| stats.dead == 1 && stats.pending == 0).await;

    // Delivered events are deleted, the dead letter is not, and the statistics count all of them.
    let completed = || async {
        let sql = "SELECT count(*) FROM river_job WHERE state = 'completed'";
        affitor_outbox::sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await.unwrap()
    };
    let cleaned = async {
        while completed().await > 0 || mails.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), cleaned).await.unwrap();
    let stats = outbox.stats().await.unwrap();
    assert_eq!((stats.total(), stats.recorded, stats.dead, stats.uncertain), (3, 2, 1, 1), "{stats:?}");
    let dead = outbox.dead(10).await.unwrap();
    assert_eq!(dead[0].reason, DeadReason::Uncertain);
    assert!(outbox.replay(dead[0].id).await.unwrap());
    let stats = wait_until(&outbox, |stats| stats.pending == 0).await;
    assert_eq!((stats.recorded, stats.dead), (3, 0), "{stats:?}");
    running.stop().await.unwrap();

    let error = outbox.worker(connect(&sandbox)).start().await.unwrap_err();
    assert!(
        error.to_string().contains("Outbox::register"),
        "a second worker would interfere with the app's River: {error}"
    );
}
