//! What the tests of all crates together share: the same small app in each framework, and raw requests.

#![allow(clippy::missing_panics_doc, reason = "these are parts of tests")]

pub mod apps;
pub mod databases;
pub mod raw;
pub mod shop;

/// What is written for users compiles, and what can be run there runs.
#[cfg(doctest)]
mod written {
    #[doc = include_str!("../../README.md")]
    mod readme {}

    #[doc = include_str!("../../docs/guide.md")]
    mod guide {}

    #[doc = include_str!("../../docs/payments.md")]
    mod payments {}

    #[doc = include_str!("../../affitor/README.md")]
    mod affitor {}

    #[doc = include_str!("../../affitor-tower/README.md")]
    mod affitor_tower {}

    #[doc = include_str!("../../affitor-axum/README.md")]
    mod affitor_axum {}

    #[doc = include_str!("../../affitor-actix/README.md")]
    mod affitor_actix {}
}
