//! The error of the outbox.

use std::{error::Error as StdError, fmt};

use affitor::InvalidEvent;

/// The error returned by the outbox. It contains no data of an event.
pub struct Error(Kind);

// The derived `Debug` of database errors contains parts of rows.
affitor_core::debug_as_sentence!(Error);

enum Kind {
    Invalid(InvalidEvent),
    Foreign(String),
    NoRuntime,
    NoService,
    NotMigrated,
    NewerVersion {
        found: i64,
        known: i64,
    },
    #[cfg(feature = "postgres")]
    InvalidSchema,
    InvalidProgram,
    Shutdown,
    Timeout,
    River(Box<riverqueue::Error>),
    Database(Box<riverqueue::sqlx::Error>),
    Migration(Box<dyn StdError + Send + Sync>),
    Client(Box<affitor::Error>),
    Unreadable,
    #[cfg(feature = "webhooks")]
    Contention,
}

#[cfg(feature = "webhooks")]
impl From<Error> for affitor_payments::PaymentError {
    fn from(error: Error) -> Self {
        Self::not_recorded(error)
    }
}

impl Error {
    /// Nothing of the row may reach a log, so the cause is dropped.
    pub(crate) fn unreadable(_: serde_json::Error) -> Self {
        Self(Kind::Unreadable)
    }
}

#[cfg(feature = "webhooks")]
impl Error {
    pub(crate) fn contention() -> Self {
        Self(Kind::Contention)
    }
}

impl Error {
    /// River is not part of the API, so this is no `From`.
    pub(crate) fn river(error: riverqueue::Error) -> Self {
        Self(Kind::River(Box::new(error)))
    }

    pub(crate) fn no_runtime() -> Self {
        Self(Kind::NoRuntime)
    }

    pub(crate) fn no_service() -> Self {
        Self(Kind::NoService)
    }

    pub(crate) fn not_migrated() -> Self {
        Self(Kind::NotMigrated)
    }

    pub(crate) fn newer_version(found: i64, known: i64) -> Self {
        Self(Kind::NewerVersion { found, known })
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn invalid_schema() -> Self {
        Self(Kind::InvalidSchema)
    }

    pub(crate) fn invalid_program() -> Self {
        Self(Kind::InvalidProgram)
    }

    pub(crate) fn timeout() -> Self {
        Self(Kind::Timeout)
    }

    pub(crate) fn shutdown() -> Self {
        Self(Kind::Shutdown)
    }

    pub(crate) fn foreign(name: String) -> Self {
        Self(Kind::Foreign(name))
    }

    pub(crate) fn migration(error: impl StdError + Send + Sync + 'static) -> Self {
        Self(Kind::Migration(Box::new(error)))
    }

    /// Returns true if the event, or the name of a schema or program, is invalid. Nothing was written.
    pub fn is_invalid(&self) -> bool {
        match self.0 {
            Kind::Invalid(_) | Kind::InvalidProgram => true,
            #[cfg(feature = "postgres")]
            Kind::InvalidSchema => true,
            _ => false,
        }
    }

    /// Returns true if the database failed or is not migrated.
    pub fn is_database(&self) -> bool {
        matches!(
            self.0,
            Kind::River(_)
                | Kind::Database(_)
                | Kind::Migration(_)
                | Kind::NotMigrated
                | Kind::NewerVersion { .. }
                | Kind::Shutdown
                | Kind::Timeout
        ) || self.is_ledger()
    }

    #[cfg(not(feature = "webhooks"))]
    fn is_ledger(&self) -> bool {
        false
    }

    #[cfg(feature = "webhooks")]
    fn is_ledger(&self) -> bool {
        matches!(self.0, Kind::Unreadable | Kind::Contention)
    }

    /// Returns true if the outbox's tables are missing or belong to an earlier version. Call
    /// [`Outbox::migrate`](crate::Outbox::migrate).
    pub fn is_not_migrated(&self) -> bool {
        match self.sql_state() {
            // Postgres: no such table, no such schema, no such column.
            Some(code) if ["42P01", "3F000", "42703"].contains(&&*code) => true,
            // SQLite has one code for all mistakes in SQL.
            Some(code) if code == "1" => {
                matches!(&self.0, Kind::Database(error) if error.to_string().contains("no such table"))
            }
            _ => matches!(self.0, Kind::NotMigrated),
        }
    }

    /// Returns true if a later version of this crate has migrated the outbox's tables. Update this program.
    pub fn is_newer_version(&self) -> bool {
        matches!(self.0, Kind::NewerVersion { .. })
    }

    /// Returns true if the database user lacks a privilege. The crate's README lists those that are needed.
    pub fn is_permission_denied(&self) -> bool {
        self.sql_state().is_some_and(|code| code == "42501")
    }

    /// Returns the error code of Postgres (SQLSTATE) or SQLite.
    fn sql_state(&self) -> Option<String> {
        let mut source: Option<&(dyn StdError + 'static)> = self.source();
        while let Some(error) = source {
            if let Some(riverqueue::sqlx::Error::Database(error)) = error.downcast_ref() {
                return error.code().map(std::borrow::Cow::into_owned);
            }
            source = error.source();
        }
        None
    }

    /// Returns true if another River uses the outbox's tables. See [`Outbox::register`](crate::Outbox::register).
    pub fn is_foreign(&self) -> bool {
        matches!(self.0, Kind::Foreign(_))
    }

    /// Returns true if the database rejects the row permanently. False if the database is unreachable or full.
    pub(crate) fn rejects_row(&self) -> bool {
        use riverqueue::sqlx;
        let error = match &self.0 {
            Kind::Database(error) => &**error,
            Kind::River(error) => match &**error {
                riverqueue::Error::Database(error) => error,
                _ => return false,
            },
            _ => return false,
        };
        let sqlx::Error::Database(refused) = error else { return false };
        // Not permanent: after a restore the id sequence may lag behind, and the next id may be free.
        if refused.is_unique_violation() {
            return false;
        }
        let code = refused.code().unwrap_or_default();
        // SQLite's codes have one to four digits, with the primary code in the low byte: TOOBIG, CONSTRAINT, MISMATCH.
        match code.parse::<u32>() {
            Ok(number) if code.len() < 5 => matches!(number & 0xff, 18..=20),
            // Postgres: data exception, constraint violation, limit exceeded.
            _ => ["22", "23", "54"].iter().any(|class| code.starts_with(class)),
        }
    }
}

impl From<InvalidEvent> for Error {
    fn from(invalid: InvalidEvent) -> Self {
        Self(Kind::Invalid(invalid))
    }
}

impl From<riverqueue::sqlx::Error> for Error {
    fn from(error: riverqueue::sqlx::Error) -> Self {
        Self(Kind::Database(Box::new(error)))
    }
}

impl From<affitor::Error> for Error {
    fn from(error: affitor::Error) -> Self {
        Self(Kind::Client(Box::new(error)))
    }
}

/// What to do without the right to create tables.
const NO_RIGHT: &str =
    ": let a database user with the right run `affitor outbox migrate`, and start the app `without_migration`";

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Invalid(invalid) => write!(f, "invalid: {invalid}"),
            Kind::Foreign(name) => write!(
                f,
                "another River uses the same tables ({name:?}): register the outbox with it (`Outbox::register`)"
            ),
            Kind::NoRuntime => f.write_str("the outbox needs a Tokio runtime"),
            Kind::NoService => f.write_str("the worker's client sends nothing: it is disabled, or it records events for a test"),
            Kind::NotMigrated => {
                f.write_str("the outbox's tables are missing or belong to an earlier version: call `Outbox::migrate`, or run `affitor outbox migrate`")
            }
            Kind::NewerVersion { found, known } => write!(
                f,
                "the outbox's tables have version {found}, and this program knows version {known}: update affitor-outbox in this program"
            ),
            #[cfg(feature = "postgres")]
            Kind::InvalidSchema => f.write_str("the name of the outbox's schema must consist of lowercase letters, digits and `_`, and have at most 63 characters"),
            Kind::InvalidProgram => f.write_str("the name of a program must consist of lowercase letters, digits, and single `-` or `_` between them, and have at most 56 characters"),
            Kind::Timeout => f.write_str("the outbox's database does not respond"),
            Kind::Shutdown => f.write_str("the outbox's worker did not stop in time: its database does not respond"),
            Kind::River(error) => write!(f, "River failed: {error}"),
            Kind::Database(error) => {
                write!(f, "the outbox's database failed: {error}")?;
                if self.is_not_migrated() {
                    f.write_str(": call `Outbox::migrate`, or run `affitor outbox migrate`")?;
                } else if self.is_permission_denied() {
                    f.write_str(NO_RIGHT)?;
                } else if matches!(**error, riverqueue::sqlx::Error::PoolTimedOut) {
                    f.write_str(": check that it is running, and the size of the pool")?;
                } else if self.sql_state().is_some_and(|code| code == "517") {
                    f.write_str(
                        ": the transaction began with a read, and another connection has written since; begin it with \
                         `Outbox::begin`, which takes the write lock at once",
                    )?;
                }
                Ok(())
            }
            Kind::Migration(error) => {
                write!(f, "the outbox's migrations failed: {error}")?;
                if self.is_permission_denied() { f.write_str(NO_RIGHT) } else { Ok(()) }
            }
            Kind::Client(error) => error.fmt(f),
            Kind::Unreadable => f.write_str("a row of the outbox's own tables can't be read: was it changed manually?"),
            #[cfg(feature = "webhooks")]
            Kind::Contention => f.write_str("other transactions keep changing this payment"),

        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Kind::Invalid(invalid) => Some(invalid),
            #[cfg(feature = "postgres")]
            Kind::InvalidSchema => None,
            Kind::Foreign(_)
            | Kind::NoRuntime
            | Kind::NoService
            | Kind::NotMigrated
            | Kind::NewerVersion { .. }
            | Kind::InvalidProgram
            | Kind::Shutdown
            | Kind::Timeout => None,
            Kind::River(error) => Some(&**error),
            Kind::Database(error) => Some(&**error),
            Kind::Migration(error) => Some(&**error),
            Kind::Client(error) => Some(&**error),
            Kind::Unreadable => None,
            #[cfg(feature = "webhooks")]
            Kind::Contention => None,
        }
    }
}
