//! Creates the outbox's tables, or updates them.
//!
//! Triggers protect what River would undo (`affitor-outbox/sql/*/migrations` explains each): totals outlive their rows; rows that
//! must be kept get a date that River's cleanup never reaches; personal data is removed with the delivery; an outdated attempt can't
//! postpone an event that another worker has taken over; what River could not read is rejected; the end of a sale or refund makes the
//! next refund of the sale due. Our migrations have their own line in River's migration table (`migration.rs`), so they can be
//! printed, and a start that finds them applied changes nothing.

use std::fmt::Write as _;

use riverqueue::migrate::MigrateVersion;

use crate::{
    Database, Error,
    database::{Missing, OWN_LINE, RIVER_LINE, Store},
};

impl Missing {
    pub(crate) fn of_river(migration: MigrateVersion) -> Self {
        Self { line: RIVER_LINE, version: migration.version, sql: migration.sql }
    }
}

/// Returns the version of our own last migration, or 0 if its objects are gone.
async fn version<DB: Database>(store: &Store<DB>) -> Result<i64, Error> {
    let version = DB::version(store).await?;
    Ok(if DB::is_damaged(store).await? { 0 } else { version })
}

/// Returns the migrations to apply, in order: River's, then our own.
async fn missing<DB: Database>(store: &Store<DB>) -> Result<Vec<Missing>, Error> {
    let mut missing = DB::river_missing(store).await?;
    // Our own versions can't be recorded before River's fifth migration, which adds the column `line`.
    let applied = if missing.iter().any(|river| river.version <= 5) { 0 } else { version(store).await? };
    let latest = latest(store);
    if applied > latest {
        return Err(Error::newer_version(applied, latest));
    }
    missing.extend(own(store, applied).map(|(version, sql)| Missing { line: OWN_LINE, version, sql: sql.to_owned() }));
    Ok(missing)
}

/// The version that this crate needs.
fn latest<DB: Database>(store: &Store<DB>) -> i64 {
    store.migrations.len().try_into().unwrap_or(i64::MAX)
}

/// Returns our own migrations with a version above `applied`.
fn own<DB: Database>(store: &Store<DB>, applied: i64) -> impl Iterator<Item = (i64, &str)> {
    (1..).zip(store.migrations.iter().map(String::as_str)).filter(move |(version, _)| *version > applied)
}

pub(crate) async fn migrate<DB: Database>(store: &Store<DB>) -> Result<(), Error> {
    // Usually nothing is missing. This check needs no right to create tables.
    let mut remaining = missing(store).await?.len();
    if remaining == 0 {
        return Ok(());
    }
    let _lock = DB::lock(&store.pool).await?;
    loop {
        let Err(error) = apply(store).await else { return Ok(()) };
        // The error is harmless if another process applied the migrations at the same time.
        match missing(store).await?.len() {
            0 => return Ok(()),
            fewer if fewer < remaining => remaining = fewer,
            _ => return Err(error),
        }
    }
}

async fn apply<DB: Database>(store: &Store<DB>) -> Result<(), Error> {
    DB::river_migrate(store).await?;
    let applied = version(store).await?;
    for (version, sql) in own(store, applied) {
        DB::apply(store, version, sql).await?;
    }
    Ok(())
}

/// Checks that the tables have the version that this crate needs. Needs only the right to read.
///
/// # Errors
///
/// Returns an error if the tables are missing, or belong to another version.
pub(crate) async fn check<DB: Database>(store: &Store<DB>) -> Result<(), Error> {
    if missing(store).await?.is_empty() { Ok(()) } else { Err(Error::not_migrated()) }
}

/// Returns the missing migrations as SQL, for the app's own migration tool.
pub(crate) async fn sql<DB: Database>(store: &Store<DB>) -> Result<String, Error> {
    let missing = missing(store).await?;
    let mut text = String::new();
    if !missing.is_empty() {
        // Tells migration tools not to wrap the file in a transaction, in which Postgres can't both add and use an enum
        // value.
        text = format!("-- no-transaction\n{}", DB::prelude(&store.schema));
    }
    let prefix = if store.schema.is_empty() { String::new() } else { format!("{}.", store.schema) };
    for Missing { line, version, sql } in missing {
        let owner = if line == RIVER_LINE { "River" } else { "affitor-outbox" };
        let record = if line == RIVER_LINE && version < 5 {
            format!("(version) VALUES ({version})")
        } else {
            // Our own migrations are applied anew after River rebuilds its table.
            format!("(line, version) VALUES ('{line}', {version}) ON CONFLICT (line, version) DO NOTHING")
        };
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n-- {owner}, migration {version}\n{};\n{}\nINSERT INTO {prefix}river_migration {record};\nCOMMIT;\n",
            DB::BEGIN,
            sql.replace("/* TEMPLATE: schema */", "").trim_end(),
        );
    }
    Ok(text)
}
