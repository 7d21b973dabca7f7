//! Rows are protected from outdated workers, from cleanup, and from waiting forever.

use affitor::{Currency, Lead, Refund, Sale};
use affitor_outbox::Enqueued;
use affitor_sandbox::{ApiCall, Fault};

use crate::outbox::common::{Raw, Store, click, connect, sale, sandbox, scenarios, wait_until};

/// A worker was suspended while another one took its event over, and postpones it afterwards. That must not hide the other
/// attempt: if the service knows the sale then, it is uncertain.
async fn an_outdated_attempt_changes_nothing<DB: Raw>(store: Store<DB>) {
    store.outbox.enqueue_alone(sale("in_1")).await.unwrap();
    let taken_over = "UPDATE JOBS SET state = 'running', attempt = 2, attempted_at = AT('-1 second')";
    assert_eq!(store.raw(taken_over).await, 1);
    // What River writes for the first attempt.
    let postponed =
        "UPDATE JOBS SET state = 'scheduled', attempt = 0, scheduled_at = AT('+1 minute') WHERE state = 'running'";
    assert_eq!(store.raw(postponed).await, 0, "the update is ignored");
    // And for the second one.
    let postponed =
        "UPDATE JOBS SET state = 'scheduled', attempt = 1, scheduled_at = AT('+1 minute') WHERE state = 'running'";
    assert_eq!(store.raw(postponed).await, 1);
}

/// An uncertain event is kept until it is settled, and then as long as the others.
async fn a_settled_event_is_cleaned_up<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    outbox.enqueue_alone(Lead::new("user_7").click_id(click(&sandbox).await)).await.unwrap();
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    wait_until(outbox, |stats| stats.recorded == 1).await;
    sandbox.inject(Fault::ErrorAfterWrite.times(1).on(ApiCall::Sale));
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.already_recorded, stats.uncertain), (1, 1), "{stats:?}");
    let old = "DELETE FROM JOBS WHERE state = 'completed' AND finalized_at < AT('+1 day')";
    assert_eq!(store.raw(old).await, 1, "the lead");
    let uncertain = outbox.uncertain(i64::MIN, 10).await.unwrap();
    assert!(outbox.settle(uncertain[0].id).await.unwrap() && !outbox.settle(uncertain[0].id).await.unwrap());
    let stats = outbox.stats().await.unwrap();
    assert_eq!((stats.already_recorded, stats.uncertain), (1, 0), "{stats:?}");
    assert_eq!(store.raw(old).await, 1, "the settled sale");
    assert_eq!(outbox.stats().await.unwrap(), stats);
}

/// Events that were put last because they waited for another one compete with new events again.
async fn an_event_that_was_put_last_moves_up<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    assert_eq!(store.raw("UPDATE JOBS SET priority = 4, scheduled_at = AT('-2 minutes')").await, 1);
    // Occupies the only sender.
    outbox.enqueue_alone(sale("in_2")).await.unwrap();
    let sandbox = sandbox().start().await.unwrap();
    sandbox.inject(Fault::Stall.always());
    // The worker's background checks run when it starts.
    let worker = outbox.worker(connect(&sandbox)).senders(1).start().await.unwrap();
    let moved = async {
        while store.raw("UPDATE JOBS SET max_attempts = 30 WHERE priority = 1").await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), moved).await.unwrap();
    sandbox.clear_faults();
    drop(worker);
}

/// Ids with characters that JSON or HTML would escape: each event is one, on both ways into the outbox.
async fn unusual_ids_are_recognised<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    for id in [
        "<b>&amp;</b>",
        "a\u{2028}b\u{2029}c",
        "quo\"te'",
        "back\\slash",
        "ü€😀",
        "a b",
        "%25",
        "$1 ?1 :x",
        "--",
        "{}[]",
    ] {
        let sale = || Sale::new(id, 100, Currency::USD).customer_key(id);
        let lead = || Lead::new(id);
        let refund = || Refund::partial(id, 1).refund_id(id);
        assert_eq!(outbox.enqueue_alone(sale()).await.unwrap(), Enqueued::New, "{id}");
        assert_eq!(outbox.enqueue_alone(lead()).await.unwrap(), Enqueued::New, "{id}");
        assert_eq!(outbox.enqueue_alone(refund()).await.unwrap(), Enqueued::New, "{id}");
        assert_eq!(outbox.enqueue_alone(Refund::full(id)).await.unwrap(), Enqueued::New, "{id}");
        for known in [
            outbox.enqueue_alone(sale()).await,
            outbox.enqueue_alone(lead()).await,
            outbox.enqueue_alone(refund()).await,
        ] {
            assert_eq!(known.unwrap(), Enqueued::Known, "{id}");
        }
        let statement = outbox.statement(sale()).unwrap();
        assert_eq!(DB::execute(&store.pool, &statement).await, 0, "{id}");
    }
    for id in ["line\nbreak", "tab\tstop", "\u{7f}"] {
        let error = outbox.enqueue_alone(Sale::new(id, 100, Currency::USD).customer_key("a")).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("control character"), "{error}");
    }
    assert_eq!(outbox.stats().await.unwrap().total(), 40);
}

scenarios! { an_outdated_attempt_changes_nothing a_settled_event_is_cleaned_up an_event_that_was_put_last_moves_up unusual_ids_are_recognised }
