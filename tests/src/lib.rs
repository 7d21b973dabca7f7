//! Shared parts of the tests of all crates together: small apps in each framework, raw requests and databases.

#![allow(clippy::missing_panics_doc, reason = "panics fail the tests")]

pub mod apps;
pub mod databases;
pub mod growth;
pub mod ledger_model;
pub mod log;
pub mod orders;
pub mod pgbouncer;
pub mod programs;
pub mod prove_apps;
pub mod provider_apis;
pub mod raw;
pub mod shop;

/// Compiles the examples in the documentation, and runs those that can run.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../../README.md")]
    mod readme {}

    #[doc = include_str!("../../docs/guides/first-lead.md")]
    mod guide_first_lead {}

    #[doc = include_str!("../../docs/guides/first-sale.md")]
    mod guide_first_sale {}

    #[doc = include_str!("../../docs/guides/axum.md")]
    mod guide_axum {}

    #[doc = include_str!("../../docs/guides/actix-web.md")]
    mod guide_actix_web {}

    #[doc = include_str!("../../docs/guides/tower.md")]
    mod guide_tower {}

    #[doc = include_str!("../../docs/guides/click-id.md")]
    mod guide_click_id {}

    #[doc = include_str!("../../docs/guides/ids.md")]
    mod guide_ids {}

    #[doc = include_str!("../../docs/guides/outcomes.md")]
    mod guide_outcomes {}

    #[doc = include_str!("../../docs/guides/background.md")]
    mod guide_background {}

    #[doc = include_str!("../../docs/guides/tls.md")]
    mod guide_tls {}

    #[doc = include_str!("../../docs/guides/client.md")]
    mod guide_client {}

    #[doc = include_str!("../../docs/guides/stripe.md")]
    mod guide_stripe {}

    #[doc = include_str!("../../docs/guides/testing.md")]
    mod guide_testing {}

    #[doc = include_str!("../../docs/guides/troubleshooting.md")]
    mod guide_troubleshooting {}

    #[doc = include_str!("../../docs/guides/findings.md")]
    mod guide_findings {}

    #[doc = include_str!("../../docs/guides/going-live.md")]
    mod guide_going_live {}

    #[doc = include_str!("../../docs/guides/privacy.md")]
    mod guide_privacy {}

    #[doc = include_str!("../../docs/guides/node.md")]
    mod guide_node {}

    #[doc = include_str!("../../docs/guides/leads.md")]
    mod guide_leads {}

    #[doc = include_str!("../../docs/guides/other-clients.md")]
    mod guide_other_clients {}

    #[doc = include_str!("../../docs/guides/capture.md")]
    mod capture {}

    #[doc = include_str!("../../docs/guides/payments.md")]
    mod payments {}

    #[doc = include_str!("../../docs/guides/sign-ups.md")]
    mod sign_ups {}

    #[doc = include_str!("../../examples/signup/README.md")]
    mod example_signup {}

    #[doc = include_str!("../../examples/checkout/README.md")]
    mod example_checkout {}

    #[doc = include_str!("../../examples/payments/README.md")]
    mod example_payments {}

    #[doc = include_str!("../../affitor/README.md")]
    mod affitor {}

    #[doc = include_str!("../../affitor-tower/README.md")]
    mod affitor_tower {}

    #[doc = include_str!("../../affitor-axum/README.md")]
    mod affitor_axum {}

    #[doc = include_str!("../../affitor-actix/README.md")]
    mod affitor_actix {}
}
