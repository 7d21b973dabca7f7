//! Payment webhooks and the ledger's decisions, as tables.

mod ledger;
mod test_payments;
mod webhooks;
