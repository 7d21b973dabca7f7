//! Runs `affitor outbox` and `affitor payments` as processes, on real databases and against stand-ins of the providers' APIs.

#![cfg(unix)]

mod arguments;
mod doctor;
mod guide;
mod lemon_squeezy;
mod outage;
mod shop;
mod show;
mod stripe_details;
mod worker;

/// Compares what was reported with what the model expects.
#[path = "../../../tests/src/ledger_model/judge.rs"]
#[allow(unreachable_pub, reason = "a part of the tests of the workspace")]
mod judge;

/// The servers and files of the tests in `tests/`.
#[path = "../../../tests/src/databases.rs"]
#[allow(unreachable_pub, dead_code, reason = "a part of the tests of the workspace, which use all of it")]
mod databases;

/// The stand-ins of the providers' APIs.
#[path = "../../../tests/src/provider_apis/mod.rs"]
#[allow(unreachable_pub, dead_code, reason = "a part of the tests of the workspace, which use all of it")]
mod provider_apis;
