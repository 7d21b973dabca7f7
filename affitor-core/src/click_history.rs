//! The clicks of one visitor.

use std::{collections::VecDeque, ops::Deref};

use serde::{Deserialize, Serialize};

use crate::click_id::ClickId;

/// The click ids of one visitor, oldest first.
///
/// Holds at most [`ClickHistory::MAX_LEN`] ids, each once: of duplicates the last one is kept, and the oldest ids are
/// dropped. That is what the browser tracker stores in the cookie `affitor_click_ids` and what *track lead* accepts.
///
/// ```
/// use affitor_core::{ClickHistory, ClickId};
///
/// let ids = ["cust_1_1", "cust_2_2", "cust_1_1"].map(|id| ClickId::new(id).unwrap());
/// let history = ClickHistory::from_iter(ids);
/// assert_eq!(*history, ["cust_2_2", "cust_1_1"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<ClickId>")]
pub struct ClickHistory(Vec<ClickId>);

impl ClickHistory {
    /// The largest number of ids in a history: 20.
    pub const MAX_LEN: usize = 20;

    /// Returns whether the visitor has no clicks.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the ids, oldest first.
    pub fn into_vec(self) -> Vec<ClickId> {
        self.0
    }
}

impl FromIterator<ClickId> for ClickHistory {
    fn from_iter<I: IntoIterator<Item = ClickId>>(ids: I) -> Self {
        let mut newest = VecDeque::new();
        for id in ids {
            newest.retain(|known| *known != id);
            if newest.len() == Self::MAX_LEN {
                newest.pop_front();
            }
            newest.push_back(id);
        }
        Self(newest.into())
    }
}

impl From<Vec<ClickId>> for ClickHistory {
    fn from(ids: Vec<ClickId>) -> Self {
        ids.into_iter().collect()
    }
}

impl Deref for ClickHistory {
    type Target = [ClickId];

    fn deref(&self) -> &[ClickId] {
        &self.0
    }
}

impl IntoIterator for ClickHistory {
    type Item = ClickId;
    type IntoIter = std::vec::IntoIter<ClickId>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
