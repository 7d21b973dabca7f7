//! `affitor outbox`: manages the outbox in an app's database.

mod dead_letters;
mod worker;

use affitor_outbox::{Database, Outbox};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    check::CheckStatus,
    database::{AnyOutbox, DatabaseArgs, failed},
    exit::{Exit, ExitCodes},
    failure::Failure,
    format::count,
    output::{BOLD, Output},
};

pub(crate) const EXIT_CODES: ExitCodes = &[
    (Exit::Success, "Done"),
    (Exit::Failed, "replay, discard, settle: an event was not found"),
    (Exit::Usage, "Invalid arguments, no database URL, or invalid settings of `work`"),
    (Exit::Unreachable, "The database is unreachable or has no outbox, or the worker stopped"),
];

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: DatabaseArgs,
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
    let Arguments { database, command } = arguments;
    match database.open().await? {
        AnyOutbox::Sqlite(outbox) => execute(outbox, command, output).await,
        AnyOutbox::Postgres(outbox) => execute(outbox, command, output).await,
    }
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
