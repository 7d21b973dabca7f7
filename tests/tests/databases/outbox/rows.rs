//! Rows that the outbox has not written: from plain SQL, malformed, or from other versions.

use affitor::Client;
use affitor_outbox::{Database, DeadReason, Outbox, sqlx};
use affitor_sandbox::Sandbox;

use crate::outbox::common::{Raw, Store, click, connect, sandbox, scenarios, wait_until};

/// Delivers one row that is an event, as another language could have written it, and seven rows that are not events.
async fn deliver_plain_rows<DB: Database>(outbox: &Outbox<DB>, sandbox: &Sandbox) {
    let worker = outbox.worker(connect(sandbox)).start().await.unwrap();
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.total(), stats.recorded, stats.dead), (8, 1, 7), "{stats:?}");
    assert_eq!(sandbox.leads()[0].customer_key.as_deref(), Some("user_7"));
    let dead = outbox.dead(10).await.unwrap();
    assert!(dead.iter().all(|letter| letter.reason == DeadReason::Unreadable && letter.event.is_none()), "{dead:?}");
}

const MALFORMED: [&str; 7] = [
    "{}",
    "[]",
    "7",
    r#"{"key": 5, "event": 7}"#,
    r#"{"event": "sale"}"#,
    r#"{"event": {"type": "moon"}}"#,
    r#"{"event": {"type": "sale", "amount_cents": "many"}}"#,
];

async fn plain_rows() -> (Sandbox, Vec<String>) {
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    let lead = format!(r#"{{"event": {{"type": "lead", "customer_key": "user_7", "click_id": "{click_id}"}}}}"#);
    (sandbox, std::iter::once(lead).chain(MALFORMED.map(str::to_owned)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_from_plain_sql_on_sqlite() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone());
    outbox.migrate().await.unwrap();
    let (sandbox, rows) = plain_rows().await;
    for row in rows {
        let sql = "INSERT INTO river_job (kind, queue, args, max_attempts) VALUES ('affitor_event', 'affitor', jsonb($1), 30)";
        sqlx::query(sql).bind(row).execute(&pool).await.unwrap();
    }
    deliver_plain_rows(&outbox, &sandbox).await;
}

/// On SQLite, the app's own River uses the same tables, and River discards stuck jobs of unknown kinds.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_does_not_start_among_jobs_of_the_app() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone());
    let client = || Client::builder().api_key("a_key").api_url("http://127.0.0.1:9").build().unwrap();
    let error = outbox.worker(client()).start().await.unwrap_err();
    assert!(error.is_database(), "not migrated: {error}");
    outbox.migrate().await.unwrap();
    let sql = "INSERT INTO river_job (kind, args, max_attempts) VALUES ('send_mail', jsonb('{}'), 25)";
    sqlx::query(sql).execute(&pool).await.unwrap();
    let error = outbox.worker(client()).start().await.unwrap_err();
    assert!(error.to_string().contains(r#""send_mail""#), "{error}");
    assert_eq!(outbox.stats().await.unwrap().total(), 0, "the app's jobs do not count");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_from_plain_sql_on_postgres() {
    let Some(server) = affitor_tests::databases::Postgres::start() else { return };
    let pool = server.pool().await;
    let outbox = Outbox::postgres(pool.clone());
    outbox.migrate().await.unwrap();
    let (sandbox, rows) = plain_rows().await;
    for row in rows {
        let sql = "INSERT INTO affitor.river_job (kind, queue, args, max_attempts) \
                   VALUES ('affitor_event', 'affitor', CAST($1 AS jsonb), 30)";
        sqlx::query(sql).bind(row).execute(&pool).await.unwrap();
    }
    deliver_plain_rows(&outbox, &sandbox).await;
}

/// A worker meets rows of a later version. After the update, they can be sent.
async fn rows_of_a_later_version<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let click_id = click(&sandbox).await;
    for (state, args, metadata) in [
        ("available", r#"{"event": {"type": "moon", "customer_key": "user_7"}}"#.to_owned(), "{}"),
        (
            "available",
            format!(
                r#"{{"event": {{"type": "lead", "customer_key": "user_7", "click_id": "{click_id}", "moon": 1}}}}"#
            ),
            "{}",
        ),
        ("completed", "{}".to_owned(), r#"{"output": {"outcome": "waning", "uncertain": "perhaps"}}"#),
        (
            "discarded",
            "{}".to_owned(),
            r#"{"output": {"outcome": "dead", "reason": "eclipse", "message": "too dark"}}"#,
        ),
        ("discarded", "{}".to_owned(), r#"{"output": 7}"#),
    ] {
        let finalized = if state == "available" { "NULL" } else { "AT('-1 day')" };
        let sql = format!(
            "INSERT INTO JOBS (kind, queue, max_attempts, state, args, metadata, finalized_at)
             VALUES ('affitor_event', 'affitor', 9, 'pending', JSON('{args}'), JSON('{metadata}'), NULL)"
        );
        assert_eq!(store.raw(&sql).await, 1);
        let sql = format!("UPDATE JOBS SET state = '{state}', finalized_at = {finalized} WHERE state = 'pending'");
        assert_eq!(store.raw(&sql).await, 1);
    }
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    assert_eq!((stats.total(), stats.recorded, stats.already_recorded, stats.dead), (5, 1, 1, 3), "{stats:?}");
    let dead = outbox.dead(10).await.unwrap();
    let reasons: Vec<_> = dead.iter().map(|letter| (letter.reason, letter.message.as_deref())).collect();
    assert_eq!(
        reasons,
        [(DeadReason::Unreadable, None), (DeadReason::Other, Some("too dark")), (DeadReason::Other, None)],
        "the readable parts of the reasons"
    );
    // Stands in for the update: an event that this version knows.
    let sql = format!(
        r#"UPDATE JOBS SET args = JSON('{{"event": {{"type": "sale", "transaction_id": "in_1", "amount_cents": 100,
           "currency": "USD", "customer_key": "user_7"}}}}') WHERE id = {}"#,
        dead[0].id
    );
    assert_eq!(store.raw(&sql).await, 1);
    assert!(outbox.replay(dead[0].id).await.unwrap());
    let stats = wait_until(outbox, |stats| stats.recorded == 2).await;
    worker.shutdown().await.unwrap();
    assert_eq!(stats.dead, 2, "{stats:?}");
}

/// A row that River itself can't read uses up its attempts and becomes a dead letter. The events behind it do not wait forever.
async fn rows_that_river_cannot_read<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let sql = r#"INSERT INTO JOBS (kind, queue, max_attempts, attempt, args) VALUES ('affitor_event', 'affitor', 30, 29,
        JSON('{"event": {"type": "lead", "customer_key": "user_7", "additional_data": {"n": 1e400}}}'))"#;
    assert_eq!(store.raw(sql).await, 1);
    outbox.enqueue_alone(affitor::Sale::new("in_1", 100, affitor::Currency::USD).customer_key("user_7")).await.unwrap();
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.dead, stats.not_attributed), (1, 1), "{stats:?}");
    assert_eq!(outbox.dead(1).await.unwrap()[0].reason, DeadReason::Other);
}

/// The response to an abandoned attempt arrives late: the dead letter keeps its reason, and a replay uses the response instead of
/// sending the event.
async fn a_late_response<DB: Raw>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let sql = r#"INSERT INTO JOBS (kind, queue, max_attempts, state, finalized_at, args, metadata) VALUES
        ('affitor_event', 'affitor', 30, 'discarded', AT('-1 day'),
         JSON('{"event": {"type": "refund", "transaction_id": "in_1", "refund_amount_cents": 5, "refund_id": "re_1"}}'),
         JSON('{"affitor": {"may_have_arrived": true}, "affitor_dead": {"outcome": "dead", "uncertain": true, "reason": "uncertain"},
           "output": {"outcome": "recorded"}}'))"#;
    assert_eq!(store.raw(sql).await, 1);
    let dead = outbox.dead(1).await.unwrap();
    assert_eq!(dead[0].reason, DeadReason::Uncertain);
    assert!(outbox.replay(dead[0].id).await.unwrap());
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let stats = wait_until(outbox, |stats| stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    assert_eq!((stats.recorded, stats.dead), (1, 0), "{stats:?}");
    assert!(sandbox.requests().is_empty(), "the event is not sent");
}

scenarios! { rows_of_a_later_version rows_that_river_cannot_read a_late_response }
