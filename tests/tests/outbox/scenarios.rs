//! What an outbox does, on SQLite and Postgres alike.

use std::time::{Duration, Instant};

use affitor::{Currency, Lead, Refund, Sale};
use affitor_outbox::{DeadReason, Enqueued};
use affitor_sandbox::{ApiCall, Fault, Sandbox};

use crate::common::{Raw, Store, builder, click, sale, sandbox, scenarios, until};

async fn commits_and_rolls_back<DB: Raw>(Store { outbox, .. }: Store<DB>) {
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
    assert!(outbox.enqueue_alone(Refund::partial("in_1", 100)).await.unwrap_err().is_invalid(), "without its own id");
    let nul = Refund::full("in_1").refund_reason("a\0b");
    assert!(outbox.enqueue_alone(nul).await.unwrap_err().is_invalid(), "Postgres would abort the app's transaction");

    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    for (refund_id, cents) in [("re_1", 1_500), ("re_1", 1_500), ("re_2", 1_500)] {
        outbox.enqueue_alone(Refund::partial("in_1", cents).refund_id(refund_id)).await.unwrap();
    }
    let books = until(&outbox, |books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.enqueued, books.recorded), (4, 4), "{books:?}");
    assert_eq!(sandbox.sales().len(), 1, "what was rolled back is not delivered");
    assert_eq!(sandbox.commissions()[0].deducted_cents, 600, "two refunds of one amount are two, and each is once");
    assert_eq!(outbox.enqueue_alone(sale("in_1")).await.unwrap(), Enqueued::Known, "after it was delivered, too");
}

async fn in_order<DB: Raw>(Store { outbox, .. }: Store<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    // The lead fails for a while; the sale and the refund are behind it, and another customer's are not.
    sandbox.inject(Fault::BadGateway.times(3).on(ApiCall::Lead));
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    outbox.enqueue_alone(Refund::full("in_1")).await.unwrap();
    outbox.enqueue_alone(Sale::new("in_9", 100, Currency::USD).customer_key("nobody")).await.unwrap();
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    let books = until(&outbox, |books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.recorded, books.not_attributed), (3, 1), "{books:?}");
    let calls: Vec<_> = sandbox.requests().iter().filter(|request| request.changed).filter_map(|r| r.call).collect();
    assert_eq!(calls, [ApiCall::Click, ApiCall::Lead, ApiCall::Sale, ApiCall::Refund]);
}

async fn dies_and_is_replayed<DB: Raw>(Store { outbox, .. }: Store<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    outbox.enqueue_alone(sale("in_big").amount(u64::MAX)).await.unwrap();
    until(&outbox, |books| books.pending == 0).await;
    // A partial refund that may have arrived waits for a person.
    sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
    outbox.enqueue_alone(Refund::partial("in_1", 1_500).refund_id("re_1")).await.unwrap();
    let books = until(&outbox, |books| books.pending == 0).await;
    assert_eq!((books.recorded, books.rejected, books.uncertain), (2, 2, 1), "{books:?}");
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
    assert!(!outbox.replay(dead[1].id).await.unwrap(), "it is on its way");
    let books = until(&outbox, |books| books.pending == 0).await;
    assert_eq!((books.discarded, books.rejected, books.recorded), (1, 0, 3), "{books:?}");
    let sent = sandbox.requests().iter().filter(|request| request.call == Some(ApiCall::Refund)).count();
    assert_eq!(sent, 2, "a person has decided that it is sent again");
    sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
    let third = Refund::partial("in_1", 1_500).refund_id("re_2");
    outbox.enqueue_alone(third.clone()).await.unwrap();
    until(&outbox, |books| books.rejected == 1).await;
    assert!(outbox.discard(outbox.dead(1).await.unwrap()[0].id).await.unwrap());
    assert_eq!(outbox.enqueue_alone(third).await.unwrap(), Enqueued::Known, "what was discarded is not sent");
    worker.shutdown().await.unwrap();
}

/// The sale's amount, set after it was made.
trait Amount {
    fn amount(self, cents: u64) -> Self;
}

impl Amount for Sale {
    fn amount(mut self, cents: u64) -> Self {
        self.amount_cents = cents;
        self
    }
}

/// In the reading in which a second partial refund is skipped, its part of the commission still stands.
async fn a_skipped_refund_is_uncertain<DB: Raw>(Store { outbox, .. }: Store<DB>) {
    let sandbox = Sandbox::start().await.unwrap();
    let click_id = click(&sandbox).await;
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    for refund_id in ["re_1", "re_2"] {
        outbox.enqueue_alone(Refund::partial("in_1", 1_500).refund_id(refund_id)).await.unwrap();
        until(&outbox, |books| books.pending == 0).await;
    }
    let books = outbox.stats().await.unwrap();
    worker.shutdown().await.unwrap();
    assert_eq!((books.recorded, books.already_recorded, books.uncertain), (3, 1, 1), "{books:?}");
}

async fn a_wrong_key_destroys_nothing<DB: Raw>(Store { outbox, .. }: Store<DB>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    let wrong = outbox.worker(builder(&sandbox).api_key("wrong_key")).start().await.unwrap();
    let began = Instant::now();
    while !sandbox.requests().iter().any(|request| request.status == Some(401)) {
        assert!(began.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    wrong.shutdown().await.unwrap();
    let books = outbox.stats().await.unwrap();
    assert_eq!((books.pending, books.rejected), (1, 0), "{books:?}");
    let right = outbox.worker(builder(&sandbox)).start().await.unwrap();
    let books = until(&outbox, |books| books.pending == 0).await;
    right.shutdown().await.unwrap();
    assert_eq!(books.recorded, 1);
}

/// A worker that dies while a partial refund is on its way: whether it has arrived, nobody knows.
async fn what_was_being_sent_is_uncertain<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    for id in ["in_1", "in_2", "in_3"] {
        outbox.enqueue_alone(sale(id)).await.unwrap();
    }
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    until(outbox, |books| books.recorded == 4).await;
    worker.shutdown().await.unwrap();
    sandbox.inject(Fault::Stall.times(1).on(ApiCall::Refund));
    outbox.enqueue_alone(Refund::partial("in_1", 1_500).refund_id("re")).await.unwrap();
    let doomed = tokio::runtime::Runtime::new().unwrap();
    let (dying, client) = (outbox.clone(), builder(&sandbox));
    doomed.spawn(async move { dying.worker(client).start().await.unwrap().wait().await });
    while refunds(&sandbox).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    doomed.shutdown_background();
    let sql = "UPDATE JOBS SET attempted_at = AT('-10 minutes') WHERE state = 'running'";
    assert_eq!(store.raw(sql).await, 1, "nobody has written down what became of it");
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    let books = until(outbox, |books| books.pending == 0).await;
    assert_eq!((books.recorded, books.rejected, books.uncertain), (4, 1, 1), "{books:?}");
    assert_eq!(refunds(&sandbox).await, 1, "it is sent once");
    // A clear refusal leaves no doubt, and a rescue before anything was sent neither.
    sandbox.inject(Fault::RateLimited(Duration::ZERO).times(1).on(ApiCall::Refund));
    outbox.enqueue_alone(Refund::partial("in_2", 1_500).refund_id("re")).await.unwrap();
    until(outbox, |books| books.recorded == 5).await;
    worker.shutdown().await.unwrap();
    outbox.enqueue_alone(Refund::partial("in_3", 1_500).refund_id("re")).await.unwrap();
    let sql =
        "UPDATE JOBS SET state = 'running', attempt = 1, attempted_at = AT('-10 minutes') WHERE state = 'available'";
    assert_eq!(store.raw(sql).await, 1);
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    let books = until(outbox, |books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.recorded, books.rejected, books.uncertain), (6, 1, 1), "{books:?}");
}

async fn refunds(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|request| request.call == Some(ApiCall::Refund)).count()
}

/// A refund's webhook that comes before the sale's, and a service that fails for the sale: nothing of that is in doubt. And of two
/// refunds the first is sent first.
async fn a_partial_refund_before_its_sale<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    outbox.enqueue_alone(Lead::new("user_7").click_id(click_id)).await.unwrap();
    until(outbox, |books| books.pending == 0).await;
    // It is asked, and known to nobody, while the sale is on its way.
    sandbox.inject(Fault::BadGateway.times(2).on(ApiCall::Sale));
    let mut tx = outbox.begin().await.unwrap();
    outbox.enqueue(&mut tx, Refund::partial("in_1", 1_500).refund_id("re_1")).await.unwrap();
    outbox.enqueue(&mut tx, sale("in_1")).await.unwrap();
    tx.commit().await.unwrap();
    outbox.enqueue_alone(Refund::full("in_1")).await.unwrap();
    let books = until(outbox, |books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.recorded, books.rejected, books.uncertain), (4, 0, 0), "{books:?}");
    let asked: Vec<_> = sandbox.requests().into_iter().filter(|r| r.call == Some(ApiCall::Refund)).collect();
    assert_eq!(asked.len(), 2, "none before its sale");
    assert_eq!(sandbox.commissions()[0].deducted_cents, 980, "the part, and then the rest");
}

/// What a person does: compares, corrects; and what is forgotten.
async fn looked_at_by_a_person<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    // In this reading a commission that was reduced once is final.
    let sandbox = Sandbox::start().await.unwrap();
    let click_id = click(&sandbox).await;
    let worker = outbox.worker(builder(&sandbox)).start().await.unwrap();
    let lead = Lead::new("user_7").email("jo@example.com").click_id(click_id);
    outbox.enqueue_alone(lead.clone()).await.unwrap();
    outbox.enqueue_alone(sale("in_1")).await.unwrap();
    outbox.enqueue_alone(Refund::partial("in_1", 500).refund_id("re_1")).await.unwrap();
    outbox.enqueue_alone(Refund::full("in_1")).await.unwrap();
    let books = until(outbox, |books| books.pending == 0).await;
    assert_eq!((books.recorded, books.already_recorded, books.uncertain), (3, 1, 1), "{books:?}");
    let uncertain = outbox.uncertain(i64::MIN, 10).await.unwrap();
    assert_eq!(uncertain.len(), 1);
    assert!(matches!(&uncertain[0].event, Some(affitor::Event::Refund(refund)) if refund.is_full()), "{uncertain:?}");
    let id = uncertain[0].id;
    assert!(outbox.settle(id).await.unwrap() && !outbox.settle(id).await.unwrap());
    assert_eq!(outbox.stats().await.unwrap().uncertain, 0);

    // The address is gone, and the lead is known all the same.
    assert_eq!(store.raw("DELETE FROM JOBS WHERE CAST(JSON_TEXT AS text) LIKE '%jo@example.com%'").await, 0);
    assert_eq!(outbox.enqueue_alone(lead).await.unwrap(), Enqueued::Known);

    let mut big = sale("in_2");
    big.amount_cents = u64::MAX;
    outbox.enqueue_alone(big).await.unwrap();
    until(outbox, |books| books.rejected == 1).await;
    let id = outbox.dead(1).await.unwrap()[0].id;
    assert_eq!(outbox.enqueue_alone(sale("in_2")).await.unwrap(), Enqueued::Known, "it is the same sale");
    assert!(!outbox.replay_as(id, sale("in_3")).await.unwrap(), "it is another sale");
    assert!(!outbox.replay_as(id + 1, sale("in_2")).await.unwrap(), "there is none");
    assert!(outbox.replay_as(id, sale("in_2")).await.unwrap());
    let books = until(outbox, |books| books.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((books.recorded, books.rejected), (4, 0), "{books:?}");
    assert_eq!(sandbox.sales().len(), 2);
}

scenarios! { commits_and_rolls_back in_order dies_and_is_replayed a_skipped_refund_is_uncertain a_wrong_key_destroys_nothing
what_was_being_sent_is_uncertain a_partial_refund_before_its_sale looked_at_by_a_person }
