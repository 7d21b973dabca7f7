//! `affitor outbox`: what waits, what is dead, and a worker.

use std::{env, time::Duration};

use affitor_outbox::{
    DeadLetter, Outbox,
    sqlx::{self, postgres::PgPoolOptions, sqlite::SqlitePoolOptions},
};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::{
    connection::Connection,
    ending::{Ending, Failure},
    output::{Output, STRONG, Sign, count},
};

/// How long a database is waited for.
const LONGEST: Duration = Duration::from_secs(5);

pub(crate) const EXIT_CODES: &str = "Exit codes:
  0  done
  1  replay, discard: there is no such dead letter
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
        /// Print the SQL that it would run, and change nothing
        #[arg(long)]
        print: bool,
    },
    /// Show the books
    Status,
    /// Show the dead letters, oldest first
    Dead {
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Deliver dead letters again
    Replay(Letters),
    /// Be done with dead letters
    Discard(Letters),
    /// Deliver what is in the outbox, until Ctrl-C or SIGTERM
    Work {
        #[command(flatten)]
        connection: Connection,
        /// How many events are sent at a time
        #[arg(long, default_value_t = 50)]
        senders: usize,
    },
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Letters {
    /// Their ids
    ids: Vec<i64>,
    /// All of this reason; can be given several times
    #[arg(long, value_name = "REASON", value_parser = ["rejected", "uncertain", "too_old", "unreadable", "other"])]
    reason: Vec<String>,
}

pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<Ending, Failure> {
    let Arguments { database_url, command } = arguments;
    let url = database_url.or_else(|| env::var("DATABASE_URL").ok()).filter(|url| !url.trim().is_empty());
    let mend = "set DATABASE_URL, or say --database-url";
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
    let mend = "check the database's URL, and that the database is there";
    Failure { ending: Ending::Unreachable, ..Failure::usage(format!("the database can't be reached: {error}"), mend) }
}

fn failed(error: &affitor_outbox::Error) -> Failure {
    let mend = "is this the app's database? `affitor outbox migrate` makes the outbox's tables";
    Failure { ending: Ending::Unreachable, ..Failure::usage(error.to_string(), mend) }
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
            Ok(Ending::Fine)
        }
        Command::Migrate { print: false } => {
            outbox.migrate().await.map_err(|error| failed(&error))?;
            output.document(&json!({ "migrated": true }));
            output.sign(Sign::Good, "the outbox's tables are there");
            Ok(Ending::Fine)
        }
        Command::Status => status(&outbox, output).await,
        Command::Dead { limit } => dead(&outbox, limit, output).await,
        Command::Replay(letters) => {
            let mut done = Vec::new();
            for id in letters.ids(&outbox).await? {
                done.push((id, outbox.replay(id).await.map_err(|error| failed(&error))?));
            }
            Ok(told(&done, "is delivered again", output))
        }
        Command::Discard(letters) => {
            let mut done = Vec::new();
            for id in letters.ids(&outbox).await? {
                done.push((id, outbox.discard(id).await.map_err(|error| failed(&error))?));
            }
            Ok(told(&done, "is discarded", output))
        }
        Command::Work { connection, senders } => {
            let settings = connection.settings();
            // Asks whether the tables are there before it says that it works.
            outbox.books().await.map_err(|error| failed(&error))?;
            let mut worker =
                outbox.worker(settings.builder()?).senders(senders).start().await.map_err(|error| failed(&error))?;
            output.line("delivering, until Ctrl-C");
            tokio::select! {
                () = stopped() => {}
                ended = worker.wait() => {
                    ended.map_err(|error| failed(&error))?;
                    let ended = Failure::usage("the worker has stopped".to_owned(), "start it again");
                    return Err(Failure { ending: Ending::Unreachable, ..ended });
                }
            }
            worker.shutdown().await.map_err(|error| failed(&error))?;
            status(&outbox, output).await
        }
    }
}

impl Letters {
    async fn ids<DB: affitor_outbox::Database>(self, outbox: &Outbox<DB>) -> Result<Vec<i64>, Failure> {
        let mut ids = self.ids;
        let mut last = i64::MIN;
        while !self.reason.is_empty() {
            let page = outbox.dead_after(last, 1_000).await.map_err(|error| failed(&error))?;
            let Some(end) = page.last() else { break };
            last = end.id;
            ids.extend(
                page.iter().filter(|letter| self.reason.iter().any(|r| json!(letter.reason) == **r)).map(|l| l.id),
            );
        }
        Ok(ids)
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
        output.mend("compare with Affitor's dashboard: sales may lack their commission; refunds are among the dead");
    }
    if books.rejected > 0 {
        output.mend("`affitor outbox dead` shows the dead letters");
    }
    Ok(Ending::Fine)
}

async fn dead<DB: affitor_outbox::Database>(
    outbox: &Outbox<DB>,
    limit: u32,
    output: Output,
) -> Result<Ending, Failure> {
    let dead = outbox.dead(limit).await.map_err(|error| failed(&error))?;
    let letters: Vec<Value> = dead
        .iter()
        .map(|DeadLetter { id, event, reason, words, .. }| {
            json!({ "id": id, "event": without_addresses(json!(event)), "reason": reason, "words": words })
        })
        .collect();
    output.document(&json!({ "dead": letters }));
    for DeadLetter { id, event, reason, words, .. } in &dead {
        // `Debug` of an event shows no e-mail address.
        let event = event.as_ref().map_or_else(|| "no event".to_owned(), |event| format!("{event:?}"));
        output.line(&format!("{STRONG}{id}{STRONG:#} {reason:?}: {event}"));
        if let Some(words) = words {
            output.line(&format!("  {words}"));
        }
    }
    if dead.is_empty() {
        output.line("there are no dead letters");
    }
    Ok(Ending::Fine)
}

/// E-mail addresses are in the database, and stay there: this goes into logs and tickets.
fn without_addresses(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('@') => json!("[redacted]"),
        Value::Array(values) => values.into_iter().map(without_addresses).collect(),
        Value::Object(values) => {
            values.into_iter().map(|(name, value)| (name, without_addresses(value))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

fn told(done: &[(i64, bool)], what: &str, output: Output) -> Ending {
    let ids = |wanted: bool| done.iter().filter(|(_, done)| *done == wanted).map(|(id, _)| *id).collect::<Vec<_>>();
    output.document(&json!({ "done": ids(true), "unknown": ids(false) }));
    for (id, done) in done {
        if *done {
            output.sign(Sign::Good, &format!("{id} {what}"));
        } else {
            output.sign(Sign::Bad, &format!("there is no dead letter {id}"));
        }
    }
    if ids(false).is_empty() { Ending::Fine } else { Ending::No }
}

/// Ctrl-C, or what a service manager sends.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut term) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        let terminated = term.recv();
        let interrupted = tokio::signal::ctrl_c();
        let (mut terminated, mut interrupted) = (std::pin::pin!(terminated), std::pin::pin!(interrupted));
        std::future::poll_fn(|cx| {
            use std::future::Future as _;
            if terminated.as_mut().poll(cx).is_ready() || interrupted.as_mut().poll(cx).is_ready() {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        return;
    }
    drop(tokio::signal::ctrl_c().await);
}
