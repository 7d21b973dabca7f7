//! A client for one visitor.

use std::fmt;

use affitor_core::{ClickId, Visitor};

use super::Client;
use crate::{
    event::{Event, EventKind},
    script_tag::ScriptTag,
    sink::EnqueueError,
    stripe::Metadata,
};

/// A [`Client`] for one visitor: adds the click id to events that have none, and the click history to leads that have none.
///
/// The extractors of the framework crates give one to your handler. Cheap to clone.
///
/// ```
/// use affitor::{ClickId, Client, Lead, LeadOutcome};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let affitor = Client::disabled().for_visitor(ClickId::new("cust_42_1714000000000")?);
/// assert_eq!(affitor.track_lead(Lead::new("user_7")).await?, LeadOutcome::Disabled);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct BoundClient {
    client: Client,
    visitor: Visitor,
    /// Whether the server reports the click of this request itself.
    captured: bool,
}

impl BoundClient {
    pub(super) fn new(client: Client, visitor: Visitor) -> Self {
        Self { client, visitor, captured: false }
    }

    /// Returns the click id, if the request has a valid one.
    pub fn click_id(&self) -> Option<&ClickId> {
        self.visitor.click_id.as_ref()
    }

    /// Returns what is known about the visitor.
    pub fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// Returns the client without the visitor, for a request that concerns somebody else. An administrator who charges a
    /// customer must not be mistaken for that customer.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the tag that loads the browser tracker, as [`Client::script_tag`]. It is also [empty](ScriptTag::is_empty) if the
    /// server captures the click of this request itself: the tracker would report it a second time.
    pub fn script_tag(&self) -> ScriptTag {
        if self.captured { ScriptTag::empty() } else { self.client.script_tag() }
    }

    /// Sets whether the server captures the click of this request itself. An adapter does so for a request with a
    /// [`CapturedByServer`](crate::adapter::CapturedByServer).
    #[must_use]
    pub fn captured_by_server(mut self, captured_by_server: bool) -> Self {
        self.captured = captured_by_server;
        self
    }

    /// Fills in what the event lacks, without sending it: the click id, and in a lead the click history.
    pub fn attribute(&self, event: impl Into<Event>) -> Event {
        let mut event = event.into();
        event.attribute_to(&self.visitor);
        event
    }

    pub(super) fn fill_in<E: EventKind>(&self, mut event: E) -> E {
        event.attribute_to(&self.visitor);
        event
    }

    /// Reports an event in the background, with the visitor's click id. See [`Client::enqueue`].
    pub fn enqueue(&self, event: impl Into<Event>) {
        self.client.enqueue(self.attribute(event));
    }

    /// Reports an event in the background, with the visitor's click id. See [`Client::try_enqueue`].
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Client::try_enqueue`].
    pub fn try_enqueue(&self, event: impl Into<Event>) -> Result<(), EnqueueError> {
        self.client.try_enqueue(self.attribute(event))
    }

    /// Returns the metadata for a Stripe checkout of one of your users, with the visitor's click id. A
    /// [disabled](Client::disabled) client adds no program id.
    ///
    /// It never fails, because an error must not stop a customer from paying. If the client has no program id, or if the user id is blank or
    /// longer than 500 characters, that id is left out and an error is logged; no partner is then paid for the payment.
    /// [`Metadata::new`] returns the error.
    pub fn stripe_metadata(&self, customer_key: impl fmt::Display) -> Metadata {
        let program_id = self.client.program_id();
        if program_id.is_none() && !self.client.is_disabled() {
            log_incomplete(&"the client has no program id: set it on the builder or as AFFITOR_PROGRAM_ID");
        }
        let (metadata, problem) = Metadata::lenient(program_id, customer_key.to_string());
        if let Some(problem) = problem {
            log_incomplete(&problem);
        }
        metadata.click_id(self.visitor.click_id.clone())
    }
}

fn log_incomplete(problem: &dyn fmt::Display) {
    tracing::error!(%problem, "the metadata of a payment is incomplete, so no partner will be paid for it");
}

impl AsRef<Client> for BoundClient {
    fn as_ref(&self) -> &Client {
        &self.client
    }
}
