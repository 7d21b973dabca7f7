//! What is known about the visitor behind a request.

use crate::{click_history::ClickHistory, click_id::ClickId};

/// The visitor behind a request: the current click id and the click history.
///
/// ```
/// use affitor::{ClickId, Visitor};
///
/// let id = ClickId::new("cust_42_1714000000000")?;
/// let visitor = Visitor::from(id.clone());
/// assert_eq!(visitor.click_id, Some(id));
/// # Ok::<(), affitor::InvalidClickId>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Visitor {
    /// Id of the visitor's most recent click.
    pub click_id: Option<ClickId>,
    /// All clicks of the visitor, as in the cookie `affitor_click_ids`.
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
