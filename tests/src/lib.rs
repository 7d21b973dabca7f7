//! Shared parts of the tests of all crates together: small apps in each framework, raw requests and databases.

#![allow(clippy::missing_panics_doc, reason = "panics fail the tests")]

pub mod apps;
pub mod databases;
pub mod raw;
pub mod shop;

/// Compiles the examples in the documentation, and runs those that can run.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../../README.md")]
    mod readme {}

    #[doc = include_str!("../../docs/guide.md")]
    mod guide {}

    #[doc = include_str!("../../docs/payments.md")]
    mod payments {}
}
