//! The error of the outbox.

use std::{error::Error as StdError, fmt};

use affitor::InvalidEvent;

/// The error returned by the outbox. It contains no data of an event.
pub struct Error(Kind);

// The `Debug` output of database errors contains parts of rows.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Error").field(&self.to_string()).finish()
    }
}

enum Kind {
    Invalid(InvalidEvent),
    Foreign(String),
    NoRuntime,
    NotMigrated,
    Shutdown,
    Timeout,
    River(Box<riverqueue::Error>),
    Database(Box<riverqueue::sqlx::Error>),
    Migration(Box<dyn StdError + Send + Sync>),
    Client(Box<affitor::Error>),
}

impl Error {
    pub(crate) fn no_runtime() -> Self {
        Self(Kind::NoRuntime)
    }

    pub(crate) fn not_migrated() -> Self {
        Self(Kind::NotMigrated)
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

    /// Returns true if the event is invalid. Nothing was written.
    pub fn is_invalid(&self) -> bool {
        matches!(self.0, Kind::Invalid(_))
    }

    /// Returns true if the database failed or is not migrated.
    pub fn is_database(&self) -> bool {
        matches!(
            self.0,
            Kind::River(_)
                | Kind::Database(_)
                | Kind::Migration(_)
                | Kind::NotMigrated
                | Kind::Shutdown
                | Kind::Timeout
        )
    }

    /// Returns true if the outbox's tables are missing or belong to another version. Call
    /// [`Outbox::migrate`](crate::Outbox::migrate).
    pub fn is_not_migrated(&self) -> bool {
        matches!(self.0, Kind::NotMigrated)
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

impl From<riverqueue::Error> for Error {
    fn from(error: riverqueue::Error) -> Self {
        Self(Kind::River(Box::new(error)))
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Invalid(invalid) => write!(f, "invalid: {invalid}"),
            Kind::Foreign(name) => write!(
                f,
                "another River uses the same tables ({name:?}): register the outbox with it (`Outbox::register`)"
            ),
            Kind::NoRuntime => f.write_str("the outbox needs a Tokio runtime"),
            Kind::NotMigrated => {
                f.write_str("the outbox's tables are missing or belong to another version: call `Outbox::migrate`")
            }
            Kind::Timeout => f.write_str("the outbox's database does not respond"),
            Kind::Shutdown => f.write_str("the outbox's worker did not stop in time: its database does not respond"),
            Kind::River(error) => write!(f, "River failed: {error}"),
            Kind::Database(error) => write!(f, "the outbox's database failed: {error}"),
            Kind::Migration(error) => write!(f, "the outbox's migrations failed: {error}"),
            Kind::Client(error) => error.fmt(f),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Kind::Invalid(invalid) => Some(invalid),
            Kind::Foreign(_) | Kind::NoRuntime | Kind::NotMigrated | Kind::Shutdown | Kind::Timeout => None,
            Kind::River(error) => Some(error),
            Kind::Database(error) => Some(error),
            Kind::Migration(error) => Some(&**error),
            Kind::Client(error) => Some(error),
        }
    }
}
