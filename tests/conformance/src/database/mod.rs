//! Empty databases for the test.

pub mod mariadb;
pub mod postgres;
pub mod sqlite;
