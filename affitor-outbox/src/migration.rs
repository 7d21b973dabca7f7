//! Making the outbox's tables, or bringing them up to date.

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

/// What is to be applied, in its order.
async fn missing<DB: Database>(pool: &sqlx::Pool<DB>) -> Result<Vec<Missing>, Error> {
    let mut missing = DB::river_missing(pool).await?;
    // Before River's fifth there is no place for ours.
    let applied = if missing.iter().any(|river| river.version <= 5) { 0 } else { DB::version(pool).await? };
    missing.extend(own::<DB>(applied).map(|(version, sql)| Missing { line: OWN_LINE, version, sql: sql.to_owned() }));
    Ok(missing)
}

/// Our own migrations after a version.
fn own<DB: Database>(applied: i64) -> impl Iterator<Item = (i64, &'static str)> {
    (1..).zip(DB::MIGRATIONS.iter().copied()).filter(move |(version, _)| *version > applied)
}

pub(crate) async fn migrate<DB: Database>(pool: &sqlx::Pool<DB>) -> Result<(), Error> {
    // Most starts find everything there, and need no right to make it.
    let mut left = missing(pool).await?.len();
    if left == 0 {
        return Ok(());
    }
    let _lock = DB::lock(pool).await?;
    loop {
        let Err(error) = apply(pool).await else { return Ok(()) };
        // Another process may have been faster.
        match missing(pool).await?.len() {
            0 => return Ok(()),
            fewer if fewer < left => left = fewer,
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

/// Whether nothing is missing. It needs no right but to read.
pub(crate) async fn is_done<DB: Database>(pool: &sqlx::Pool<DB>) -> Result<bool, Error> {
    Ok(missing(pool).await?.is_empty())
}

/// The same as SQL, for those who migrate in their own way.
pub(crate) async fn sql<DB: Database>(pool: &sqlx::Pool<DB>) -> Result<String, Error> {
    let missing = missing(pool).await?;
    let mut text = String::new();
    if !missing.is_empty() {
        // What tools for migrations ask for that put a file into one transaction: Postgres can't make and use a value in one.
        text = format!("-- no-transaction\n{}", DB::PRELUDE);
    }
    for Missing { line, version, sql } in missing {
        let whose = if line == RIVER_LINE { "River" } else { "affitor-outbox" };
        let record = if line == RIVER_LINE && version < 5 {
            format!("(version) VALUES ({version})")
        } else {
            // Ours are made again where River has made its table anew.
            format!("(line, version) VALUES ('{line}', {version}) ON CONFLICT (line, version) DO NOTHING")
        };
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n-- {whose}, migration {version}\n{};\n{}\nINSERT INTO {}river_migration {record};\nCOMMIT;\n",
            DB::BEGIN,
            sql.replace("/* TEMPLATE: schema */", "").trim_end(),
            DB::SCHEMA
        );
    }
    Ok(text)
}
