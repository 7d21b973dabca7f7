//! The outbox and the payment ledger, on real databases and against the sandbox.

mod ledger;
mod outage;
mod outbox;
mod provider_apis;
mod subscription;
