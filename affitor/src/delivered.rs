//! What an answer means for an event that is delivered in the background: pure decisions, for a queue, an outbox, or one's own.

use std::time::Duration;

use crate::{Client, Error, Event, LeadOutcome, NotAttributed, RefundOutcome, SaleOutcome};

/// What became of an event, of whatever kind: for those who deliver events themselves. See [`Client::track_event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it says whether the event counts"]
#[non_exhaustive]
pub enum Delivered {
    /// Recorded: with and without a commission, provisionally, as a test. From a disabled client nothing was sent.
    Recorded,
    /// Recorded or reversed before.
    AlreadyRecorded {
        /// Whether somebody has to compare it with the dashboard: a sale that was known after a lost try may lack its commission,
        /// and a second partial refund may be another than the one that was done.
        uncertain: bool,
    },
    /// No partner is concerned: the normal case.
    NotAttributed {
        /// Whether the service knows the customer or sale. If not, it may still come.
        found: bool,
    },
}

/// What is to be done with an event that was not delivered: for those who deliver events themselves. See [`Error::undelivered`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Undelivered {
    /// Send it again later: the service could not be reached, could not do it now, or asks for fewer calls.
    Again {
        /// Not before so long, the service asks.
        after: Option<Duration>,
    },
    /// Send it again once a person has mended the key, the URL or what stands in between. A wrong key says nothing of the event.
    AfterMending,
    /// Never send it again: the service, or the client, says no to this event.
    Rejected,
    /// Never send it again by itself: a partial refund that may have arrived. The service can't tell two equal ones apart, so that a
    /// repeat could take the same money twice.
    Uncertain,
}

impl Client {
    /// Reports an event of any kind. `lost`: whether an earlier try of it, in whatever process, may have arrived; then a sale that is
    /// known is [uncertain](Delivered::AlreadyRecorded).
    ///
    /// ```no_run
    /// use affitor::{Client, Event};
    ///
    /// /// Delivers what an app keeps in a table of its own.
    /// async fn deliver(client: &Client, event: Event, lost: bool) {
    ///     let partial_refund = event.is_partial_refund();
    ///     match client.track_event(event, lost).await {
    ///         Ok(delivered) => println!("delete the row: {delivered:?}"),
    ///         Err(error) => println!("{:?}, lost: {}", error.undelivered(partial_refund), error.may_have_arrived()),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As those of [`Client::track_lead`], [`Client::track_sale`] and [`Client::track_refund`]. What they mean for the event says
    /// [`Error::undelivered`].
    pub async fn track_event(&self, event: Event, lost: bool) -> Result<Delivered, Error> {
        match event {
            Event::Lead(lead) => self.track_lead(lead).await.map(|outcome| of_lead(&outcome)),
            Event::Sale(sale) => self.track_sale(sale).await.map(|outcome| of_sale(&outcome, lost)),
            Event::Refund(refund) => self.track_refund(refund).await.map(|outcome| of_refund(&outcome)),
        }
    }
}

impl Error {
    /// What is to be done with the event that was not delivered.
    pub fn undelivered(&self, partial_refund: bool) -> Undelivered {
        if partial_refund && self.may_have_arrived() {
            Undelivered::Uncertain
        } else if self.is_invalid() || (self.is_rejected() && !matches!(self.status(), Some(404 | 405 | 407))) {
            // These three are the words of a wrong URL, or of a proxy.
            Undelivered::Rejected
        } else if self.is_retryable() || self.may_have_arrived() {
            Undelivered::Again { after: self.retry_after() }
        } else {
            Undelivered::AfterMending
        }
    }
}

fn of_lead(outcome: &LeadOutcome) -> Delivered {
    match outcome {
        LeadOutcome::AlreadyRecorded => Delivered::AlreadyRecorded { uncertain: false },
        LeadOutcome::NotAttributed(why) => Delivered::NotAttributed { found: is_found(why) },
        LeadOutcome::Recorded | LeadOutcome::Provisional | LeadOutcome::Test { .. } | LeadOutcome::Disabled => {
            Delivered::Recorded
        }
    }
}

fn of_sale(outcome: &SaleOutcome, lost: bool) -> Delivered {
    match outcome {
        SaleOutcome::AlreadyRecorded { uncertain } => Delivered::AlreadyRecorded { uncertain: *uncertain || lost },
        SaleOutcome::NotAttributed(why) => Delivered::NotAttributed { found: is_found(why) },
        SaleOutcome::Recorded { .. }
        | SaleOutcome::RecordedWithoutCommission { .. }
        | SaleOutcome::Test { .. }
        | SaleOutcome::Disabled => Delivered::Recorded,
    }
}

fn of_refund(outcome: &RefundOutcome) -> Delivered {
    match outcome {
        RefundOutcome::AlreadyReversed { partial } => Delivered::AlreadyRecorded { uncertain: *partial },
        RefundOutcome::NotAttributed(why) => Delivered::NotAttributed { found: is_found(why) },
        RefundOutcome::Reversed { .. }
        | RefundOutcome::Refunded { .. }
        | RefundOutcome::NoCommission
        | RefundOutcome::Test
        | RefundOutcome::Disabled => Delivered::Recorded,
    }
}

fn is_found(why: &NotAttributed) -> bool {
    !matches!(why, NotAttributed::CustomerNotFound | NotAttributed::SaleNotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes() {
        let (sure, unsure) =
            (Delivered::AlreadyRecorded { uncertain: false }, Delivered::AlreadyRecorded { uncertain: true });
        let (known, unknown) = (Delivered::NotAttributed { found: true }, Delivered::NotAttributed { found: false });
        for (outcome, expected) in [
            (LeadOutcome::Recorded, Delivered::Recorded),
            (LeadOutcome::Provisional, Delivered::Recorded),
            (LeadOutcome::AlreadyRecorded, sure),
            (LeadOutcome::NotAttributed(NotAttributed::CustomerNotFound), unknown),
            (LeadOutcome::NotAttributed(NotAttributed::NotSent), known),
        ] {
            assert_eq!(of_lead(&outcome), expected, "{outcome:?}");
        }
        for (outcome, lost, expected) in [
            (SaleOutcome::Recorded { sale_id: None, commission_id: None }, true, Delivered::Recorded),
            (SaleOutcome::RecordedWithoutCommission { sale_id: None }, true, Delivered::Recorded),
            (SaleOutcome::AlreadyRecorded { uncertain: false }, false, sure),
            (SaleOutcome::AlreadyRecorded { uncertain: false }, true, unsure),
            (SaleOutcome::AlreadyRecorded { uncertain: true }, false, unsure),
            (SaleOutcome::NotAttributed(NotAttributed::NoPartner), true, known),
            (SaleOutcome::NotAttributed(NotAttributed::CustomerNotFound), true, unknown),
        ] {
            assert_eq!(of_sale(&outcome, lost), expected, "{outcome:?} {lost}");
        }
        for (outcome, expected) in [
            (RefundOutcome::Reversed { deduction_cents: None, commission_id: None }, Delivered::Recorded),
            (RefundOutcome::NoCommission, Delivered::Recorded),
            (RefundOutcome::AlreadyReversed { partial: false }, sure),
            (RefundOutcome::AlreadyReversed { partial: true }, unsure),
            (RefundOutcome::NotAttributed(NotAttributed::SaleNotFound), unknown),
        ] {
            assert_eq!(of_refund(&outcome), expected, "{outcome:?}");
        }
    }
}
