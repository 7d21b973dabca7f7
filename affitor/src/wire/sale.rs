//! *Track sale* on the wire.

use serde_json::Value;

use super::{
    call::{Call, Track, json_body, prepare_data},
    reader::Reader,
};
use crate::{
    delivery::PriorDelivery,
    error::Error,
    event::{EventKind, EventOutcome, InvalidEvent, NotAttributed, RetryClass, Sale, SaleOutcome},
    settings::Settings,
};

impl Call for Sale {
    type Outcome = SaleOutcome;
    const NAME: &'static str = "track_sale";
    const PATH: &'static str = "api/v1/track/sale";

    fn retry_class(&self) -> RetryClass {
        EventKind::retry_class(self)
    }

    fn subject(&self) -> Option<&str> {
        self.ids().subject()
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        json_body(self)
    }

    fn read(&self, response: &Reader<'_>) -> Result<SaleOutcome, Error> {
        // A 409 without the service's message comes from a proxy.
        if response.status() == 409 && response.message().is_some() {
            return Ok(SaleOutcome::AlreadyRecorded { uncertain: response.is_uncertain() });
        }
        if let Some(reason) = response.not_attributed() {
            return Ok(SaleOutcome::NotAttributed(reason));
        }
        response.require_success()?;
        if let Some(event_id) = response.test_event() {
            return Ok(SaleOutcome::Test { event_id });
        }
        if response.get("attributed") == Some(&Value::Bool(false)) {
            if response.text("reason").is_some_and(|reason| reason != "attribution_window_expired") {
                return Ok(SaleOutcome::NotAttributed(NotAttributed::NoPartner));
            }
            return Ok(SaleOutcome::NotAttributed(NotAttributed::WindowExpired {
                click_age_days: response.int("click_age_days"),
                window_days: response.int("window_days"),
            }));
        }
        let sale_id = response.int("sale_id");
        if response.get("commission_id") == Some(&Value::Null) {
            return Ok(SaleOutcome::RecordedWithoutCommission { sale_id });
        }
        Ok(SaleOutcome::Recorded { sale_id, commission_id: response.int("commission_id") })
    }
}

impl Track for Sale {
    const DISABLED: SaleOutcome = SaleOutcome::Disabled;

    fn check(&self) -> Result<(), InvalidEvent> {
        self.validate()
    }

    fn prepare(&mut self, settings: &Settings) -> Result<(), SaleOutcome> {
        prepare_data(&mut self.additional_data, settings);
        Ok(())
    }
}

impl SaleOutcome {
    pub(crate) fn summary(&self, prior: PriorDelivery) -> EventOutcome {
        match self {
            Self::AlreadyRecorded { uncertain: false } if prior == PriorDelivery::Impossible => {
                EventOutcome::RecordedElsewhere
            }
            Self::AlreadyRecorded { .. } => EventOutcome::AlreadyRecorded { uncertain: true },
            Self::NotAttributed(reason) => EventOutcome::NotAttributed { known: reason.is_known() },
            Self::Recorded { .. } | Self::RecordedWithoutCommission { .. } | Self::Test { .. } | Self::Disabled => {
                EventOutcome::Recorded
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries() {
        use PriorDelivery::{Impossible, Possible};
        let already = |uncertain| EventOutcome::AlreadyRecorded { uncertain };
        for (outcome, prior, expected) in [
            (SaleOutcome::Recorded { sale_id: None, commission_id: None }, Possible, EventOutcome::Recorded),
            (SaleOutcome::RecordedWithoutCommission { sale_id: None }, Possible, EventOutcome::Recorded),
            (SaleOutcome::AlreadyRecorded { uncertain: false }, Impossible, EventOutcome::RecordedElsewhere),
            (SaleOutcome::AlreadyRecorded { uncertain: false }, Possible, already(true)),
            (SaleOutcome::AlreadyRecorded { uncertain: true }, Impossible, already(true)),
            (
                SaleOutcome::NotAttributed(NotAttributed::NoPartner),
                Possible,
                EventOutcome::NotAttributed { known: true },
            ),
            (
                SaleOutcome::NotAttributed(NotAttributed::CustomerNotFound),
                Possible,
                EventOutcome::NotAttributed { known: false },
            ),
        ] {
            assert_eq!(outcome.summary(prior), expected, "{outcome:?} {prior:?}");
        }
    }
}
