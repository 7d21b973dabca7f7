use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{InvalidEvent, Keys};
use crate::{ClickId, redact::Redacted};

/// A visitor who landed with a partner's link (`POST /api/v1/track/click`).
///
/// Normally the tracker script in the page reports it. Reported from a server, the answer's click id belongs in the
/// visitor's cookie. It is sent without a key; a test click therefore says of which program it is: by the client's program
/// id, or by `additional("program_id", …)`.
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
    /// The whole landing URL with its `?aff=`.
    #[doc(alias = "affiliateUrl")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affiliate_url: Option<String>,
    /// The page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_url: Option<String>,
    /// The page's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_title: Option<String>,
    /// Where the visitor came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer_url: Option<String>,
    /// The tracker's session id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The visitor's `User-Agent`. Without it the service would see this client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The screen, as `1920x1080`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen_resolution: Option<String>,
    /// The window, as `1440x900`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub viewport_size: Option<String>,
    /// The language, as `en-US`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// The time zone, as `America/New_York`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The click id that the visitor has already: their customer record is used again.
    #[doc(alias = "existingClickId")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing_click_id: Option<ClickId>,
    /// Anything else: `test_mode`, `program_id`, and what the shop adds.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub additional_data: Map<String, Value>,
}

macro_rules! text_setters {
    ($($(#[$doc:meta])* $field:ident,)*) => {$(
        $(#[$doc])*
        pub fn $field(mut self, $field: impl Into<String>) -> Self {
            self.$field = Some($field.into());
            self
        }
    )*};
}

impl Click {
    /// A visitor who landed on this URL, with its `?aff=`.
    pub fn landing(affiliate_url: impl Into<String>) -> Self {
        Self { affiliate_url: Some(affiliate_url.into()), ..Self::default() }
    }

    text_setters! {
        /// Sets the page, where it is another than the landing URL.
        page_url,
        /// Sets the page's title.
        page_title,
        /// Sets where the visitor came from.
        referrer_url,
        /// Sets the tracker's session id.
        session_id,
        /// Sets the visitor's `User-Agent`.
        user_agent,
        /// Sets the screen, as `1920x1080`.
        screen_resolution,
        /// Sets the window, as `1440x900`.
        viewport_size,
        /// Sets the language, as `en-US`.
        language,
        /// Sets the time zone, as `America/New_York`.
        timezone,
    }

    /// Sets the click id that the visitor has already.
    pub fn existing_click_id(mut self, click_id: impl Into<Option<ClickId>>) -> Self {
        self.existing_click_id = click_id.into();
        self
    }

    /// Whether the click says enough to be sent.
    ///
    /// # Errors
    ///
    /// When it has no landing URL, outside test mode. Whether the URL names a partner is the service's to say.
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        let landed = self.affiliate_url.as_deref().is_some_and(|url| !super::is_blank(url));
        if landed || self.is_test() { Ok(()) } else { Err(InvalidEvent("a click needs its affiliate_url")) }
    }
}

additional_data_methods!(Click);

impl fmt::Debug for Click {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Click")
            .field("affiliate_url", &self.affiliate_url.as_deref().map(Redacted))
            .field("page_url", &self.page_url.as_deref().map(Redacted))
            .field("referrer_url", &self.referrer_url.as_deref().map(Redacted))
            .field("session_id", &self.session_id.as_deref().map(Redacted))
            .field("existing_click_id", &self.existing_click_id)
            .field("additional_data", &Keys(&self.additional_data))
            .finish_non_exhaustive()
    }
}
