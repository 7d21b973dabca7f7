//! The outbox on real databases, against the sandbox.

mod common;
mod damage;
mod enqueuer;
mod example;
mod ids;
mod plans;
mod pools;
mod privacy;
mod programs;
mod protection;
mod retention;
mod rows;
mod scenarios;
mod shared_river;
mod start;
mod tables;
mod trouble;
mod waiting;
