//! What the service says of the program: readiness, status, and the synthetic test chain.

use serde::{Deserialize, Deserializer, Serialize};

use crate::open_enum::open_enum;

open_enum! {
    /// How far an integration has come.
    ReadinessState {
        /// The program is being written.
        Draft = "draft",
        /// Some gate does not pass yet.
        Configuring = "configuring",
        /// Everything but the chain.
        Ready = "ready",
        /// A synthetic chain went through.
        IntegrationVerified = "integration_verified",
        /// A real event went through.
        LiveVerified = "live_verified",
    }
}

open_enum! {
    /// One of the five things that a program needs.
    GateName {
        /// The program's profile.
        Profile = "profile",
        /// The commission policy.
        Economics = "economics",
        /// How partners are paid.
        Payout = "payout",
        /// Events arrive.
        Tracking = "tracking",
        /// A chain was attributed.
        Live = "live",
    }
}

open_enum! {
    /// Whether a gate passes.
    GateStatus {
        /// It does.
        Pass = "pass",
        /// It does not: see `next_action`.
        Fail = "fail",
        /// Not known yet.
        Unknown = "unknown",
    }
}

open_enum! {
    /// What became of one step of a synthetic chain.
    StepVerdict {
        /// Credited to the right partner.
        Attributed = "attributed",
        /// Credited to nobody.
        Unattributed = "unattributed",
        /// Credited to somebody else.
        WrongPartner = "wrong_partner",
        /// Not yet known.
        Pending = "pending",
    }
}

/// Whether an integration is ready (`GET /api/v1/programs/me/readiness`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Readiness {
    /// The program. (The service writes it as a number.)
    #[serde(default, deserialize_with = "id")]
    pub program_id: Option<String>,
    /// How far it has come.
    pub state: ReadinessState,
    /// Whether a chain or a real event went through.
    #[serde(default, deserialize_with = "null_as_default")]
    pub integration_verified: bool,
    /// The first gate that does not pass.
    #[serde(default)]
    pub blocker: Option<GateName>,
    /// The five gates.
    #[serde(default, deserialize_with = "null_as_default")]
    pub gates: Gates,
    /// When the last real event of each kind came.
    #[serde(default, deserialize_with = "null_as_default")]
    pub last_event_at: LastEvents,
    /// How many real events came in the last 24 hours.
    #[serde(default, deserialize_with = "null_as_default")]
    pub counts_24h: EventCounts,
    /// When the key was last changed (ISO 8601).
    #[serde(default)]
    pub key_rotated_at: Option<String>,
    /// How often to ask.
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
    /// How partners are paid.
    pub payout: Gate,
    /// Events arrive.
    pub tracking: Gate,
    /// A chain was attributed.
    pub live: Gate,
}

/// One gate. Which of the optional fields are there depends on the gate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Gate {
    /// Whether it passes.
    pub status: Option<GateStatus>,
    /// What to do, as the service's word: `set_commission_policy`, …
    pub next_action: Option<String>,
    /// Of the payout: `stripe`, `manual` or `s2s`.
    pub mode: Option<String>,
    /// Of the payout: where to connect.
    pub endpoint: Option<String>,
    /// Of the tracking: `tracker_installed` or `receiving_events`.
    pub detail: Option<String>,
    /// Of the tracking: when it was looked at (ISO 8601).
    pub checked_at: Option<String>,
    /// Of the live gate: how the last chain went.
    pub test_chain: Option<ChainVerdict>,
}

/// When the last real event of each kind came (ISO 8601).
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

/// How many real events came in the last 24 hours.
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

/// How often to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Poll {
    /// Seconds between two questions. 5 unless the service says otherwise.
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
    /// The code of the synthetic partner.
    #[serde(default)]
    pub short_code: String,
    /// The key of the synthetic customer.
    #[serde(default)]
    pub customer_key: String,
    /// What became of each step.
    pub verdict: ChainVerdict,
    /// Whether the sale was attributed, and with it the chain.
    pub attributed: bool,
}

/// What became of each step of a chain.
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
    /// The program.
    #[serde(default, deserialize_with = "id")]
    pub program_id: Option<String>,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its domain.
    #[serde(default)]
    pub domain: Option<String>,
    /// Whether the domain is verified.
    #[serde(default, deserialize_with = "null_as_default")]
    pub dns_verified: bool,
    /// Whether Stripe is connected. Then Affitor reads Stripe's webhooks itself, and sales must not be tracked twice.
    #[serde(default, deserialize_with = "null_as_default")]
    pub stripe_connected: bool,
    /// Whether the connected Stripe account takes charges.
    #[serde(default)]
    pub stripe_charges_enabled: Option<bool>,
    /// How many events came in the last 24 hours.
    #[serde(default, deserialize_with = "null_as_default")]
    pub recent_events: RecentEvents,
    /// How many partners there are.
    #[serde(default, deserialize_with = "null_as_default")]
    pub active_partners: u64,
    /// How many commissions wait. (The pages leave open whether this is a count or an amount.)
    #[serde(default, deserialize_with = "null_as_default")]
    pub pending_commissions: serde_json::Value,
}

/// How many events came in the last 24 hours.
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

/// An id that the service writes as a text in one place and as a number in another.
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

/// `null` is as if absent.
fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
