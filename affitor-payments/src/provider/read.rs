//! Reading the fields of a webhook: present, missing, or malformed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde_json::Value;

use affitor::{ClickId, Currency};

use super::ignored::{NoFacts, Refused};

pub(super) type Found<T> = Result<T, NoFacts>;

/// The fields of a webhook, by path.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a Value);

impl<'a> Fields<'a> {
    /// Returns the value at a path such as `data.object.id`. `null` is treated as missing.
    pub(super) fn get(self, path: &str) -> Option<&'a Value> {
        path.split('.').try_fold(self.0, |value, name| value.get(name)).filter(|value| !value.is_null())
    }

    /// Returns a text. A blank one is treated as missing.
    pub(super) fn text(self, field: &'static str) -> Result<Option<&'a str>, Refused> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.trim().is_empty())),
            Some(_) => Err(Refused::WrongField { field, expected: "a string" }),
        }
    }

    /// Returns an id: a string, or the digits of an integer.
    pub(super) fn id(self, field: &'static str) -> Result<Option<String>, Refused> {
        match self.get(field) {
            Some(Value::Number(number)) if number.is_u64() => Ok(Some(number.to_string())),
            Some(Value::Number(_)) => Err(Refused::WrongField { field, expected: "a string or an integer" }),
            _ => Ok(self.text(field)?.map(str::to_owned)),
        }
    }

    pub(super) fn required_id(self, field: &'static str) -> Result<String, Refused> {
        self.id(field)?.ok_or(Refused::MissingField { field })
    }

    pub(super) fn required_text(self, field: &'static str) -> Result<&'a str, Refused> {
        self.text(field)?.ok_or(Refused::MissingField { field })
    }

    /// Returns an amount that is a JSON integer, in the currency's smallest unit.
    pub(super) fn amount(self, field: &'static str) -> Result<u64, Refused> {
        let amount = self.get(field).ok_or(Refused::MissingField { field })?;
        amount.as_u64().filter(sendable).ok_or(Refused::WrongField { field, expected: "an integer of at least 0" })
    }

    /// Returns an amount. One below zero, such as the credit of a downgrade, is 0: nothing was paid.
    pub(super) fn amount_or_zero(self, field: &'static str) -> Result<u64, Refused> {
        if self.get(field).and_then(Value::as_i64).is_some_and(|amount| amount < 0) {
            Ok(0)
        } else {
            self.amount(field)
        }
    }

    /// Returns an amount that is a string of digits. One below zero is 0.
    pub(super) fn amount_text_or_zero(self, field: &'static str) -> Result<u64, Refused> {
        let is_negative = |text: &str| text.strip_prefix('-').is_some_and(|digits| digits.parse::<u64>().is_ok());
        if self.get(field).and_then(Value::as_str).is_some_and(is_negative) { Ok(0) } else { self.amount_text(field) }
    }

    /// Returns an amount that is a string of digits, in the currency's smallest unit.
    pub(super) fn amount_text(self, field: &'static str) -> Result<u64, Refused> {
        let text = self.get(field).ok_or(Refused::MissingField { field })?;
        // `parse` would accept a plus sign.
        text.as_str()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse().ok())
            .filter(sendable)
            .ok_or(Refused::WrongField { field, expected: "a string of digits" })
    }

    /// Returns the code of a currency, whether Affitor accepts it or not.
    pub(super) fn currency_code(self, field: &'static str) -> Result<Option<Currency>, Refused> {
        let wrong = |_| Refused::WrongField { field, expected: "a currency code" };
        self.text(field)?.map(|code| Currency::from_code(code).map_err(wrong)).transpose()
    }

    /// Returns the id of another object, which the provider may have replaced with the object itself.
    pub(super) fn reference(self, field: &'static str) -> Result<Option<&'a str>, Refused> {
        match self.get(field) {
            Some(object @ Value::Object(_)) => Ok(object.get("id").and_then(Value::as_str)),
            _ => self.text(field),
        }
    }

    /// Returns a click id. An invalid one is treated as missing.
    pub(super) fn click_id(self, field: &str) -> Option<ClickId> {
        self.get(field)?.as_str().and_then(|text| ClickId::new(text).ok())
    }

    /// Returns a time in RFC 3339 format.
    pub(super) fn time(self, field: &str) -> Option<SystemTime> {
        self.get(field)?.as_str()?.parse::<Timestamp>().ok().map(SystemTime::from)
    }

    /// Returns a time in seconds since 1970.
    pub(super) fn unix_time(self, field: &str) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.get(field)?.as_u64()?))
    }
}

/// The reason for a field that does not have the expected type or value.
pub(super) fn wrong(field: &'static str, expected: &'static str) -> NoFacts {
    Refused::WrongField { field, expected }.into()
}

/// When something is reported.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Time of the event, in seconds of Unix time.
    pub(crate) at: u64,
    /// Current time, in seconds of Unix time.
    pub(crate) now: u64,
}

/// Whether an amount survives software that reads JSON numbers as floats.
fn sendable(amount: &u64) -> bool {
    const LARGEST: u64 = (1 << 53) - 1;
    *amount <= LARGEST
}
