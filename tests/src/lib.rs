//! What the tests of all crates together share: the same small app in each framework, and raw requests.

pub mod apps;
pub mod raw;
