//! The life of a subscription in Stripe's webhooks: delivered in order, and twice in random order, through both frameworks, with
//! old and new versions of Stripe's API, and in both interpretations of Affitor's documentation. The commissions must be correct
//! to the cent.

mod ledger;
mod life;
mod memory;
