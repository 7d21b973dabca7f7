//! Empty databases for the test.

#[cfg(feature = "all")]
pub mod mariadb;
pub mod postgres;
pub mod sqlite;
