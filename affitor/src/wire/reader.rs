//! Reading a response: pure functions of status and body.

use affitor_core::redact;
use serde_json::Value;

use super::{
    retry::{AttemptResult, may_repeat},
    transport::Response,
};
use crate::{
    error::{Error, ErrorKind},
    event::{NotAttributed, RetryClass},
};

/// A response whose JSON is parsed: what outcomes and errors are made of.
pub(crate) struct Reader<'a> {
    response: &'a Response,
    json: Option<Value>,
    retry_class: RetryClass,
    /// Removed from all texts.
    key: &'a str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(response: &'a Response, retry_class: RetryClass, key: &'a str) -> Self {
        Self { response, json: serde_json::from_slice(&response.body).ok(), retry_class, key }
    }

    pub(crate) fn status(&self) -> u16 {
        self.response.status
    }

    pub(crate) fn is_ok(&self) -> bool {
        (200..=299).contains(&self.status())
    }

    /// Whether an earlier attempt of this call may have arrived.
    pub(crate) fn is_uncertain(&self) -> bool {
        self.response.uncertain
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.json.as_ref()?.get(name)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_i64()
    }

    /// The id of a test event, if this is the response to one.
    pub(crate) fn test_event(&self) -> Option<Option<i64>> {
        let data = self.get("data")?;
        (data.get("test_mode")? == &Value::Bool(true)).then(|| data.get("eventId").and_then(Value::as_i64))
    }

    /// Requires that the service reports success. HTTP 200 alone is not success.
    pub(crate) fn require_success(&self) -> Result<(), Error> {
        match self.get("success") {
            Some(Value::Bool(true)) if self.is_ok() => Ok(()),
            _ => Err(self.error()),
        }
    }

    /// The service's message, in any of its four shapes.
    pub(crate) fn message(&self) -> Option<&str> {
        match self.get("error") {
            Some(Value::Object(error)) => error.get("message").and_then(Value::as_str),
            Some(Value::String(error)) => self.text("message").or(Some(error)),
            _ => self.text("message"),
        }
    }

    pub(crate) fn message_starts_with(&self, beginning: &str) -> bool {
        self.message().is_some_and(|message| message.starts_with(beginning))
    }

    /// Which of the service's errors only says that no partner brought this customer.
    pub(crate) fn not_attributed(&self) -> Option<NotAttributed> {
        if self.status() != 400 {
            return None;
        }
        if self.message_starts_with("Customer not found") {
            Some(NotAttributed::CustomerNotFound)
        } else if self.message_starts_with("No affiliate attribution found")
            || self.message_starts_with("No partner-program relationship found")
        {
            Some(NotAttributed::NoPartner)
        } else {
            None
        }
    }

    /// Reads the whole response. The service sends some bare, some under `data`, and some both ways.
    pub(crate) fn deserialize<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        let Some(json @ Value::Object(object)) = self.json.as_ref().filter(|_| self.is_ok()) else {
            return Err(self.error());
        };
        let json = object.get("data").filter(|data| data.is_object()).unwrap_or(json);
        T::deserialize(json).map_err(|source| {
            self.unusable(&redact::message(&source.to_string(), Some(self.key)))
                .with_fate(false, self.retry_class == RetryClass::NotIdempotent)
        })
    }

    /// The error for a response that the service should not have sent.
    pub(crate) fn unusable(&self, message: &str) -> Error {
        Error::new(ErrorKind::Unexpected).with_status(Some(self.status())).with_message(message)
    }

    /// The error that the response reports.
    pub(crate) fn error(&self) -> Error {
        let status = self.status();
        let result = AttemptResult::Status(status);
        let kind = match status {
            401 | 403 => ErrorKind::Unauthorized,
            409 if self.message().is_none() => ErrorKind::Unexpected,
            429 => ErrorKind::RateLimited,
            408 | 425 | 500..=599 => ErrorKind::Unavailable,
            400..=499 => ErrorKind::Rejected,
            200..=299 if self.get("success") == Some(&Value::Bool(false)) => ErrorKind::Rejected,
            _ => ErrorKind::Unexpected,
        };
        let message = match self.message() {
            Some(message) => redact::message(message, Some(self.key)),
            None if self.response.body.is_empty() => "the response is empty".to_owned(),
            None if self.json.is_none() => format!("the response is not JSON ({} bytes)", self.response.body.len()),
            None => "the response is JSON of an unknown shape".to_owned(),
        };
        // A success that can't be read: the event is most likely recorded, and a repeat could not be read either.
        let unread = kind == ErrorKind::Unexpected && self.is_ok();
        let arrived = self.is_uncertain() || result.may_have_arrived() || unread;
        Error::new(kind)
            .with_status(Some(status))
            .with_code(self.code().map(|code| redact::message(code, Some(self.key))))
            .with_message(message)
            .with_retry_after(self.response.retry_after())
            .with_fate(may_repeat(self.retry_class, result), arrived)
    }

    fn code(&self) -> Option<&str> {
        match self.get("error")? {
            Value::Object(error) => error.get("code").or_else(|| error.get("name"))?.as_str(),
            Value::String(code) if self.text("message").is_some() => Some(code),
            _ => None,
        }
    }
}
