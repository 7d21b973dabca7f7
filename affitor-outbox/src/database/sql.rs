//! The SQL that both databases have in common.

/// The states of what is not delivered yet.
macro_rules! pending {
    () => {
        "kind = 'affitor_event' AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')"
    };
}

/// What an event may have to wait for, each with an index of its own: a pending lead of a customer, or of a click; a pending sale.
macro_rules! forerunner {
    ($field:ident, $kind:literal) => {
        concat!(pending!(), " AND ", $field!("type"), " = '", $kind, "'")
    };
}

macro_rules! indexes {
    ($schema:literal, $field:ident) => {
        concat!(
            indexes!($schema, $field, "lead", "customer_key"),
            indexes!($schema, $field, "lead", "click_id"),
            indexes!($schema, $field, "sale", "transaction_id")
        )
    };
    ($schema:literal, $field:ident, $kind:tt, $name:tt) => {
        concat!(
            "CREATE INDEX affitor_pending_",
            $kind,
            "_",
            $name,
            " ON ",
            $schema,
            "river_job (",
            $field!($name),
            ") WHERE ",
            forerunner!($field, $kind),
            ";\n"
        )
    };
}

/// Whether there is one with an id below `$1`. A union, since SQLite uses no index for an `OR` of expressions.
macro_rules! is_pending {
    ($schema:literal, $field:ident, $($kind:literal $name:literal = $value:literal),+) => {
        concat!(
            "SELECT count(*) FROM (SELECT 0 AS found WHERE false",
            $(
                " UNION ALL SELECT 1 FROM ",
                $schema,
                "river_job WHERE ",
                forerunner!($field, $kind),
                " AND id < $1 AND ",
                $field!($name),
                " = ",
                $value,
            )+
            " LIMIT 1) AS forerunner"
        )
    };
}

/// How an event counts in the books: its outcome, and whether that is uncertain.
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

/// What an event counts as in the books once its row is gone. Whoever deletes one that is not delivered has discarded it.
macro_rules! gone_state {
    ($state:literal) => {
        concat!("CASE WHEN ", $state, " = 'completed' THEN 'completed' ELSE 'cancelled' END")
    };
}

/// What may have arrived of a refund is forgotten, and of a sale is not.
macro_rules! replayable {
    ($field:ident, $without:ident) => {
        concat!(
            "CASE WHEN ",
            $field!("type"),
            " = 'refund' THEN ",
            $without!("metadata", "affitor_lost"),
            " ELSE metadata END"
        )
    };
}

macro_rules! dialect {
    (
        $database:ty, schema: $schema:literal, field: $field:ident, whole: $whole:ident, output: $output:ident,
        snoozed: $snoozed:literal, seconds: $seconds:ident, in_hours: $in_hours:ident, without: $without:ident,
        with: $with:ident, yes: $yes:literal, begin: $begin:expr,
        $($own:item)*
    ) => {
        impl Database for $database {}

        impl Dialect for $database {
            const SCHEMA: &'static str = $schema;

            const LEAD_PENDING: &'static str =
                is_pending!($schema, $field, "lead" "customer_key" = "$2", "lead" "click_id" = "$3");

            const SALE_PENDING: &'static str = is_pending!($schema, $field, "sale" "transaction_id" = "$2");

            $($own)*

            async fn version(pool: &sqlx::Pool<Self>) -> Result<i64, Error> {
                let sql = concat!(
                    "SELECT coalesce(max(version), 0) FROM ",
                    $schema,
                    "river_migration WHERE line = 'affitor'"
                );
                Ok(sqlx::query_scalar(sql).fetch_one(pool).await?)
            }

            async fn apply(pool: &sqlx::Pool<Self>, version: i64, sql: &'static str) -> Result<(), Error> {
                let record = concat!("INSERT INTO ", $schema, "river_migration (line, version) VALUES ('affitor', $1)");
                let mut tx = $begin(pool).await?;
                sqlx::raw_sql(sql).execute(&mut *tx).await?;
                sqlx::query(record).bind(version).execute(&mut *tx).await?;
                Ok(tx.commit().await?)
            }

            async fn begin(pool: &sqlx::Pool<Self>) -> Result<sqlx::Transaction<'static, Self>, Error> {
                Ok($begin(pool).await?)
            }

            fn insert_in<'r>(
                request: InsertRequest<'r, Delivery>,
                tx: &'r mut sqlx::Transaction<'_, Self>,
            ) -> InsertRequest<'r, Delivery> {
                request.tx(tx)
            }

            async fn is_forerun(pool: &sqlx::Pool<Self>, event: &Event, before: i64) -> Result<bool, Error> {
                let count: i64 = match Forerunner::of(event) {
                    Some(Forerunner::Lead { customer_key, click_id }) => {
                        let question = sqlx::query_scalar(Self::LEAD_PENDING).bind(before).bind(customer_key);
                        question.bind(click_id).fetch_one(pool).await?
                    }
                    Some(Forerunner::Sale { transaction_id }) => {
                        sqlx::query_scalar(Self::SALE_PENDING).bind(before).bind(transaction_id).fetch_one(pool).await?
                    }
                    None => 0,
                };
                Ok(count > 0)
            }

            async fn foreign(pool: &sqlx::Pool<Self>) -> Result<Option<String>, Error> {
                // Two ranges, for which the index on the kind is of use.
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
                    "affitor_books) AS every_event GROUP BY 1, 2, 3"
                );
                let rows: Vec<(String, String, i32, i64)> = sqlx::query_as(sql).fetch_all(pool).await?;
                Ok(rows
                    .into_iter()
                    .map(|(state, outcome, uncertain, count)| (state, outcome, uncertain.into(), count))
                    .collect())
            }

            async fn waiting(pool: &sqlx::Pool<Self>) -> Result<Waiting, Error> {
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
                let (pending, since, dead) = sqlx::query_as(sql).fetch_one(pool).await?;
                Ok(Waiting { pending, dead, since })
            }

            async fn dead(pool: &sqlx::Pool<Self>, after: i64, limit: i64) -> Result<Vec<Row>, Error> {
                let sql = concat!(
                    "SELECT id, coalesce(",
                    $whole!("args", "event"),
                    ", 'null'), coalesce(",
                    $whole!("metadata", "output"),
                    ", 'null'), ",
                    $seconds!("created_at"),
                    " FROM ",
                    $schema,
                    "river_job WHERE kind = 'affitor_event' AND state = 'discarded' AND id > $1 ORDER BY id LIMIT $2"
                );
                let rows: Vec<(i64, String, String, f64)> =
                    sqlx::query_as(sql).bind(after).bind(limit).fetch_all(pool).await?;
                Ok(rows
                    .into_iter()
                    .map(|(id, event, output, created_at)| Row { id, event, output, created_at })
                    .collect())
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
                    $with!("metadata", "affitor_lost", $yes),
                    " WHERE id = $1 AND state = 'running' AND attempt = $2"
                );
                Ok(sqlx::query(sql).bind(id).bind(attempt).execute(pool).await?.rows_affected() > 0)
            }

            async fn replay(pool: &sqlx::Pool<Self>, client: &Client, id: i64, now: i64) -> Result<bool, Error> {
                let sql = concat!(
                    "UPDATE ",
                    $schema,
                    "river_job SET metadata = ",
                    $with!($without!(replayable!($field, $without), "affitor_unknown_since"), "affitor_replayed_at", "$2"),
                    " WHERE id = $1 AND kind = 'affitor_event' AND state = 'discarded'"
                );
                // In one transaction: another person may decide otherwise at the same time.
                let mut tx = $begin(pool).await?;
                if sqlx::query(sql).bind(id).bind(now).execute(&mut *tx).await?.rows_affected() == 0 {
                    return Ok(false);
                }
                client.jobs().retry(id).tx(&mut tx).await?;
                tx.commit().await?;
                Ok(true)
            }

            async fn mend_clock(pool: &sqlx::Pool<Self>) -> Result<u64, Error> {
                // Nothing waits for longer than a day; an event that has not been tried may have been given its time on purpose.
                let waiting = concat!(
                    "UPDATE ",
                    $schema,
                    "river_job SET scheduled_at = CURRENT_TIMESTAMP WHERE kind = 'affitor_event'",
                    " AND state IN ('available', 'retryable', 'scheduled') AND scheduled_at > ",
                    $in_hours!("25"),
                    " AND ",
                    $snoozed
                );
                // Then it is rescued a minute later, if nobody is at it.
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
