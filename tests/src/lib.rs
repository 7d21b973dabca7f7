//! What the tests of all crates together share: the same small app in each framework, and raw requests.

#![allow(clippy::missing_panics_doc, reason = "these are parts of tests")]

pub mod apps;
pub mod raw;
