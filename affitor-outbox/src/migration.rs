//! Creates the outbox's tables, or updates them.

use std::fmt::Write as _;

use riverqueue::{migrate::MigrateVersion, sqlx};

use crate::{
    Database, Error,
    database::{Missing, OWN_LINE, RIVER_LINE},
};

impl Missing {
    pub(crate) fn of_river(migration: MigrateVersion) -> Self {
        Self { line: RIVER_LINE, version: migration.version, sql: migration.sql }
    }
}

/// Returns the migrations to apply, in order: River's, then our own.
async fn missing<DB: Database>(pool: &sqlx::Pool<DB>) -> Result<Vec<Missing>, Error> {
    let mut missing = DB::river_missing(pool).await?;
    // Our own versions can't be recorded before River's fifth migration, which adds the column `line`.
    let applied = if missing.iter().any(|river| river.version <= 5) { 0 } else { DB::version(pool).await? };
    missing.extend(own::<DB>(applied).map(|(version, sql)| Missing { line: OWN_LINE, version, sql: sql.to_owned() }));
    Ok(missing)
}

/// Returns our own migrations with a version above `applied`.
fn own<DB: Database>(applied: i64) -> impl Iterator<Item = (i64, &'static str)> {
    (1..).zip(DB::MIGRATIONS.iter().copied()).filter(move |(version, _)| *version > applied)
}

pub(crate) async fn migrate<DB: Database>(pool: &sqlx::Pool<DB>) -> Result<(), Error> {
    // Usually nothing is missing. This check needs no right to create tables.
    let mut remaining = missing(pool).await?.len();
    if remaining == 0 {
        return Ok(());
    }
    let _lock = DB::lock(pool).await?;
    loop {
        let Err(error) = apply(pool).await else { return Ok(()) };
        // The error is harmless if another process applied the migrations at the same time.
        match missing(pool).await?.len() {
            0 => return Ok(()),
            fewer if fewer < remaining => remaining = fewer,
            _ => return Err(error),
        }
    }
}

async fn apply<DB: Database>(pool: &sqlx::Pool<DB>) -> Result<(), Error> {
    DB::river_migrate(pool).await?;
    let applied = DB::version(pool).await?;
    for (version, sql) in own::<DB>(applied) {
        DB::apply(pool, version, sql).await?;
    }
    Ok(())
}

/// Returns whether the tables are up to date. Needs only the right to read.
pub(crate) async fn is_done<DB: Database>(pool: &sqlx::Pool<DB>) -> Result<bool, Error> {
    Ok(missing(pool).await?.is_empty())
}

/// Returns the missing migrations as SQL, for the app's own migration tool.
pub(crate) async fn sql<DB: Database>(pool: &sqlx::Pool<DB>) -> Result<String, Error> {
    let missing = missing(pool).await?;
    let mut text = String::new();
    if !missing.is_empty() {
        // Tells migration tools not to wrap the file in a transaction, in which Postgres can't both add and use an enum
        // value.
        text = format!("-- no-transaction\n{}", DB::PRELUDE);
    }
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
            "\n-- {owner}, migration {version}\n{};\n{}\nINSERT INTO {}river_migration {record};\nCOMMIT;\n",
            DB::BEGIN,
            sql.replace("/* TEMPLATE: schema */", "").trim_end(),
            DB::SCHEMA
        );
    }
    Ok(text)
}
