//! Responses about the program: readiness, status, and the synthetic test chain.

use serde::{Deserialize, Deserializer, Serialize};

use crate::open_enum::open_enum;

open_enum! {
    /// How complete an integration is.
    ReadinessState {
        /// The program is a draft.
        Draft = "draft",
        /// A gate does not pass yet.
        Configuring = "configuring",
        /// All gates pass except the test chain.
        Ready = "ready",
        /// A synthetic chain was attributed.
        IntegrationVerified = "integration_verified",
        /// A real event was attributed.
        LiveVerified = "live_verified",
    }
}

open_enum! {
    /// One of the five requirements of a program.
    GateName {
        /// The program's profile.
        Profile = "profile",
        /// The commission policy.
        Economics = "economics",
        /// The payout method for partners.
        Payout = "payout",
        /// The arrival of events.
        Tracking = "tracking",
        /// An attributed test chain.
        Live = "live",
    }
}

open_enum! {
    /// Whether a gate passes.
    GateStatus {
        /// The gate passes.
        Pass = "pass",
        /// The gate does not pass. [`Gate::next_action`] has what to do.
        Fail = "fail",
        /// Not known yet.
        Unknown = "unknown",
    }
}

open_enum! {
    /// Verdict on one step of a synthetic chain.
    StepVerdict {
        /// Credited to the right partner.
        Attributed = "attributed",
        /// Credited to no partner.
        Unattributed = "unattributed",
        /// Credited to another partner.
        WrongPartner = "wrong_partner",
        /// Not yet known.
        Pending = "pending",
    }
}

/// Whether an integration is ready (`GET /api/v1/programs/me/readiness`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Readiness {
    /// Id of the program. (The service sends a number.)
    #[serde(default, deserialize_with = "id")]
    pub program_id: Option<String>,
    /// How complete the integration is.
    pub state: ReadinessState,
    /// Whether a chain or a real event was attributed.
    #[serde(default, deserialize_with = "null_as_default")]
    pub integration_verified: bool,
    /// The first gate that does not pass.
    #[serde(default)]
    pub blocker: Option<GateName>,
    /// The five gates.
    #[serde(default, deserialize_with = "null_as_default")]
    pub gates: Gates,
    /// Time of the last real event of each kind.
    #[serde(default, deserialize_with = "null_as_default")]
    pub last_event_at: LastEvents,
    /// Number of real events in the last 24 hours.
    #[serde(default, deserialize_with = "null_as_default")]
    pub counts_24h: EventCounts,
    /// Time of the last key rotation (ISO 8601).
    #[serde(default)]
    pub key_rotated_at: Option<String>,
    /// Recommended polling interval.
    #[serde(default, deserialize_with = "null_as_default")]
    pub poll: Poll,
}

/// The five gates of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Gates {
    /// The program's profile.
    pub profile: Gate,
    /// The commission policy.
    pub economics: Gate,
    /// The payout method for partners.
    pub payout: Gate,
    /// The arrival of events.
    pub tracking: Gate,
    /// An attributed test chain.
    pub live: Gate,
}

/// One gate. Which of the optional fields are set depends on the gate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Gate {
    /// Whether the gate passes.
    pub status: Option<GateStatus>,
    /// Next step, as the service names it: `set_commission_policy`, …
    pub next_action: Option<String>,
    /// Payout gate: `stripe`, `manual` or `s2s`.
    pub mode: Option<String>,
    /// Payout gate: URL to connect at.
    pub endpoint: Option<String>,
    /// Tracking gate: `tracker_installed` or `receiving_events`.
    pub detail: Option<String>,
    /// Tracking gate: time of the last check (ISO 8601).
    pub checked_at: Option<String>,
    /// Live gate: result of the last chain.
    pub test_chain: Option<ChainVerdict>,
}

/// Time of the last real event of each kind (ISO 8601).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LastEvents {
    /// The last click.
    pub click: Option<String>,
    /// The last lead.
    pub lead: Option<String>,
    /// The last sale.
    pub sale: Option<String>,
}

/// Number of real events in the last 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EventCounts {
    /// Clicks.
    pub clicks: u64,
    /// Leads.
    pub leads: u64,
    /// Sales.
    pub sales: u64,
}

/// Recommended polling interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Poll {
    /// Seconds between two queries. Default: 5.
    pub retry_after_seconds: u64,
}

impl Default for Poll {
    fn default() -> Self {
        Self { retry_after_seconds: 5 }
    }
}

/// The result of a synthetic click, lead and sale (`POST /api/v1/cli/test-event`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestChain {
    /// Code of the synthetic partner.
    #[serde(default)]
    pub short_code: String,
    /// Customer key of the synthetic customer.
    #[serde(default)]
    pub customer_key: String,
    /// Verdict on each step.
    pub verdict: ChainVerdict,
    /// Whether the sale, and with it the chain, was attributed.
    pub attributed: bool,
}

/// Verdict on each step of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChainVerdict {
    /// The click.
    pub click: StepVerdict,
    /// The lead.
    pub lead: StepVerdict,
    /// The sale.
    pub sale: StepVerdict,
}

/// The health of a program (`GET /api/v1/cli/status`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProgramStatus {
    /// Id of the program.
    #[serde(default, deserialize_with = "id")]
    pub program_id: Option<String>,
    /// Name of the program.
    #[serde(default)]
    pub name: Option<String>,
    /// Domain of the program.
    #[serde(default)]
    pub domain: Option<String>,
    /// Whether the domain is verified.
    #[serde(default, deserialize_with = "null_as_default")]
    pub dns_verified: bool,
    /// Whether Stripe is connected. If so, Affitor reads Stripe's webhooks itself, and your server must not track these sales again.
    #[serde(default, deserialize_with = "null_as_default")]
    pub stripe_connected: bool,
    /// Whether the connected Stripe account accepts charges.
    #[serde(default)]
    pub stripe_charges_enabled: Option<bool>,
    /// Number of events in the last 24 hours.
    #[serde(default, deserialize_with = "null_as_default")]
    pub recent_events: RecentEvents,
    /// Number of active partners.
    #[serde(default, deserialize_with = "null_as_default")]
    pub active_partners: u64,
    /// Pending commissions. (The documentation does not say whether this is a count or an amount.)
    #[serde(default, deserialize_with = "null_as_default")]
    pub pending_commissions: serde_json::Value,
}

/// Number of events in the last 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RecentEvents {
    /// Clicks.
    pub clicks_24h: u64,
    /// Leads.
    pub leads_24h: u64,
    /// Sales.
    pub sales_24h: u64,
}

/// Reads an id that the service sends as a string in some places and as a number in others.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Text(String),
        Number(serde_json::Number),
    }
    Ok(Option::<Id>::deserialize(deserializer)?.map(|id| match id {
        Id::Text(id) => id,
        Id::Number(id) => id.to_string(),
    }))
}

/// Treats `null` as missing.
fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
