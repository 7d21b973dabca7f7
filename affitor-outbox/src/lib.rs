#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![warn(missing_docs)]

mod backoff;
mod books;
mod database;
mod dead;
mod delivery;
mod ending;
mod enqueuer;
mod error;
mod gate;
mod keeper;
mod measure;
mod migration;
mod outbox;
mod sender;
mod worker;

pub use affitor;
pub use riverqueue;
pub use riverqueue::sqlx;

pub use {
    books::Books,
    database::Database,
    dead::{DeadLetter, Reason, UncertainEvent},
    delivery::{KIND, QUEUE},
    enqueuer::Enqueuer,
    error::Error,
    outbox::{Enqueued, Outbox},
    worker::{Worker, WorkerBuilder, maintenance},
};
