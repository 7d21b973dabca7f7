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
}
