//! The users. A shop has them in its database.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub(crate) struct SignUp {
    pub(crate) email: String,
    password: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Created {
    pub(crate) user_id: String,
}

/// Creates a user, and returns the id. `None` if something is missing.
pub(crate) fn create(sign_up: &SignUp) -> Option<String> {
    if !sign_up.email.contains('@') || sign_up.password.is_empty() {
        return None;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(format!("user_{}", now.as_micros()))
}
