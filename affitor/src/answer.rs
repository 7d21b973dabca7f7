//! From an answer of the service to an outcome: pure functions of status and body.

use std::time::Duration;

use serde_json::Value;

use crate::{
    ClickId, ClickOutcome, Error, LeadOutcome, NotAttributed, RefundOutcome, SaleOutcome,
    error::Kind,
    redact,
    retry::{CallKind, Ending, may_repeat},
};

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
    /// Whether an earlier try of the same call may have arrived.
    pub uncertain: bool,
}

impl Answer {
    /// How long the service asks to wait: in the header, else in the body of an error.
    pub(crate) fn asked_wait(&self) -> Option<Duration> {
        let in_body = || {
            let answer: Value = serde_json::from_slice(&self.body).ok()?;
            answer.get("error")?.get("retry_after_seconds")?.as_u64().map(Duration::from_secs)
        };
        self.retry_after.or_else(|| (self.status >= 400).then(in_body)?)
    }
}

/// An answer, read: what the outcomes are made from.
struct Read<'a> {
    answer: &'a Answer,
    json: Option<Value>,
    kind: CallKind,
    key: Option<&'a str>,
}

impl<'a> Read<'a> {
    fn new(answer: &'a Answer, kind: CallKind, key: Option<&'a str>) -> Self {
        Self { answer, json: serde_json::from_slice(&answer.body).ok(), kind, key }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.json.as_ref()?.get(name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_i64()
    }

    fn is_ok(&self) -> bool {
        (200..=299).contains(&self.answer.status)
    }

    /// The event's id, when this is the answer to a test event.
    fn test(&self) -> Option<Option<i64>> {
        let data = self.get("data")?;
        (data.get("test_mode")? == &Value::Bool(true)).then(|| data.get("eventId").and_then(Value::as_i64))
    }

    /// Whether the service says that it was done. HTTP 200 alone does not.
    fn succeeded(&self) -> Result<(), Error> {
        match self.get("success") {
            Some(Value::Bool(true)) if self.is_ok() => Ok(()),
            _ => Err(self.error()),
        }
    }

    /// The service's words, in any of its four shapes.
    fn words(&self) -> Option<&str> {
        match self.get("error") {
            Some(Value::Object(error)) => error.get("message").and_then(Value::as_str),
            Some(Value::String(error)) => self.text("message").or(Some(error)),
            _ => self.text("message"),
        }
    }

    fn says(&self, beginning: &str) -> bool {
        self.words().is_some_and(|words| words.get(..beginning.len()) == Some(beginning))
    }

    fn code(&self) -> Option<&str> {
        match self.get("error")? {
            Value::Object(error) => error.get("code").or_else(|| error.get("name"))?.as_str(),
            Value::String(code) if self.text("message").is_some() => Some(code),
            _ => None,
        }
    }

    fn error(&self) -> Error {
        let status = self.answer.status;
        let ending = Ending::Status(status);
        let kind = match status {
            401 | 403 => Kind::Unauthorized,
            409 if self.words().is_none() => Kind::Unexpected,
            429 => Kind::RateLimited,
            408 | 425 | 500..=599 => Kind::Unavailable,
            400..=499 => Kind::Rejected,
            200..=299 if self.get("success") == Some(&Value::Bool(false)) => Kind::Rejected,
            _ => Kind::Unexpected,
        };
        let message = match self.words() {
            Some(words) => redact::words(words, self.key),
            None if self.answer.body.is_empty() => "an empty answer".to_owned(),
            None if self.json.is_none() => format!("no JSON ({} bytes)", self.answer.body.len()),
            None => "JSON of another shape".to_owned(),
        };
        // A success that can't be read: the event is most likely recorded, and a repeat would not be read either.
        let unread = kind == Kind::Unexpected && self.is_ok();
        let arrived = self.answer.uncertain || ending.may_have_arrived() || unread;
        Error::new(kind)
            .with_status(Some(status))
            .with_code(self.code().map(|code| redact::words(code, self.key)))
            .with_message(message)
            .with_retry_after(self.answer.asked_wait())
            .with_fate(may_repeat(self.kind, ending), arrived)
    }

    /// Which of the service's refusals only says that no partner brought this customer.
    fn not_attributed(&self) -> Option<NotAttributed> {
        if self.answer.status != 400 {
            return None;
        }
        if self.says("Customer not found") {
            Some(NotAttributed::CustomerNotFound)
        } else if self.says("No affiliate attribution found") || self.says("No partner-program relationship found") {
            Some(NotAttributed::NoPartner)
        } else {
            None
        }
    }
}

pub(crate) fn click(answer: &Answer, key: Option<&str>) -> Result<ClickOutcome, Error> {
    let read = Read::new(answer, CallKind::Click, key);
    if read.is_ok() && read.get("success") == Some(&Value::Bool(false)) && read.says("Referral link is inactive") {
        return Ok(ClickOutcome::InactiveLink);
    }
    read.succeeded()?;
    if let Some(event_id) = read.test() {
        return Ok(ClickOutcome::Test { event_id });
    }
    let unexpected = |message: &'static str| {
        Error::new(Kind::Unexpected).with_status(Some(answer.status)).with_message(message).with_fate(false, true)
    };
    let click_id = read.text("click_id").ok_or_else(|| unexpected("no click_id in it"))?;
    Ok(ClickOutcome::Recorded {
        click_id: ClickId::new(click_id).map_err(|invalid| unexpected("an unusable click_id").with_source(invalid))?,
        partner_code: read.text("partner_code").map(str::to_owned),
        cookie_window_days: read
            .int("cookie_window_days")
            .and_then(|days| u32::try_from(days).ok())
            .filter(|days| (1..=365).contains(days)),
    })
}

pub(crate) fn lead(answer: &Answer, key: Option<&str>) -> Result<LeadOutcome, Error> {
    let read = Read::new(answer, CallKind::Lead, key);
    if let Some(why) = read.not_attributed() {
        return Ok(LeadOutcome::NotAttributed(why));
    }
    if answer.status == 400 && read.says("Customer status cannot be updated to lead") {
        return Ok(LeadOutcome::AlreadyRecorded);
    }
    read.succeeded()?;
    if let Some(event_id) = read.test() {
        return Ok(LeadOutcome::Test { event_id });
    }
    if read.get("provisional") == Some(&Value::Bool(true)) {
        return Ok(LeadOutcome::Provisional);
    }
    Ok(LeadOutcome::Recorded)
}

pub(crate) fn sale(answer: &Answer, key: Option<&str>) -> Result<SaleOutcome, Error> {
    let read = Read::new(answer, CallKind::Sale, key);
    // Without the service's own words a 409 comes from something in between.
    if answer.status == 409 && read.words().is_some() {
        return Ok(SaleOutcome::AlreadyRecorded { uncertain: answer.uncertain });
    }
    if let Some(why) = read.not_attributed() {
        return Ok(SaleOutcome::NotAttributed(why));
    }
    read.succeeded()?;
    if let Some(event_id) = read.test() {
        return Ok(SaleOutcome::Test { event_id });
    }
    if read.get("attributed") == Some(&Value::Bool(false)) {
        if read.text("reason").is_some_and(|reason| reason != "attribution_window_expired") {
            return Ok(SaleOutcome::NotAttributed(NotAttributed::NoPartner));
        }
        return Ok(SaleOutcome::NotAttributed(NotAttributed::WindowExpired {
            click_age_days: read.int("click_age_days"),
            window_days: read.int("window_days"),
        }));
    }
    let sale_id = read.int("sale_id");
    if read.get("commission_id") == Some(&Value::Null) {
        return Ok(SaleOutcome::RecordedWithoutCommission { sale_id });
    }
    Ok(SaleOutcome::Recorded { sale_id, commission_id: read.int("commission_id") })
}

pub(crate) fn refund(answer: &Answer, full: bool, key: Option<&str>) -> Result<RefundOutcome, Error> {
    let kind = if full { CallKind::FullRefund } else { CallKind::PartialRefund };
    let read = Read::new(answer, kind, key);
    // Any other 404 comes from something that is not the service: a wrong URL must not look like an organic sale.
    if answer.status == 404 && read.says("Sale not found") {
        return Ok(RefundOutcome::NotAttributed(NotAttributed::SaleNotFound));
    }
    read.succeeded()?;
    let deduction_cents = read.get("deductionAmount").and_then(Value::as_f64).map(cents);
    let commission_id = read.int("commission_id");
    let full = match read.text("status") {
        Some("no_commission") => return Ok(RefundOutcome::NoCommission),
        Some("skipped") => return Ok(RefundOutcome::AlreadyReversed { partial: !full }),
        Some("reversed") => true,
        Some("refunded") => false,
        // Some pages show a reversal without a status; then it is what was asked for.
        _ => full,
    };
    Ok(if full {
        RefundOutcome::Reversed { deduction_cents, commission_id }
    } else {
        RefundOutcome::Refunded { deduction_cents, commission_id }
    })
}

/// Dollars, as the service says them, to cents.
fn cents(dollars: f64) -> i64 {
    // A float-to-integer cast saturates.
    (dollars * 100.0).round() as i64
}

/// The answer to a question, or the service's error.
pub(crate) fn question<T: serde::de::DeserializeOwned>(
    answer: &Answer,
    kind: CallKind,
    key: Option<&str>,
) -> Result<T, Error> {
    let read = Read::new(answer, kind, key);
    if !read.is_ok() {
        return Err(read.error());
    }
    let unreadable = |source: serde_json::Error| {
        Error::new(Kind::Unexpected)
            .with_status(Some(answer.status))
            .with_message(redact::words(&source.to_string(), key))
            .with_fate(false, kind == CallKind::TestChain)
    };
    match read.json {
        // The service answers some questions bare and others under `data`, and some both ways.
        Some(Value::Object(mut object)) if object.get("data").is_some_and(Value::is_object) => {
            serde_json::from_value(object.remove("data").unwrap_or_default()).map_err(unreadable)
        }
        Some(json @ Value::Object(_)) => serde_json::from_value(json).map_err(unreadable),
        _ => Err(read.error()),
    }
}
