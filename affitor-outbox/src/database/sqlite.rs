//! SQLite: River's tables are the app's, too.

use affitor::Event;
use riverqueue::{
    Client, InsertRequest,
    migrate::{Direction, MigrateOpts, SqliteMigrator},
    sqlx::{self, SqlitePool},
};

use super::{Database, Missing, Row, Waiting, forerunner::Forerunner, sealed::Dialect};
use crate::{Error, delivery::Delivery};

macro_rules! field {
    ($name:literal) => {
        concat!("json_extract(args, '$.event.", $name, "')")
    };
}

macro_rules! whole {
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

macro_rules! json_trigger {
    ($name:literal, $when:literal) => {
        concat!(
            "CREATE TRIGGER affitor_events_are_json_",
            $name,
            " ",
            $when,
            " ON river_job
WHEN NEW.kind = 'affitor_event' AND NOT (json_valid(NEW.args, 9) AND json_valid(NEW.metadata, 9)) BEGIN
  SELECT RAISE(ABORT, 'affitor: args and metadata must be JSON');
END;
"
        )
    };
}

macro_rules! with {
    ($metadata:expr, $name:literal, $value:literal) => {
        concat!("jsonb_set(", $metadata, ", '$.", $name, "', ", $value, ")")
    };
}

/// A row that is no JSON would stop River, and all questions. And an app's River may be the one that cleans up, with settings of its
/// own; so dead letters have an end that never comes.
const FIRST: &str = concat!(
    indexes!("", field),
    "CREATE TABLE affitor_books (state text NOT NULL, outcome text NOT NULL, uncertain integer NOT NULL, count bigint NOT NULL, \
     PRIMARY KEY (state, outcome, uncertain));
CREATE TRIGGER affitor_books_keep AFTER DELETE ON river_job WHEN OLD.kind = 'affitor_event' BEGIN
  INSERT INTO affitor_books (state, outcome, uncertain, count)
  SELECT ",
    gone_state!("OLD.state"),
    ", ",
    counted!(output, "OLD.metadata"),
    ", 1 WHERE true ON CONFLICT (state, outcome, uncertain) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER affitor_dead_letters_stay AFTER UPDATE OF state ON river_job
WHEN NEW.kind = 'affitor_event' AND NEW.state = 'discarded' BEGIN
  UPDATE river_job SET finalized_at = '9999-12-30 00:00:00' WHERE id = NEW.id;
END;
",
    json_trigger!("insert", "BEFORE INSERT"),
    json_trigger!("update", "BEFORE UPDATE OF args, metadata")
);

dialect! {
    sqlx::Sqlite, schema: "", field: field, whole: whole, output: output,
    snoozed: "json_extract(metadata, '$.snoozes') > 0",
    seconds: seconds, in_hours: in_hours, without: without, with: with, yes: "json('true')",
    begin: riverqueue::database::begin_sqlite_write,

    const PRELUDE: &'static str = "";

    const BEGIN: &'static str = "BEGIN IMMEDIATE";

    const MIGRATIONS: &'static [&'static str] = &[FIRST];

    /// Each migration is a write transaction; one that comes too late finds that it is done.
    type Lock = ();

    async fn lock(_: &SqlitePool) -> Result<(), Error> {
        Ok(())
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

    /// Without its index a question reads every event that is kept.
    #[tokio::test]
    async fn questions_use_their_indexes() {
        let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
        Outbox::sqlite(pool.clone()).unwrap().migrate().await.unwrap();
        for (sql, indexes) in [
            (sqlx::Sqlite::LEAD_PENDING, &["affitor_pending_lead_customer_key", "affitor_pending_lead_click_id"][..]),
            (sqlx::Sqlite::SALE_PENDING, &["affitor_pending_sale_transaction_id"]),
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
