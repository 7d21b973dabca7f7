//! The outbox on real databases, against the sandbox.

mod common;
mod damage;
mod enqueuer;
mod example;
mod rows;
mod scenarios;
mod shared_river;
mod tables;
mod trouble;
