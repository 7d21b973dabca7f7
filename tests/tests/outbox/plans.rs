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
            _ => vec![queue],
        }
    };
    let sections = dialect.queries.split("-- name: ").skip(1);
    let queries = sections.map(|section| {
        let (name, rest) = section.split_once('\n').unwrap();
        let sql: Vec<&str> = rest.lines().filter(|line| !line.starts_with("--")).collect();
        let mut sql = sql.join("\n");
        for (number, value) in values(name).iter().enumerate() {
            sql = sql.replace(&format!("{}{}", dialect.parameter, number + 1), value);
        }
        assert!(!sql.contains(&format!("{}1", dialect.parameter)), "{name}: {sql}");
        (name.to_owned(), sql)
    });
    queries.collect()
}

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
    let dialect = Dialect {
        queries: include_str!("../../../affitor-outbox/sql/sqlite/queries.sql"),
        parameter: '?',
        bytes: |text| format!("x'{}'", hex(text)),
    };
    let queries = queries(&dialect);
    for (name, sql) in &queries {
        let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(&pool).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
        // A search in an index is `SEARCH`. `SCAN` reads a whole table or index.
        let scans = steps.iter().any(|step| step.starts_with("SCAN") && step.contains("river_job"));
        assert!(!scans, "{name}: {steps:#?}\n{sql}");
    }
    println!("plans: {} queries on SQLite, no scan", queries.len());
}

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
    sqlx::raw_sql("ANALYZE").execute(&pool).await.unwrap();
    let dialect = Dialect {
        queries: include_str!("../../../affitor-outbox/sql/postgres/queries.sql"),
        parameter: '$',
        bytes: |text| format!("'\\x{}'", hex(text)),
    };
    let queries = queries(&dialect);
    for (name, sql) in &queries {
        let plan = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN {sql}"))).fetch_all(&pool).await;
        let plan = plan.unwrap_or_else(|error| panic!("{name}: {error}\n{sql}"));
        let steps: Vec<String> = plan.iter().map(|step| step.get(0)).collect();
        assert!(!steps.iter().any(|step| step.contains("Seq Scan on river_job")), "{name}: {steps:#?}\n{sql}");
    }
    println!("plans: {} queries on Postgres, no scan", queries.len());
}
