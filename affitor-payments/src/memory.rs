//! What a webhook endpoint remembers of payments: a small ledger in memory. It is bounded, and lost when the process ends.
//!
//! The memory of payments belongs to the `Webhook`, not to the client: it is about what one endpoint received. It is a small ledger
//! (`affitor-payments/src/memory.rs`): facts, what was reported, and which webhook of a payment is being reported, so that another
//! one waits. It is bounded and ends with the process.

mod book;
mod connection;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use affitor::{Event, Refund, Sale};
use tokio::sync::Notify;

use self::{
    book::{Book, Group},
    connection::Connections,
};
use crate::{
    ledger::{Decision, Facts, Policy, Source, decide_in_memory},
    provider::Announced,
};

/// How long a webhook waits while another one about the same payment is being reported.
const PATIENCE: Duration = Duration::from_secs(20);

/// The recent payments of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct PaymentMemory {
    books: Mutex<HashMap<Scope, Book>>,
    released: Notify,
    pub(crate) connections: Connections,
}

/// An account at the provider, and whether its payments are tests. Ids are unique within a scope.
pub(crate) type Scope = (Option<String>, bool);

/// How a sale was last reported, as far as its refunds or its next delivery depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SaleState {
    /// No partner brought the customer, so refunds do not wait for this sale.
    Unattributed,
    /// The provider was asked to redeliver it, so refunds wait for it, however old they are.
    AwaitingRedelivery {
        /// Whether the sale may have arrived. If the service knows it next time, its commission may be missing.
        may_have_arrived: bool,
    },
}

/// Payments that are being reported. Nothing else can claim them until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    memory: Arc<PaymentMemory>,
    scope: Scope,
    groups: BTreeSet<u64>,
    pub(crate) decision: Decision,
}

impl PaymentMemory {
    /// Remembers facts, decides, and claims the payments. Waits while they are being reported. Returns `None` if that takes too
    /// long.
    pub(crate) async fn claim(
        self: &Arc<Self>,
        scope: Scope,
        announced: Announced,
        facts: Facts,
        policy: &Policy,
        now: u64,
    ) -> Option<Claim> {
        let (payments, sources) = facts.split_sources();
        let wait = async {
            loop {
                let mut released = std::pin::pin!(self.released.notified());
                // Before the look, so that a release after it is not missed.
                released.as_mut().enable();
                if let Some(claim) = self.try_claim(&scope, announced, &payments, &sources) {
                    return claim;
                }
                released.await;
            }
        };
        let mut claim = match self.try_claim(&scope, announced, &payments, &sources) {
            Some(claim) => claim,
            None => tokio::time::timeout(PATIENCE, wait).await.ok()?,
        };
        claim.decide(policy, now);
        Some(claim)
    }

    /// Adds facts, unless a group that they concern is busy.
    fn try_claim(
        self: &Arc<Self>,
        scope: &Scope,
        announced: Announced,
        payments: &Facts,
        sources: &BTreeMap<String, Source>,
    ) -> Option<Claim> {
        let mut books = lock(&self.books);
        if !books.contains_key(scope) {
            books.insert(scope.clone(), Book::default());
        }
        let book = books.get_mut(scope)?;
        let own: BTreeSet<u64> = payments.ids().into_iter().filter_map(|id| book.ids.get(id).copied()).collect();
        let waiting = sources.iter().filter(|(_, source)| source.attribution.names_somebody());
        let waiting: BTreeSet<u64> = waiting
            .filter_map(|(id, _)| book.sources.get(id))
            .flat_map(|known| known.waiting.iter().copied())
            .collect();
        let is_busy = |id: &u64| book.groups.get(id).is_some_and(|group| group.is_busy);
        if own.iter().chain(&waiting).any(is_busy) {
            return None;
        }
        for (id, source) in sources {
            book.remember_source(id, source);
        }
        let mut groups: BTreeSet<u64> = waiting.into_iter().filter(|id| book.groups.contains_key(id)).collect();
        if !payments.is_empty() {
            groups.retain(|id| !own.contains(id));
            groups.insert(book.remember(&own, announced, payments));
        }
        for id in &groups {
            if let Some(group) = book.groups.get_mut(id) {
                group.is_busy = true;
            }
        }
        Some(Claim { memory: Arc::clone(self), scope: scope.clone(), groups, decision: Decision::default() })
    }
}

impl Claim {
    fn decide(&mut self, policy: &Policy, now: u64) {
        let mut books = lock(&self.memory.books);
        let Some(book) = books.get_mut(&self.scope) else { return };
        for id in &self.groups {
            let Some(group) = book.groups.get(id).filter(|group| group.is_announced) else { continue };
            let named = group.facts.sources();
            let sources =
                named.into_iter().filter_map(|id| Some((id.to_owned(), book.sources.get(id)?.source.clone())));
            let (sources, reports) = (sources.collect(), &group.reports);
            let decision = decide_in_memory(&group.facts, &sources, reports, policy, group.has_payment, now);
            for payment in &decision.payments {
                for source in [&payment.source, &payment.customer].into_iter().flatten() {
                    if !payment.attribution.names_somebody() {
                        book.source(source).waiting.insert(*id);
                    } else if let Some(known) = book.sources.get_mut(source) {
                        known.waiting.remove(id);
                    }
                }
            }
            self.decision.events.extend(decision.events);
            self.decision.payments.extend(decision.payments);
        }
    }

    /// Returns how a sale was last reported, if that matters.
    pub(crate) fn sale(&self, transaction_id: &str) -> Option<SaleState> {
        let books = lock(&self.memory.books);
        let groups = self.groups.iter().filter_map(|id| books.get(&self.scope)?.groups.get(id));
        groups.filter_map(|group| group.sales.get(transaction_id)).copied().next()
    }

    pub(crate) fn set_sale(&self, transaction_id: &str, state: Option<SaleState>) {
        self.with_group(transaction_id, |group| {
            match state {
                Some(state) => group.sales.insert(transaction_id.to_owned(), state),
                None => group.sales.remove(transaction_id),
            };
        });
    }

    /// Remembers that a sale was reported.
    pub(crate) fn sale_reported(&self, sale: &Sale) {
        self.with_group(&sale.transaction_id, |group| {
            let reported = group.reports.entry(sale.transaction_id.clone()).or_default();
            (reported.sale, reported.sale_cents) = (true, sale.amount_cents);
            reported.currency = Some(sale.currency);
        });
    }

    /// Remembers that a refund was, or may have been, reported.
    pub(crate) fn refund_reported(&self, refund: &Refund) {
        self.with_group(&refund.transaction_id, |group| {
            let reported = group.reports.entry(refund.transaction_id.clone()).or_default();
            match refund.refund_amount_cents {
                Some(cents) => reported.refunded_cents = reported.refunded_cents.saturating_add(cents),
                None => reported.fully_refunded = true,
            }
        });
    }

    /// Remembers that a refund certainly was not reported.
    pub(crate) fn refund_not_reported(&self, refund: &Refund) {
        self.with_group(&refund.transaction_id, |group| {
            let reported = group.reports.entry(refund.transaction_id.clone()).or_default();
            match refund.refund_amount_cents {
                Some(cents) => reported.refunded_cents = reported.refunded_cents.saturating_sub(cents),
                None => reported.fully_refunded = false,
            }
        });
    }

    /// Takes the events to report.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.decision.events)
    }

    /// Changes the group of a transaction.
    fn with_group(&self, transaction_id: &str, change: impl FnOnce(&mut Group)) {
        let mut books = lock(&self.memory.books);
        let Some(book) = books.get_mut(&self.scope) else { return };
        if let Some(group) = book.ids.get(transaction_id).and_then(|id| book.groups.get_mut(id)) {
            change(group);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(book) = lock(&self.memory.books).get_mut(&self.scope) {
            for id in &self.groups {
                if let Some(group) = book.groups.get_mut(id) {
                    group.is_busy = false;
                }
            }
        }
        self.memory.released.notify_waiters();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{book::CAPACITY, *};
    use affitor::Currency;

    use crate::ledger::{Bill, Object, Paid};

    fn bill(id: &str) -> Facts {
        let mut facts = Facts::default();
        let paid = Some(Paid::new(4_900, Currency::USD, 1));
        facts.add(id, Object::Bill(Bill { paid, ..Bill::default() }));
        facts
    }

    async fn claim(memory: &Arc<PaymentMemory>, facts: Facts) -> Option<Claim> {
        memory.claim((None, false), Announced::Payment, facts, &Policy::default(), 2).await
    }

    #[tokio::test(start_paused = true)]
    async fn one_webhook_of_a_payment_at_a_time() {
        let memory = Arc::new(PaymentMemory::default());
        let first = claim(&memory, bill("in_1")).await.unwrap();
        assert!(claim(&memory, bill("in_2")).await.is_some(), "another payment");
        assert!(claim(&memory, bill("in_1")).await.is_none(), "it waits, but not forever");
        let waiting = tokio::spawn({
            let memory = Arc::clone(&memory);
            async move { claim(&memory, bill("in_1")).await.is_some() }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert!(waiting.await.unwrap());
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let memory = Arc::new(PaymentMemory::default());
        let held = claim(&memory, bill("in_held")).await.unwrap();
        for number in 0..CAPACITY + 5 {
            let mut facts = bill(&format!("in_{number}"));
            facts.add(format!("sub_{number}"), Object::Source(Source::default()));
            claim(&memory, facts).await.unwrap();
        }
        let books = lock(&memory.books);
        let book = &books[&(None, false)];
        let lengths = [book.groups.len(), book.ids.len(), book.group_order.len(), book.sources.len()];
        assert_eq!(lengths, [CAPACITY; 4]);
        assert!(book.ids.contains_key("in_held") && !book.ids.contains_key("in_5"), "what is busy is kept");
        drop(books);
        drop(held);
    }
}
