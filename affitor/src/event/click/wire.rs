//! *Track click* on the wire.

use serde_json::Value;

use super::{Click, ClickOutcome};
use crate::{
    click_id::ClickId,
    client::{Client, Error, Settings},
    event::{InvalidEvent, RetryClass, additional_data},
    wire::{Call, Reader, Track, json_body},
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
        self.track(click).await
    }
}

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

    #[cfg(feature = "test-util")]
    fn record(self, sink: &crate::test_util::RecordingSink) -> ClickOutcome {
        sink.click(self)
    }

    fn check(&self) -> Result<(), InvalidEvent> {
        self.validate()
    }

    fn prepare(&mut self, settings: &Settings) -> Result<(), ClickOutcome> {
        additional_data::prepare(&mut self.additional_data, settings);
        Ok(())
    }
}
