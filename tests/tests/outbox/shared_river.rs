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

use crate::common::{builder, click, sale, sandbox, until};

#[derive(Debug, Serialize, Deserialize)]
struct SendMail {}

impl JobArgs for SendMail {
    const KIND: &'static str = "send_mail";
}

#[tokio::test(flavor = "multi_thread")]
async fn one_river_for_both() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone()).unwrap();
    outbox.migrate().await.unwrap();
    let sandbox = sandbox().start().await.unwrap();

    let (mails, mut workers) = (Arc::new(AtomicUsize::new(0)), Workers::new());
    let sent = Arc::clone(&mails);
    workers
        .add_fn(move |_: WorkContext, _: Job<SendMail>| {
            sent.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, BoxError>(WorkOutcome::Complete) }
        })
        .unwrap();
    outbox.register(&mut workers, builder(&sandbox)).unwrap();
    assert!(outbox.register(&mut workers, builder(&sandbox)).is_err(), "once");
    // The app keeps nothing, and its cleaner comes all the time.
    let soon = Retention::DeleteAfter(Duration::from_millis(1));
    let cleaning = maintenance()
        .with_job_cleaner_interval(Duration::from_millis(50))
        .with_completed_job_retention(soon)
        .with_discarded_job_retention(soon);
    let river = Client::builder(pool.clone())
        .workers(workers)
        .queue("default", QueueConfig::new(2))
        .queue(QUEUE, QueueConfig::new(10))
        .maintenance(cleaning)
        .build()
        .unwrap();
    let mut running = river.start().unwrap();
    running.wait_ready().await.unwrap();

    // Both in one transaction.
    let click_id = click(&sandbox).await;
    let mut tx = outbox.begin().await.unwrap();
    river.insert(SendMail {}).tx(&mut tx).await.unwrap();
    outbox.enqueue(&mut tx, Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue(&mut tx, sale("in_1")).await.unwrap();
    tx.commit().await.unwrap();
    until(&outbox, |books| books.recorded == 2).await;
    sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
    outbox.enqueue_alone(Refund::partial("in_1", 500).refund_id("re_1")).await.unwrap();
    until(&outbox, |books| books.rejected == 1 && books.pending == 0).await;

    // What is done is deleted; the dead letter is not, and the books know all of it.
    let done = || async {
        let sql = "SELECT count(*) FROM river_job WHERE state = 'completed'";
        affitor_outbox::sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await.unwrap()
    };
    let all = async {
        while done().await > 0 || mails.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all).await.unwrap();
    let books = outbox.stats().await.unwrap();
    assert_eq!((books.enqueued, books.recorded, books.rejected, books.uncertain), (3, 2, 1, 1), "{books:?}");
    let dead = outbox.dead(10).await.unwrap();
    assert_eq!(dead[0].reason, DeadReason::Uncertain);
    assert!(outbox.replay(dead[0].id).await.unwrap());
    let books = until(&outbox, |books| books.pending == 0).await;
    assert_eq!((books.recorded, books.rejected), (3, 0), "{books:?}");
    running.stop().await.unwrap();

    let error = outbox.worker(builder(&sandbox)).start().await.unwrap_err();
    assert!(error.to_string().contains("Outbox::register"), "a worker of its own would disturb the app's: {error}");
}
