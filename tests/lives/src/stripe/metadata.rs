//! Metadata that shops attach to their payments.

use serde_json::{Value, json};

/// Whose metadata the payments of a life carry.
#[derive(Debug, Clone)]
pub(super) enum Metadata {
    /// The program that the tests read webhooks for.
    Ours { number: u64, click_id: Option<String> },
    /// Another program of the service.
    AnotherProgram { number: u64 },
    /// Nothing of an affiliate program.
    None,
}

impl Metadata {
    pub(super) fn ours(rng: &mut fastrand::Rng, number: u64, now: u64) -> Self {
        let click_id = rng.bool().then(|| format!("cust_{number}_{}", now * 1_000 - rng.u64(4_000_000..90_000_000)));
        Self::Ours { number, click_id }
    }

    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Self::Ours { .. })
    }

    pub(super) fn customer_key(&self) -> String {
        match self {
            Self::Ours { number, .. } | Self::AnotherProgram { number } => format!("user_{number}"),
            Self::None => String::new(),
        }
    }

    pub(super) fn json(&self) -> Value {
        let key = self.customer_key();
        match self {
            Self::Ours { click_id: Some(click_id), .. } => {
                json!({ "program_id": "42", "affitor_customer_key": key, "affitor_click_id": click_id })
            }
            Self::Ours { click_id: None, .. } => json!({ "program_id": "42", "affitor_customer_key": key }),
            Self::AnotherProgram { .. } => json!({ "program_id": "43", "affitor_customer_key": key }),
            Self::None => json!({ "cart": "17" }),
        }
    }
}
