//! Takes payments through the ledger, each one once.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher as _,
};

use affitor_outbox::{Database, Outbox, Reconciliation};

use super::{collected::Collected, tally::Tally};
use crate::provider::PaymentProvider;
use crate::{database::failed, failure::Failure, format::count, progress::Progress};

pub(super) struct Recorder<'a, DB: Database> {
    outbox: &'a Outbox<DB>,
    reconciliation: Reconciliation,
    provider: PaymentProvider,
    test: bool,
    progress: &'a Progress,
    /// What is being read.
    reading: &'static str,
    pub(super) tally: Tally,
    /// Hashes of the ids that were recorded: a few bytes for each payment, and pages may repeat items.
    seen: HashSet<u64>,
    hasher: RandomState,
}

impl<'a, DB: Database> Recorder<'a, DB> {
    pub(super) fn new(
        outbox: &'a Outbox<DB>,
        provider: PaymentProvider,
        test: bool,
        reconciliation: Reconciliation,
        progress: &'a Progress,
    ) -> Self {
        let (tally, seen, hasher) = (Tally::default(), HashSet::new(), RandomState::new());
        Self { outbox, reconciliation, provider, test, progress, reading: "", tally, seen, hasher }
    }

    /// Whether a payment with this id was not recorded by this run.
    pub(super) fn is_new(&self, id: &str) -> bool {
        !self.seen.contains(&self.hasher.hash_one(id))
    }

    /// Remembers that a payment was recorded under another id as well.
    pub(super) fn remember(&mut self, id: &str) {
        self.seen.insert(self.hasher.hash_one(id));
    }

    /// Shows what is being read.
    pub(super) fn reading(&mut self, what: &'static str) {
        self.reading = what;
        self.show();
    }

    fn show(&self) {
        let what = self.reading;
        let payments = count(self.tally.payments.total(), "payment");
        let missing = self.tally.payments.recorded;
        self.progress.set(format!("{}: reading {what}; {payments}, {missing} missing", self.provider.name()));
    }

    /// Takes a payment through the ledger.
    pub(super) async fn record<P: affitor_payments::Provider>(&mut self, payment: Collected) -> Result<(), Failure> {
        let Collected { id, facts, refused, is_test, .. } = payment;
        self.remember(&id);
        if let Some(is_test) = is_test.filter(|is_test| *is_test != self.test) {
            return Err(self.other_mode(is_test));
        }
        if let Some(reason) = refused {
            self.tally.refuse(&id, &reason);
            return Ok(());
        }
        // An object that says nothing about payments, or repeats another one.
        if facts.is_empty() {
            return Ok(());
        }
        let record = self.outbox.reconcile_payments::<P>(facts, &self.reconciliation).await;
        let record = record.map_err(|error| failed(&error))?;
        self.tally.add(self.provider, &id, &record);
        self.show();
        Ok(())
    }

    fn other_mode(&self, is_test: bool) -> Failure {
        let title = self.provider.name();
        let variable = self.provider.variable();
        let (mode, hint) = if is_test {
            ("test", "use a key of live mode, or add --test-mode")
        } else {
            ("live", "use a key of test mode, or remove --test-mode")
        };
        Failure::usage(format!("{title} returned payments of {mode} mode for the key in {variable}"), hint)
    }
}
