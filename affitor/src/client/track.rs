//! Reporting events.
//!
//! A call runs in a task of its own. Frameworks drop a handler when its visitor disconnects; the event must not be lost with it. The
//! failure is logged in that task, because nobody may be left to see it.

use super::{BoundClient, Client};
use crate::{
    delivery::{EventOutcome, PriorDelivery},
    error::Error,
    event::{Click, ClickOutcome, Event, Lead, LeadOutcome, Refund, RefundOutcome, Sale, SaleOutcome},
};

impl Client {
    /// Reports a visitor who arrives by a partner's link (`POST /api/v1/track/click`).
    ///
    /// The call is made without the API key. It is not repeated once it may have arrived, since each response has a new id.
    ///
    /// # Errors
    ///
    /// Returns an error if the click has no landing URL; if the service rejects the link (unknown partner, no `aff` in it); if
    /// there is no response.
    pub async fn track_click(&self, click: Click) -> Result<ClickOutcome, Error> {
        self.connection().track(click).await
    }

    /// Reports a sign-up (`POST /api/v1/track/lead`).
    ///
    /// # Errors
    ///
    /// Returns an error if the lead has neither a customer key nor a click id; if the service rejects the lead or the API key;
    /// if there is no response. A user whom no partner brought is not an error: see [`LeadOutcome::NotAttributed`].
    pub async fn track_lead(&self, lead: Lead) -> Result<LeadOutcome, Error> {
        self.connection().track(lead).await
    }

    /// Reports a payment (`POST /api/v1/track/sale`). The transaction id makes it safe to report the same payment twice.
    ///
    /// # Errors
    ///
    /// Returns an error if the sale has no transaction id, no amount or no customer; if the service rejects the sale or the API
    /// key; if there is no response. A known transaction and an unknown customer are not errors: see [`SaleOutcome`].
    pub async fn track_sale(&self, sale: Sale) -> Result<SaleOutcome, Error> {
        self.connection().track(sale).await
    }

    /// Reports a refund (`POST /api/v1/track/refund`).
    ///
    /// A partial refund is repeated only if the service certainly did not process it: the documentation does not say whether
    /// the service can tell two equal refunds apart. A client in test mode sends no refunds.
    ///
    /// # Errors
    ///
    /// Returns an error if the refund has no transaction id or the amount 0; if the service rejects the refund or the API key; if
    /// there is no response ([`Error::may_have_arrived`] tells whether the refund may have been processed). An unknown sale is
    /// not an error: see [`RefundOutcome::NotAttributed`].
    pub async fn track_refund(&self, refund: Refund) -> Result<RefundOutcome, Error> {
        self.connection().track(refund).await
    }

    /// Sends an event of any kind. For apps that deliver events themselves.
    ///
    /// If an earlier attempt may have arrived, a sale that the service already knows is [uncertain](EventOutcome::AlreadyRecorded). If none
    /// can have arrived, the sale is [another one](EventOutcome::RecordedElsewhere) with the same transaction id.
    ///
    /// ```no_run
    /// use affitor::{Client, Event, delivery::PriorDelivery};
    ///
    /// /// Delivers an event that the app keeps in a table of its own.
    /// async fn deliver(client: &Client, event: Event, prior: PriorDelivery) {
    ///     let retry_class = event.retry_class();
    ///     match client.track_event(event, prior).await {
    ///         Ok(outcome) => println!("delete the row: {outcome}"),
    ///         Err(error) => println!("{:?}, may have arrived: {}", error.next_step(retry_class), error.may_have_arrived()),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Client::track_lead`], [`Client::track_sale`] and [`Client::track_refund`].
    /// [`Error::next_step`] tells what they mean for the event.
    pub async fn track_event(&self, event: Event, prior: PriorDelivery) -> Result<EventOutcome, Error> {
        self.connection().track_event(event, prior).await
    }
}

impl BoundClient {
    /// Reports a sign-up with the visitor's click id and click history. See [`Client::track_lead`].
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Client::track_lead`].
    pub async fn track_lead(&self, lead: Lead) -> Result<LeadOutcome, Error> {
        self.client().track_lead(self.fill_in(lead)).await
    }

    /// Reports a payment with the visitor's click id. See [`Client::track_sale`].
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Client::track_sale`].
    pub async fn track_sale(&self, sale: Sale) -> Result<SaleOutcome, Error> {
        self.client().track_sale(self.fill_in(sale)).await
    }

    /// Reports a refund. See [`Client::track_refund`]: a refund finds its sale by the transaction id alone.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Client::track_refund`].
    pub async fn track_refund(&self, refund: Refund) -> Result<RefundOutcome, Error> {
        self.client().track_refund(refund).await
    }
}
