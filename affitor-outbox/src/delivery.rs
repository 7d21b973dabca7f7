//! An event as a River job: its arguments and its limits.

use affitor::{Event, InvalidEvent, delivery::EventIds};
use riverqueue::{InsertOpts, JobArgs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::key;

/// Kind of the outbox's jobs in River's tables.
pub const KIND: &str = "affitor_event";

/// Queue of the outbox's jobs in River's tables. [Programs](crate::Outbox::for_program) have queues of their own, whose names
/// begin with `affitor_`.
pub const QUEUE: &str = "affitor";

/// Attempts are used up only if the worker is killed, if a job times out, or if River itself can't read the row. Such a
/// row becomes a dead letter after some hours.
const MAX_ATTEMPTS: i32 = 30;

const NO_JSON: InvalidEvent = InvalidEvent::new("the event can't be written as JSON");

const NUL: InvalidEvent = InvalidEvent::new("the event contains a NUL character, which Postgres can't store");

const TOO_LONG: InvalidEvent = InvalidEvent::new("an id is longer than 1,024 bytes");

const TOO_DEEP: InvalidEvent = InvalidEvent::new("additional_data or line_items are nested more than 100 levels deep");

/// Maximum length of an id in bytes. Longer ones do not fit into a Postgres index.
const MAX_ID_LEN: usize = 1_024;

/// Maximum nesting of `line_items` and of the values in `additional_data`. Deeper JSON could not be parsed when it is
/// read back.
const MAX_DEPTH: usize = 100;

/// Arguments of a job. Any JSON deserializes, so that an invalid row becomes a dead letter: rows may be inserted with
/// plain SQL, edited manually, or written by a later version.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Value")]
pub(crate) struct Delivery {
    /// The event, as [`Event`] serializes.
    pub(crate) event: Value,
}

impl From<Value> for Delivery {
    fn from(mut args: Value) -> Self {
        Self { event: args.get_mut("event").map(Value::take).unwrap_or_default() }
    }
}

impl JobArgs for Delivery {
    const KIND: &'static str = KIND;

    fn default_insert_opts() -> InsertOpts {
        InsertOpts::default().with_queue(QUEUE).with_max_attempts(MAX_ATTEMPTS)
    }
}

/// An event that is ready to be inserted.
#[derive(Clone, Debug)]
pub struct NewRow {
    /// Kind of the event, for logs and metrics.
    pub(crate) kind: &'static str,
    /// The id that names the event in logs.
    pub(crate) subject: Option<String>,
    /// Arguments of the job as JSON.
    pub(crate) args: String,
    /// Unique key. `None` for test events.
    pub(crate) key: Option<String>,
}

impl NewRow {
    pub(crate) fn new(event: &Event, queue: &str) -> Result<Self, InvalidEvent> {
        event.validate()?;
        let EventIds { customer_key, transaction_id, refund_id, .. } = event.ids();
        if [customer_key, transaction_id, refund_id].into_iter().flatten().any(|id| id.len() > MAX_ID_LEN) {
            return Err(TOO_LONG);
        }
        let json = serde_json::to_value(event).map_err(|_| NO_JSON)?;
        if is_deeper(&json, MAX_DEPTH + 1) {
            return Err(TOO_DEEP);
        }
        if has_nul(&json) {
            return Err(NUL);
        }
        let subject = event.ids().subject().map(str::to_owned);
        Ok(Self {
            kind: event.kind(),
            subject,
            args: json!({ "event": json }).to_string(),
            key: key::of(event, queue)?,
        })
    }
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let mut inner: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(values) => Box::new(values.iter()),
        Value::Object(values) => Box::new(values.values()),
        _ => return false,
    };
    levels == 0 || inner.any(|value| is_deeper(value, levels - 1))
}

/// Postgres rejects NUL in JSON, which would abort the app's transaction.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(values) => values.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}
