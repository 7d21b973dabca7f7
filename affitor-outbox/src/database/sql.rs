//! SQL that both databases have in common.

/// Condition for events that are not delivered yet.
macro_rules! pending {
    () => {
        "kind = 'affitor_event' AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')"
    };
}

/// Condition for pending events of one type. Matches the condition of a partial index.
macro_rules! pending_of {
    ($field:ident, $type:literal) => {
        concat!(pending!(), " AND ", $field!("type"), " = '", $type, "'")
    };
}

/// Indexes for the queries that a worker runs for each event: pending leads by customer and by click, pending sales,
/// and refunds.
macro_rules! indexes {
    ($schema:literal, $field:ident) => {
        concat!(
            indexes!($schema, $field, "pending_lead_customer_key", "customer_key", pending_of!($field, "lead")),
            indexes!($schema, $field, "pending_lead_click_id", "click_id", pending_of!($field, "lead")),
            indexes!($schema, $field, "pending_sale_transaction_id", "transaction_id", pending_of!($field, "sale")),
            indexes!($schema, $field, "refund_transaction_id", "transaction_id", refunds!($field))
        )
    };
    ($schema:literal, $field:ident, $index:literal, $name:tt, $where:expr) => {
        concat!(
            "CREATE INDEX IF NOT EXISTS affitor_",
            $index,
            " ON ",
            $schema,
            "river_job (",
            $field!($name),
            ") WHERE ",
            $where,
            ";\n"
        )
    };
}

/// Condition for refunds, pending or not. There are few of them.
macro_rules! refunds {
    ($field:ident) => {
        concat!("kind = 'affitor_event' AND ", $field!("type"), " = 'refund'")
    };
}

/// Counts the rows that match any of the conditions: 0 or 1. Uses a union because SQLite uses no index for an `OR` of
/// expressions. The `+` and `||` in the conditions keep SQLite from using the indexes on the id and the queue, which
/// contain every row.
macro_rules! any_match {
    ($schema:literal, $($where:expr),+) => {
        concat!(
            "SELECT count(*) FROM (SELECT 0 AS found WHERE false",
            $(" UNION ALL SELECT 1 FROM ", $schema, "river_job WHERE ", $where,)+
            " LIMIT 1) AS first"
        )
    };
}

/// Condition for partial refunds. Their rows are kept forever, because only they tell a repeated partial refund from a
/// new one.
macro_rules! partial_refund {
    ($field:ident) => {
        concat!($field!("type"), " = 'refund' AND ", $field!("refund_amount_cents"), " IS NOT NULL")
    };
}

/// State, outcome and uncertainty under which a deleted row is counted. Deleting a row that is not delivered discards
/// the event, and deleting an uncertain one settles it.
macro_rules! counted_deleted {
    ($output:ident, $state:literal, $metadata:literal) => {
        concat!(
            "CASE WHEN ",
            $state,
            " = 'completed' THEN 'completed' ELSE 'cancelled' END, coalesce(",
            $output!($metadata, "outcome"),
            ", ''), 0"
        )
    };
}

/// Outcome and uncertainty under which a row is counted.
macro_rules! counted {
    ($output:ident, $metadata:literal) => {
        concat!(
            "coalesce(",
            $output!($metadata, "outcome"),
            ", '') AS outcome, CASE WHEN coalesce(",
            $output!($metadata, "uncertain"),
            ", '') IN ('true', '1') THEN 1 ELSE 0 END AS uncertain"
        )
    };
}

/// Metadata of a replayed event. For a refund, clears the record that an earlier attempt may have arrived. For other
/// events, keeps it, and sets it if attempts were used up, because then a worker was killed or timed out.
macro_rules! replayed_metadata {
    ($field:ident, $without:ident, $with:ident, $json_true:literal) => {
        concat!(
            "CASE WHEN ",
            $field!("type"),
            " = 'refund' THEN ",
            $without!("metadata", "affitor_lost"),
            " WHEN attempt > 1 THEN ",
            $with!("metadata", "affitor_lost", $json_true),
            " ELSE metadata END"
        )
    };
}

macro_rules! dialect {
    (
        $database:ty, schema: $schema:literal, field: $field:ident, json_text: $json_text:ident, output: $output:ident,
        snoozed: $snoozed:literal, seconds: $seconds:ident, in_hours: $in_hours:ident, without: $without:ident,
        with: $with:ident, json_true: $json_true:literal, json: $json:ident, bytes: $bytes:ident, key: $key:literal, settled: $settled:literal, begin: $begin:expr,
        $($own:item)*
    ) => {
        impl Database for $database {}

        impl Dialect for $database {
            const SCHEMA: &'static str = $schema;

            const LEAD_PENDING: &'static str = any_match!(
                $schema,
                concat!(pending_of!($field, "lead"), " AND queue || '' = 'affitor' AND +id < $1 AND ", $field!("customer_key"), " = $2"),
                concat!(pending_of!($field, "lead"), " AND queue || '' = 'affitor' AND +id < $1 AND ", $field!("click_id"), " = $3")
            );

            const PAYMENT_PENDING: &'static str = any_match!(
                $schema,
                concat!(pending_of!($field, "sale"), " AND queue || '' = 'affitor' AND ", $field!("transaction_id"), " = $2"),
                concat!(refunds!($field), " AND ", pending!(), " AND queue || '' = 'affitor' AND +id < $1 AND ", $field!("transaction_id"), " = $2")
            );

            const PARTIAL_REFUND: &'static str = any_match!(
                $schema,
                concat!(
                    refunds!($field),
                    " AND ",
                    $field!("refund_amount_cents"),
                    " IS NOT NULL AND id <> $1 AND ",
                    $field!("transaction_id"),
                    " = $2"
                )
            );

            $($own)*

            async fn apply(pool: &sqlx::Pool<Self>, version: i64, sql: &'static str) -> Result<(), Error> {
                let record = concat!(
                    "INSERT INTO ",
                    $schema,
                    "river_migration (line, version) VALUES ('affitor', $1) ON CONFLICT (line, version) DO NOTHING"
                );
                let mut tx = $begin(pool).await?;
                sqlx::raw_sql(sql).execute(&mut *tx).await?;
                sqlx::query(record).bind(version).execute(&mut *tx).await?;
                Ok(tx.commit().await?)
            }

            async fn begin(pool: &sqlx::Pool<Self>) -> Result<sqlx::Transaction<'static, Self>, Error> {
                Ok($begin(pool).await?)
            }

            async fn must_wait(
                pool: &sqlx::Pool<Self>,
                waits_for: WaitsFor<'_>,
                leads_before: i64,
                refunds_before: i64,
            ) -> Result<bool, Error> {
                let count: i64 = match waits_for {
                    WaitsFor::Leads { customer_key, click_id } => {
                        let query = sqlx::query_scalar(Self::LEAD_PENDING).bind(leads_before).bind(customer_key);
                        query.bind(click_id.map(ClickId::as_str)).fetch_one(pool).await?
                    }
                    WaitsFor::Payment { transaction_id } => {
                        let query = sqlx::query_scalar(Self::PAYMENT_PENDING).bind(refunds_before);
                        query.bind(transaction_id).fetch_one(pool).await?
                    }
                    WaitsFor::Nothing => 0,
                };
                Ok(count > 0)
            }

            async fn has_partial_refund(
                pool: &sqlx::Pool<Self>,
                transaction_id: &str,
                except: i64,
            ) -> Result<bool, Error> {
                let query = sqlx::query_scalar(Self::PARTIAL_REFUND).bind(except).bind(transaction_id);
                let count: i64 = query.fetch_one(pool).await?;
                Ok(count > 0)
            }

            async fn put_last(pool: &sqlx::Pool<Self>, id: i64) -> Result<(), Error> {
                let sql = concat!("UPDATE ", $schema, "river_job SET priority = 4 WHERE id = $1");
                sqlx::query(sql).bind(id).execute(pool).await?;
                Ok(())
            }

            async fn foreign(pool: &sqlx::Pool<Self>) -> Result<Option<String>, Error> {
                // Two ranges instead of `<>`, so that the index on the kind is used.
                let sql = concat!(
                    "SELECT kind FROM ",
                    $schema,
                    "river_job WHERE kind < 'affitor_event' OR kind > 'affitor_event' UNION ALL SELECT name FROM ",
                    $schema,
                    "river_queue WHERE name <> 'affitor' LIMIT 1"
                );
                Ok(sqlx::query_scalar(sql).fetch_optional(pool).await?)
            }

            async fn counts(pool: &sqlx::Pool<Self>) -> Result<Vec<(String, String, i64, i64)>, Error> {
                let sql = concat!(
                    "SELECT state, outcome, uncertain, CAST(sum(count) AS bigint) FROM (SELECT CAST(state AS text) AS state, ",
                    counted!($output, "metadata"),
                    ", count(*) AS count FROM ",
                    $schema,
                    "river_job WHERE kind = 'affitor_event' GROUP BY 1, 2, 3 UNION ALL SELECT state, outcome, uncertain, count FROM ",
                    $schema,
                    "affitor_totals) AS every_event GROUP BY 1, 2, 3"
                );
                let rows: Vec<(String, String, i32, i64)> = sqlx::query_as(sql).fetch_all(pool).await?;
                Ok(rows
                    .into_iter()
                    .map(|(state, outcome, uncertain, count)| (state, outcome, uncertain.into(), count))
                    .collect())
            }

            async fn backlog(pool: &sqlx::Pool<Self>) -> Result<Backlog, Error> {
                let sql = concat!(
                    "SELECT count(*), min(",
                    $seconds!("created_at"),
                    "), (SELECT count(*) FROM ",
                    $schema,
                    "river_job WHERE kind = 'affitor_event' AND state = 'discarded') FROM ",
                    $schema,
                    "river_job WHERE ",
                    pending!()
                );
                let (pending, oldest, dead) = sqlx::query_as(sql).fetch_one(pool).await?;
                Ok(Backlog { pending, dead, oldest })
            }

            async fn dead(pool: &sqlx::Pool<Self>, after: i64, limit: i64) -> Result<Vec<Row>, Error> {
                let sql = concat!(
                    "SELECT id, ",
                    $bytes!($json_text!("args", "event")),
                    ", ",
                    $bytes!(concat!(
                        "coalesce(",
                        $json_text!("metadata", "affitor_dead"),
                        ", ",
                        $json_text!("metadata", "output"),
                        ")"
                    )),
                    ", ",
                    $seconds!("created_at"),
                    " FROM ",
                    $schema,
                    "river_job WHERE kind = 'affitor_event' AND state = 'discarded' AND id > $1 ORDER BY id LIMIT $2"
                );
                Ok(rows(sqlx::query_as(sql).bind(after).bind(limit).fetch_all(pool).await?))
            }

            async fn uncertain(pool: &sqlx::Pool<Self>, after: i64, limit: i64) -> Result<Vec<Row>, Error> {
                let sql = concat!(
                    "SELECT id, ",
                    $bytes!($json_text!("args", "event")),
                    ", NULL, ",
                    $seconds!("created_at"),
                    " FROM ",
                    $schema,
                    "river_job WHERE kind = 'affitor_event' AND state = 'completed' AND ",
                    $output!("metadata", "uncertain"),
                    " IN ('true', '1') AND id > $1 ORDER BY id LIMIT $2"
                );
                Ok(rows(sqlx::query_as(sql).bind(after).bind(limit).fetch_all(pool).await?))
            }

            async fn settle(pool: &sqlx::Pool<Self>, id: i64) -> Result<bool, Error> {
                let sql = concat!(
                    "UPDATE ",
                    $schema,
                    "river_job SET metadata = ",
                    $settled,
                    " WHERE id = $1 AND kind = 'affitor_event' AND state = 'completed' AND ",
                    $output!("metadata", "uncertain"),
                    " IN ('true', '1')"
                );
                Ok(sqlx::query(sql).bind(id).execute(pool).await?.rows_affected() > 0)
            }

            async fn correct(
                tx: &mut sqlx::Transaction<'_, Self>,
                id: i64,
                key: Option<&str>,
                args: &str,
            ) -> Result<bool, Error> {
                let sql = concat!(
                    "UPDATE ",
                    $schema,
                    "river_job SET args = ",
                    $json!("$3"),
                    ", metadata = ",
                    $without!($without!("metadata", "output"), "affitor_dead"),
                    " WHERE id = $1 AND kind = 'affitor_event' AND state = 'discarded' AND (",
                    $key,
                    " = $2)"
                );
                Ok(sqlx::query(sql).bind(id).bind(key).bind(args).execute(&mut **tx).await?.rows_affected() > 0)
            }

            async fn discard(pool: &sqlx::Pool<Self>, id: i64) -> Result<bool, Error> {
                let sql = concat!(
                    "UPDATE ",
                    $schema,
                    "river_job SET state = 'cancelled', finalized_at = CURRENT_TIMESTAMP",
                    " WHERE id = $1 AND kind = 'affitor_event' AND state = 'discarded'"
                );
                Ok(sqlx::query(sql).bind(id).execute(pool).await?.rows_affected() > 0)
            }

            async fn mark_sending(pool: &sqlx::Pool<Self>, id: i64, attempt: i32) -> Result<bool, Error> {
                let sql = concat!(
                    "UPDATE ",
                    $schema,
                    "river_job SET metadata = ",
                    $with!("metadata", "affitor_lost", $json_true),
                    " WHERE id = $1 AND state = 'running' AND attempt = $2"
                );
                Ok(sqlx::query(sql).bind(id).bind(attempt).execute(pool).await?.rows_affected() > 0)
            }

            async fn unmark_sending(pool: &sqlx::Pool<Self>, id: i64, attempt: i32) -> Result<(), Error> {
                let sql = concat!(
                    "UPDATE ",
                    $schema,
                    "river_job SET metadata = ",
                    $without!("metadata", "affitor_lost"),
                    " WHERE id = $1 AND state = 'running' AND attempt = $2"
                );
                sqlx::query(sql).bind(id).bind(attempt).execute(pool).await?;
                Ok(())
            }

            async fn replay(
                tx: &mut sqlx::Transaction<'_, Self>,
                client: &Client,
                id: i64,
                now: i64,
            ) -> Result<bool, Error> {
                let sql = concat!(
                    "UPDATE ",
                    $schema,
                    "river_job SET attempt = 0, metadata = ",
                    $with!(
                        $without!(replayed_metadata!($field, $without, $with, $json_true), "affitor_unknown_since"),
                        "affitor_replayed_at",
                        "$2"
                    ),
                    " WHERE id = $1 AND kind = 'affitor_event' AND state = 'discarded'"
                );
                // Both steps run in one transaction, because the event may be discarded at the same time.
                if sqlx::query(sql).bind(id).bind(now).execute(&mut **tx).await?.rows_affected() == 0 {
                    return Ok(false);
                }
                client.jobs().retry(id).tx(tx).await?;
                Ok(true)
            }

            async fn fix_schedule(pool: &sqlx::Pool<Self>) -> Result<u64, Error> {
                // No delay exceeds a day. An event without an attempt may have been scheduled on purpose, so it is left
                // alone.
                let waiting = concat!(
                    "UPDATE ",
                    $schema,
                    "river_job SET scheduled_at = CURRENT_TIMESTAMP WHERE kind = 'affitor_event'",
                    " AND state IN ('available', 'retryable', 'scheduled') AND scheduled_at > ",
                    $in_hours!("25"),
                    " AND ",
                    $snoozed
                );
                // If no worker is sending the event, River rescues it a minute after the new time.
                let running = concat!(
                    "UPDATE ",
                    $schema,
                    "river_job SET attempted_at = CURRENT_TIMESTAMP WHERE kind = 'affitor_event'",
                    " AND state = 'running' AND attempted_at > ",
                    $in_hours!("1")
                );
                let waiting = sqlx::query(waiting).execute(pool).await?.rows_affected();
                Ok(waiting + sqlx::query(running).execute(pool).await?.rows_affected())
            }
        }
    };
}
