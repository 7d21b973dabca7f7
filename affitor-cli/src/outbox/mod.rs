//! `affitor outbox`: what waits, what is dead, and a worker.

mod letters;
mod work;

use std::{env, time::Duration};

use affitor_outbox::{
    Outbox,
    sqlx::{self, postgres::PgPoolOptions, sqlite::SqlitePoolOptions},
};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    ending::{Ending, Failure},
    output::{Output, STRONG, Sign, count},
};

/// How long a database is waited for.
const LONGEST: Duration = Duration::from_secs(5);

pub(crate) const EXIT_CODES: &str = "Exit codes:
  0  done
  1  replay, discard, settle: there is no such event
  2  there is no database URL, or the settings of `work` are wrong
  3  the database can't be reached, or has no outbox";

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The app's database, as sqlite://shop.sqlite3 or postgres://…; else DATABASE_URL says it
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make the outbox's tables, or bring them up to date
    Migrate {
        /// Print the SQL that it would run in this database, and change nothing. From an empty one (`sqlite::memory:` is one) it is all
        /// of it
        #[arg(long)]
        print: bool,
    },
    /// Show the books
    Status,
    /// Show the dead letters, oldest first
    Dead {
        /// How many at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Only those with an id above this one: the next page
        #[arg(long, value_name = "ID")]
        after: Option<i64>,
    },
    /// Show what was delivered and is uncertain, oldest first: to be compared with Affitor's dashboard
    Uncertain {
        /// How many at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Only those with an id above this one: the next page
        #[arg(long, value_name = "ID")]
        after: Option<i64>,
    },
    /// Say that uncertain events have been compared
    Settle {
        /// Their ids
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Deliver dead letters again
    Replay(letters::Letters),
    /// Be done with dead letters
    Discard(letters::Letters),
    /// Deliver what is in the outbox, until Ctrl-C or SIGTERM
    Work(work::Arguments),
}

pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<Ending, Failure> {
    let Arguments { database_url, command } = arguments;
    let url = database_url.or_else(|| env::var("DATABASE_URL").ok()).filter(|url| !url.trim().is_empty());
    let mend = "--database-url or DATABASE_URL says it, as sqlite://shop.sqlite3 or postgres://user@host/shop";
    let url = url.ok_or_else(|| Failure::usage("there is no database".to_owned(), mend))?;
    let url = url.trim();
    // The URL may hold a password: it is in no message.
    match url.split(':').next() {
        Some("sqlite") => {
            let pool = SqlitePoolOptions::new()
                .acquire_timeout(LONGEST)
                .connect(url)
                .await
                .map_err(|error| unreached(&error))?;
            act(Outbox::sqlite(pool).map_err(|error| failed(&error))?, command, output).await
        }
        Some("postgres" | "postgresql") => {
            let pool =
                PgPoolOptions::new().acquire_timeout(LONGEST).connect(url).await.map_err(|error| unreached(&error))?;
            act(Outbox::postgres(pool).map_err(|error| failed(&error))?, command, output).await
        }
        _ => Err(Failure::usage("the database's URL begins with neither sqlite: nor postgres:".to_owned(), mend)),
    }
}

fn unreached(error: &sqlx::Error) -> Failure {
    let mend = match error {
        sqlx::Error::Configuration(_) => "check how the database's URL is written",
        sqlx::Error::PoolTimedOut => "is the database there? check the host and the port of its URL",
        sqlx::Error::Database(refused) if refused.message().contains("unable to open") => {
            "check the file's path; `?mode=rwc` behind it makes a new file"
        }
        _ => "check the database's URL, and that the database is there",
    };
    Failure { ending: Ending::Unreachable, ..Failure::usage(format!("the database can't be reached: {error}"), mend) }
}

fn failed(error: &affitor_outbox::Error) -> Failure {
    let text = error.to_string();
    let mend = if error.is_not_migrated() || text.contains("no such table") || text.contains("does not exist") {
        "is this the app's database? `affitor outbox migrate` makes the outbox's tables"
    } else if error.is_foreign() {
        "let the app's own River work the outbox's events, or give the outbox a database file of its own"
    } else if text.contains("permission denied") {
        "the database's user needs the rights that the README of affitor-outbox names"
    } else {
        "see the message; once the database works, try again"
    };
    Failure { ending: Ending::Unreachable, ..Failure::usage(text, mend) }
}

async fn act<DB: affitor_outbox::Database>(
    outbox: Outbox<DB>,
    command: Command,
    output: Output,
) -> Result<Ending, Failure> {
    match command {
        Command::Migrate { print: true } => {
            let sql = outbox.migration_sql().await.map_err(|error| failed(&error))?;
            output.document(&json!({ "sql": sql }));
            output.line(sql.trim());
            if sql.is_empty() && !output.json {
                eprintln!("affitor: this database has all of it; an empty one is missing all");
            }
            Ok(Ending::Fine)
        }
        Command::Migrate { print: false } => {
            outbox.migrate().await.map_err(|error| failed(&error))?;
            output.document(&json!({ "migrated": true }));
            output.sign(Sign::Good, "the outbox's tables are there");
            Ok(Ending::Fine)
        }
        Command::Status => status(&outbox, output).await,
        Command::Dead { limit, after } => letters::show(&outbox, after, limit, output).await,
        Command::Uncertain { limit, after } => letters::uncertain(&outbox, after, limit, output).await,
        Command::Settle { ids } => letters::settle(ids, &outbox, output).await,
        Command::Replay(letters) => letters::replay(letters, &outbox, output).await,
        Command::Discard(letters) => letters::discard(letters, &outbox, output).await,
        Command::Work(arguments) => work::run(arguments, &outbox, output).await,
    }
}

async fn status<DB: affitor_outbox::Database>(outbox: &Outbox<DB>, output: Output) -> Result<Ending, Failure> {
    let books = outbox.books().await.map_err(|error| failed(&error))?;
    output.document(&json!({
        "enqueued": books.enqueued,
        "recorded": books.recorded,
        "already_recorded": books.already_recorded,
        "uncertain": books.uncertain,
        "not_attributed": books.not_attributed,
        "rejected": books.rejected,
        "discarded": books.discarded,
        "pending": books.pending,
        "balance": books.balance(),
    }));
    output.line(&format!(
        "{STRONG}{}{STRONG:#} enqueued, {} on their way",
        count(books.enqueued, "event"),
        books.pending
    ));
    output.line(&format!(
        "delivered: {} recorded, {} recorded before, {} without a partner",
        books.recorded, books.already_recorded, books.not_attributed
    ));
    output.line(&format!("dead: {}, discarded: {}", books.rejected, books.discarded));
    if books.uncertain > 0 {
        output.sign(Sign::Unsure, &format!("{} uncertain", count(books.uncertain, "event")));
        output.mend("compare them with Affitor's dashboard: `affitor outbox uncertain` shows those that were delivered, `dead` the refunds");
    }
    if books.rejected > 0 {
        output.mend("`affitor outbox dead` shows the dead letters");
    }
    Ok(Ending::Fine)
}
