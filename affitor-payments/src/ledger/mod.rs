//! Payments as providers report them, and the decision what to report to Affitor: for building a ledger of payments.
//!
//! [`affitor-outbox`](https://docs.rs/affitor-outbox) has such a ledger, so most apps do not need this module. Use it if yours
//! stores payments in another database.
//!
//! Providers describe one payment in several objects, and send webhooks about each of them, more than once and out of order.
//! Three steps turn them into events that count once:
//!
//! 1. [`Reading::facts`](crate::Reading::facts) returns the objects in a webhook as [`Facts`], in terms that
//!    all providers share.
//! 2. [`Facts::merge`] joins them with what is known. The order makes no difference, and repetition has no effect.
//! 3. [`decide`] compares everything that is known with what was reported, and returns the sales and refunds that are missing,
//!    together with what becomes of each payment and why.
//!
//! All of it is pure: no clock, no network, no database. Payments that share an [id](Facts::ids) must be decided together, one
//! decision at a time.

mod attribution;
mod case;
mod decide;
mod facts;
mod in_ledger;
mod in_memory;
mod join;
mod lines;
mod object;
mod past;
mod payment;
mod policy;
mod returned;
mod reversal;
mod sales;
mod shares;
mod skip;
mod unknown;

pub use attribution::{Attribution, Source};
pub use decide::decide;
pub use facts::Facts;
pub(crate) use in_memory::decide_in_memory;
pub use lines::{Line, Lines};
pub use object::{Allocation, Bill, Checkout, Details, Intent, Object, Paid};
pub use payment::{Decision, Doubt, NotReported, Payment, Status};
pub use policy::{CommissionOn, Policy, Reported, Reports};
pub use reversal::{Charge, CreditNote, Reversal, ReversalStatus, Total};
pub use sales::Form;
