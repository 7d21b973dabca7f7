//! Postgres: the outbox has its own schema, so that it and the app's own River do not discard each other's jobs.

use riverqueue::{
    Client,
    database::{PostgresDatabase, SchemaName},
    migrate::{Direction, MigrateOpts, PostgresMigrator},
    sqlx::{self, AssertSqlSafe, Connection as _, PgConnection, PgPool},
};

use super::{Database, Missing, Store, sealed::Dialect};
use crate::Error;

type PgStore = Store<sqlx::Postgres>;

/// Checks the name of a schema.
pub(crate) fn check_schema(name: &str) -> Result<(), Error> {
    // Longer and other names need quotes in SQL, and Postgres folds capitals.
    let valid = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    match SchemaName::new(name) {
        Ok(_) if valid => Ok(()),
        _ => Err(Error::invalid_schema()),
    }
}

fn schema(store: &PgStore) -> Result<SchemaName, Error> {
    SchemaName::new(&*store.schema).map_err(Error::migration)
}

fn migrator(store: &PgStore) -> Result<PostgresMigrator, Error> {
    Ok(PostgresMigrator::new(store.pool.clone()).with_schema(schema(store)?))
}

impl Database for sqlx::Postgres {}

impl Dialect for sqlx::Postgres {
    const DEFAULT_SCHEMA: &'static str = "affitor";

    const QUERIES: &'static str = include_str!("../../sql/postgres/queries.sql");

    const MIGRATIONS: &'static [&'static str] = &[include_str!("../../sql/postgres/migrations/001.sql")];

    const BEGIN: &'static str = "BEGIN";

    const DECIDERS: usize = 4;

    const DECIDED_TOGETHER: usize = 1;

    fn prelude(schema: &str) -> String {
        format!("DO $$ BEGIN IF to_regnamespace('{schema}') IS NULL THEN CREATE SCHEMA {schema}; END IF; END $$;\n")
    }

    /// A connection outside the pool, because River needs the pool, which may have only one connection.
    type Lock = PgConnection;

    async fn lock(pool: &PgPool) -> Result<PgConnection, Error> {
        let mut connection = PgConnection::connect_with(&pool.connect_options()).await?;
        // Held by a transaction, because a connection pooler may hand the session to other clients. The number is
        // arbitrary.
        let sql = "BEGIN; SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock(4702111234474983745)";
        sqlx::raw_sql(sql).execute(&mut connection).await?;
        Ok(connection)
    }

    async fn river_missing(store: &PgStore) -> Result<Vec<Missing>, Error> {
        let missing = migrator(store)?.migrate(Direction::Up, MigrateOpts::new().with_dry_run(true)).await;
        Ok(missing.map_err(Error::migration)?.versions.into_iter().map(Missing::of_river).collect())
    }

    async fn river_migrate(store: &PgStore) -> Result<(), Error> {
        // The database user may own the schema without the right to create one.
        sqlx::raw_sql(AssertSqlSafe(Self::prelude(&store.schema))).execute(&store.pool).await?;
        migrator(store)?.migrate_up().await.map(drop).map_err(Error::migration)
    }

    /// River never rebuilds its tables on Postgres.
    async fn is_damaged(_: &PgStore) -> Result<bool, Error> {
        Ok(false)
    }

    fn client(store: &PgStore) -> Result<riverqueue::ClientBuilder, Error> {
        Ok(Client::builder(PostgresDatabase::new(store.pool.clone()).with_schema(schema(store)?)))
    }

    async fn notify(store: &PgStore, tx: &mut sqlx::Transaction<'_, Self>) -> Result<(), Error> {
        let query = sqlx::query(AssertSqlSafe(store.sql.notify.clone())).persistent(store.prepared);
        query.bind(&*store.queue).execute(&mut **tx).await?;
        Ok(())
    }
}
