//! Which index each query uses, with and without statistics, and what it visits as the tables grow.
//!
//! Over 10 s: 100,000 rows in each database, written with the triggers on.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use affitor_outbox::{
    Outbox,
    sqlx::{self, AssertSqlSafe, PgPool, Row as _, SqlitePool},
};
use affitor_tests::{
    databases,
    growth::{Dialect, Fill, Rows, Statement},
};

const FEW: u32 = 1_000;
const MANY: u32 = 100_000;

/// They add everything up or search everywhere, and a person runs them.
const READ_EVERYTHING: [&str; 4] = ["balance_sales", "balance_refunds", "groups_naming", "release_payments"];

/// They count or search what is not delivered.
const READ_UNDELIVERED: [&str; 3] = ["stats", "backlog", "forget_unsent"];

/// The index of each query on SQLite that is not about a single row by its id.
const INDEXES: &[(&str, &[&str])] = &[
    (
        "lead_pending",
        &[
            "affitor_key (unique_key>? AND unique_key<?)",
            "affitor_pending_lead_of_click (queue=? AND <expr>=? AND rowid<?)",
        ],
    ),
    ("payment_pending", &["affitor_key (unique_key=?)", "affitor_pending_refund (unique_key>? AND unique_key<?)"]),
    ("partial_refund", &["affitor_key (unique_key>? AND unique_key<?)"]),
    ("put_forward", &["river_job_prioritized_fetching_index (state=? AND queue=? AND priority=? AND scheduled_at<?)"]),
    ("stats", &["river_job_prioritized_fetching_index (state=? AND queue=?)", "affitor_to_review (queue=?)"]),
    ("backlog", &["river_job_prioritized_fetching_index (state=? AND queue=?)", "affitor_to_review (queue=?)"]),
    ("dead", &["affitor_to_review (queue=? AND id>?)"]),
    ("uncertain", &["affitor_to_review (queue=? AND id>?)"]),
    ("replay_refunds", &["affitor_key (unique_key>? AND unique_key<?)"]),
    ("forget_unsent", &["river_job_prioritized_fetching_index (state=? AND queue=?)"]),
    ("forget_leads", &["affitor_key (unique_key>? AND unique_key<?)"]),
    ("being_sent", &["river_job_prioritized_fetching_index (state=? AND queue=?)"]),
    ("foreign", &["river_job_kind (kind<?)", "river_job_kind (kind>?)"]),
    ("fix_waiting", &["river_job_prioritized_fetching_index (state=? AND queue=? AND priority=? AND scheduled_at>?)"]),
    ("fix_running", &["river_job_prioritized_fetching_index (state=? AND queue=?)"]),
    ("payment_ids", &["sqlite_autoindex_affitor_payment_ids_1 (id=? AND scope=? AND queue=?)"]),
    (
        "new_group",
        &[
            "affitor_payment_webhooks_group (group_id=?)",
            "affitor_payments_group (group_id=?)",
            "affitor_payment_ids_group (group_id=?)",
        ],
    ),
    ("move_ids", &["affitor_payment_ids_group (group_id=?)"]),
    ("move_payments", &["affitor_payments_group (group_id=?)"]),
    ("move_webhooks", &["affitor_payment_webhooks_group (group_id=?)"]),
    (
        "drop_groups",
        &[
            "affitor_payment_webhooks_group (group_id=?)",
            "affitor_payments_group (group_id=?)",
            "affitor_payment_ids_group (group_id=?)",
        ],
    ),
    ("reports", &["sqlite_autoindex_affitor_reports_1 (queue=? AND transaction_id=?)"]),
    ("group_payments", &["affitor_payments_group (group_id=?)"]),
    ("drop_payments", &["affitor_payments_group (group_id=?)"]),
    (
        "waiting_for_source",
        &[
            "affitor_payments_source (queue=? AND source=? AND scope=?)",
            "affitor_payments_provider_customer (queue=? AND provider_customer=? AND scope=?)",
        ],
    ),
    ("claim_due_groups", &["affitor_payment_groups_due (queue=? AND due_at<?)"]),
    ("purge_completed", &["river_job_state_and_finalized_at_index (state=? AND finalized_at<?)"]),
    (
        "purge_groups",
        &[
            "affitor_payment_groups_updated (queue=? AND updated_at<?)",
            "affitor_payment_webhooks_group (group_id=?)",
            "affitor_payments_group (group_id=?)",
            "affitor_payment_ids_group (group_id=?)",
        ],
    ),
    (
        "purge_webhooks",
        &[
            "affitor_payment_webhooks_seen (queue=? AND last_seen_at<?)",
            "affitor_webhook_ids_webhook (event_id=? AND scope=? AND queue=?)",
        ],
    ),
    ("save_webhook", &["affitor_webhook_ids_webhook (event_id=? AND scope=? AND queue=?)"]),
    ("purge_reports", &["affitor_reports_enqueued (queue=? AND enqueued_at<?)"]),
    (
        "find_payment",
        &[
            "sqlite_autoindex_affitor_payment_ids_1 (id=?)",
            "sqlite_autoindex_affitor_payment_webhooks_1 (event_id=?)",
            "affitor_payments_customer (queue=? AND customer_key=?)",
            "affitor_payments_source (queue=? AND source=?)",
            "affitor_payments_provider_customer (queue=? AND provider_customer=?)",
        ],
    ),
    (
        "loose_webhooks",
        &[
            "sqlite_autoindex_affitor_webhook_ids_1 (queue=? AND id=?)",
            "sqlite_autoindex_affitor_payment_webhooks_1 (event_id=? AND scope=? AND queue=?)",
        ],
    ),
    ("forget_webhook_ids", &["sqlite_autoindex_affitor_webhook_ids_1 (queue=? AND id=?)"]),
    ("refused_webhooks", &["affitor_payment_webhooks_refused (queue=?)"]),
    ("count_refused", &["affitor_payment_webhooks_refused (queue=?)"]),
    ("group_ids", &["affitor_payment_ids_group (group_id=?)"]),
    ("group_webhooks", &["affitor_payment_webhooks_group (group_id=?)"]),
    ("list_payments", &["sqlite_autoindex_affitor_payments_1 (queue=? AND transaction_id>?)"]),
    ("list_payments_with_status", &["affitor_payments_status (queue=? AND status=? AND transaction_id>?)"]),
    ("list_payments_to_check", &["affitor_payments_doubts (queue=? AND transaction_id>?)"]),
    ("forget_payments", &["affitor_payments_customer (queue=? AND customer_key=?)"]),
];

async fn sqlite(rows: Rows) -> (SqlitePool, impl Sized) {
    let (pool, folder) = databases::sqlite().await;
    Outbox::sqlite(pool.clone()).migrate().await.unwrap();
    let mut tx = pool.begin().await.unwrap();
    for sql in rows.statements(Dialect::Sqlite) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    (pool, folder)
}

async fn fill_postgres(pool: &PgPool, rows: Rows) {
    Outbox::postgres(pool.clone()).migrate().await.unwrap();
    for sql in rows.statements(Dialect::Postgres) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.unwrap();
    }
    // As autovacuum does.
    sqlx::raw_sql("VACUUM ANALYZE").execute(pool).await.unwrap();
}

/// The steps of a plan that read the outbox's tables, such as `affitor_key (unique_key=?)`.
fn indexes(plan: &[String]) -> Vec<String> {
    let tables = [
        "river_job",
        "affitor_payment",
        "affitor_reports",
        "affitor_webhook_ids",
        "payment",
        "report",
        "refund",
        "sale",
        "mention",
        "webhook",
    ];
    let reads = plan.iter().filter(|step| {
        let mut words = step.split(' ');
        ["SEARCH", "SCAN"].contains(&words.next().unwrap_or_default())
            && tables.iter().any(|table| words.clone().next().is_some_and(|name| name.starts_with(table)))
    });
    let name = |step: &String| match step.split_once("INDEX ") {
        Some((_, index)) if step.starts_with("SEARCH") => index.trim_end_matches(" LEFT-JOIN").to_owned(),
        _ if step.contains("INTEGER PRIMARY KEY (rowid=?)") => "id".to_owned(),
        _ => step.clone(),
    };
    reads.map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_uses_its_index() {
    let (pool, _folder) = sqlite(Rows { fill: Fill::Payments, count: FEW }).await;
    let expected: BTreeMap<&str, Vec<&str>> = INDEXES.iter().map(|(name, indexes)| (*name, indexes.to_vec())).collect();
    for analyzed in [false, true] {
        if analyzed {
            sqlx::raw_sql("ANALYZE").execute(&pool).await.unwrap();
        }
        for Statement { name, prepared, .. } in Dialect::Sqlite.statements() {
            let plan =
                sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {prepared}"))).fetch_all(&pool).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
            let found: Vec<String> = indexes(&plan).into_iter().filter(|index| index != "id").collect();
            if !READ_EVERYTHING.contains(&name.as_str()) {
                let expected = expected.get(&*name).cloned().unwrap_or_default();
                assert_eq!(found, expected, "{name}, analyzed: {analyzed}: {plan:#?}");
            }
        }
    }
}

/// Steps of SQLite's virtual machine: the fewer of two times, because the first one may read the schema.
async fn steps(pool: &SqlitePool, sql: &str) -> u64 {
    let first = steps_once(pool, sql).await;
    first.min(steps_once(pool, sql).await)
}

async fn steps_once(pool: &SqlitePool, sql: &str) -> u64 {
    let count = Arc::new(AtomicU64::new(0));
    let mut tx = pool.begin().await.unwrap();
    let counter = Arc::clone(&count);
    tx.lock_handle().await.unwrap().set_progress_handler(1, move || {
        counter.fetch_add(1, Ordering::Relaxed);
        true
    });
    sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut *tx).await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    tx.lock_handle().await.unwrap().remove_progress_handler();
    tx.rollback().await.unwrap();
    count.load(Ordering::Relaxed)
}

/// Pages of Postgres: the fewest of three times, because autovacuum runs when it likes.
async fn pages(pool: &PgPool, sql: &str) -> u64 {
    let mut fewest = u64::MAX;
    for _ in 0..3 {
        fewest = fewest.min(pages_once(pool, sql).await);
    }
    fewest
}

async fn pages_once(pool: &PgPool, sql: &str) -> u64 {
    let mut tx = pool.begin().await.unwrap();
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) {sql}");
    let plan = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut *tx).await;
    let plan = plan.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    tx.rollback().await.unwrap();
    let lines = plan.iter().map(|line| line.get::<String, _>(0)).take_while(|line| !line.starts_with("Planning"));
    // The first node includes the others.
    let buffers =
        lines.into_iter().find_map(|line| Some(line.split_once("Buffers: shared ")?.1.to_owned())).unwrap_or_default();
    let numbers =
        buffers.split(' ').filter_map(|part| part.split_once('=')).filter(|(name, _)| ["hit", "read"].contains(name));
    numbers.map(|(_, number)| number.parse::<u64>().unwrap()).sum()
}

/// Rows that Postgres reads of each table, its triggers included.
async fn rows_read(pool: &PgPool, sql: &str) -> BTreeMap<String, u64> {
    let mut tx = pool.begin().await.unwrap();
    let mut counts = Vec::new();
    // The counters begin before the transaction.
    for sql in [None, Some(sql)] {
        if let Some(sql) = sql {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
        }
        let rows =
            "SELECT CAST(relname AS text), seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables";
        let rows: Vec<(String, i64)> = sqlx::query_as(rows).fetch_all(&mut *tx).await.unwrap();
        counts.push(rows.into_iter().collect::<BTreeMap<_, _>>());
    }
    tx.rollback().await.unwrap();
    let read = counts[1].iter().map(|(table, rows)| (table.clone(), rows - counts[0].get(table).unwrap_or(&0)));
    read.map(|(table, rows)| (table, rows.unsigned_abs())).filter(|(_, rows)| *rows > 0).collect()
}

/// Compares what each query visits in small and in large tables.
fn compare(fill: Fill, few: &BTreeMap<String, u64>, many: &BTreeMap<String, u64>, slack: u64) {
    for (name, few) in few {
        let many = many[name];
        println!("{fill:?} {name}: {few} {many}");
        let grows = READ_EVERYTHING.contains(&&**name) || READ_UNDELIVERED.contains(&&**name);
        assert!(grows || many <= 2 * few + slack, "{fill:?} {name}: {few} at {FEW} rows, {many} at {MANY}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_visits_as_much_in_large_tables() {
    for fill in [Fill::Payments, Fill::Pending] {
        let mut visited = Vec::new();
        for count in [FEW, MANY] {
            let (pool, _folder) = sqlite(Rows { fill, count }).await;
            let mut counts = BTreeMap::new();
            for Statement { name, sql, .. } in Dialect::Sqlite.statements() {
                counts.insert(name, steps(&pool, &sql).await);
            }
            if fill == Fill::Pending {
                let Statement { name, sql, .. } = Dialect::Sqlite.delivery();
                counts.insert(name, steps(&pool, &sql).await);
            }
            visited.push(counts);
        }
        compare(fill, &visited[0], &visited[1], 100);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_visits_as_much_in_large_tables() {
    for fill in [Fill::Payments, Fill::Pending] {
        let mut visited = Vec::new();
        for count in [FEW, MANY] {
            let Some(server) = databases::Postgres::start() else { return };
            let pool = server.pool().await;
            fill_postgres(&pool, Rows { fill, count }).await;
            let mut counts = BTreeMap::new();
            for Statement { name, sql, .. } in Dialect::Postgres.statements() {
                counts.insert(name, pages(&pool, &sql).await);
            }
            if fill == Fill::Pending {
                let read = rows_read(&pool, &Dialect::Postgres.delivery().sql).await;
                // In a small table, Postgres may read all of it, for each of the statements.
                let rows: u64 = read.values().sum();
                assert!(rows < 10 * u64::from(FEW), "{count} rows: a delivery reads {read:?}");
            }
            visited.push(counts);
        }
        compare(fill, &visited[0], &visited[1], 20);
    }
}
