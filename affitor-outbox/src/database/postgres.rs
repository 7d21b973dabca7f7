//! Postgres: the outbox has its own schema, so that it and the app's own River do not discard each other's jobs.

use affitor::{ClickId, WaitsFor};
use riverqueue::{
    Client,
    database::{PostgresDatabase, SchemaName},
    migrate::{Direction, MigrateOpts, PostgresMigrator},
    sqlx::{self, Connection as _, PgConnection, PgPool},
};

use super::{Backlog, Database, Missing, Row, rows, sealed::Dialect};
use crate::{
    Error,
    delivery::{Delivery, MAX_ATTEMPTS},
};

fn schema() -> Result<SchemaName, Error> {
    SchemaName::new("affitor").map_err(Error::migration)
}

fn migrator(pool: &PgPool) -> Result<PostgresMigrator, Error> {
    Ok(PostgresMigrator::new(pool.clone()).with_schema(schema()?))
}

macro_rules! field {
    ($name:literal) => {
        concat!("(args -> 'event' ->> '", $name, "')")
    };
}

macro_rules! json_text {
    ($column:literal, $name:literal) => {
        concat!("CAST(", $column, " -> '", $name, "' AS text)")
    };
}

macro_rules! output {
    ($metadata:literal, $name:literal) => {
        concat!("(", $metadata, " -> 'output' ->> '", $name, "')")
    };
}

macro_rules! seconds {
    ($time:literal) => {
        concat!("CAST(extract(epoch FROM ", $time, ") AS double precision)")
    };
}

macro_rules! in_hours {
    ($hours:literal) => {
        concat!("now() + interval '", $hours, " hours'")
    };
}

macro_rules! without {
    ($metadata:expr, $name:literal) => {
        concat!("(", $metadata, " - '", $name, "')")
    };
}

macro_rules! with {
    ($metadata:expr, $name:literal, $value:literal) => {
        concat!("jsonb_set(", $metadata, ", '{", $name, "}', to_jsonb(", $value, "))")
    };
}

macro_rules! bytes {
    ($text:expr) => {
        concat!("convert_to(", $text, ", 'UTF8')")
    };
}

macro_rules! json {
    ($text:literal) => {
        concat!("CAST(", $text, " AS jsonb)")
    };
}

macro_rules! new_field {
    ($name:literal) => {
        concat!("(NEW.args -> 'event' ->> '", $name, "')")
    };
}

/// Totals outlive rows. Dead letters, uncertain events and partial refunds are finalized in the far future, so that
/// River never deletes them. The e-mail address of a lead is removed once the lead is delivered or discarded.
const FIRST: &str = concat!(
    indexes!("affitor.", field),
    "CREATE TABLE IF NOT EXISTS affitor.affitor_totals (state text NOT NULL, outcome text NOT NULL, uncertain integer NOT NULL, \
     count bigint NOT NULL, PRIMARY KEY (state, outcome, uncertain));
ALTER TABLE affitor.river_job DROP CONSTRAINT IF EXISTS affitor_metadata_is_object;
ALTER TABLE affitor.river_job ADD CONSTRAINT affitor_metadata_is_object CHECK (jsonb_typeof(metadata) = 'object');
CREATE OR REPLACE FUNCTION affitor.affitor_totals_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO affitor.affitor_totals AS totals (state, outcome, uncertain, count)
  SELECT ",
    counted_deleted!(output, "state", "metadata"),
    ", count(*) FROM gone WHERE kind = 'affitor_event' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (state, outcome, uncertain) DO UPDATE SET count = totals.count + excluded.count;
  RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS affitor_totals_keep ON affitor.river_job;
CREATE TRIGGER affitor_totals_keep AFTER DELETE ON affitor.river_job REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION affitor.affitor_totals_keep();
CREATE OR REPLACE FUNCTION affitor.affitor_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'discarded' OR ",
    partial_refund!(new_field),
    " OR ",
    output!("NEW.metadata", "uncertain"),
    " = 'true' THEN
    NEW.finalized_at := '9999-12-30';
  END IF;
  IF NEW.state <> 'discarded' AND jsonb_typeof(NEW.args -> 'event') = 'object' THEN
    NEW.args := NEW.args #- '{event,email}';
  END IF;
  RETURN NEW;
END
$$;
DROP TRIGGER IF EXISTS affitor_end ON affitor.river_job;
CREATE TRIGGER affitor_end BEFORE UPDATE OF state ON affitor.river_job FOR EACH ROW
WHEN (NEW.kind = 'affitor_event' AND NEW.state IN ('completed', 'cancelled', 'discarded'))
EXECUTE FUNCTION affitor.affitor_end();
"
);

dialect! {
    sqlx::Postgres, schema: "affitor.", field: field, json_text: json_text, output: output,
    snoozed: "CAST(coalesce(metadata ->> 'snoozes', '0') AS text) <> '0'",
    seconds: seconds, in_hours: in_hours, without: without, with: with, json_true: "true", json: json, bytes: bytes,
    key: "(args ->> 'key')", settled: "jsonb_set(metadata, '{output,uncertain}', 'false')",
    begin: riverqueue::database::begin_postgres,

    const BEGIN: &'static str = "BEGIN";

    const PRELUDE: &'static str = "DO $$ BEGIN IF to_regnamespace('affitor') IS NULL THEN CREATE SCHEMA affitor; END IF; END $$;\n";

    const MIGRATIONS: &'static [&'static str] = &[FIRST];

    /// A connection outside the pool, because River needs the pool, which may have only one connection.
    type Lock = PgConnection;

    async fn lock(pool: &PgPool) -> Result<PgConnection, Error> {
        let mut connection = PgConnection::connect_with(&pool.connect_options()).await?;
        // Held by a transaction, because a connection pooler may hand the session to other clients. The number is
        // arbitrary.
        sqlx::raw_sql("BEGIN; SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock(4702111234474983745)").execute(&mut connection).await?;
        Ok(connection)
    }

    /// Inserts with plain SQL instead of River's client. On a duplicate, the client locks the existing row until the
    /// transaction ends, which blocks the worker that is delivering it and can deadlock two apps, or an app and a
    /// worker.
    async fn insert(
        _: &Client,
        tx: &mut sqlx::Transaction<'_, Self>,
        delivery: Delivery,
        notify: bool,
    ) -> Result<bool, Error> {
        let sql = "INSERT INTO affitor.river_job (kind, queue, max_attempts, args, unique_key, unique_states) \
                   VALUES ('affitor_event', 'affitor', $1, $2, $3, CASE WHEN $3 IS NULL THEN NULL ELSE B'11111111' END) \
                   ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL AND unique_states IS NOT NULL \
                   AND affitor.river_job_state_in_bitmask(unique_states, state) DO NOTHING";
        let (unique_key, args) = (delivery.unique_key(), sqlx::types::Json(delivery));
        let inserting = sqlx::query(sql).bind(MAX_ATTEMPTS).bind(args).bind(unique_key);
        let inserted = inserting.execute(&mut **tx).await?.rows_affected() > 0;
        if inserted && notify {
            let sql = "SELECT pg_notify('affitor.river_insert', '{\"queue\":\"affitor\"}')";
            sqlx::query(sql).execute(&mut **tx).await?;
        }
        Ok(inserted)
    }

    async fn version(pool: &PgPool) -> Result<i64, Error> {
        let sql = "SELECT coalesce(max(version), 0) FROM affitor.river_migration WHERE line = 'affitor'";
        Ok(sqlx::query_scalar(sql).fetch_one(pool).await?)
    }

    async fn river_missing(pool: &PgPool) -> Result<Vec<Missing>, Error> {
        let missing = migrator(pool)?.migrate(Direction::Up, MigrateOpts::new().with_dry_run(true)).await;
        Ok(missing.map_err(Error::migration)?.versions.into_iter().map(Missing::of_river).collect())
    }

    async fn river_migrate(pool: &PgPool) -> Result<(), Error> {
        // The database user may own the schema without the right to create one.
        sqlx::raw_sql(Self::PRELUDE).execute(pool).await?;
        migrator(pool)?.migrate_up().await.map(drop).map_err(Error::migration)
    }

    fn client(pool: &PgPool) -> Result<riverqueue::ClientBuilder, Error> {
        Ok(Client::builder(PostgresDatabase::new(pool.clone()).with_schema(schema()?)))
    }
}
