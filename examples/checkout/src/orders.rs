//! The orders that are paid. A shop has them in its database, and Affitor's ledger beside them: see `examples/payments`.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use affitor_axum::payments::{Stripe, WebhookEvent};

/// The orders, by the id of their checkout session.
#[derive(Debug, Default)]
pub struct Orders(Mutex<HashSet<String>>);

impl Orders {
    /// Fulfils the order of a paid session, unless that was done before. Returns whether it was done now.
    pub fn fulfil_once(&self, event: &WebhookEvent<Stripe>) -> bool {
        let session = &event.json()["data"]["object"];
        let may_pay =
            ["checkout.session.completed", "checkout.session.async_payment_succeeded"].contains(&event.kind());
        let (true, "paid", Some(id)) =
            (may_pay, session["payment_status"].as_str().unwrap_or_default(), session["id"].as_str())
        else {
            return false;
        };
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
        if is_new {
            tracing::info!(order = id, "a real shop would fulfil the order here");
        }
        is_new
    }
}
