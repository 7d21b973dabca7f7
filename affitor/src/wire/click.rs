//! *Track click* on the wire.

use affitor_core::ClickId;
use serde_json::Value;

use super::{
    call::{Call, Track, json_body, prepare_data},
    reader::Reader,
};
use crate::{
    error::Error,
    event::{Click, ClickOutcome, InvalidEvent, RetryClass},
    settings::Settings,
};

impl Call for Click {
    type Outcome = ClickOutcome;
    const NAME: &'static str = "track_click";
    const PATH: &'static str = "api/v1/track/click";
    const WITH_KEY: bool = false;

    fn retry_class(&self) -> RetryClass {
        RetryClass::NotIdempotent
    }

    fn body(&self) -> Result<Vec<u8>, Error> {
        json_body(self)
    }

    fn read(&self, response: &Reader<'_>) -> Result<ClickOutcome, Error> {
        let refused = response.is_ok() && response.get("success") == Some(&Value::Bool(false));
        if refused && response.message_starts_with("Referral link is inactive") {
            return Ok(ClickOutcome::InactiveLink);
        }
        response.require_success()?;
        if let Some(event_id) = response.test_event() {
            return Ok(ClickOutcome::Test { event_id });
        }
        let unusable = |message| response.unusable(message).with_fate(false, true);
        let click_id = response.text("click_id").ok_or_else(|| unusable("the response has no click_id"))?;
        Ok(ClickOutcome::Recorded {
            click_id: ClickId::new(click_id)
                .map_err(|invalid| unusable("the response has a malformed click_id").with_source(invalid))?,
            partner_code: response.text("partner_code").map(str::to_owned),
            cookie_window_days: response
                .int("cookie_window_days")
                .and_then(|days| u32::try_from(days).ok())
                .filter(|days| (1..=365).contains(days)),
        })
    }
}

impl Track for Click {
    const DISABLED: ClickOutcome = ClickOutcome::Disabled;

    fn check(&self) -> Result<(), InvalidEvent> {
        self.validate()
    }

    fn prepare(&mut self, settings: &Settings) -> Result<(), ClickOutcome> {
        prepare_data(&mut self.additional_data, settings);
        Ok(())
    }
}
