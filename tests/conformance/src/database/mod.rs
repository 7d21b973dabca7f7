//! Empty databases for the test.

pub mod postgres;
pub mod sqlite;
