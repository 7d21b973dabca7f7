//! Damaged rows: whatever a column contains, the other events are delivered.

use affitor::{Currency, Sale};
use affitor_outbox::sqlx;

use crate::outbox::common::{Raw, Store, connect, sandbox, scenarios, wait_until};

/// What somebody may write into a column. A database rejects some of it.
trait Damage: Raw {
    const COLUMNS: &[(&str, &[&str])];
}

/// No JSON, JSON that River does not expect, and values of another type.
const SQLITE_JSON: &[&str] = &[
    "'nonsense'",
    "''",
    "'{a:1}'",
    "x'00ff'",
    "x'c328'",
    "7",
    "NULL",
    "jsonb('7')",
    "jsonb('null')",
    "jsonb('\"text\"')",
    "jsonb('{}')",
    "jsonb('[]')",
    "jsonb('[[]]')",
    "jsonb('[null, 7, {}]')",
    "jsonb('{\"affitor\": 7, \"output\": [], \"snoozes\": \"many\", \"cancel_attempted_at\": 1}')",
    "jsonb('{\"n\": 1e400}')",
    "'[\"' || x'c328' || '\"]'",
];

const SQLITE_TIMES: &[&str] = &["'nonsense'", "''", "7", "1e300", "x'00ff'", "NULL", "'9999-99-99'", "'0000-01-01'"];

const SQLITE_NUMBERS: &[&str] = &["'nonsense'", "NULL", "-1", "9223372036854775807", "1.5", "x'00'"];

const SQLITE_TEXTS: &[&str] = &["''", "7", "NULL", "x'c328'", "CAST(x'c328' AS text)", "'nonsense'"];

impl Damage for sqlx::Sqlite {
    const COLUMNS: &[(&str, &[&str])] = &[
        ("args", SQLITE_JSON),
        ("metadata", SQLITE_JSON),
        ("errors", SQLITE_JSON),
        ("attempted_by", SQLITE_JSON),
        ("tags", SQLITE_JSON),
        ("created_at", SQLITE_TIMES),
        ("scheduled_at", SQLITE_TIMES),
        ("attempted_at", SQLITE_TIMES),
        ("finalized_at", SQLITE_TIMES),
        ("attempt", SQLITE_NUMBERS),
        ("max_attempts", SQLITE_NUMBERS),
        ("priority", SQLITE_NUMBERS),
        ("unique_states", SQLITE_NUMBERS),
        ("kind", SQLITE_TEXTS),
        ("queue", SQLITE_TEXTS),
        ("state", SQLITE_TEXTS),
        ("unique_key", SQLITE_TEXTS),
    ];
}

const POSTGRES_JSON: &[&str] = &[
    "NULL",
    "'7'",
    "'null'",
    "'\"text\"'",
    "'{}'",
    "'[]'",
    "'[[]]'",
    "'[null, 7, {}]'",
    "'{\"affitor\": 7, \"output\": [], \"snoozes\": \"many\", \"cancel_attempted_at\": 1}'",
    "'{\"n\": 1e400}'",
];

const POSTGRES_TIMES: &[&str] = &["NULL", "'infinity'", "'-infinity'", "'294276-01-01'", "'4713-01-01 BC'"];

const POSTGRES_NUMBERS: &[&str] = &["NULL", "-1", "0", "32767"];

impl Damage for sqlx::Postgres {
    const COLUMNS: &[(&str, &[&str])] = &[
        ("args", POSTGRES_JSON),
        ("metadata", POSTGRES_JSON),
        ("errors", &["NULL", "'{}'", "'{7, \"null\", \"[]\", NULL}'", "'{{1, 2}, {3, 4}}'"]),
        ("attempted_by", &["NULL", "'{NULL}'", "'{{a, b}, {c, d}}'", "'{\"\"}'"]),
        ("tags", &["NULL", "'{NULL}'", "'{{a, b}, {c, d}}'", "'{\"\"}'"]),
        ("created_at", POSTGRES_TIMES),
        ("scheduled_at", POSTGRES_TIMES),
        ("attempted_at", POSTGRES_TIMES),
        ("finalized_at", POSTGRES_TIMES),
        ("attempt", POSTGRES_NUMBERS),
        ("max_attempts", POSTGRES_NUMBERS),
        ("priority", POSTGRES_NUMBERS),
        ("unique_states", &["NULL", "B'00000000'", "B'11111111'"]),
        ("kind", &["''", "NULL", "'nonsense'"]),
        ("queue", &["''", "NULL", "'nonsense'"]),
        ("state", &["NULL", "'pending'", "'running'", "'retryable'"]),
        ("unique_key", &["''", "NULL", "'\\xff'"]),
    ];
}

/// Damages one row in each way, and delivers an event after each of them.
async fn no_row_stops_the_others<DB: Damage>(store: Store<DB>) {
    let outbox = &store.outbox;
    let sandbox = sandbox().start().await.unwrap();
    let (mut rejected, mut stored) = (0, 0);
    for (column, values) in DB::COLUMNS {
        for value in *values {
            let number = rejected + stored;
            let damaged = Sale::new(format!("damaged_{number}"), 100, Currency::USD).customer_key("nobody");
            outbox.enqueue_alone(damaged).await.unwrap();
            // As a row that waits, and as one whose worker died.
            let state = if number % 2 == 0 {
                "UPDATE JOBS SET priority = 1 WHERE id = (SELECT max(id) FROM JOBS)"
            } else {
                "UPDATE JOBS SET state = 'running', attempt = 1, attempted_at = AT('-10 minutes') WHERE id = (SELECT max(id) FROM JOBS)"
            };
            assert_eq!(store.raw(state).await, 1);
            let sql = format!("UPDATE JOBS SET {column} = {value} WHERE id = (SELECT max(id) FROM JOBS)");
            match DB::try_raw(&store.pool, &sql).await {
                Ok(1) => stored += 1,
                // The update is ignored.
                Ok(_) => rejected += 1,
                Err(error) => {
                    assert!(error.as_database_error().is_some(), "{sql}: {error}");
                    rejected += 1;
                }
            }
            outbox
                .enqueue_alone(Sale::new(format!("good_{number}"), 100, Currency::USD).customer_key("nobody"))
                .await
                .unwrap();
        }
    }
    assert!(rejected > 10 && stored > 10, "{rejected} rejected, {stored} stored");
    // Rows of other kinds and in other queues would be another River's.
    store.raw("DELETE FROM JOBS WHERE kind <> 'affitor_event' OR queue <> 'affitor'").await;
    let worker = outbox.worker(connect(&sandbox)).start().await.unwrap();
    let good = rejected + stored;
    let delivered = async || {
        let requests = sandbox.requests();
        requests.iter().filter(|r| r.transaction_id.as_ref().is_some_and(|id| id.starts_with("good_"))).count()
    };
    let all = async {
        while delivered().await < good {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(std::time::Duration::from_secs(60), all).await.is_err() {
        panic!("{} of {good} are delivered: {:?}", delivered().await, outbox.stats().await);
    }
    // The totals and lists can be read, too.
    let stats = wait_until(outbox, |stats| stats.not_attributed >= good as u64).await;
    for letter in outbox.dead(1_000).await.unwrap() {
        assert!(outbox.discard(letter.id).await.unwrap());
    }
    outbox.uncertain(i64::MIN, 1_000).await.unwrap();
    worker.shutdown().await.unwrap();
    println!(
        "damage: {rejected} values rejected by the database, {stored} stored, {good} other events delivered: {stats:?}"
    );
}

scenarios! { no_row_stops_the_others }
