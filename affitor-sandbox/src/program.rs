//! Settings of a program and its partners.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{commission::Commission, interpretations::Interpretations, secret::SecretHash};

/// Who may report leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeadAuth {
    /// Browsers and servers.
    #[default]
    Open,
    /// `server_required`: a lead without the API key is provisional until a lead with the key arrives.
    ServerRequired,
}

/// How partners are paid, as readiness reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payout {
    /// Through a connected Stripe account.
    Stripe,
    /// Manually.
    Manual,
    /// `s2s`, which some of the service's documents mention.
    S2s,
    /// Not configured: the payout gate fails.
    Missing,
}

/// State of a partner in the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartnerState {
    /// The partner and the link are active.
    #[default]
    Active,
    /// The link is disabled: clicks return `success: false`.
    LinkInactive,
    /// The link is misconfigured: clicks return 400.
    LinkInvalid,
    /// The partner has left the program: sales return 400.
    LeftProgram,
    /// The partner's account is deleted: sales return 400.
    Deleted,
}

/// Largest program id. Every JSON reader can represent it.
pub(crate) const MAX_PROGRAM_ID: u64 = 1 << 53;

/// API key of a sandbox that is started without one.
pub(crate) const DEFAULT_API_KEY: &str = "test_key";

/// A key, token or secret in plain text. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A Stripe account whose webhooks the service reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StripeConnection {
    pub account_id: String,
    pub webhook_endpoint_id: String,
    /// Secret of the webhook endpoint, which signs its events.
    pub webhook_secret: Secret,
    pub connected_ms: i64,
}

/// A program of the service.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub id: u64,
    pub name: String,
    pub domain: String,
    /// Hash of the API key.
    pub api_key: SecretHash,
    pub key_rotated_ms: Option<i64>,
    /// `None` for a program of the builder, which is as old as the sandbox.
    pub created_ms: Option<i64>,
    pub lead_auth: LeadAuth,
    pub attribution_window_days: u32,
    pub cookie_window_days: u32,
    pub hold_days: u32,
    /// `None` if no policy is set: sales are recorded and pay nothing.
    pub commission: Option<Commission>,
    pub profile_complete: bool,
    /// `None`: through Stripe if it is connected, otherwise manually.
    pub payout: Option<Payout>,
    pub stripe: Option<StripeConnection>,
    pub interpretations: Interpretations,
}

impl Program {
    pub(crate) fn payout(&self) -> Payout {
        self.payout.unwrap_or(if self.stripe.is_some() { Payout::Stripe } else { Payout::Manual })
    }
}

/// A partner and their link.
#[derive(Clone, Debug)]
pub(crate) struct Partner {
    /// Code of the link.
    pub code: String,
    /// Index of the partner's program.
    pub program: usize,
    pub state: PartnerState,
    /// `None` for a partner of the builder, who is as old as the sandbox.
    pub created_ms: Option<i64>,
}
