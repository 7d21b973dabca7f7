//! *Track lead* on the wire.

use super::{
    call::{Call, Track, json_body, prepare_data},
    reader::Reader,
};
use crate::{
    delivery::PriorDelivery,
    error::Error,
    event::{EventKind, EventOutcome, InvalidEvent, Lead, LeadOutcome, NotAttributed, RetryClass},
    settings::{LeadsWithoutClick, Settings},
};

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
        Ok(LeadOutcome::Recorded)
    }
}

impl Track for Lead {
    const DISABLED: LeadOutcome = LeadOutcome::Disabled;

    fn check(&self) -> Result<(), InvalidEvent> {
        self.validate()
    }

    fn prepare(&mut self, settings: &Settings) -> Result<(), LeadOutcome> {
        let test = prepare_data(&mut self.additional_data, settings);
        if self.click_id.is_some() || !self.click_ids.is_empty() {
            return Ok(());
        }
        match settings.leads_without_click {
            LeadsWithoutClick::Complete => {}
            LeadsWithoutClick::NotSent if !test => return Err(LeadOutcome::NotAttributed(NotAttributed::NotSent)),
            LeadsWithoutClick::WithoutEmail | LeadsWithoutClick::NotSent => self.email = None,
        }
        Ok(())
    }
}

impl LeadOutcome {
    pub(crate) fn summary(&self, _: PriorDelivery) -> EventOutcome {
        match self {
            Self::AlreadyRecorded => EventOutcome::AlreadyRecorded { uncertain: false },
            Self::NotAttributed(reason) => EventOutcome::NotAttributed { known: reason.is_known() },
            Self::Recorded | Self::Test { .. } | Self::Disabled => EventOutcome::Recorded,
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
            (LeadOutcome::AlreadyRecorded, EventOutcome::AlreadyRecorded { uncertain: false }),
            (LeadOutcome::NotAttributed(NotAttributed::CustomerNotFound), EventOutcome::NotAttributed { known: false }),
            (LeadOutcome::NotAttributed(NotAttributed::NotSent), EventOutcome::NotAttributed { known: true }),
        ] {
            assert_eq!(outcome.summary(PriorDelivery::Possible), expected, "{outcome:?}");
        }
    }
}
