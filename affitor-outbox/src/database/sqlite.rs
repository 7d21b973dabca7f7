//! SQLite: the outbox and the app's own River share tables.

use affitor::{ClickId, WaitsFor};
use riverqueue::{
    Client,
    migrate::{Direction, MigrateOpts, SqliteMigrator},
    sqlx::{self, SqlitePool},
};

use super::{Backlog, Database, Missing, Row, rows, sealed::Dialect};
use crate::{Error, delivery::Delivery};

macro_rules! field {
    ($name:literal) => {
        concat!("json_extract(args, '$.event.", $name, "')")
    };
}

macro_rules! json_text {
    ($column:literal, $name:literal) => {
        concat!($column, " -> '$.", $name, "'")
    };
}

macro_rules! output {
    ($metadata:literal, $name:literal) => {
        concat!("CAST(json_extract(", $metadata, ", '$.output.", $name, "') AS text)")
    };
}

macro_rules! seconds {
    ($time:literal) => {
        concat!("CAST(strftime('%s', ", $time, ") AS real)")
    };
}

macro_rules! in_hours {
    ($hours:literal) => {
        concat!("datetime('now', '+", $hours, " hours')")
    };
}

macro_rules! without {
    ($metadata:expr, $name:literal) => {
        concat!("jsonb_remove(", $metadata, ", '$.", $name, "')")
    };
}

macro_rules! with {
    ($metadata:expr, $name:literal, $value:literal) => {
        concat!("jsonb_set(", $metadata, ", '$.", $name, "', ", $value, ")")
    };
}

macro_rules! bytes {
    ($text:expr) => {
        concat!("CAST(", $text, " AS blob)")
    };
}

macro_rules! json {
    ($text:literal) => {
        concat!("jsonb(", $text, ")")
    };
}

/// Rejects rows that are not valid JSON, because one of them would break River and every query.
macro_rules! json_trigger {
    ($name:literal, $when:literal) => {
        concat!(
            "CREATE TRIGGER IF NOT EXISTS affitor_events_are_json_",
            $name,
            " ",
            $when,
            " ON river_job
WHEN NEW.kind = 'affitor_event' AND NOT (json_valid(NEW.args, 9) AND json_valid(NEW.metadata, 9)
  AND coalesce(json_type(NEW.metadata), '') = 'object') BEGIN
  SELECT RAISE(ABORT, 'affitor: args and metadata must be JSON, and metadata must be an object');
END;
"
        )
    };
}

macro_rules! new_field {
    ($name:literal) => {
        concat!("json_extract(NEW.args, '$.event.", $name, "')")
    };
}

/// Number of triggers. They are counted because they are deleted if River rebuilds its table.
const TRIGGERS: i64 = 5;

/// Totals outlive rows. Dead letters, uncertain events and partial refunds are finalized in the far future, so that the
/// app's own River never deletes them, whatever its retention. The e-mail address of a lead is removed once the lead is
/// delivered or discarded.
const FIRST: &str = concat!(
    indexes!("", field),
    "CREATE TABLE IF NOT EXISTS affitor_totals (state text NOT NULL, outcome text NOT NULL, uncertain integer NOT NULL, \
     count bigint NOT NULL, PRIMARY KEY (state, outcome, uncertain));
CREATE TRIGGER IF NOT EXISTS affitor_totals_keep AFTER DELETE ON river_job WHEN OLD.kind = 'affitor_event' BEGIN
  INSERT INTO affitor_totals (state, outcome, uncertain, count)
  SELECT ",
    counted_deleted!(output, "OLD.state", "OLD.metadata"),
    ", 1 WHERE true ON CONFLICT (state, outcome, uncertain) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER IF NOT EXISTS affitor_remember AFTER UPDATE OF state, metadata ON river_job
WHEN NEW.kind = 'affitor_event' AND NEW.finalized_at < '9999' AND (NEW.state = 'discarded' OR NEW.state IN ('completed', 'cancelled') AND (",
    partial_refund!(new_field),
    " OR ",
    output!("NEW.metadata", "uncertain"),
    " = '1')) BEGIN
  UPDATE river_job SET finalized_at = '9999-12-30 00:00:00' WHERE id = NEW.id;
END;
CREATE TRIGGER IF NOT EXISTS affitor_forget AFTER UPDATE OF state ON river_job
WHEN NEW.kind = 'affitor_event' AND NEW.state IN ('completed', 'cancelled') AND ",
    new_field!("email"),
    " IS NOT NULL BEGIN
  UPDATE river_job SET args = jsonb_remove(args, '$.event.email') WHERE id = NEW.id;
END;
",
    json_trigger!("insert", "BEFORE INSERT"),
    json_trigger!("update", "BEFORE UPDATE OF args, metadata")
);

dialect! {
    sqlx::Sqlite, schema: "", field: field, json_text: json_text, output: output,
    snoozed: "json_extract(metadata, '$.snoozes') > 0",
    seconds: seconds, in_hours: in_hours, without: without, with: with, json_true: "json('true')", json: json, bytes: bytes,
    key: "json_extract(args, '$.key')", settled: "jsonb_set(metadata, '$.output.uncertain', json('false'))",
    begin: riverqueue::database::begin_sqlite_write,

    const PRELUDE: &'static str = "";

    const BEGIN: &'static str = "BEGIN IMMEDIATE";

    const MIGRATIONS: &'static [&'static str] = &[FIRST];

    /// Not needed: each migration is a write transaction, and one that was already applied has no effect.
    type Lock = ();

    async fn lock(_: &SqlitePool) -> Result<(), Error> {
        Ok(())
    }

    async fn insert(
        client: &Client,
        tx: &mut sqlx::Transaction<'_, Self>,
        delivery: Delivery,
        _: bool,
    ) -> Result<bool, Error> {
        let options = delivery.options();
        Ok(!client.insert(delivery).opts(options).tx(tx).await?.unique_skipped_as_duplicate)
    }

    async fn version(pool: &SqlitePool) -> Result<i64, Error> {
        let sql = "SELECT CASE WHEN (SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'river_job' \
                   AND name IN ('affitor_totals_keep', 'affitor_remember', 'affitor_forget', 'affitor_events_are_json_insert', \
                   'affitor_events_are_json_update')) < $1 THEN 0 \
                   ELSE (SELECT coalesce(max(version), 0) FROM river_migration WHERE line = 'affitor') END";
        Ok(sqlx::query_scalar(sql).bind(TRIGGERS).fetch_one(pool).await?)
    }

    async fn river_missing(pool: &SqlitePool) -> Result<Vec<Missing>, Error> {
        let migrator = SqliteMigrator::new(pool.clone());
        let missing = migrator.migrate(Direction::Up, MigrateOpts::new().with_dry_run(true)).await;
        Ok(missing.map_err(Error::migration)?.versions.into_iter().map(Missing::of_river).collect())
    }

    async fn river_migrate(pool: &SqlitePool) -> Result<(), Error> {
        SqliteMigrator::new(pool.clone()).migrate_up().await.map(drop).map_err(Error::migration)
    }

    fn client(pool: &SqlitePool) -> Result<riverqueue::ClientBuilder, Error> {
        Ok(Client::builder(pool.clone()))
    }
}

#[cfg(test)]
mod tests {
    use riverqueue::sqlx::{AssertSqlSafe, Row as _, sqlite::SqlitePoolOptions};

    use super::*;
    use crate::Outbox;

    /// Without its index, a query reads every row.
    #[tokio::test]
    async fn queries_use_their_indexes() {
        let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
        Outbox::sqlite(pool.clone()).unwrap().migrate().await.unwrap();
        for (sql, indexes) in [
            (sqlx::Sqlite::LEAD_PENDING, &["affitor_pending_lead_customer_key", "affitor_pending_lead_click_id"][..]),
            (sqlx::Sqlite::PAYMENT_PENDING, &["affitor_pending_sale_transaction_id", "affitor_refund_transaction_id"]),
            (sqlx::Sqlite::PARTIAL_REFUND, &["affitor_refund_transaction_id"]),
        ] {
            let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(&pool).await.unwrap();
            let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
            let of_table: Vec<_> = steps.iter().filter(|step| step.contains("river_job")).collect();
            assert_eq!(of_table.len(), indexes.len(), "{steps:#?}");
            for index in indexes {
                assert!(of_table.iter().any(|step| step.contains(index)), "{steps:#?}");
            }
        }
    }
}
