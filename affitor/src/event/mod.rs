//! The events of the API, and what the service made of them.

#[macro_use]
mod additional_data;
mod click;
mod invalid;
mod kind;
mod lead;
mod outcome;
mod refund;
mod sale;

use affitor_core::Visitor;
use serde::{Deserialize, Serialize};

pub(crate) use self::{
    additional_data::{AdditionalData, is_test},
    kind::EventKind,
};
pub use click::{Click, ClickOutcome};
pub use invalid::InvalidEvent;
pub use kind::{EventIds, RetryClass, WaitsFor};
pub use lead::{Lead, LeadOutcome};
pub use outcome::{EventOutcome, NotAttributed};
pub use refund::{Refund, RefundOutcome};
pub use sale::{Sale, SaleOutcome, SaleType, SubscriptionInterval};

/// The list of all kinds of events, for a macro. A new kind is a file here, one in `wire`, one line in
/// this list, and a method `track_…` in `client/track.rs`.
macro_rules! event_kinds {
    ($then:ident) => {
        $then! {
            /// A sign-up.
            "lead" => Lead,
            /// A payment.
            "sale" => Sale,
            /// Money returned to a customer.
            "refund" => Refund,
        }
    };
}
pub(crate) use event_kinds;

macro_rules! events {
    ($($(#[$doc:meta])* $name:literal => $kind:ident,)*) => {
        /// An event that a server reports after the fact. It can be queued and delivered later.
        ///
        /// A [`Click`] is not one of them: it can't be repeated, and its response is a cookie for the visitor.
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
            $($(#[$doc])* $kind($kind),)*
        }

        impl Event {
            /// Names of all kinds of events, as returned by [`Event::kind`].
            pub const KINDS: &'static [&'static str] = &[$($name,)*];

            /// Returns the kind of the event: `lead`, `sale` or `refund`.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $name,)*
                }
            }

            fn inner(&self) -> &dyn EventKind {
                match self {
                    $(Self::$kind(event) => event,)*
                }
            }

            fn inner_mut(&mut self) -> &mut dyn EventKind {
                match self {
                    $(Self::$kind(event) => event,)*
                }
            }
        }

        $(impl From<$kind> for Event {
            fn from(event: $kind) -> Self {
                Self::$kind(event)
            }
        })*
    };
}

event_kinds!(events);

impl Event {
    /// Checks that the event has what the service requires.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Lead::validate`], [`Sale::validate`] and [`Refund::validate`].
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        self.inner().validate()
    }

    /// Fills in what the event lacks: the click id, and in a lead the click history. A refund has neither: it finds its sale by the
    /// transaction id.
    pub(crate) fn attribute_to(&mut self, visitor: &Visitor) {
        self.inner_mut().attribute_to(visitor);
    }

    /// Returns the retry class: whether a repeat is safe after an attempt that may have arrived.
    pub fn retry_class(&self) -> RetryClass {
        self.inner().retry_class()
    }

    /// Returns the ids in the event. Events that share one of them belong together.
    pub fn ids(&self) -> EventIds<'_> {
        self.inner().ids()
    }

    /// Returns which earlier events must be delivered before this one.
    ///
    /// ```
    /// use affitor::{Event, Refund, delivery::WaitsFor};
    ///
    /// let refund = Event::from(Refund::full("in_1"));
    /// assert_eq!(refund.waits_for(), WaitsFor::Payment { transaction_id: "in_1" });
    /// ```
    pub fn waits_for(&self) -> WaitsFor<'_> {
        self.inner().waits_for()
    }

    /// Returns the key by which a queue recognises duplicates: for a lead, the customer and click; for a sale, the transaction
    /// id; for a refund, the transaction id and refund id. `None` for test events, which are never duplicates.
    ///
    /// ```
    /// use affitor::{Currency, Event, Refund, Sale};
    ///
    /// let sale = Event::from(Sale::new("in_1", 4_900, Currency::USD));
    /// assert_eq!(sale.idempotency_key()?.unwrap(), r#"["sale","in_1"]"#);
    ///
    /// let refund = Event::from(Refund::partial("in_1", 1_500)); // ambiguous without a `refund_id`
    /// assert!(refund.idempotency_key().is_err());
    /// # Ok::<(), affitor::InvalidEvent>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if a partial refund has no `refund_id`.
    pub fn idempotency_key(&self) -> Result<Option<String>, InvalidEvent> {
        let Some(mut parts) = self.identity()? else { return Ok(None) };
        parts.insert(0, self.kind());
        // As JSON, so that no id can be mistaken for two.
        Ok(Some(serde_json::Value::from(parts).to_string()))
    }

    /// Returns the ids of the [idempotency key](Event::idempotency_key), without the kind. An id that is missing is empty. For queues that
    /// store a key of their own.
    ///
    /// ```
    /// use affitor::{Event, Refund};
    ///
    /// let refund = Event::from(Refund::partial("in_1", 1_500).refund_id("re_1"));
    /// assert_eq!(refund.identity()?.unwrap(), ["in_1", "re_1"]);
    /// # Ok::<(), affitor::InvalidEvent>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if a partial refund has no `refund_id`.
    pub fn identity(&self) -> Result<Option<Vec<&str>>, InvalidEvent> {
        self.inner().identity()
    }
}

/// Returns whether a text is empty or consists of white space.
fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Returns the text, or `None` if it is blank: an empty form field is a missing value.
fn non_blank(text: impl Into<String>) -> Option<String> {
    Some(text.into()).filter(|text| !is_blank(text))
}

/// Returns a borrowed text, or `None` if it is missing or blank.
pub(crate) fn present(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !is_blank(text))
}

/// For serde: whether a field is left out.
fn is_absent(text: &Option<String>) -> bool {
    present(text.as_ref()).is_none()
}
