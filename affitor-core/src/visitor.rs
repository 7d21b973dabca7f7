//! What is known about the visitor behind a request.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{click_history::ClickHistory, click_id::ClickId};

/// The visitor behind a request: the current click id and the click history.
///
/// It can be stored beside a pending sign-up (in the session, or in an identity provider's metadata), for a sign-up that ends in
/// another request, without the visitor's cookies. What is read back may have been changed by others, so ids that are not valid are
/// treated as missing.
///
/// ```
/// use affitor_core::Visitor;
///
/// let stored = r#"{"click_id":"cust_42_1714000000000"}"#;
/// let visitor: Visitor = serde_json::from_str(stored)?;
/// assert_eq!(serde_json::to_string(&visitor)?, stored);
/// let changed: Visitor = serde_json::from_str(r#"{"click_id":"a b","click_ids":7}"#)?;
/// assert_eq!(changed, Visitor::default());
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// ```
/// use affitor_core::{ClickId, Visitor};
///
/// let id = ClickId::new("cust_42_1714000000000")?;
/// let visitor = Visitor::from(id.clone());
/// assert_eq!(visitor.click_id, Some(id));
/// # Ok::<(), affitor_core::InvalidClickId>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Visitor {
    /// Id of the visitor's most recent click.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "valid_id")]
    pub click_id: Option<ClickId>,
    /// All clicks of the visitor, as in the cookie `affitor_click_ids`.
    #[serde(skip_serializing_if = "ClickHistory::is_empty", deserialize_with = "valid_ids")]
    pub click_ids: ClickHistory,
}

impl Visitor {
    /// Sets the click history, oldest first.
    #[must_use]
    pub fn click_ids(mut self, click_ids: impl IntoIterator<Item = ClickId>) -> Self {
        self.click_ids = click_ids.into_iter().collect();
        self
    }
}

impl From<ClickId> for Visitor {
    fn from(click_id: ClickId) -> Self {
        Some(click_id).into()
    }
}

impl From<Option<ClickId>> for Visitor {
    fn from(click_id: Option<ClickId>) -> Self {
        Self { click_id, click_ids: ClickHistory::default() }
    }
}

/// Reads a click id. Anything else is treated as missing.
fn valid_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ClickId>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().and_then(|id| ClickId::new(id).ok()))
}

/// Reads click ids, and leaves out what is none.
fn valid_ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ClickHistory, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let ids = value.as_array().into_iter().flatten().filter_map(|id| ClickId::new(id.as_str()?).ok());
    Ok(ids.collect())
}
