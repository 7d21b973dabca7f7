//! Settings of a program and its partners.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{commission::Commission, interpretations::Interpretations};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payout {
    /// Through a connected Stripe account.
    #[default]
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

/// API key of a sandbox that is started without one.
pub(crate) const DEFAULT_API_KEY: &str = "test_key";

/// A program's API key. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ApiKey(pub String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// A program of the service.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub id: u64,
    pub api_key: ApiKey,
    pub lead_auth: LeadAuth,
    pub attribution_window_days: u32,
    pub cookie_window_days: u32,
    pub hold_days: u32,
    /// `None` if no policy is set: sales are recorded and pay nothing.
    pub commission: Option<Commission>,
    pub profile_complete: bool,
    pub payout: Payout,
    pub interpretations: Interpretations,
}

/// A partner and their link.
#[derive(Clone, Debug)]
pub(crate) struct Partner {
    /// Code of the link.
    pub code: String,
    /// Index of the partner's program.
    pub program: usize,
    pub state: PartnerState,
}
