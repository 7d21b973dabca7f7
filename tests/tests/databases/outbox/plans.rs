//! The plan of every query at 100,000 rows: none reads the whole table.

use affitor_outbox::{
    Outbox,
    sqlx::{self, AssertSqlSafe, Row as _},
};

/// Rows: delivered, pending, dead and uncertain.
const ROWS: &str = "
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 100000)
    INSERT INTO JOBS (kind, queue, max_attempts, state, finalized_at, args, metadata, unique_key)
    SELECT 'affitor_event', 'affitor', 30, STATE, CASE WHEN n % 100 = 2 THEN NULL ELSE NOW END, ARGS, METADATA, KEY
    FROM number";

/// Parts of the statement and of the queries.
struct Dialect {
    queries: &'static str,
    parameter: char,
    /// Values by what the comment before a query calls its parameters.
    bytes: fn(&str) -> String,
}

/// The queries of a file, with values in the place of their parameters.
fn queries(dialect: &Dialect) -> Vec<(String, String)> {
    let bytes = dialect.bytes;
    let (sale, refund, after_refund) =
        (bytes("sale\naffitor\nt70001"), bytes("refund\naffitor\nt70001"), bytes("refund\naffitor\nt70001\u{b}"));
    let (lead, after_lead) = (bytes("lead\naffitor\nh70002\n"), bytes("lead\naffitor\nh70002\u{b}"));
    let values = |name: &str| -> Vec<String> {
        let text = |text: &str| format!("'{text}'");
        let (queue, id) = (text("affitor"), "70001".to_owned());
        match name {
            "enqueue" => vec![queue, text("{}"), text("key")],
            "lead_pending" => vec![id, queue, lead.clone(), after_lead.clone(), text("cust_70002")],
            "payment_pending" => vec![id, sale.clone(), refund.clone(), after_refund.clone()],
            "partial_refund" => vec![id, refund.clone(), after_refund.clone()],
            "set_history" => vec![id, "1".to_owned(), text("{}")],
            "put_last" => vec![id],
            "dead" | "uncertain" => vec![queue, id, "100".to_owned()],
            "settle" | "discard" | "dead_letter" => vec![queue, id],
            "correct" => vec![queue, id, text("key"), text("{}")],
            "replay" => vec![queue, id, text("{}")],
            "forget_unsent" | "being_sent" => vec![queue, text("user_70001")],
            "forget_leads" => vec![lead.clone(), after_lead.clone()],
            "record_version" => vec!["1".to_owned()],
            "replay_refunds" => vec![refund.clone(), after_refund.clone()],
            _ => ledger_values(name).unwrap_or(vec![queue]),
        }
    };
    let sections = dialect.queries.split("-- name: ").skip(1);
    let queries = sections.map(|section| {
        let (name, rest) = section.split_once('\n').unwrap();
        let sql: Vec<&str> = rest.lines().filter(|line| !line.starts_with("--")).collect();
        let mut sql = sql.join("\n");
        // Backwards, because `$1` is the beginning of `$10`.
        for (number, value) in values(name).iter().enumerate().rev() {
            sql = sql.replace(&format!("{}{}", dialect.parameter, number + 1), value);
        }
        assert!(!sql.contains(&format!("{}1", dialect.parameter)), "{name}: {sql}");
        (name.to_owned(), sql)
    });
    queries.collect()
}

/// Values for the queries of the payment ledger.
fn ledger_values(name: &str) -> Option<Vec<String>> {
    let values: &[&str] = match name {
        "ledger_start" | "release_payments" => &["'affitor'", "1"],
        "purge_groups" | "purge_webhooks" | "purge_reports" => &["'affitor'", "1"],
        "ledger" => &["'affitor'", "'stripe//live'"],
        "save_policy" => &["'affitor'", "'stripe//live'", "'{}'"],
        "ledger_connected" | "ledger_decide" => &["'affitor'", "true"],
        "payment_ids" => &["'affitor'", "'stripe//live'", "'[\"pi_70001\"]'"],
        "lock_group" | "group" | "group_ids" | "group_webhooks" | "group_payments" => &["70001"],
        "new_group" => &["'affitor'", "'stripe//live'", "1"],
        "add_ids" => &["'affitor'", "'stripe//live'", "'[\"pi_70001\"]'", "70001"],
        "move_ids" | "move_payments" | "move_webhooks" => &["'[70001]'", "70002"],
        "drop_groups" => &["'[70001]'"],
        "save_group" => &["70001", "'{}'", "'{}'", "1", "1"],
        "say_retention" => &["'affitor'", "'payments'", "1", "1"],
        "purge_completed" => &["'affitor'", "1"],
        "claim_due_groups" => &["'affitor'", "1", "2", "100"],
        "save_facts" => &["70001", "'{}'"],
        "reports" => &["'affitor'", "'[\"pi_70001\"]'"],
        "drop_payments" => &["70001", "'[\"pi_70001\"]'"],
        "save_payment" => &[
            "'affitor'",
            "'stripe//live'",
            "'pi_70001'",
            "70001",
            "'bill'",
            "'reported'",
            "'pi_1'",
            "1",
            "1",
            "'USD'",
            "1",
            "'user_7'",
            "'cust_7'",
            "'42'",
            "'sub_1'",
            "0",
            "0",
            "''",
            "1",
            "'cus_1'",
        ],
        "save_webhook" => &["'affitor'", "'stripe//live'", "'evt_70001'", "'invoice.paid'", "70001", "1", "'noted'"],
        "waiting_for_source" => &["'affitor'", "'stripe//live'", "'[\"sub_70001\"]'"],
        "find_payment" => &["'affitor'", "'pi_70001'"],
        "list_payments" => &["'affitor'", "'pi_70001'", "'held'", "100"],
        "groups_naming" | "forget_payments" => &["'affitor'", "'user_7'"],
        _ => return None,
    };
    Some(values.iter().map(|value| (*value).to_owned()).collect())
}

/// Queries for people, which add everything up or search everywhere.
const READ_EVERYTHING: [&str; 5] =
    ["list_payments", "balance_sales", "balance_refunds", "groups_naming", "release_payments"];

/// Payments in the ledger, as many as rows of the outbox.
const PAYMENTS: &str = "
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 100000)
    INSERT INTO AFFITOR_payment_groups (id, queue, scope, updated_at) SELECT n, 'affitor', 'stripe//live', n FROM number;
    INSERT INTO AFFITOR_payment_ids (queue, scope, id, group_id)
    SELECT 'affitor', 'stripe//live', 'pi_' || id, id FROM AFFITOR_payment_groups;
    INSERT INTO AFFITOR_payments (queue, scope, transaction_id, group_id, status, paid_cents, commissionable_cents, customer_key,
      source, returned_cents, reported_refund_cents, doubts, since)
    SELECT 'affitor', 'stripe//live', 'pi_' || id, id, CASE id % 100 WHEN 0 THEN 'no_customer' ELSE 'reported' END, 1, 1,
      'user_' || id, 'sub_' || id, 0, 0, '', 1 FROM AFFITOR_payment_groups;
    INSERT INTO AFFITOR_payment_webhooks (queue, scope, event_id, kind, group_id, first_seen_at, last_seen_at, decision)
    SELECT 'affitor', 'stripe//live', 'evt_' || id, 'invoice.paid', id, id, id, '' FROM AFFITOR_payment_groups;
    INSERT INTO AFFITOR_reports (queue, transaction_id, type, job_id, enqueued_at)
    SELECT 'affitor', 'pi_' || id, 'sale', id, id FROM AFFITOR_payment_groups;";

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The type and the ids depend on the number of the row.
fn rows(replacements: &[(&str, &str)]) -> String {
    let mut sql = ROWS.to_owned();
    for (name, value) in replacements {
        sql = sql.replace(name, value);
    }
    sql
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool.clone());
    outbox.migrate().await.unwrap();
    let sql = rows(&[
        ("JOBS", "river_job"),
        ("STATE", "CASE n % 100 WHEN 1 THEN 'discarded' WHEN 2 THEN 'available' ELSE 'completed' END"),
        ("NOW", "datetime('now')"),
        (
            "ARGS",
            "jsonb_object('event', jsonb_object('type', CASE n % 3 WHEN 0 THEN 'sale' WHEN 1 THEN 'refund' ELSE 'lead' END,
                'transaction_id', 't' || n, 'customer_key', 'user_' || n, 'click_id', 'cust_' || n))",
        ),
        ("METADATA", "CASE WHEN n % 1000 = 3 THEN jsonb('{\"output\": {\"uncertain\": true}}') ELSE jsonb('{}') END"),
        (
            "KEY",
            "CAST(CASE n % 3 WHEN 0 THEN 'sale' WHEN 1 THEN 'refund' ELSE 'lead' END || char(10) || 'affitor' || char(10) || 't' || n AS blob)",
        ),
    ]);
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(PAYMENTS.replace("AFFITOR_", "affitor_"))).execute(&pool).await.unwrap();
    sqlx::raw_sql("ANALYZE").execute(&pool).await.unwrap();
    let dialect = Dialect {
        queries: include_str!("../../../../affitor-outbox/sql/sqlite/queries.sql"),
        parameter: '?',
        bytes: |text| format!("x'{}'", hex(text)),
    };
    let queries = queries(&dialect);
    for (name, sql) in &queries {
        let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(&pool).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
        // A search in an index is `SEARCH`. `SCAN` reads a whole table or index.
        let is_table =
            |step: &str| ["river_job", "affitor_payment", "affitor_reports"].iter().any(|table| step.contains(table));
        let scans = steps.iter().any(|step| step.starts_with("SCAN") && is_table(step));
        assert!(!scans || READ_EVERYTHING.contains(&name.as_str()), "{name}: {steps:#?}\n{sql}");
    }
    println!("plans: {} queries on SQLite, no scan", queries.len());
}

/// Over 10 s: the tables are filled, so that the planner has a choice.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    let Some(server) = affitor_tests::databases::Postgres::start() else { return };
    let pool = server.pool().await;
    let outbox = Outbox::postgres(pool.clone());
    outbox.migrate().await.unwrap();
    let kind = "(ARRAY['sale', 'refund', 'lead'])[n % 3 + 1]";
    let sql = rows(&[
        ("JOBS", "affitor.river_job"),
        (
            "STATE",
            "CAST(CASE n % 100 WHEN 1 THEN 'discarded' WHEN 2 THEN 'available' ELSE 'completed' END AS affitor.river_job_state)",
        ),
        ("NOW", "now()"),
        (
            "ARGS",
            &format!(
                "jsonb_build_object('event', jsonb_build_object('type', {kind},
                'transaction_id', 't' || n, 'customer_key', 'user_' || n, 'click_id', 'cust_' || n))"
            ),
        ),
        ("METADATA", "CASE WHEN n % 1000 = 3 THEN jsonb '{\"output\": {\"uncertain\": true}}' ELSE '{}' END"),
        ("KEY", &format!("convert_to({kind} || E'\\n' || 'affitor' || E'\\n' || 't' || n, 'UTF8')")),
    ]);
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(PAYMENTS.replace("AFFITOR_", "affitor.affitor_"))).execute(&pool).await.unwrap();
    sqlx::raw_sql("ANALYZE").execute(&pool).await.unwrap();
    let dialect = Dialect {
        queries: include_str!("../../../../affitor-outbox/sql/postgres/queries.sql"),
        parameter: '$',
        bytes: |text| format!("'\\x{}'", hex(text)),
    };
    let queries = queries(&dialect);
    for (name, sql) in &queries {
        let plan = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN {sql}"))).fetch_all(&pool).await;
        let plan = plan.unwrap_or_else(|error| panic!("{name}: {error}\n{sql}"));
        let steps: Vec<String> = plan.iter().map(|step| step.get(0)).collect();
        let is_scan = |step: &String| {
            ["river_job", "affitor_payment", "affitor_reports"]
                .iter()
                .any(|table| step.contains(&format!("Seq Scan on {table}")))
        };
        assert!(!steps.iter().any(is_scan) || READ_EVERYTHING.contains(&name.as_str()), "{name}: {steps:#?}\n{sql}");
    }
    println!("plans: {} queries on Postgres, no scan", queries.len());
}
