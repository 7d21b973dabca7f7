//! The statement that enqueues an event, for database libraries other than SQLx 0.9.

use std::{fmt, sync::Arc};

use affitor::Event;

use crate::{Error, database::Sql, delivery::NewRow, program};

/// Creates [`EventStatement`]s without a connection pool, for apps that use another database library than SQLx 0.9.
///
/// ```
/// use affitor::{Currency, Sale};
/// use affitor_outbox::Statements;
///
/// let sale = Sale::new("42/order/1", 4_900, Currency::USD).customer_key("user_7");
/// let statement = Statements::postgres().enqueue(sale)?;
/// assert!(statement.sql().starts_with("INSERT INTO affitor.river_job"));
/// // Execute it in your transaction, with these three text parameters.
/// let [queue, args, key] = statement.parameters();
/// # Ok::<(), affitor_outbox::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Statements {
    sql: Arc<str>,
    queue: Arc<str>,
}

impl Statements {
    /// Statements for a SQLite database. Their parameters are written `?1`, `?2` and `?3`.
    #[cfg(feature = "sqlite")]
    pub fn sqlite() -> Self {
        Self::new::<riverqueue::sqlx::Sqlite>("")
    }

    /// Statements for a Postgres database with the outbox in the schema `affitor`. Their parameters are written `$1`, `$2`
    /// and `$3`.
    #[cfg(feature = "postgres")]
    pub fn postgres() -> Self {
        Self::new::<riverqueue::sqlx::Postgres>("affitor")
    }

    /// Like [`Statements::postgres`], but with the outbox in another schema.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Outbox::postgres_in`](crate::Outbox::postgres_in).
    #[cfg(feature = "postgres")]
    pub fn postgres_in(schema: &str) -> Result<Self, Error> {
        crate::database::check_schema(schema)?;
        Ok(Self::new::<riverqueue::sqlx::Postgres>(schema))
    }

    fn new<DB: crate::Database>(schema: &str) -> Self {
        Self { sql: Sql::parse(DB::QUERIES, schema).enqueue, queue: crate::QUEUE.into() }
    }

    /// Returns statements for an outbox that serves several programs.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Outbox::for_program`](crate::Outbox::for_program).
    pub fn for_program(&self, name: &str) -> Result<Self, Error> {
        Ok(Self { sql: Arc::clone(&self.sql), queue: program::queue(name)?.into() })
    }

    /// Returns the statement that enqueues an event.
    ///
    /// # Errors
    ///
    /// Returns an error if the event is invalid (here a partial refund needs a refund id).
    pub fn enqueue(&self, event: impl Into<Event>) -> Result<EventStatement, Error> {
        let row = NewRow::new(&event.into(), &self.queue)?;
        Ok(EventStatement::new(&self.sql, &self.queue, row))
    }
}

/// A statement that enqueues an event in a transaction of the app's. It inserts one row, or none if the same event was
/// enqueued before.
///
/// A worker delivers the event up to a second after the commit. (SQLx's [`enqueue`](crate::Outbox::enqueue) also notifies
/// the workers, so on Postgres it is faster.)
#[derive(Clone)]
#[must_use = "a statement does nothing until it is executed"]
pub struct EventStatement {
    sql: Arc<str>,
    queue: Arc<str>,
    row: NewRow,
}

impl EventStatement {
    pub(crate) fn new(sql: &Arc<str>, queue: &Arc<str>, row: NewRow) -> Self {
        Self { sql: Arc::clone(sql), queue: Arc::clone(queue), row }
    }

    /// The statement. It is the same for all events.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The parameters, all of them text: the queue, the arguments of the job as JSON, and the key that keeps the event from
    /// being enqueued twice. A test event has no key.
    pub fn parameters(&self) -> [Option<&str>; 3] {
        [Some(&*self.queue), Some(&*self.row.args), self.row.key.as_deref()]
    }
}

/// Leaves out the parameters, which may contain e-mail addresses.
impl fmt::Debug for EventStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStatement").field("sql", &self.sql).field("queue", &self.queue).finish_non_exhaustive()
    }
}
