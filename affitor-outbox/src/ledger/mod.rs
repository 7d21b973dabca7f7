//! The payment ledger: what providers have reported about payments, and what became of each one.

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
