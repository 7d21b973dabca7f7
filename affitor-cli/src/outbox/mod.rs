//! `affitor outbox`: manages the outbox in an app's database.

mod dead_letters;
mod redact;
mod worker;

use std::{env, future::Future, io, str::FromStr as _, time::Duration};

use affitor_outbox::{
    Database, Outbox,
    sqlx::{
        self, Connection, PgConnection, SqliteConnection,
        postgres::{PgConnectOptions, PgPoolOptions},
        sqlite::{SqliteConnectOptions, SqlitePoolOptions},
    },
};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    check::CheckStatus,
    exit::{Exit, ExitCodes},
    failure::Failure,
    format::count,
    output::{BOLD, Output},
};

/// Timeout for connecting to the database.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const DATABASE_URL: &str = "DATABASE_URL";

const DATABASE_URL_HINT: &str =
    "use --database-url or DATABASE_URL, such as sqlite://shop.sqlite3 or postgres://user@host/shop";

pub(crate) const EXIT_CODES: ExitCodes = &[
    (Exit::Success, "Done"),
    (Exit::Failed, "replay, discard, settle: an event was not found"),
    (Exit::Usage, "Invalid arguments, no database URL, or invalid settings of `work`"),
    (Exit::Unreachable, "The database is unreachable or has no outbox, or the worker stopped"),
];

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = format!("URL of the app's database, such as sqlite://shop.sqlite3 or postgres://… [env: {DATABASE_URL}]"),
    )]
    database_url: Option<String>,
    /// Schema of the outbox on Postgres [default: affitor]
    #[arg(long, global = true, value_name = "NAME")]
    schema: Option<String>,
    /// Program of the outbox, if it has several
    #[arg(long, global = true, value_name = "NAME")]
    program: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create or update the outbox's tables
    Migrate {
        /// Print the SQL that this database needs, and change nothing; for the whole schema, use an empty database such
        /// as `sqlite::memory:`
        #[arg(long)]
        print: bool,
    },
    /// Show statistics
    Status,
    /// List dead letters, oldest first
    Dead(dead_letters::Page),
    /// List delivered events that are uncertain, oldest first, to compare with Affitor's dashboard
    Uncertain(dead_letters::Page),
    /// Mark uncertain events as compared
    Settle {
        /// Event ids
        #[arg(required = true)]
        ids: Vec<i64>,
    },
    /// Redeliver dead letters
    Replay(dead_letters::ReplaySelection),
    /// Mark dead letters as discarded; they are never sent
    Discard(dead_letters::Selection),
    /// Discard a customer's dead letters and pending events, and forget that the customer signed up
    Forget {
        /// Customer key, as in the events
        customer_key: String,
    },
    /// Run a worker that delivers events until Ctrl-C or SIGTERM
    Work(worker::Arguments),
}

pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<Exit, Failure> {
    let Arguments { database_url, schema, program, command } = arguments;
    let url = database_url.or_else(|| env::var(DATABASE_URL).ok()).filter(|url| !url.trim().is_empty());
    let url = url.ok_or_else(|| Failure::usage("no database URL", DATABASE_URL_HINT))?;
    let url = url.trim();
    // No message contains the URL, which may include a password.
    match url.split(':').next() {
        Some("sqlite") => {
            if schema.is_some() {
                return Err(Failure::usage("SQLite has no schemas", "remove --schema"));
            }
            let options = SqliteConnectOptions::from_str(url).map_err(|error| connection_failed(&error))?;
            let pool = SqlitePoolOptions::new().acquire_timeout(CONNECT_TIMEOUT).connect_lazy_with(options.clone());
            check(SqliteConnection::connect_with(&options)).await?;
            execute(with_program(Outbox::sqlite(pool), program)?, command, output).await
        }
        Some("postgres" | "postgresql") => {
            let options = PgConnectOptions::from_str(url).map_err(|error| connection_failed(&error))?;
            let pool = PgPoolOptions::new().acquire_timeout(CONNECT_TIMEOUT).connect_lazy_with(options.clone());
            let outbox = match schema {
                Some(schema) => Outbox::postgres_in(pool, &schema).map_err(|error| failed(&error))?,
                None => Outbox::postgres(pool),
            };
            check(PgConnection::connect_with(&options)).await?;
            execute(with_program(outbox, program)?, command, output).await
        }
        _ => Err(Failure::usage("the database URL begins with neither sqlite: nor postgres:", DATABASE_URL_HINT)),
    }
}

fn with_program<DB: Database>(outbox: Outbox<DB>, program: Option<String>) -> Result<Outbox<DB>, Failure> {
    match program {
        Some(program) => outbox.for_program(&program).map_err(|error| failed(&error)),
        None => Ok(outbox),
    }
}

/// Connects once without the pool, which would hide why a connection fails behind a time-out.
async fn check<C: Connection>(connecting: impl Future<Output = Result<C, sqlx::Error>>) -> Result<(), Failure> {
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
    // The connection works, so closing it is a courtesy.
    connected.map_err(|error| connection_failed(&error))?.close().await.ok();
    Ok(())
}

fn connection_failed(error: &sqlx::Error) -> Failure {
    let hint = match error {
        sqlx::Error::Configuration(_) => "check the syntax of the database URL",
        sqlx::Error::PoolTimedOut => "check that the database is running, and the host and port in its URL",
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "no database listens there: check that it is running, and the host and port in its URL"
        }
        sqlx::Error::Database(refused) if refused.message().contains("unable to open") => {
            "check the path of the file; append `?mode=rwc` to the URL to create a new one"
        }
        _ => "check the database URL, and that the database is running",
    };
    Failure::new(Exit::Unreachable, format!("cannot connect to the database: {error}"), hint)
}

/// Converts an error of the outbox into a failure that says how to fix it.
fn failed(error: &affitor_outbox::Error) -> Failure {
    let message = error.to_string();
    let hint = if error.is_invalid() {
        return Failure::usage(message, "check --schema and --program");
    } else if error.is_newer_version() {
        "update the command line and the app's affitor-outbox"
    } else if error.is_not_migrated() {
        "check that this is the app's database; `affitor outbox migrate` creates the outbox's tables"
    } else if error.is_foreign() {
        "let the app's own River work the outbox's events, or give the outbox a separate database file"
    } else if error.is_permission_denied() {
        "grant the database user the privileges that the README of affitor-outbox lists"
    } else {
        "check the database, then retry"
    };
    Failure::new(Exit::Unreachable, message, hint)
}

async fn execute<DB: Database>(outbox: Outbox<DB>, command: Command, output: Output) -> Result<Exit, Failure> {
    match command {
        Command::Migrate { print: true } => {
            let sql = outbox.migration_sql().await.map_err(|error| failed(&error))?;
            output.document(&json!({ "sql": sql }));
            output.line(sql.trim());
            if sql.is_empty() && !output.json {
                eprintln!("affitor: the tables are up to date; use an empty database for the whole schema");
            }
            Ok(Exit::Success)
        }
        Command::Migrate { print: false } => {
            outbox.migrate().await.map_err(|error| failed(&error))?;
            output.document(&json!({ "migrated": true }));
            output.status(CheckStatus::Passed, "the outbox's tables are up to date");
            Ok(Exit::Success)
        }
        Command::Status => status(&outbox, output).await,
        Command::Dead(page) => dead_letters::list(&outbox, &page, output).await,
        Command::Uncertain(page) => dead_letters::list_uncertain(&outbox, &page, output).await,
        Command::Settle { ids } => dead_letters::settle(ids, &outbox, output).await,
        Command::Replay(selection) => dead_letters::replay(selection, &outbox, output).await,
        Command::Discard(selection) => dead_letters::discard(selection, &outbox, output).await,
        Command::Forget { customer_key } => dead_letters::forget(&customer_key, &outbox, output).await,
        Command::Work(arguments) => worker::run(arguments, &outbox, output).await,
    }
}

async fn status<DB: Database>(outbox: &Outbox<DB>, output: Output) -> Result<Exit, Failure> {
    let stats = outbox.stats().await.map_err(|error| failed(&error))?;
    output.document(&json!({
        "total": stats.total(),
        "recorded": stats.recorded,
        "already_recorded": stats.already_recorded,
        "uncertain": stats.uncertain,
        "not_attributed": stats.not_attributed,
        "dead": stats.dead,
        "discarded": stats.discarded,
        "pending": stats.pending,
    }));
    output.line(&format!("{BOLD}{}{BOLD:#} in all, {} pending", count(stats.total(), "event"), stats.pending));
    output.line(&format!(
        "delivered: {} recorded, {} already recorded, {} without a partner",
        stats.recorded, stats.already_recorded, stats.not_attributed
    ));
    output.line(&format!("dead letters: {}, discarded: {}", stats.dead, stats.discarded));
    if stats.uncertain > 0 {
        output.status(CheckStatus::Warning, &format!("{} uncertain", count(stats.uncertain, "event")));
        output.hint(
            "compare them with Affitor's dashboard: `affitor outbox uncertain` lists delivered events, `affitor outbox \
             dead` lists refunds",
        );
    }
    if stats.dead > 0 {
        output.hint("`affitor outbox dead` lists the dead letters");
    }
    Ok(Exit::Success)
}
