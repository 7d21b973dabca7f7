//! Where a state begins.

use serde::{Deserialize, Serialize};

/// Which state the changes in a journal begin with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub created_ms: i64,
    pub generation: String,
}
