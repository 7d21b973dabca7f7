//! An event as a River job: its arguments, its key and its limits.

use affitor::{Event, EventIds, InvalidEvent};
use riverqueue::{InsertOpts, JobArgs};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Kind of the outbox's jobs in River's tables.
pub const KIND: &str = "affitor_event";

/// Queue of the outbox's jobs in River's tables.
pub const QUEUE: &str = "affitor";

/// Attempts are used up only if the worker is killed, if a job times out, or if River itself can't read the row. Such a
/// row becomes a dead letter after some hours.
pub(crate) const MAX_ATTEMPTS: i32 = 30;

const NUL: InvalidEvent = InvalidEvent::new("the event contains a NUL character, which Postgres can't store");

const TOO_LONG: InvalidEvent = InvalidEvent::new("an id is longer than 1,024 bytes");

const TOO_DEEP: InvalidEvent = InvalidEvent::new("additional_data or line_items are nested more than 100 levels deep");

/// Arguments of a job. Any JSON deserializes, so that an invalid row becomes a dead letter: rows may be inserted with
/// plain SQL, edited manually, or written by a later version.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Value")]
pub struct Delivery {
    /// Idempotency key. `None` in rows that were inserted with plain SQL, and for test events.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The event, as [`Event`] serializes.
    pub(crate) event: Value,
}

impl From<Value> for Delivery {
    fn from(mut args: Value) -> Self {
        let key = args.get("key").and_then(Value::as_str).map(str::to_owned);
        Self { key, event: args.get_mut("event").map(Value::take).unwrap_or_default() }
    }
}

impl JobArgs for Delivery {
    const KIND: &'static str = KIND;

    fn default_insert_opts() -> InsertOpts {
        InsertOpts::default().with_queue(QUEUE).with_max_attempts(MAX_ATTEMPTS)
    }

    fn unique_fields() -> &'static [&'static [&'static str]] {
        &[&["key"]]
    }
}

impl Delivery {
    pub(crate) fn new(event: &Event) -> Result<Self, InvalidEvent> {
        event.validate()?;
        let EventIds { customer_key, transaction_id, refund_id, .. } = event.ids();
        if [customer_key, transaction_id, refund_id].into_iter().flatten().any(|id| id.len() > MAX_ID_LEN) {
            return Err(TOO_LONG);
        }
        let event_json = serde_json::to_value(event).unwrap_or_default();
        if is_deeper(&event_json, MAX_DEPTH + 1) {
            return Err(TOO_DEEP);
        }
        if has_nul(&event_json) {
            return Err(NUL);
        }
        Ok(Self { key: event.idempotency_key()?, event: event_json })
    }

    /// Returns the unique key that River computes from the idempotency key, except that River escapes `<`, `>` and `&`.
    #[cfg(feature = "postgres")]
    pub(crate) fn unique_key(&self) -> Option<Vec<u8>> {
        use sha2::{Digest as _, Sha256};
        let key = serde_json::to_string(self.key.as_ref()?).ok()?;
        Some(Sha256::digest(format!("&kind={KIND}&args={{\"key\":{key}}}")).to_vec())
    }

    /// Returns the kind of the event, for logs and metrics.
    pub(crate) fn kind(&self) -> &'static str {
        let kind = self.event.get("type").and_then(Value::as_str);
        Event::KINDS.iter().find(|known| kind == Some(known)).copied().unwrap_or("unknown")
    }

    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns options that reject a duplicate, whether the first event is pending, delivered, a dead letter or
    /// discarded.
    #[cfg(feature = "sqlite")]
    pub(crate) fn options(&self) -> InsertOpts {
        use riverqueue::{JobState, UniqueOpts};
        let states = [
            JobState::Available,
            JobState::Cancelled,
            JobState::Completed,
            JobState::Discarded,
            JobState::Pending,
            JobState::Retryable,
            JobState::Running,
            JobState::Scheduled,
        ];
        match self.key {
            Some(_) => InsertOpts::default().with_unique(UniqueOpts::new().with_by_args(true).with_by_state(states)),
            None => InsertOpts::default(),
        }
    }
}

/// Maximum length of an id in bytes. Longer ones do not fit into a Postgres index.
const MAX_ID_LEN: usize = 1_024;

/// Maximum nesting of `line_items` and of the values in `additional_data`. Deeper JSON could not be parsed when it is
/// read back.
const MAX_DEPTH: usize = 100;

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

#[cfg(test)]
mod tests {
    use affitor::{ClickId, Currency, Lead, Refund, Sale};

    use super::*;

    #[test]
    fn the_same_event_has_the_same_key() {
        let key = |event: Event| Delivery::new(&event).unwrap().key.unwrap();
        let click = ClickId::new("cust_1_1").unwrap();
        assert_eq!(key(Lead::new("a").into()), r#"["lead","a",""]"#);
        assert_eq!(key(Lead::new("a").click_id(click).into()), r#"["lead","a","cust_1_1"]"#);
        let sale = Sale::new("t\",\"x", 1, Currency::USD).customer_key("a");
        assert_eq!(key(sale.into()), r#"["sale","t\",\"x"]"#);
        assert_eq!(key(Refund::full("t").into()), r#"["refund","t"]"#);
        assert_eq!(key(Refund::partial("t", 1).refund_id("r").into()), r#"["refund","t","r"]"#);
        assert!(Delivery::new(&Refund::partial("t", 1).into()).is_err());
        assert_eq!(Delivery::new(&Lead::new("a").test_mode(true).into()).unwrap().key, None);
    }
}
