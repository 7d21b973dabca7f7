#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![warn(missing_docs)]

mod backoff;
mod breaker;
mod database;
mod dead;
mod decide;
mod delivery;
mod enqueuer;
mod error;
mod gate;
mod history;
mod keeper;
mod key;
#[cfg(feature = "webhooks")]
mod ledger;
mod metrics;
mod migration;
mod outbox;
#[cfg(feature = "webhooks")]
mod payment_settings;
mod program;
mod retention;
mod review;
mod sender;
mod start;
mod statement;
mod stats;
mod supervise;
#[cfg(all(test, feature = "sqlite", feature = "postgres"))]
#[allow(clippy::unwrap_used, reason = "tests")]
mod upgrade;
mod worker;

/// The servers and files of the tests in `tests/`.
#[cfg(all(test, feature = "sqlite", feature = "postgres"))]
#[path = "../../tests/src/databases.rs"]
#[allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a part of the tests of the workspace, which use all of it"
)]
mod databases;

#[cfg(test)]
extern crate self as affitor_outbox;

pub use affitor;
#[cfg(feature = "webhooks")]
pub use affitor_payments as payments;
#[cfg(feature = "river")]
pub use riverqueue;
pub use riverqueue::sqlx;

#[cfg(feature = "webhooks")]
pub use ledger::{
    Balance, LedgerPayment, PaymentFilter, PaymentRecord, PaymentReversal, PaymentStory, Reconciliation, Report,
    SeenWebhook,
};
#[cfg(feature = "webhooks")]
pub use payment_settings::PaymentSettings;
pub use retention::Retention;
#[cfg(feature = "river")]
pub use worker::maintenance;
pub use {
    database::Database,
    dead::{DeadLetter, DeadReason, UncertainEvent},
    delivery::{KIND, QUEUE},
    enqueuer::Enqueuer,
    error::Error,
    outbox::{Enqueued, Outbox},
    review::ForgottenCustomer,
    start::{RunningOutbox, StartOutbox},
    statement::{EventStatement, Statements},
    stats::OutboxStats,
    worker::{Worker, WorkerBuilder},
};
