//! The outbox in an app's database: connecting to it, and explaining its errors.

use std::{env, future::Future, io, str::FromStr as _, time::Duration};

use affitor_outbox::{
    Database, Outbox,
    sqlx::{
        self, Connection, PgConnection, Postgres, Sqlite, SqliteConnection,
        postgres::{PgConnectOptions, PgPoolOptions},
        sqlite::{SqliteConnectOptions, SqlitePoolOptions},
    },
};
use clap::Args;

use crate::{exit::Exit, failure::Failure};

/// Timeout for connecting to the database.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const DATABASE_URL: &str = "DATABASE_URL";

const DATABASE_URL_HINT: &str =
    "use --database-url or DATABASE_URL, such as sqlite://shop.sqlite3 or postgres://user@host/shop";

/// Flags of commands that use the outbox.
#[derive(Args, Clone, Debug)]
pub(crate) struct DatabaseArgs {
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
}

/// An outbox in one of the supported databases.
pub(crate) enum AnyOutbox {
    Sqlite(Outbox<Sqlite>),
    Postgres(Outbox<Postgres>),
}

impl DatabaseArgs {
    /// Whether a database is set.
    pub(crate) fn is_set(&self) -> bool {
        self.url().is_some()
    }

    fn url(&self) -> Option<String> {
        let url = self.database_url.clone().or_else(|| env::var(DATABASE_URL).ok());
        url.filter(|url| !url.trim().is_empty())
    }

    /// Connects to the database. No message contains the URL, which may include a password.
    pub(crate) async fn open(self) -> Result<AnyOutbox, Failure> {
        let url = self.url().ok_or_else(|| Failure::usage("no database URL", DATABASE_URL_HINT))?;
        let (url, Self { schema, program, .. }) = (url.trim(), self);
        match url.split(':').next() {
            Some("sqlite") => {
                if schema.is_some() {
                    return Err(Failure::usage("SQLite has no schemas", "remove --schema"));
                }
                let options = SqliteConnectOptions::from_str(url).map_err(|error| connection_failed(&error))?;
                let pool = SqlitePoolOptions::new().acquire_timeout(CONNECT_TIMEOUT).connect_lazy_with(options.clone());
                check(SqliteConnection::connect_with(&options)).await?;
                with_program(Outbox::sqlite(pool), program).map(AnyOutbox::Sqlite)
            }
            Some("postgres" | "postgresql") => {
                let options = PgConnectOptions::from_str(url).map_err(|error| connection_failed(&error))?;
                let pool = PgPoolOptions::new().acquire_timeout(CONNECT_TIMEOUT).connect_lazy_with(options.clone());
                let outbox = match schema {
                    Some(schema) => Outbox::postgres_in(pool, &schema).map_err(|error| failed(&error))?,
                    None => Outbox::postgres(pool),
                };
                check(PgConnection::connect_with(&options)).await?;
                with_program(outbox, program).map(AnyOutbox::Postgres)
            }
            _ => Err(Failure::usage("the database URL begins with neither sqlite: nor postgres:", DATABASE_URL_HINT)),
        }
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
pub(crate) fn failed(error: &affitor_outbox::Error) -> Failure {
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
