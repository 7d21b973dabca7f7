//! The rows of the ledger's tables, as JSON.

use affitor_payments::ledger::{Facts, Policy};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Parses the rows of a query. They were written by this crate, or by somebody who edited the tables.
pub(super) fn parse<T: for<'de> Deserialize<'de>>(rows: &[String]) -> Result<Vec<T>, Error> {
    rows.iter().map(|row| serde_json::from_str(row).map_err(Error::unreadable)).collect()
}

/// Converts ids to the parameter of a query.
pub(super) fn list<T: Serialize>(ids: impl IntoIterator<Item = T>) -> String {
    serde_json::to_string(&ids.into_iter().collect::<Vec<_>>()).unwrap_or_default()
}

/// The group of an id.
#[derive(Debug, Deserialize)]
pub(super) struct IdRow {
    pub(super) id: String,
    pub(super) group_id: i64,
}

/// A group of payments. Facts and policy are JSON texts.
#[derive(Debug, Deserialize)]
pub(super) struct GroupRow {
    pub(super) scope: String,
    facts: String,
    policy: Option<String>,
    #[serde(default, deserialize_with = "read_flag")]
    pub(super) is_due: bool,
    /// When something was learned about it for the last time, in seconds of Unix time.
    #[serde(default)]
    pub(super) updated_at: i64,
}

impl GroupRow {
    pub(super) fn facts(&self) -> Result<Facts, Error> {
        serde_json::from_str(&self.facts).map_err(Error::unreadable)
    }

    pub(super) fn policy(&self) -> Result<Policy, Error> {
        self.policy
            .as_deref()
            .map_or(Ok(Policy::default()), |json| serde_json::from_str(json).map_err(Error::unreadable))
    }
}

/// When a ledger was started, and whether Affitor reads the provider's webhooks itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct LedgerRow {
    pub(super) started_at: Option<u64>,
    #[serde(default, deserialize_with = "flag")]
    pub(super) stripe_connected: Option<bool>,
    #[serde(default, deserialize_with = "flag")]
    pub(super) read_by_affitor: Option<bool>,
    /// How long payments are kept, in seconds, and when the app has said it for the last time.
    pub(super) keep: Option<i64>,
    pub(super) keep_said_at: Option<i64>,
    /// How the app last decided about the payments of the scope, as JSON.
    policy: Option<String>,
}

impl LedgerRow {
    pub(super) fn policy(&self) -> Result<Option<Policy>, Error> {
        self.policy.as_deref().map(|json| serde_json::from_str(json).map_err(Error::unreadable)).transpose()
    }
}

/// A sale or refund that was enqueued.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ReportRow {
    pub(super) transaction_id: String,
    pub(super) r#type: String,
    pub(super) cents: Option<u64>,
    /// Of a sale.
    #[serde(default)]
    pub(super) currency: Option<String>,
    pub(super) outcome: String,
}

/// Reads a flag, which is a number on SQLite.
pub(super) fn read_flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(flag(deserializer)?.unwrap_or_default())
}

/// Reads a flag or null. A flag is a number on SQLite.
fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Option::<serde_json::Value>::deserialize(deserializer)? {
        None | Some(serde_json::Value::Null) => None,
        Some(value) => Some(value == serde_json::Value::Bool(true) || value.as_i64() == Some(1)),
    })
}
