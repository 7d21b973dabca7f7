//! *Track lead* on the wire.

use serde_json::Value;

use super::{Lead, LeadOutcome};
use crate::{
    client::{BoundClient, Client, Error, Settings},
    delivery::PriorDelivery,
    event::{EventKind, EventOutcome, InvalidEvent, NotAttributed, RetryClass, additional_data},
    wire::{Call, Reader, Track, json_body},
};

impl Client {
    /// Reports a sign-up (`POST /api/v1/track/lead`).
    ///
    /// # Errors
    ///
    /// Returns an error if the lead has neither a customer key nor a click id; if the service rejects the lead or the API key;
    /// if there is no response. An unknown customer is not an error: see [`LeadOutcome::NotAttributed`].
    pub async fn track_lead(&self, lead: Lead) -> Result<LeadOutcome, Error> {
        self.track(lead).await
    }
}

impl BoundClient {
    /// Reports a sign-up with the visitor's click id and click history. See [`Client::track_lead`].
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Client::track_lead`].
    pub async fn track_lead(&self, lead: Lead) -> Result<LeadOutcome, Error> {
        self.client().track_lead(self.attribute(lead)).await
    }
}

impl Call for Lead {
    type Outcome = LeadOutcome;
    const NAME: &'static str = "track_lead";
    const PATH: &'static str = "api/v1/track/lead";

    fn retry_class(&self) -> RetryClass {
        EventKind::retry_class(self)
    }

    fn subject(&self) -> Option<&str> {
        self.ids().subject()
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        json_body(self)
    }

    fn read(&self, response: &Reader<'_>) -> Result<LeadOutcome, Error> {
        if let Some(reason) = response.not_attributed() {
            return Ok(LeadOutcome::NotAttributed(reason));
        }
        if response.status() == 400 && response.message_starts_with("Customer status cannot be updated to lead") {
            return Ok(LeadOutcome::AlreadyRecorded);
        }
        response.require_success()?;
        if let Some(event_id) = response.test_event() {
            return Ok(LeadOutcome::Test { event_id });
        }
        if response.get("provisional") == Some(&Value::Bool(true)) {
            return Ok(LeadOutcome::Provisional);
        }
        Ok(LeadOutcome::Recorded)
    }
}

impl Track for Lead {
    const DISABLED: LeadOutcome = LeadOutcome::Disabled;

    #[cfg(feature = "test-util")]
    fn record(self, sink: &crate::test_util::RecordingSink) -> LeadOutcome {
        sink.lead(self)
    }

    fn check(&self) -> Result<(), InvalidEvent> {
        self.validate()
    }

    fn prepare(&mut self, settings: &Settings) -> Result<(), LeadOutcome> {
        let test = additional_data::prepare(&mut self.additional_data, settings);
        if settings.only_attributed && self.click_id.is_none() && !test {
            return Err(LeadOutcome::NotAttributed(NotAttributed::NotSent));
        }
        Ok(())
    }
}

impl LeadOutcome {
    pub(crate) fn summary(&self, _: PriorDelivery) -> EventOutcome {
        match self {
            Self::AlreadyRecorded => EventOutcome::AlreadyRecorded { uncertain: false },
            Self::NotAttributed(reason) => EventOutcome::NotAttributed { known: reason.is_known() },
            Self::Recorded | Self::Provisional | Self::Test { .. } | Self::Disabled => EventOutcome::Recorded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries() {
        for (outcome, expected) in [
            (LeadOutcome::Recorded, EventOutcome::Recorded),
            (LeadOutcome::Provisional, EventOutcome::Recorded),
            (LeadOutcome::AlreadyRecorded, EventOutcome::AlreadyRecorded { uncertain: false }),
            (LeadOutcome::NotAttributed(NotAttributed::CustomerNotFound), EventOutcome::NotAttributed { known: false }),
            (LeadOutcome::NotAttributed(NotAttributed::NotSent), EventOutcome::NotAttributed { known: true }),
        ] {
            assert_eq!(outcome.summary(PriorDelivery::Possible), expected, "{outcome:?}");
        }
    }
}
