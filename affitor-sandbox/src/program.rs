//! Settings of a program and its partners.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    commission::{Commission, CommissionKind},
    interpretations::Interpretations,
    policy::{AttributionModel, Policy, policy_of_sale},
    secret::StoredKey,
};

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

/// What a program shows to partners, besides its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Profile {
    /// URL of the logo.
    pub logo: Option<String>,
    /// URL of the shop.
    pub web_page: Option<String>,
    pub category: Option<String>,
    pub short_description: Option<String>,
    pub description: Option<String>,
}

impl Profile {
    pub(crate) fn complete() -> Self {
        let text = |text: &str| Some(text.to_owned());
        Self {
            logo: text("http://localhost/logo.svg"),
            web_page: text("http://localhost/"),
            category: text("Software"),
            short_description: text("A program of the sandbox"),
            description: text("A program of the sandbox, for tests."),
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        let parts = [&self.logo, &self.web_page, &self.category, &self.short_description, &self.description];
        parts.iter().all(|part| part.as_ref().is_some_and(|part| !part.trim().is_empty()))
    }
}

/// A program of the service.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub id: u64,
    pub name: String,
    pub domain: String,
    /// Hash of the API key.
    pub api_key: StoredKey,
    pub key_rotated_ms: Option<i64>,
    /// `None` for a program of the builder, which is as old as the sandbox.
    pub created_ms: Option<i64>,
    pub lead_auth: LeadAuth,
    pub attribution_window_days: u32,
    pub cookie_window_days: u32,
    pub hold_days: u32,
    /// What a sale pays if none of `policies` applies. `None`: sales are recorded and pay nothing.
    pub commission: Option<Commission>,
    /// Oldest first.
    pub policies: Vec<Policy>,
    pub attribution_model: AttributionModel,
    /// Whether the service has paused the program, because its invoice is overdue.
    pub is_paused: bool,
    pub profile: Profile,
    /// `None`: through Stripe if it is connected, otherwise manually.
    pub payout: Option<Payout>,
    pub stripe: Option<StripeConnection>,
    pub interpretations: Interpretations,
}

impl Program {
    /// Returns the policy of a sale at this moment.
    pub(crate) fn policy_for(&self, group: &str, product_id: Option<&str>, now_ms: i64) -> Option<Commission> {
        policy_of_sale(&self.policies, group, product_id, now_ms).or(self.commission)
    }

    /// The status, as the service lists it.
    pub(crate) fn status(&self) -> &'static str {
        if self.is_paused { "paused" } else { "active" }
    }

    /// Whether there is a policy under which a sale may pay: not none, and not one for clicks or leads alone.
    pub(crate) fn pays_for_sales(&self) -> bool {
        let pays = |policy: Commission| !matches!(policy.kind, CommissionKind::PerClick | CommissionKind::PerLead);
        self.commission.is_some_and(pays) || self.policies.iter().any(|policy| pays(policy.commission))
    }

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
    /// Name of the group, which chooses the commission policy.
    pub group: String,
    pub state: PartnerState,
    /// `None` for a partner of the builder, who is as old as the sandbox.
    pub created_ms: Option<i64>,
}
