//! Records what a client tracks.

use std::{
    any::Any,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use affitor_core::redact::Redacted;
use serde_json::{Value, json};

use super::click_id::click_id;
use crate::{
    client::Client,
    event::{Click, Event, Lead, Refund, Sale},
    sink::{EnqueueError, EventSink},
    wire::{Connection, Recorder},
};

/// Records what a client tracks, without a socket. Clones share their records.
///
/// Its [client](RecordingSink::client) sends no event to the service: the events of [`enqueue`](Client::enqueue) *and* those of
/// `track_lead`, `track_sale`, `track_refund` and `track_click` are recorded. Their outcome is that of a customer whom a partner
/// brought, such as [`LeadOutcome::Recorded`](crate::LeadOutcome::Recorded). Events are checked as usual. As a
/// [sink](Client::with_sink) of another client, it records what is enqueued.
///
/// ```
/// use affitor::{Client, Currency, Lead, Sale, test_util::RecordingSink};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), affitor::Error> {
/// let sink = RecordingSink::new();
/// let client = sink.client();
///
/// client.enqueue(Lead::new("user_7").email("jo@example.com"));
/// client.track_sale(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_7")).await?;
///
/// let lead = sink.assert_lead("user_7");
/// assert!(lead.click_id.is_none());
/// assert_eq!(sink.assert_sale("in_1").amount_cents, 4_900);
/// # Ok(()) }
/// ```
///
/// An assertion that fails prints all events, without e-mail addresses:
///
/// ```text
/// expected one lead of "user_8", found 0. Tracked events:
///   Lead(Lead { customer_key: Some("user_7"), click_id: None, email: Some([redacted]), … })
/// ```
///
/// The sink records what the app reports. Whether the service would attribute it to a partner is what `affitor-sandbox` tells.
/// Clicks that `ClickCaptureLayer` captures need the sandbox too, as do queries such as [`Client::readiness`].
#[derive(Clone, Default)]
pub struct RecordingSink(Arc<Mutex<Records>>);

#[derive(Default)]
struct Records {
    clicks: Vec<Click>,
    events: Vec<Event>,
}

impl RecordingSink {
    /// Creates a sink without records.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a client whose events this sink records. It is [disabled](Client::disabled) otherwise.
    pub fn client(&self) -> Client {
        Client::without_queue(Connection::recorded(self.clone())).with_sink(self.clone())
    }

    /// Returns all events, in the order in which they were tracked.
    pub fn events(&self) -> Vec<Event> {
        self.records().events.clone()
    }

    /// Returns the leads.
    pub fn leads(&self) -> Vec<Lead> {
        self.of_kind(as_lead)
    }

    /// Returns the sales.
    pub fn sales(&self) -> Vec<Sale> {
        self.of_kind(as_sale)
    }

    /// Returns the refunds.
    pub fn refunds(&self) -> Vec<Refund> {
        self.of_kind(as_refund)
    }

    /// Returns the clicks of [`track_click`](Client::track_click).
    pub fn clicks(&self) -> Vec<Click> {
        self.records().clicks.clone()
    }

    /// Removes all records.
    pub fn clear(&self) {
        *self.records() = Records::default();
    }

    /// Returns the one lead of a customer.
    ///
    /// # Panics
    ///
    /// Panics unless exactly one lead with this customer key was tracked.
    #[track_caller]
    pub fn assert_lead(&self, customer_key: impl fmt::Display) -> Lead {
        let key = customer_key.to_string();
        let leads = self.leads().into_iter().filter(|lead| lead.customer_key.as_deref() == Some(&*key)).collect();
        self.assert_one(leads, "lead of", &key)
    }

    /// Returns the one sale with a transaction id.
    ///
    /// # Panics
    ///
    /// Panics unless exactly one sale with this transaction id was tracked.
    #[track_caller]
    pub fn assert_sale(&self, transaction_id: impl fmt::Display) -> Sale {
        let id = transaction_id.to_string();
        let sales = self.sales().into_iter().filter(|sale| sale.transaction_id == id).collect();
        self.assert_one(sales, "sale with the transaction id", &id)
    }

    /// Returns the one refund of the sale with a transaction id. For a sale with several refunds, see [`refunds`](Self::refunds).
    ///
    /// # Panics
    ///
    /// Panics unless exactly one refund of this sale was tracked.
    #[track_caller]
    pub fn assert_refund(&self, transaction_id: impl fmt::Display) -> Refund {
        let id = transaction_id.to_string();
        let refunds = self.refunds().into_iter().filter(|refund| refund.transaction_id == id).collect();
        self.assert_one(refunds, "refund of the transaction id", &id)
    }

    /// Checks that nothing was tracked.
    ///
    /// # Panics
    ///
    /// Panics if an event or a click was tracked.
    #[track_caller]
    #[allow(clippy::panic, reason = "it is an assertion")]
    pub fn assert_nothing(&self) {
        let is_empty = {
            let records = self.records();
            records.events.is_empty() && records.clicks.is_empty()
        };
        if !is_empty {
            panic!("expected that nothing is tracked. {self:?}");
        }
    }

    /// Returns the only one of the events.
    #[track_caller]
    #[allow(clippy::panic, reason = "it is an assertion")]
    fn assert_one<E>(&self, events: Vec<E>, what: &str, id: &str) -> E {
        match <[E; 1]>::try_from(events) {
            Ok([event]) => event,
            Err(events) => panic!("expected one {what} {:?}, found {}. {self:?}", Redacted(id), events.len()),
        }
    }

    fn of_kind<E>(&self, kind: impl Fn(Event) -> Option<E>) -> Vec<E> {
        self.events().into_iter().filter_map(kind).collect()
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        // A test that panicked with the lock still wants to see the records.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder for RecordingSink {
    fn respond(&self, call: &dyn Any) -> Option<Value> {
        let test = json!({ "success": true, "data": { "test_mode": true } });
        let recorded = json!({ "success": true });
        if let Some(click) = call.downcast_ref::<Click>() {
            self.records().clicks.push(click.clone());
            let recorded = json!({ "success": true, "click_id": click_id().as_str() });
            return Some(if click.is_test() { test } else { recorded });
        }
        let (event, is_test) = if let Some(lead) = call.downcast_ref::<Lead>() {
            (Event::from(lead.clone()), lead.is_test())
        } else if let Some(sale) = call.downcast_ref::<Sale>() {
            (sale.clone().into(), sale.is_test())
        } else {
            (call.downcast_ref::<Refund>()?.clone().into(), false)
        };
        self.records().events.push(event);
        Some(if is_test { test } else { recorded })
    }
}

fn as_lead(event: Event) -> Option<Lead> {
    if let Event::Lead(lead) = event { Some(lead) } else { None }
}

fn as_sale(event: Event) -> Option<Sale> {
    if let Event::Sale(sale) = event { Some(sale) } else { None }
}

fn as_refund(event: Event) -> Option<Refund> {
    if let Event::Refund(refund) = event { Some(refund) } else { None }
}

impl EventSink for RecordingSink {
    fn accept(&self, event: Event) -> Result<(), EnqueueError> {
        self.records().events.push(event);
        Ok(())
    }
}

/// One event per line, without e-mail addresses.
impl fmt::Debug for RecordingSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.records();
        if records.events.is_empty() && records.clicks.is_empty() {
            return f.write_str("Nothing was tracked.");
        }
        f.write_str("Tracked events:")?;
        for click in &records.clicks {
            write!(f, "\n  {click:?}")?;
        }
        for event in &records.events {
            write!(f, "\n  {event:?}")?;
        }
        Ok(())
    }
}
