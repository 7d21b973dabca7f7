//! An event as a job of River.

use affitor::{Event, InvalidEvent};
use riverqueue::{InsertOpts, JobArgs};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The kind of the outbox's jobs, in River's tables.
pub const KIND: &str = "affitor_event";

/// The queue of the outbox's jobs.
pub const QUEUE: &str = "affitor";

/// An attempt is used by a kill, a time-out, and a row that River itself can't read, which so becomes a dead letter after some hours;
/// by nothing else.
pub(crate) const MAX_ATTEMPTS: i32 = 30;

const NO_REFUND_ID: InvalidEvent =
    InvalidEvent::new("a partial refund needs its refund_id here, which tells it from another of the same amount");

const NUL: InvalidEvent = InvalidEvent::new("the event holds a NUL character, which Postgres can't keep");

const TOO_LONG: InvalidEvent = InvalidEvent::new("an id is longer than 1,024 bytes");

const TOO_DEEP: InvalidEvent = InvalidEvent::new("additional_data or line_items are nested deeper than 100 levels");

/// What a job holds. Whatever is in a row can be read, so that nonsense comes to be a dead letter: a row may be written by plain
/// SQL, by hand, or by a later version.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Value")]
pub struct Delivery {
    /// What makes it the same event; absent in rows that were written by plain SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The event, as [`Event`] is written.
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
        if ids(event).any(|id| id.len() > LONGEST_ID) {
            return Err(TOO_LONG);
        }
        if free(event).any(|value| is_deeper(value, DEEPEST)) {
            return Err(TOO_DEEP);
        }
        let event_json = serde_json::to_value(event).unwrap_or_default();
        if has_nul(&event_json) {
            return Err(NUL);
        }
        Ok(Self { key: key(event)?, event: event_json })
    }

    /// What River makes of the key, unless there are characters in it that it writes otherwise (`<`, `>`, `&`).
    #[cfg(feature = "postgres")]
    pub(crate) fn unique_key(&self) -> Option<Vec<u8>> {
        use sha2::{Digest as _, Sha256};
        let key = serde_json::to_string(self.key.as_ref()?).ok()?;
        Some(Sha256::digest(format!("&kind={KIND}&args={{\"key\":{key}}}")).to_vec())
    }

    /// What kind of event it is, for a log.
    pub(crate) fn kind(&self) -> &'static str {
        match self.event.get("type").and_then(Value::as_str) {
            Some("lead") => "lead",
            Some("sale") => "sale",
            Some("refund") => "refund",
            _ => "unknown",
        }
    }

    pub(crate) fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    #[cfg(feature = "sqlite")]
    /// The same event is not queued twice, nor a second time after it was delivered, has died or was discarded.
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

/// Longer ones do not fit into an index of Postgres.
const LONGEST_ID: usize = 1_024;

/// Deeper ones could not be read again.
const DEEPEST: usize = 100;

/// The ids that an event is found by.
fn ids(event: &Event) -> impl Iterator<Item = &str> {
    let ids = match event {
        Event::Lead(lead) => [lead.customer_key.as_deref(), None],
        Event::Sale(sale) => [sale.customer_key.as_deref(), Some(sale.transaction_id.as_str())],
        Event::Refund(refund) => [Some(refund.transaction_id.as_str()), refund.refund_id.as_deref()],
        // A kind of a later version of the client.
        _ => [None, None],
    };
    ids.into_iter().flatten()
}

/// The parts of an event that are the app's own.
fn free(event: &Event) -> impl Iterator<Item = &Value> {
    let (additional, line_items) = match event {
        Event::Lead(lead) => (Some(&lead.additional_data), None),
        Event::Sale(sale) => (Some(&sale.additional_data), sale.line_items.as_ref()),
        _ => (None, None),
    };
    additional.into_iter().flat_map(|data| data.values()).chain(line_items)
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let mut inner: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(values) => Box::new(values.iter()),
        Value::Object(values) => Box::new(values.values()),
        _ => return false,
    };
    levels == 0 || inner.any(|value| is_deeper(value, levels - 1))
}

/// Postgres refuses a NUL in JSON, and would abort the app's transaction.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(values) => values.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// What makes an event the same: a sale by its transaction id, a refund by that and its own id, a lead by customer and click.
fn key(event: &Event) -> Result<Option<String>, InvalidEvent> {
    let parts: Vec<&str> = match event {
        Event::Lead(lead) if lead.is_test() => return Ok(None),
        Event::Sale(sale) if sale.is_test() => return Ok(None),
        Event::Lead(lead) => vec![
            "lead",
            lead.customer_key.as_deref().unwrap_or_default(),
            lead.click_id.as_ref().map_or("", affitor::ClickId::as_str),
        ],
        Event::Sale(sale) => vec!["sale", &sale.transaction_id],
        Event::Refund(refund) if refund.is_full() => vec!["refund", &refund.transaction_id],
        Event::Refund(refund) => {
            let refund_id = refund.refund_id.as_deref().ok_or(NO_REFUND_ID)?;
            vec!["refund", &refund.transaction_id, refund_id]
        }
        // A kind of a later version of the client.
        _ => return Ok(None),
    };
    // As JSON, so that no id can look like two.
    Ok(serde_json::to_string(&parts).ok())
}

#[cfg(test)]
mod tests {
    use affitor::{ClickId, Currency, Lead, Refund, Sale};

    use super::*;

    #[test]
    fn what_is_the_same_event() {
        let key = |event: Event| key(&event).unwrap().unwrap();
        let click = ClickId::new("cust_1_1").unwrap();
        assert_eq!(key(Lead::new("a").into()), r#"["lead","a",""]"#);
        assert_eq!(key(Lead::new("a").click_id(click).into()), r#"["lead","a","cust_1_1"]"#);
        assert_eq!(key(Sale::new("t\",\"x", 1, Currency::USD).into()), r#"["sale","t\",\"x"]"#);
        assert_eq!(key(Refund::full("t").into()), r#"["refund","t"]"#);
        assert_eq!(key(Refund::partial("t", 1).refund_id("r").into()), r#"["refund","t","r"]"#);
        assert_eq!(super::key(&Refund::partial("t", 1).into()).unwrap_err(), NO_REFUND_ID);
        assert_eq!(super::key(&Lead::new("a").test_mode(true).into()).unwrap(), None);
    }
}
