//! SQLite: the outbox and the app's own River share tables.

use riverqueue::{
    Client,
    migrate::{Direction, MigrateOpts, SqliteMigrator},
    sqlx::{self, SqlitePool},
};

use super::{Database, Missing, Store, sealed::Dialect};
use crate::Error;

type SqliteStore = Store<sqlx::Sqlite>;

/// Number of triggers in the migrations.
const TRIGGERS: i64 = 12;

impl Database for sqlx::Sqlite {}

impl Dialect for sqlx::Sqlite {
    const DEFAULT_SCHEMA: &'static str = "";

    const QUERIES: &'static str = include_str!("../../sql/sqlite/queries.sql");

    const MIGRATIONS: &'static [&'static str] = &[include_str!("../../sql/sqlite/migrations/001.sql")];

    const BEGIN: &'static str = "BEGIN IMMEDIATE";

    const DECIDERS: usize = 1;

    const DECIDED_TOGETHER: usize = 20;

    fn prelude(_: &str) -> String {
        String::new()
    }

    /// Not needed: each migration is a write transaction, and one that was already applied has no effect.
    type Lock = ();

    async fn lock(_: &SqlitePool) -> Result<(), Error> {
        Ok(())
    }

    async fn river_missing(store: &SqliteStore) -> Result<Vec<Missing>, Error> {
        let migrator = SqliteMigrator::new(store.pool.clone());
        let missing = migrator.migrate(Direction::Up, MigrateOpts::new().with_dry_run(true)).await;
        Ok(missing.map_err(Error::migration)?.versions.into_iter().map(Missing::of_river).collect())
    }

    async fn river_migrate(store: &SqliteStore) -> Result<(), Error> {
        SqliteMigrator::new(store.pool.clone()).migrate_up().await.map(drop).map_err(Error::migration)
    }

    /// River's migrations may rebuild its table, which deletes indexes and triggers.
    async fn is_damaged(store: &SqliteStore) -> Result<bool, Error> {
        let sql = "SELECT count(*) FROM sqlite_schema \
                   WHERE type = 'trigger' AND tbl_name = 'river_job' AND substr(name, 1, 8) = 'affitor_'";
        let triggers: i64 = sqlx::query_scalar(sql).fetch_one(&store.pool).await?;
        Ok(triggers < TRIGGERS)
    }

    fn client(store: &SqliteStore) -> Result<riverqueue::ClientBuilder, Error> {
        Ok(Client::builder(store.pool.clone()))
    }

    /// River polls SQLite every second.
    async fn notify(_: &SqliteStore, _: &mut sqlx::Transaction<'_, Self>) -> Result<(), Error> {
        Ok(())
    }
}
