//! An outbox in a table of the app's own on MySQL, which River does not support. It is built from the public parts of `affitor`:
//! [`Event::idempotency_key`], [`Event::ids`], `Client::track_event` and `Error::next_step`. See `docs/mysql.md`.

mod deliver;

use affitor::Event;
use affitor_outbox::sqlx::{self, MySql, MySqlPool, Transaction};

pub use self::deliver::deliver_due;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Maximum length of a key in bytes, as in the table.
const MAX_KEY_LEN: usize = 2_500;

/// The table of the events.
pub const TABLE: &str = "CREATE TABLE IF NOT EXISTS affitor_events (
    id bigint AUTO_INCREMENT PRIMARY KEY,
    idempotency_key varbinary(2500) UNIQUE,
    event json NOT NULL,
    state varchar(20) NOT NULL DEFAULT 'pending', -- pending, sending, delivered, rejected or uncertain
    may_have_arrived boolean NOT NULL DEFAULT false,
    created_at timestamp(3) NOT NULL DEFAULT current_timestamp(3),
    due_at timestamp(3) NOT NULL DEFAULT current_timestamp(3),
    message text,
    INDEX affitor_events_state (state, id)
)";

/// Enqueues an event in the transaction of an order. Returns `false` if the same event was enqueued before.
pub async fn enqueue(tx: &mut Transaction<'_, MySql>, event: impl Into<Event>) -> Result<bool, BoxError> {
    let event = event.into();
    event.validate()?;
    // Rejects a partial refund without a refund id, which could not be told from another one.
    let key = event.idempotency_key()?;
    if key.as_ref().is_some_and(|key| key.len() > MAX_KEY_LEN) {
        return Err("the ids of the event are too long".into());
    }
    // A duplicate inserts nothing and does not abort the transaction. `IGNORE` would also cut a key that is too long.
    let sql = "INSERT IGNORE INTO affitor_events (idempotency_key, event) VALUES (?, ?)";
    let inserting = sqlx::query(sql).bind(key).bind(serde_json::to_string(&event)?);
    Ok(inserting.execute(&mut **tx).await?.rows_affected() == 1)
}

/// Counts the events in a state.
pub async fn count(pool: &MySqlPool, state: &str) -> Result<i64, BoxError> {
    let sql = "SELECT count(*) FROM affitor_events WHERE state = ?";
    Ok(sqlx::query_scalar(sql).bind(state).fetch_one(pool).await?)
}
