//! A visitor who arrives by a partner's link.

use std::fmt;

use affitor_core::{
    ClickId,
    redact::{Redacted, RedactedUrl},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    InvalidEvent,
    additional_data::{AdditionalData, Keys},
    is_absent, non_blank, present,
};

/// A visitor who arrives by a partner's link (`POST /api/v1/track/click`).
///
/// Normally the tracker script in the page reports it. If your server reports it, store the click id from the response in the
/// visitor's cookie. The call is made without the API key, so a test click must name its program: by the client's program id,
/// or by `additional("program_id", …)`.
///
/// ```
/// use affitor::Click;
///
/// let click = Click::landing("https://shop.example/pricing?aff=PARTNER123")
///     .referrer_url("https://blog.example/")
///     .language("en-US");
/// assert!(click.validate().is_ok());
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[must_use = "an event does nothing until it is tracked"]
#[non_exhaustive]
pub struct Click {
    /// Whole landing URL with its `?aff=`.
    #[doc(alias = "affiliateUrl")]
    #[serde(skip_serializing_if = "is_absent")]
    pub affiliate_url: Option<String>,
    /// URL of the page.
    #[serde(skip_serializing_if = "is_absent")]
    pub page_url: Option<String>,
    /// Title of the page.
    #[serde(skip_serializing_if = "is_absent")]
    pub page_title: Option<String>,
    /// URL of the page that the visitor came from.
    #[serde(skip_serializing_if = "is_absent")]
    pub referrer_url: Option<String>,
    /// Session id of the browser tracker.
    #[serde(skip_serializing_if = "is_absent")]
    pub session_id: Option<String>,
    /// `User-Agent` of the visitor. If it is missing, the service sees the one of this client.
    #[serde(skip_serializing_if = "is_absent")]
    pub user_agent: Option<String>,
    /// Size of the screen, such as `1920x1080`.
    #[serde(skip_serializing_if = "is_absent")]
    pub screen_resolution: Option<String>,
    /// Size of the browser window, such as `1440x900`.
    #[serde(skip_serializing_if = "is_absent")]
    pub viewport_size: Option<String>,
    /// Language of the visitor, such as `en-US`.
    #[serde(skip_serializing_if = "is_absent")]
    pub language: Option<String>,
    /// Time zone of the visitor, such as `America/New_York`.
    #[serde(skip_serializing_if = "is_absent")]
    pub timezone: Option<String>,
    /// Click id that the visitor already has. The service then reuses their customer record.
    #[doc(alias = "existingClickId")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing_click_id: Option<ClickId>,
    /// Everything else: `test_mode`, `program_id`, and your own entries.
    #[serde(skip_serializing_if = "AdditionalData::is_empty")]
    pub additional_data: serde_json::Map<String, Value>,
}

macro_rules! text_setters {
    ($($(#[$doc:meta])* $field:ident,)*) => {$(
        $(#[$doc])*
        pub fn $field(mut self, $field: impl Into<String>) -> Self {
            self.$field = non_blank($field);
            self
        }
    )*};
}

impl Click {
    /// Creates a click from the landing URL with its `?aff=`.
    pub fn landing(affiliate_url: impl Into<String>) -> Self {
        Self { affiliate_url: non_blank(affiliate_url), ..Self::default() }
    }

    text_setters! {
        /// Sets the URL of the page, if it differs from the landing URL.
        page_url,
        /// Sets the title of the page.
        page_title,
        /// Sets the URL of the page that the visitor came from.
        referrer_url,
        /// Sets the session id of the browser tracker.
        session_id,
        /// Sets the visitor's `User-Agent`.
        user_agent,
        /// Sets the size of the screen, such as `1920x1080`.
        screen_resolution,
        /// Sets the size of the browser window, such as `1440x900`.
        viewport_size,
        /// Sets the language, such as `en-US`.
        language,
        /// Sets the time zone, such as `America/New_York`.
        timezone,
    }

    /// Sets the click id that the visitor already has.
    pub fn existing_click_id(mut self, click_id: impl Into<Option<ClickId>>) -> Self {
        self.existing_click_id = click_id.into();
        self
    }

    /// Checks that the click has what the service requires. Only the service can tell whether the URL names a partner.
    ///
    /// # Errors
    ///
    /// Returns an error if the click has no landing URL and is not a test event.
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        if present(self.affiliate_url.as_ref()).is_some() || self.is_test() {
            Ok(())
        } else {
            Err(InvalidEvent("a click needs its affiliate_url"))
        }
    }
}

additional_data_methods!(Click);

impl fmt::Debug for Click {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Click")
            .field("affiliate_url", &self.affiliate_url.as_deref().map(RedactedUrl))
            .field("page_url", &self.page_url.as_deref().map(RedactedUrl))
            .field("referrer_url", &self.referrer_url.as_deref().map(RedactedUrl))
            .field("session_id", &self.session_id.as_deref().map(Redacted))
            .field("existing_click_id", &self.existing_click_id)
            .field("additional_data", &Keys(&self.additional_data))
            .finish_non_exhaustive()
    }
}

/// What the service made of a click.
///
/// ```
/// # async fn landing(client: affitor::Client) -> Result<(), affitor::Error> {
/// use affitor::{Click, ClickOutcome};
///
/// let outcome = client.track_click(Click::landing("https://shop.example/?aff=PARTNER123")).await?;
/// if let ClickOutcome::Recorded { click_id, cookie_window_days, .. } = outcome {
///     let seconds = u64::from(cookie_window_days.unwrap_or(90)) * 86_400;
///     println!("set-cookie: affitor_click_id={click_id}; Max-Age={seconds}; Path=/; SameSite=Lax; Secure");
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the click id must be stored in the visitor's cookie"]
#[non_exhaustive]
pub enum ClickOutcome {
    /// The click counts. Store its id in the visitor's cookie.
    #[non_exhaustive]
    Recorded {
        /// Click id.
        click_id: ClickId,
        /// Code of the partner, as in `?aff=`.
        partner_code: Option<String>,
        /// Lifetime of the cookie in days: 1 to 365, from the program's settings.
        cookie_window_days: Option<u32>,
    },
    /// The partner's link is switched off. (The service responds with status 200.)
    InactiveLink,
    /// Recorded as a test event.
    #[non_exhaustive]
    Test {
        /// Id of the event.
        event_id: Option<i64>,
    },
    /// The client is [disabled](crate::Client::disabled), so nothing was sent.
    Disabled,
}

impl ClickOutcome {
    /// Returns the click id, if the click counts.
    pub fn click_id(&self) -> Option<&ClickId> {
        match self {
            Self::Recorded { click_id, .. } => Some(click_id),
            Self::InactiveLink | Self::Test { .. } | Self::Disabled => None,
        }
    }
}

impl fmt::Display for ClickOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded { click_id, .. } => write!(f, "recorded as {click_id}"),
            Self::InactiveLink => f.write_str("not recorded, because the partner's link is inactive"),
            Self::Test { .. } => f.write_str("recorded as a test event"),
            Self::Disabled => f.write_str("not sent, because the client is disabled"),
        }
    }
}
