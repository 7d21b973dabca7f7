//! `affitor payments`: shows and completes the payment ledger in an app's database.

mod balance;
mod reconcile;
mod show;

use affitor_outbox::{Database, Outbox};
use affitor_payments::StripeReporter;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::{
    check::CheckStatus,
    database::{AnyOutbox, DatabaseArgs, failed},
    exit::{Exit, ExitCodes},
    failure::Failure,
    format::count,
    output::Output,
};

pub(crate) const EXIT_CODES: ExitCodes = &[
    (Exit::Success, "Done; reconcile: nothing is missing, or it is recorded now"),
    (
        Exit::Failed,
        "reconcile: a person should check a payment, or with --dry-run something is missing; explain: unknown payment",
    ),
    (Exit::Usage, "Invalid arguments, no database URL, or an unusable key of the provider"),
    (Exit::Unreachable, "The database or the provider is unreachable or failing; run the command again to continue"),
    (Exit::KeyRejected, "The provider rejected the key"),
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
    /// Find and record payments whose webhooks did not arrive: start with --dry-run
    Reconcile(reconcile::Arguments),
    /// Show what is known about a payment, what was decided and why, and what was reported
    Explain {
        /// Id of a payment, refund, dispute, webhook, subscription, customer or account at the provider, your own user id, or a
        /// transaction id
        id: String,
    },
    /// List payments by transaction id
    List(show::Page),
    /// List webhooks that look like payments and can't be read, latest first
    Refused {
        /// Maximum number of webhooks
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show what was paid and what became of it, per currency
    Balance,
    /// Decide who reports Stripe's payments, which are held while that is unknown
    Reporter {
        /// Who reports them
        reporter: Reporter,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Reporter {
    /// This app, even if Stripe is connected to the program
    App,
    /// Affitor itself, because Stripe is connected to the program
    Affitor,
}

pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<Exit, Failure> {
    let Arguments { database, command } = arguments;
    // Nothing is connected to before the key and the other arguments are checked.
    let command = Prepared::new(command)?;
    match database.open().await? {
        AnyOutbox::Sqlite(outbox) => execute(outbox, command, output).await,
        AnyOutbox::Postgres(outbox) => execute(outbox, command, output).await,
    }
}

async fn execute<DB: Database>(outbox: Outbox<DB>, command: Prepared, output: Output) -> Result<Exit, Failure> {
    match command {
        Prepared::Reconcile(plan) => Box::pin(reconcile::run(*plan, outbox, output)).await,
        Prepared::Explain { id } => show::explain(&id, &outbox, output).await,
        Prepared::List(page) => show::list(&page, &outbox, output).await,
        Prepared::Refused { limit } => show::refused(limit, &outbox, output).await,
        Prepared::Balance => balance::show(&outbox, output).await,
        Prepared::Reporter(reporter) => decide(reporter, &outbox, output).await,
    }
}

/// A command whose arguments were checked.
enum Prepared {
    Reconcile(Box<reconcile::Plan>),
    Explain { id: String },
    List(show::Page),
    Refused { limit: u32 },
    Balance,
    Reporter(Reporter),
}

impl Prepared {
    fn new(command: Command) -> Result<Self, Failure> {
        Ok(match command {
            Command::Reconcile(arguments) => Self::Reconcile(Box::new(reconcile::Plan::new(arguments)?)),
            Command::Explain { id } => Self::Explain { id },
            Command::List(page) => Self::List(page),
            Command::Refused { limit } => Self::Refused { limit },
            Command::Balance => Self::Balance,
            Command::Reporter { reporter } => Self::Reporter(reporter),
        })
    }
}

async fn decide<DB: Database>(reporter: Reporter, outbox: &Outbox<DB>, output: Output) -> Result<Exit, Failure> {
    let (reporter, name, who) = match reporter {
        Reporter::Affitor => (StripeReporter::Affitor, "affitor", "Affitor reports Stripe's payments itself"),
        Reporter::App => (
            StripeReporter::AppEvenIfConnected,
            "app",
            "this app reports Stripe's payments, even if Stripe is connected",
        ),
    };
    let released = outbox.release_payments(reporter).await.map_err(|error| failed(&error))?;
    output.document(&json!({ "reporter": name, "released": released }));
    output.status(CheckStatus::Passed, &format!("{who}: {} released", count(released, "held payment")));
    if released > 0 {
        output.hint("a running worker decides them within 15 seconds");
    }
    Ok(Exit::Success)
}
