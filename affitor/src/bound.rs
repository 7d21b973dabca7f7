//! A client for one visitor.

use crate::{
    Attributable, ClickId, Client, Error, Lead, LeadOutcome, Refund, RefundOutcome, Sale, SaleOutcome, Visitor,
    stripe::Metadata,
};

/// A [`Client`] for one visitor: fills in the click id (and for leads the history of clicks) where an event has none.
///
/// What the frameworks' extractors hand to a handler. Cheap to clone.
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
}

impl BoundClient {
    pub(crate) fn new(client: Client, visitor: Visitor) -> Self {
        Self { client, visitor }
    }

    /// The visitor's click id, when a partner brought them.
    pub fn click_id(&self) -> Option<&ClickId> {
        self.visitor.click_id.as_ref()
    }

    /// What is known of the visitor.
    pub fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// The client behind it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same client without the visitor, for a request that concerns somebody else: an administrator who charges a
    /// customer must not be taken for that customer.
    pub fn without_click_id(&self) -> BoundClient {
        Self { client: self.client.clone(), visitor: Visitor::default() }
    }

    /// Fills in what the event lacks, and sends nothing.
    pub fn attribute<E: Attributable>(&self, mut event: E) -> E {
        event.attribute_to(&self.visitor);
        event
    }

    /// As [`Client::track_lead`], with the visitor's click id and history.
    ///
    /// # Errors
    ///
    /// As those of [`Client::track_lead`].
    pub async fn track_lead(&self, lead: Lead) -> Result<LeadOutcome, Error> {
        self.client.track_lead(self.attribute(lead)).await
    }

    /// As [`Client::track_sale`], with the visitor's click id.
    ///
    /// # Errors
    ///
    /// As those of [`Client::track_sale`].
    pub async fn track_sale(&self, sale: Sale) -> Result<SaleOutcome, Error> {
        self.client.track_sale(self.attribute(sale)).await
    }

    /// As [`Client::track_refund`]: a refund finds its sale by the transaction id alone.
    ///
    /// # Errors
    ///
    /// As those of [`Client::track_refund`].
    pub async fn track_refund(&self, refund: Refund) -> Result<RefundOutcome, Error> {
        self.client.track_refund(refund).await
    }

    /// The metadata for a Stripe checkout of the shop's user, with the visitor's click id in it. From a
    /// [disabled](Client::disabled) client it has no program id.
    ///
    /// # Errors
    ///
    /// An error for which [`Error::is_invalid`] holds, when the client knows no program id, and as those of [`Metadata::new`].
    pub fn stripe_metadata(&self, customer_key: impl std::fmt::Display) -> Result<Metadata, Error> {
        let program_id = self.client.program_id();
        if program_id.is_none() && !self.client.is_disabled() {
            return Err(Error::invalid(
                "Stripe metadata needs the program id: set it on the builder or as AFFITOR_PROGRAM_ID",
            ));
        }
        let metadata = Metadata::of(program_id.map(str::to_owned), customer_key)
            .map_err(|invalid| Error::invalid(invalid.to_string()).with_source(invalid))?;
        Ok(metadata.click_id(self.visitor.click_id.clone()))
    }
}
