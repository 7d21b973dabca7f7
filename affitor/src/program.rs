//! What the service says of the program: readiness, status, and the synthetic test chain.

use serde::{Deserialize, Serialize};

macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A word that this version does not know.
            Other(String),
        }

        impl $name {
            /// The service's word.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($text => Self::$variant,)*
                    _ => Self::Other(word),
                }
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Readiness {
    /// The program.
    #[serde(default)]
    pub program_id: i64,
    /// How far it has come.
    pub state: ReadinessState,
    /// Whether a chain or a real event went through.
    #[serde(default)]
    pub integration_verified: bool,
    /// The first gate that does not pass.
    #[serde(default)]
    pub blocker: Option<GateName>,
    /// The five gates.
    #[serde(default)]
    pub gates: Gates,
    /// When the last real event of each kind came.
    #[serde(default)]
    pub last_event_at: LastEvents,
    /// How many real events came in the last 24 hours.
    #[serde(default)]
    pub counts_24h: EventCounts,
    /// When the key was last changed (ISO 8601).
    #[serde(default)]
    pub key_rotated_at: Option<String>,
    /// How often to ask.
    #[serde(default)]
    pub poll: Poll,
}

/// The five gates of a program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProgramStatus {
    /// The program.
    pub program_id: String,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its domain.
    #[serde(default)]
    pub domain: Option<String>,
    /// Whether the domain is verified.
    #[serde(default)]
    pub dns_verified: bool,
    /// Whether Stripe is connected. Then Affitor reads Stripe's webhooks itself, and sales must not be tracked twice.
    #[serde(default)]
    pub stripe_connected: bool,
    /// Whether the connected Stripe account takes charges.
    #[serde(default)]
    pub stripe_charges_enabled: Option<bool>,
    /// How many events came in the last 24 hours.
    #[serde(default)]
    pub recent_events: RecentEvents,
    /// How many partners there are.
    #[serde(default)]
    pub active_partners: u64,
    /// How many commissions wait. (The pages leave open whether this is a count or an amount.)
    #[serde(default)]
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
