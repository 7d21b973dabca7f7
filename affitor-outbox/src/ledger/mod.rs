//! The payment ledger: what providers have reported about payments, and what became of each one.
//!
//! The payment ledger (`affitor-outbox/src/ledger/`) stores what providers report and decides what follows. The knowledge is in
//! `affitor-payments/src/ledger/`, without a database and without a clock:
//!
//! - A webhook becomes *facts*: objects in terms that all providers share (`object.rs`). Two reports of one object are joined field by
//!   field, and the greater value wins (`join.rs`). So order and repetition can't make a difference.
//! - `sales.rs` says which sales there are, from the kind of each payment. `returned.rs` says how much was returned. `decide.rs` compares
//!   both with what was reported, and returns the events that are missing and what became of each payment.
//! - What is ambiguous is held for 15 minutes: a payment intent or a manual invoice, because a session or an invoice may claim it, and
//!   the part of a charge's refund total that no refund object explains, because that refund may be pending.
//!
//! Payments that share an id form a group, which is locked and decided as a whole (`group.rs`); ids are never taken for aliases of
//! one another. Subscriptions and customers are groups of their own: they only lend their attribution. Locks are taken in one order:
//! rows of the app, subscriptions and customers, payments. A group is one row whose facts are JSON, because they are read and written
//! as a whole; what people ask for has columns (`affitor_payments`). What was reported is a mirror of the outbox's sales and refunds
//! that outlives their rows, kept by triggers, so that it contains what the app enqueued itself, by whatever library
//! (`affitor_reports`).

mod absorb;
mod balance;
mod due;
mod group;
mod manage;
mod reconcile;
mod record;
mod rows;
mod scope;
mod story;
mod tell;

pub use balance::Balance;
pub use reconcile::Reconciliation;
pub use record::PaymentRecord;
pub use story::{LedgerPayment, PaymentFilter, PaymentReversal, PaymentStory, Report, SeenWebhook};

pub(crate) use due::{decide_due, purge};
