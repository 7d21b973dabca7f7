//! What happened, in the words of the API.

/// What the events with `additional_data` have in common.
macro_rules! additional_data_methods {
    ($event:ident) => {
        impl $event {
            /// Adds an entry to `additional_data`.
            pub fn additional(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
                self.additional_data.insert(key.into(), value.into());
                self
            }

            /// Makes it a test event: kept apart by the service, without effect on attribution or commissions.
            pub fn test_mode(mut self, on: bool) -> Self {
                if on {
                    return self.additional("test_mode", true);
                }
                self.additional_data.remove("test_mode");
                self
            }

            /// Whether it is a test event.
            pub fn is_test(&self) -> bool {
                self.additional_data.get("test_mode") == Some(&Value::Bool(true))
            }
        }
    };
}

mod click;
mod lead;
mod refund;
mod sale;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use click::Click;
pub use lead::Lead;
pub use refund::Refund;
pub use sale::{Sale, SaleType, SubscriptionInterval};

use crate::Visitor;

/// One of the events that a server reports after the fact: what can be queued and delivered later.
///
/// A [`Click`] is none of them: it can't be repeated, and its answer is a cookie.
///
/// ```
/// use affitor::{Event, Refund};
///
/// let event = Event::from(Refund::full("in_1"));
/// assert_eq!(serde_json::to_value(&event)?["type"], "refund");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "an event does nothing until it is tracked"]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A sign-up.
    Lead(Lead),
    /// A payment.
    Sale(Sale),
    /// Money given back.
    Refund(Refund),
}

impl Event {
    /// Its kind, in the API's words: `lead`, `sale` or `refund`.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Lead(_) => "lead",
            Event::Sale(_) => "sale",
            Event::Refund(_) => "refund",
        }
    }

    /// What names it in the shop's books: the payment, else the customer, else the click.
    #[cfg(feature = "client")]
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Event::Lead(lead) => lead.customer_key.as_deref().or(lead.click_id.as_ref().map(crate::ClickId::as_str)),
            Event::Sale(sale) => Some(&sale.transaction_id),
            Event::Refund(refund) => Some(&refund.transaction_id),
        }
    }

    /// Whether it is a refund of a part: the only event that does harm when it is sent twice.
    pub fn is_partial_refund(&self) -> bool {
        matches!(self, Event::Refund(refund) if !refund.is_full())
    }

    /// Whether the event says enough to be sent.
    ///
    /// # Errors
    ///
    /// As those of [`Lead::validate`], [`Sale::validate`] and [`Refund::validate`].
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        match self {
            Event::Lead(lead) => lead.validate(),
            Event::Sale(sale) => sale.validate(),
            Event::Refund(refund) => refund.validate(),
        }
    }
}

impl From<Lead> for Event {
    fn from(lead: Lead) -> Self {
        Event::Lead(lead)
    }
}

impl From<Sale> for Event {
    fn from(sale: Sale) -> Self {
        Event::Sale(sale)
    }
}

impl From<Refund> for Event {
    fn from(refund: Refund) -> Self {
        Event::Refund(refund)
    }
}

/// An event that can be given to a visitor: its click id is filled in where it has none.
///
/// Implemented for the events of this crate and for no others.
pub trait Attributable: sealed::Sealed {
    /// Fills in what the event lacks: the click id, and for a lead the history of clicks. A refund has neither; it
    /// finds its sale by the transaction id.
    fn attribute_to(&mut self, visitor: &Visitor);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Event {}
    impl Sealed for super::Lead {}
    impl Sealed for super::Sale {}
    impl Sealed for super::Refund {}
}

impl Attributable for Event {
    fn attribute_to(&mut self, visitor: &Visitor) {
        match self {
            Event::Lead(lead) => lead.attribute_to(visitor),
            Event::Sale(sale) => sale.attribute_to(visitor),
            Event::Refund(refund) => refund.attribute_to(visitor),
        }
    }
}

impl Attributable for Lead {
    fn attribute_to(&mut self, visitor: &Visitor) {
        if self.click_id.is_none() {
            self.click_id.clone_from(&visitor.click_id);
        }
        if self.click_ids.is_empty() {
            self.click_ids.clone_from(&visitor.click_ids);
        }
    }
}

impl Attributable for Sale {
    fn attribute_to(&mut self, visitor: &Visitor) {
        if self.click_id.is_none() {
            self.click_id.clone_from(&visitor.click_id);
        }
    }
}

impl Attributable for Refund {
    fn attribute_to(&mut self, _: &Visitor) {}
}

/// Why an event can't be sent, found before the network is asked.
///
/// Also the source of an [`Error`](crate::Error) for which `is_invalid()` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidEvent(pub(crate) &'static str);

impl InvalidEvent {
    /// A reason of one's own, for a `Deliver` that asks for more. It is shown and logged, so nothing of an event belongs into it.
    pub const fn new(why: &'static str) -> Self {
        Self(why)
    }
}

impl fmt::Display for InvalidEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidEvent {}

/// `additional_data`: the API's room for everything else, test mode included.
type AdditionalData = Map<String, Value>;

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// An id as text, or nothing when it is blank: an empty form field is no id.
fn id(id: impl fmt::Display) -> Option<String> {
    let id = id.to_string();
    (!is_blank(&id)).then_some(id)
}

/// Keys only: what a shop puts into `additional_data` may be personal.
struct Keys<'a>(&'a AdditionalData);

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys().map(|key| crate::redact::Redacted(key))).finish()
    }
}
