//! Scenarios that run on SQLite and on Postgres.

use std::time::{Duration, Instant};

use affitor::{Currency, Lead, Refund, Sale};
use affitor_outbox::{DeadReason, Enqueued};
use affitor_sandbox::{ApiCall, Fault, Sandbox};

use crate::outbox::common::{Amount, Raw, Store, builder, click, connect, sale, sandbox, scenarios, wait_until};

async fn events_commit_and_roll_back_with_the_transaction<DB: Raw>(Store { outbox, .. }: Store<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    let mut tx = outbox.begin().await.unwrap();
    let lead = Lead::new("user_7").click_id(click_id);
    assert_eq!(outbox.enqueue(&mut tx, lead.clone()).await.unwrap(), Enqueued::New);
    assert_eq!(outbox.enqueue(&mut tx, sale("in_1")).await.unwrap(), Enqueued::New);
    assert_eq!(outbox.enqueue(&mut tx, sale("in_1")).await.unwrap(), Enqueued::Known, "in the same transaction");
    tx.commit().await.unwrap();
    let mut tx = outbox.begin().await.unwrap();
    assert_eq!(outbox.enqueue(&mut tx, sale("in_2")).await.unwrap(), Enqueued::New);
    tx.rollback().await.unwrap();
    assert_eq!(outbox.enqueue_alone(lead).await.unwrap(), Enqueued::Known);
    assert!(
        outbox.enqueue_alone(Refund::partial("in_1", 100)).await.unwrap_err().is_invalid(),
        "a partial refund without an id"
    );
    let nul = Refund::full("in_1").refund_reason("a\0b");
    assert!(outbox.enqueue_alone(nul).await.unwrap_err().is_invalid(), "Postgres would abort the app's transaction");

    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    for (refund_id, cents) in [("re_1", 1_500), ("re_1", 1_500), ("re_2", 1_500)] {
        outbox.enqueue_alone(Refund::partial("in_1", cents).refund_id(refund_id)).await.unwrap();
    }
    let stats = wait_until(&outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.total(), stats.recorded), (4, 4), "{stats:?}");
    assert_eq!(sandbox.sales().len(), 1, "the sale that was rolled back is not delivered");
    assert_eq!(sandbox.commissions()[0].deducted_cents, 600, "two refunds of the same amount count, each once");
    assert_eq!(outbox.enqueue_alone(sale("in_1")).await.unwrap(), Enqueued::Known, "known after the delivery, too");
}

/// Over 10 s: an event that has to wait is attempted once more after seconds, which grow.
async fn events_are_sent_in_order<DB: Raw>(Store { outbox, .. }: Store<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    // The lead fails three times. The sale and the refund wait for it, and another customer's sale does not.
    sandbox.inject(Fault::BadGateway.times(3).on(ApiCall::Lead));
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    outbox.enqueue_alone(Refund::full("in_1")).await.unwrap();
    outbox.enqueue_alone(Sale::new("in_9", 100, Currency::USD).customer_key("nobody")).await.unwrap();
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let stats = wait_until(&outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.recorded, stats.not_attributed), (3, 1), "{stats:?}");
    let calls: Vec<_> = sandbox.requests().iter().filter(|request| request.changed).filter_map(|r| r.call).collect();
    assert_eq!(calls, [ApiCall::Click, ApiCall::Lead, ApiCall::Sale, ApiCall::Refund]);
}

async fn dead_letters_are_replayed_or_discarded<DB: Raw>(Store { outbox, .. }: Store<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    outbox.enqueue_alone(sale("in_big").amount(u64::MAX)).await.unwrap();
    wait_until(&outbox, |stats| stats.pending == 0).await;
    // A partial refund that may have arrived needs a manual decision.
    sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
    outbox.enqueue_alone(Refund::partial("in_1", 1_500).refund_id("re_1")).await.unwrap();
    let stats = wait_until(&outbox, |stats| stats.pending == 0).await;
    assert_eq!((stats.recorded, stats.dead, stats.uncertain), (2, 2, 1), "{stats:?}");
    let dead = outbox.dead(10).await.unwrap();
    assert_eq!(
        dead.iter().map(|letter| letter.reason).collect::<Vec<_>>(),
        [DeadReason::Rejected, DeadReason::Uncertain]
    );
    assert!(dead[0].message.as_deref().unwrap().contains("amount_cents"), "{dead:?}");
    assert!(
        matches!(&dead[1].event, Some(affitor::Event::Refund(refund)) if refund.refund_id.as_deref() == Some("re_1"))
    );
    assert!(outbox.discard(dead[0].id).await.unwrap() && !outbox.discard(dead[0].id).await.unwrap());
    assert!(outbox.replay(dead[1].id).await.unwrap());
    assert!(!outbox.replay(dead[1].id).await.unwrap(), "it is already being sent");
    let stats = wait_until(&outbox, |stats| stats.pending == 0).await;
    assert_eq!((stats.discarded, stats.dead, stats.recorded), (1, 0, 3), "{stats:?}");
    let sent = sandbox.requests().iter().filter(|request| request.call == Some(ApiCall::Refund)).count();
    assert_eq!(sent, 2, "the replay sends it a second time");
    sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
    let third = Refund::partial("in_1", 1_500).refund_id("re_2");
    outbox.enqueue_alone(third.clone()).await.unwrap();
    wait_until(&outbox, |stats| stats.dead == 1).await;
    assert!(outbox.discard(outbox.dead(1).await.unwrap()[0].id).await.unwrap());
    assert_eq!(outbox.enqueue_alone(third).await.unwrap(), Enqueued::Known, "a discarded event stays known");
    worker.shutdown().await.unwrap();
}

/// If the service skips a second partial refund, its part of the commission is not deducted.
async fn a_skipped_refund_is_uncertain<DB: Raw>(Store { outbox, .. }: Store<DB>) {
    let sandbox = Sandbox::start().await.unwrap();
    let click_id = click(&sandbox).await;
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    for refund_id in ["re_1", "re_2"] {
        outbox.enqueue_alone(Refund::partial("in_1", 1_500).refund_id(refund_id)).await.unwrap();
        wait_until(&outbox, |stats| stats.pending == 0).await;
    }
    let stats = outbox.stats().await.unwrap();
    worker.shutdown().await.unwrap();
    assert_eq!((stats.recorded, stats.already_recorded, stats.uncertain), (3, 1, 1), "{stats:?}");
}

async fn a_wrong_key_loses_nothing<DB: Raw>(Store { outbox, .. }: Store<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    let wrong = outbox.worker(builder(&sandbox).api_key("wrong_key").build().unwrap()).start().await.unwrap();
    let started = Instant::now();
    while !sandbox.requests().iter().any(|request| request.status == Some(401)) {
        assert!(started.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wrong.shutdown().await.unwrap();
    let stats = outbox.stats().await.unwrap();
    assert_eq!((stats.pending, stats.dead), (1, 0), "{stats:?}");
    let right = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let stats = wait_until(&outbox, |stats| stats.pending == 0).await;
    right.shutdown().await.unwrap();
    assert_eq!(stats.recorded, 1);
}

/// If a worker dies while it sends a partial refund, the refund may or may not have arrived.
///
/// About 30 s: two workers are killed, and the events of each wait for the rescue and for the ones before.
async fn a_refund_in_flight_at_a_kill_is_uncertain<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    for id in ["in_1", "in_2", "in_3"] {
        outbox.enqueue_alone(sale(id)).await.unwrap();
    }
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    wait_until(outbox, |stats| stats.recorded == 4).await;
    worker.shutdown().await.unwrap();
    sandbox.inject(Fault::Stall.times(1).on(ApiCall::Refund));
    outbox.enqueue_alone(Refund::partial("in_1", 1_500).refund_id("re")).await.unwrap();
    let doomed = tokio::runtime::Runtime::new().unwrap();
    let (outbox_of_doomed, client) = (outbox.clone(), connect(&sandbox));
    doomed.spawn(async move { outbox_of_doomed.worker(client).start().await.unwrap().wait().await });
    while refunds(&sandbox).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    doomed.shutdown_background();
    let sql = "UPDATE JOBS SET attempted_at = AT('-10 minutes') WHERE state = 'running'";
    assert_eq!(store.raw(sql).await, 1, "the row of the killed worker is still marked as running");
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    assert_eq!((stats.recorded, stats.dead, stats.uncertain), (4, 1, 1), "{stats:?}");
    assert_eq!(refunds(&sandbox).await, 1, "it is sent once");
    // A 429 leaves no doubt. Neither does a worker that dies before sending.
    sandbox.inject(Fault::RateLimited(Duration::ZERO).times(1).on(ApiCall::Refund));
    outbox.enqueue_alone(Refund::partial("in_2", 1_500).refund_id("re")).await.unwrap();
    wait_until(outbox, |stats| stats.recorded == 5).await;
    worker.shutdown().await.unwrap();
    outbox.enqueue_alone(Refund::partial("in_3", 1_500).refund_id("re")).await.unwrap();
    let sql =
        "UPDATE JOBS SET state = 'running', attempt = 1, attempted_at = AT('-10 minutes') WHERE state = 'available'";
    assert_eq!(store.raw(sql).await, 1);
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.recorded, stats.dead, stats.uncertain), (6, 1, 1), "{stats:?}");
}

async fn refunds(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|request| request.call == Some(ApiCall::Refund)).count()
}

/// A refund that is enqueued before its sale, while the service fails for the sale, is not uncertain. Two refunds are sent in order.
///
/// Over 10 s: an event that has to wait is attempted once more after seconds, which grow.
async fn a_partial_refund_before_its_sale<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    wait_until(outbox, |stats| stats.pending == 0).await;
    // The refund is due before the service knows the sale.
    sandbox.inject(Fault::BadGateway.times(2).on(ApiCall::Sale));
    let mut tx = outbox.begin().await.unwrap();
    outbox.enqueue(&mut tx, Refund::partial("in_1", 1_500).refund_id("re_1")).await.unwrap();
    outbox.enqueue(&mut tx, sale("in_1")).await.unwrap();
    tx.commit().await.unwrap();
    outbox.enqueue_alone(Refund::full("in_1")).await.unwrap();
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.recorded, stats.dead, stats.uncertain), (4, 0, 0), "{stats:?}");
    let calls: Vec<_> = sandbox.requests().into_iter().filter(|r| r.call == Some(ApiCall::Refund)).collect();
    assert_eq!(calls.len(), 2, "no refund is sent before its sale");
    assert_eq!(sandbox.commissions()[0].deducted_cents, 980, "the partial refund, then the rest");
}

/// Manual work: settling uncertain events, and correcting dead letters. E-mail addresses are deleted after the delivery.
async fn manual_review<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    // By default, the sandbox skips the second refund of a sale.
    let sandbox = Sandbox::start().await.unwrap();
    let click_id = click(&sandbox).await;
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let lead = Lead::new("user_7").email("jo@example.com").click_id(click_id);
    outbox.enqueue_alone(lead.clone()).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    outbox.enqueue_alone(Refund::partial("in_1", 500).refund_id("re_1")).await.unwrap();
    outbox.enqueue_alone(Refund::full("in_1")).await.unwrap();
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    assert_eq!((stats.recorded, stats.already_recorded, stats.uncertain), (3, 1, 1), "{stats:?}");
    let uncertain = outbox.uncertain(i64::MIN, 10).await.unwrap();
    assert_eq!(uncertain.len(), 1);
    assert!(matches!(&uncertain[0].event, Some(affitor::Event::Refund(refund)) if refund.is_full()), "{uncertain:?}");
    let id = uncertain[0].id;
    assert!(outbox.settle(id).await.unwrap() && !outbox.settle(id).await.unwrap());
    assert_eq!(outbox.stats().await.unwrap().uncertain, 0);

    // The e-mail address is deleted, and the lead is still known.
    assert_eq!(store.raw("DELETE FROM JOBS WHERE CAST(JSON_TEXT AS text) LIKE '%jo@example.com%'").await, 0);
    assert_eq!(outbox.enqueue_alone(lead).await.unwrap(), Enqueued::Known);

    let mut big = sale("in_2");
    big.amount_cents = u64::MAX;
    outbox.enqueue_alone(big).await.unwrap();
    wait_until(outbox, |stats| stats.dead == 1).await;
    let id = outbox.dead(1).await.unwrap()[0].id;
    assert_eq!(outbox.enqueue_alone(sale("in_2")).await.unwrap(), Enqueued::Known, "the sale is still known");
    assert!(!outbox.replay_as(id, sale("in_3")).await.unwrap(), "another sale is refused");
    assert!(!outbox.replay_as(id + 1, sale("in_2")).await.unwrap(), "there is no such dead letter");
    assert!(outbox.replay_as(id, sale("in_2")).await.unwrap());
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.recorded, stats.dead), (4, 0), "{stats:?}");
    assert_eq!(sandbox.sales().len(), 2);
}

scenarios! { events_commit_and_roll_back_with_the_transaction events_are_sent_in_order dead_letters_are_replayed_or_discarded a_skipped_refund_is_uncertain a_wrong_key_loses_nothing
a_refund_in_flight_at_a_kill_is_uncertain a_partial_refund_before_its_sale manual_review }
