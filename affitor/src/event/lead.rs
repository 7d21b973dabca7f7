use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{InvalidEvent, Keys, id};
use crate::{
    ClickId,
    redact::{Hidden, Redacted},
};

/// A sign-up: ties the shop's own user to the click that brought them (`POST /api/v1/track/lead`).
///
/// ```
/// use affitor::{ClickId, Lead};
///
/// let user_id = 7; // a number, a UUID, a text: whatever `Display`s
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
    /// The shop's own stable id of the user, under which all later sales are found.
    #[doc(alias = "customerExternalId")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<String>,
    /// The visitor's click id. Filled in by a [`BoundClient`](crate::BoundClient) when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub click_id: Option<ClickId>,
    /// The user's e-mail address; the service hashes it on arrival. Never shown by `Debug`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The tracker's session id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The page of the sign-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_url: Option<String>,
    /// The visitor's whole click history, oldest first, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub click_ids: Vec<ClickId>,
    /// Anything else: `event_name`, `test_mode`, `program_id`, and what the shop adds.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub additional_data: Map<String, Value>,
}

impl Lead {
    /// A lead of the shop's user, named by an id that never changes. A blank one is as if absent.
    pub fn new(customer_key: impl fmt::Display) -> Self {
        Self { customer_key: id(customer_key), ..Self::default() }
    }

    /// A lead that is known by its click alone.
    pub fn of_click(click_id: ClickId) -> Self {
        Self { click_id: Some(click_id), ..Self::default() }
    }

    /// Sets the visitor's click id.
    pub fn click_id(mut self, click_id: impl Into<Option<ClickId>>) -> Self {
        self.click_id = click_id.into();
        self
    }

    /// Sets the e-mail address. A blank one is as if absent.
    pub fn email(mut self, email: impl AsRef<str>) -> Self {
        self.email = id(email.as_ref());
        self
    }

    /// Sets the tracker's session id.
    pub fn session_id(mut self, session_id: impl Into<String>) -> Self {
        self.session_id = Some(session_id.into());
        self
    }

    /// Sets the page of the sign-up.
    pub fn page_url(mut self, page_url: impl Into<String>) -> Self {
        self.page_url = Some(page_url.into());
        self
    }

    /// Sets the visitor's click history, oldest first; of more than 20 the newest 20 are sent.
    pub fn click_ids(mut self, click_ids: impl IntoIterator<Item = ClickId>) -> Self {
        self.click_ids = crate::Visitor::default().history(click_ids).click_ids;
        self
    }

    /// Names the event, for the shop's own reports (`additional_data.event_name`).
    #[doc(alias = "eventName")]
    pub fn event_name(self, name: impl Into<String>) -> Self {
        self.additional("event_name", name.into())
    }

    /// Whether the lead says enough to be sent.
    ///
    /// # Errors
    ///
    /// When it has neither a customer key nor a click id, outside test mode.
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        let named = self.customer_key.as_deref().is_some_and(|key| !super::is_blank(key));
        if named || self.click_id.is_some() || self.is_test() {
            Ok(())
        } else {
            Err(InvalidEvent("a lead needs a customer_key or a click_id"))
        }
    }
}

additional_data_methods!(Lead);

impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead")
            .field("customer_key", &self.customer_key.as_deref().map(Redacted))
            .field("click_id", &self.click_id)
            .field("email", &self.email.as_ref().map(|_| Hidden))
            .field("session_id", &self.session_id.as_deref().map(Redacted))
            .field("page_url", &self.page_url.as_deref().map(Redacted))
            .field("click_ids", &self.click_ids)
            .field("additional_data", &Keys(&self.additional_data))
            .finish()
    }
}
