//! Postgres: a schema of its own, so that neither the app's own River nor the outbox discards the other's jobs.

use affitor::Event;
use riverqueue::{
    Client, InsertRequest,
    database::{PostgresDatabase, SchemaName},
    migrate::{Direction, MigrateOpts, PostgresMigrator},
    sqlx::{self, Connection as _, PgConnection, PgPool},
};

use super::{Database, Missing, Row, Waiting, forerunner::Forerunner, sealed::Dialect};
use crate::{Error, delivery::Delivery};

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

macro_rules! whole {
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

const FIRST: &str = concat!(
    indexes!("affitor.", field),
    "CREATE TABLE affitor.affitor_books (state text NOT NULL, outcome text NOT NULL, uncertain integer NOT NULL, \
     count bigint NOT NULL, PRIMARY KEY (state, outcome, uncertain));\n",
    "CREATE FUNCTION affitor.affitor_books_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO affitor.affitor_books AS books (state, outcome, uncertain, count)
  SELECT ",
    gone_state!("state"),
    ", ",
    counted!(output, "metadata"),
    ", count(*) FROM gone WHERE kind = 'affitor_event' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (state, outcome, uncertain) DO UPDATE SET count = books.count + excluded.count;
  RETURN NULL;
END
$$;
CREATE TRIGGER affitor_books_keep AFTER DELETE ON affitor.river_job REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION affitor.affitor_books_keep();
"
);

dialect! {
    sqlx::Postgres, schema: "affitor.", field: field, whole: whole, output: output,
    snoozed: "CAST(coalesce(metadata ->> 'snoozes', '0') AS text) <> '0'",
    seconds: seconds, in_hours: in_hours, without: without, with: with, yes: "true",
    begin: riverqueue::database::begin_postgres,

    const BEGIN: &'static str = "BEGIN";

    const PRELUDE: &'static str = "CREATE SCHEMA IF NOT EXISTS affitor;\n";

    const MIGRATIONS: &'static [&'static str] = &[FIRST];

    /// A connection beside the pool, which River needs for itself: it may be a pool of one.
    type Lock = PgConnection;

    async fn lock(pool: &PgPool) -> Result<PgConnection, Error> {
        let mut connection = PgConnection::connect_with(&pool.connect_options()).await?;
        // Of a transaction, not of a session, which a pooler in between may hand to others. The number is ours alone.
        sqlx::raw_sql("BEGIN; SELECT pg_advisory_xact_lock(4702111234474983745)").execute(&mut connection).await?;
        Ok(connection)
    }

    async fn river_missing(pool: &PgPool) -> Result<Vec<Missing>, Error> {
        let missing = migrator(pool)?.migrate(Direction::Up, MigrateOpts::new().with_dry_run(true)).await;
        Ok(missing.map_err(Error::migration)?.versions.into_iter().map(Missing::of_river).collect())
    }

    async fn river_migrate(pool: &PgPool) -> Result<(), Error> {
        sqlx::query(Self::PRELUDE).execute(pool).await?;
        migrator(pool)?.migrate_up().await.map(drop).map_err(Error::migration)
    }

    fn client(pool: &PgPool) -> Result<riverqueue::ClientBuilder, Error> {
        Ok(Client::builder(PostgresDatabase::new(pool.clone()).with_schema(schema()?)))
    }
}
