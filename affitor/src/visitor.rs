//! What a request says of its visitor.

use crate::ClickId;

/// What is known of the visitor behind a request: the click id, and the history of clicks.
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
    /// The id of the visitor's last click.
    pub click_id: Option<ClickId>,
    /// All of the visitor's clicks, oldest first, as in the cookie `affitor_click_ids`: at most 20.
    pub click_ids: Vec<ClickId>,
}

impl From<ClickId> for Visitor {
    fn from(click_id: ClickId) -> Self {
        Self { click_id: Some(click_id), click_ids: Vec::new() }
    }
}

impl From<Option<ClickId>> for Visitor {
    fn from(click_id: Option<ClickId>) -> Self {
        Self { click_id, click_ids: Vec::new() }
    }
}

impl Visitor {
    /// The same visitor with a history of clicks, oldest first. Of more than 20 the newest 20 are kept, which is what
    /// the service takes.
    pub fn history(mut self, click_ids: impl IntoIterator<Item = ClickId>) -> Self {
        self.click_ids = click_ids.into_iter().collect();
        let surplus = self.click_ids.len().saturating_sub(crate::find::HISTORY_LEN);
        self.click_ids.drain(..surplus);
        self
    }
}
