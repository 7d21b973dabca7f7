//! A sign-up.

use std::fmt;

use affitor_core::{
    ClickHistory, ClickId, Visitor,
    redact::{Hidden, Redacted, RedactedUrl},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    EventIds, EventKind, InvalidEvent, NotAttributed, RetryClass,
    additional_data::{AdditionalData, Keys},
    is_absent, non_blank, present,
};

/// A sign-up: ties your user to the click that brought them (`POST /api/v1/track/lead`).
///
/// ```
/// use affitor::{ClickId, Lead};
///
/// let user_id = 7; // a number, a UUID, a string: anything that implements `Display`
/// let lead = Lead::new(user_id)
///     .click_id(ClickId::new("cust_42_1714000000000").ok())
///     .email("jo@example.com");
/// assert!(lead.validate().is_ok());
/// assert!(!format!("{lead:?}").contains("jo@"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[must_use = "an event does nothing until it is tracked"]
#[non_exhaustive]
pub struct Lead {
    /// Your own stable user id. All later sales are found under it.
    #[doc(alias = "customerExternalId")]
    #[serde(skip_serializing_if = "is_absent")]
    pub customer_key: Option<String>,
    /// Click id of the visitor. A [`BoundClient`](crate::BoundClient) fills it in if it is `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub click_id: Option<ClickId>,
    /// E-mail address of the user. The service hashes it on arrival; `Debug` never shows it.
    #[serde(skip_serializing_if = "is_absent")]
    pub email: Option<String>,
    /// Session id of the browser tracker.
    #[serde(skip_serializing_if = "is_absent")]
    pub session_id: Option<String>,
    /// URL of the sign-up page.
    #[serde(skip_serializing_if = "is_absent")]
    pub page_url: Option<String>,
    /// Click history of the visitor. A [`BoundClient`](crate::BoundClient) fills it in if it is empty.
    #[serde(skip_serializing_if = "ClickHistory::is_empty")]
    pub click_ids: ClickHistory,
    /// Everything else: `event_name`, `test_mode`, `program_id`, and your own entries.
    #[serde(skip_serializing_if = "AdditionalData::is_empty")]
    pub additional_data: serde_json::Map<String, Value>,
}

impl Lead {
    /// Creates a lead for one of your users, named by an id that never changes. A blank id is treated as missing.
    pub fn new(customer_key: impl fmt::Display) -> Self {
        Self { customer_key: non_blank(customer_key.to_string()), ..Self::default() }
    }

    /// Creates a lead that has only a click id.
    pub fn of_click(click_id: ClickId) -> Self {
        Self { click_id: Some(click_id), ..Self::default() }
    }

    /// Sets the visitor's click id.
    pub fn click_id(mut self, click_id: impl Into<Option<ClickId>>) -> Self {
        self.click_id = click_id.into();
        self
    }

    /// Sets the e-mail address. A blank one is treated as missing.
    pub fn email(mut self, email: impl AsRef<str>) -> Self {
        self.email = non_blank(email.as_ref());
        self
    }

    /// Sets the session id of the browser tracker.
    pub fn session_id(mut self, session_id: impl Into<String>) -> Self {
        self.session_id = non_blank(session_id);
        self
    }

    /// Sets the URL of the sign-up page.
    pub fn page_url(mut self, page_url: impl Into<String>) -> Self {
        self.page_url = non_blank(page_url);
        self
    }

    /// Sets the visitor's click history, oldest first.
    pub fn click_ids(mut self, click_ids: impl IntoIterator<Item = ClickId>) -> Self {
        self.click_ids = click_ids.into_iter().collect();
        self
    }

    /// Names the event for your own reports (`additional_data.event_name`).
    #[doc(alias = "eventName")]
    pub fn event_name(self, name: impl Into<String>) -> Self {
        self.additional("event_name", name.into())
    }

    /// Checks that the lead has what the service requires.
    ///
    /// # Errors
    ///
    /// Returns an error if the lead has neither a customer key nor a click id and is not a test event.
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        if present(self.customer_key.as_ref()).is_some() || self.click_id.is_some() || self.is_test() {
            Ok(())
        } else {
            Err(InvalidEvent("a lead needs a customer_key or a click_id"))
        }
    }
}

additional_data_methods!(Lead);

impl EventKind for Lead {
    fn validate(&self) -> Result<(), InvalidEvent> {
        self.validate()
    }

    fn attribute_to(&mut self, visitor: &Visitor) {
        if self.click_id.is_none() {
            self.click_id.clone_from(&visitor.click_id);
        }
        if self.click_ids.is_empty() {
            self.click_ids.clone_from(&visitor.click_ids);
        }
    }

    fn retry_class(&self) -> RetryClass {
        RetryClass::Idempotent
    }

    fn ids(&self) -> EventIds<'_> {
        let customer_key = present(self.customer_key.as_ref());
        EventIds { customer_key, click_id: self.click_id.as_ref(), ..EventIds::default() }
    }

    fn identity(&self) -> Result<Option<Vec<&str>>, InvalidEvent> {
        let ids = self.ids();
        let parts = vec![ids.customer_key.unwrap_or_default(), ids.click_id.map_or("", ClickId::as_str)];
        Ok((!self.is_test()).then_some(parts))
    }
}

impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead")
            .field("customer_key", &self.customer_key.as_deref().map(Redacted))
            .field("click_id", &self.click_id)
            .field("email", &self.email.as_ref().map(|_| Hidden))
            .field("session_id", &self.session_id.as_deref().map(Redacted))
            .field("page_url", &self.page_url.as_deref().map(RedactedUrl))
            .field("click_ids", &self.click_ids)
            .field("additional_data", &Keys(&self.additional_data))
            .finish()
    }
}

/// The outcome of a lead.
///
/// ```
/// # async fn sign_up(client: affitor::Client) -> Result<(), affitor::Error> {
/// use affitor::{Lead, LeadOutcome};
///
/// match client.track_lead(Lead::new("user_7")).await? {
///     LeadOutcome::Recorded => println!("the sign-up counts"),
///     LeadOutcome::AlreadyRecorded => println!("it was reported before"),
///     LeadOutcome::NotAttributed(reason) => println!("no partner: {reason}"), // the normal case
///     outcome => println!("{outcome}"),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeadOutcome {
    /// The sign-up counts.
    Recorded,
    /// The customer already was a lead or a paying customer. Nothing to do.
    AlreadyRecorded,
    /// No partner brought this customer. The normal case for most visitors.
    NotAttributed(NotAttributed),
    /// Recorded as a test event.
    #[non_exhaustive]
    Test {
        /// Id of the event.
        event_id: Option<i64>,
    },
    /// The client is [disabled](crate::Client::disabled), so nothing was sent.
    Disabled,
}

impl fmt::Display for LeadOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded => f.write_str("recorded"),
            Self::AlreadyRecorded => f.write_str("already recorded"),
            Self::NotAttributed(reason) => write!(f, "not attributed: {reason}"),
            Self::Test { .. } => f.write_str("recorded as a test event"),
            Self::Disabled => f.write_str("not sent, because the client is disabled"),
        }
    }
}
