//! Shared parts of the tests of all crates together: small apps in each framework, raw requests and databases.

#![allow(clippy::missing_panics_doc, reason = "panics fail the tests")]

pub mod apps;
pub mod databases;
pub mod pgbouncer;
pub mod prove_apps;
pub mod provider_apis;
pub mod raw;
pub mod shop;

/// Compiles the examples in the documentation, and runs those that can run.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../../README.md")]
    mod readme {}

    #[doc = include_str!("../../docs/guide.md")]
    mod guide {}

    #[doc = include_str!("../../docs/capture.md")]
    mod capture {}

    #[doc = include_str!("../../docs/payments.md")]
    mod payments {}

    #[doc = include_str!("../../docs/sign-ups.md")]
    mod sign_ups {}

    #[doc = include_str!("../../affitor/README.md")]
    mod affitor {}

    #[doc = include_str!("../../affitor-tower/README.md")]
    mod affitor_tower {}

    #[doc = include_str!("../../affitor-axum/README.md")]
    mod affitor_axum {}

    #[doc = include_str!("../../affitor-actix/README.md")]
    mod affitor_actix {}
}
