//! Adding facts to the ledger, deciding, and enqueueing what is missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use affitor::Event;
use affitor_payments::{
    StripeReporter,
    ledger::{Decision, Doubt, Facts, NotReported, Policy, Reported, Reports, Source, Status, decide},
};

use super::{
    group::Ledger,
    record::{PaymentRecord, seconds},
    rows::{LedgerRow, ReportRow, list, parse},
    story::LedgerPayment,
};
use crate::{Database, Error, PaymentSettings, delivery::NewRow, review::replay_refunds};

/// How long until a payment is decided again that is held because of a conflict, in seconds.
const CONFLICT: i64 = 60 * 60;

/// How often it is said again how long payments are kept, in seconds.
const DAY: i64 = 24 * 60 * 60;

/// How long before the start of the ledger a payment may have been made that is still reported: webhooks take a moment.
const IN_FLIGHT: Duration = Duration::from_secs(5 * 60);

/// What was decided about new facts.
pub(super) struct Recorded {
    pub(super) decision: Decision,
    /// The group of the payments.
    pub(super) group: Option<i64>,
    /// Whether the facts were not known.
    pub(super) changed: bool,
}

impl<DB: Database> Ledger<'_, '_, DB> {
    /// Completes the policy of an endpoint. It is stored, so that a reconciliation decides like the app.
    pub(super) async fn policy(&mut self, mut policy: Policy, settings: &PaymentSettings) -> Result<Policy, Error> {
        let ledger = self.started().await?;
        policy.program_id = settings.get_program_id().map(str::to_owned);
        if ledger.policy()?.as_ref() != Some(&policy) {
            let json = serde_json::to_string(&policy).unwrap_or_default();
            let parameters = vec![(&*self.store.queue).into(), self.scope.into(), json.into()];
            DB::run(self.store, self.tx, &self.store.sql.save_policy, parameters).await?;
        }
        if let Some(keep) = settings.get_keep() {
            let seconds = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
            let is_said = ledger.keep.is_some_and(|known| known >= seconds)
                && ledger.keep_said_at.is_some_and(|at| at > self.now - DAY);
            if !is_said {
                let parameters = vec![(&*self.store.queue).into(), "payments".into(), seconds.into(), self.now.into()];
                DB::run(self.store, self.tx, &self.store.sql.say_retention, parameters).await?;
            }
        }
        policy.hold = settings.get_hold();
        Ok(self.complete(policy, settings, &ledger))
    }

    /// Completes a policy with the settings and with what the ledger knows.
    pub(super) fn complete(&self, mut policy: Policy, settings: &PaymentSettings, ledger: &LedgerRow) -> Policy {
        policy.since = match settings.get_report_since() {
            Some(time) => seconds(time).unsigned_abs(),
            None => ledger.started_at.unwrap_or_default().saturating_sub(IN_FLIGHT.as_secs()),
        };
        self.decide_reporter(&mut policy, ledger);
        policy
    }

    /// Returns the state of the ledger. The first call starts it.
    pub(super) async fn started(&mut self) -> Result<LedgerRow, Error> {
        let (sql, queue) = (&self.store.sql, &*self.store.queue);
        for _ in 0..2 {
            let parameters = vec![queue.into(), self.scope.into()];
            let rows: Vec<LedgerRow> = parse(&DB::read(self.store, self.tx, &sql.ledger, parameters).await?)?;
            if let Some(row) = rows.into_iter().find(|row| row.started_at.is_some()) {
                return Ok(row);
            }
            DB::run(self.store, self.tx, &sql.ledger_start, vec![queue.into(), self.now.into()]).await?;
        }
        Err(Error::contention())
    }

    /// Decides whether this app reports the payments, or Affitor itself.
    pub(super) fn decide_reporter(&self, policy: &mut Policy, ledger: &LedgerRow) {
        if !self.scope.starts_with("stripe/") {
            return;
        }
        // What a person decided stands in for a choice that was not confirmed.
        policy.stripe_reporter = match (policy.stripe_reporter, ledger.read_by_affitor) {
            (StripeReporter::App, Some(true)) => StripeReporter::Affitor,
            (StripeReporter::App, Some(false)) => StripeReporter::AppEvenIfConnected,
            (reporter, _) => reporter,
        };
        policy.conflict = policy.stripe_reporter == StripeReporter::App && ledger.stripe_connected == Some(true);
        if policy.stripe_reporter == StripeReporter::Affitor && ledger.stripe_connected == Some(false) {
            tracing::warn!(
                "the app leaves Stripe's sales to Affitor, but Stripe is not connected to the program: nobody reports them"
            );
        }
    }

    /// Adds facts, decides, and enqueues what is missing.
    pub(super) async fn absorb(&mut self, facts: Facts, policy: &Policy) -> Result<Recorded, Error> {
        let source_ids: Vec<String> = facts.sources().into_iter().map(str::to_owned).collect();
        let (facts, new_sources) = facts.split_sources();
        let ids = source_ids.iter().map(String::as_str).collect();
        let (sources, changed) = self.sources(&ids, &new_sources).await?;
        let mut recorded = Recorded { decision: Decision::default(), group: None, changed: false };
        if !facts.is_empty() {
            recorded = self.decide_group(facts, &sources, policy).await?;
        }
        recorded.changed |= !changed.is_empty();
        // Payments may have waited for this customer.
        if !changed.is_empty() {
            let parameters = vec![(&*self.store.queue).into(), self.scope.into(), list(&changed).into()];
            let waiting = DB::read(self.store, self.tx, &self.store.sql.waiting_for_source, parameters).await?;
            for group in parse::<i64>(&waiting)? {
                let facts = self.facts_of(group).await?;
                let more = self.decide_group(facts, &sources, policy).await?;
                recorded.decision.events.extend(more.decision.events);
                recorded.decision.payments.extend(more.decision.payments);
            }
        }
        Ok(recorded)
    }

    /// Decides the group of these facts. `locked` are the subscriptions and customers that the facts name.
    async fn decide_group(
        &mut self,
        new: Facts,
        locked: &BTreeMap<String, Source>,
        policy: &Policy,
    ) -> Result<Recorded, Error> {
        let ids: Vec<String> = new.ids().into_iter().map(str::to_owned).collect();
        let group = self.lock(&ids.iter().map(String::as_str).collect()).await?;
        let mut facts = group.facts.clone();
        facts.merge(new);
        let changed = facts != group.facts;
        let others = facts.sources().into_iter().filter(|source| !locked.contains_key(*source)).collect();
        let mut sources = self.read_sources(&others).await?;
        sources.extend(locked.clone());
        let payments: Vec<LedgerPayment> = if group.is_new {
            vec![]
        } else {
            parse(&DB::read(self.store, self.tx, &self.store.sql.group_payments, vec![group.id.into()]).await?)?
        };
        let reports = self.reports(&facts, &payments).await?;
        let mut decision = decide(&facts, &sources, &reports, policy, self.now.unsigned_abs());
        self.enqueue(&mut decision, &reports).await?;
        let due_at = decision.due_at.and_then(|due| i64::try_from(due).ok());
        // Somebody may decide in the meantime who reports the payments.
        let due_at = due_at.or(policy.conflict.then_some(self.now + CONFLICT));
        let must_return = due_at.is_some() || policy.conflict;
        let policy = must_return.then(|| serde_json::to_string(policy).unwrap_or_default());
        if changed || group.is_due || policy.is_some() {
            self.save(group.id, &facts, policy, due_at).await?;
        }
        self.save_payments(group.id, &decision, &payments).await?;
        Ok(Recorded { decision, group: Some(group.id), changed })
    }

    async fn reports(&mut self, facts: &Facts, payments: &[LedgerPayment]) -> Result<Reports, Error> {
        let parameters = vec![(&*self.store.queue).into(), list(facts.ids()).into()];
        let mut rows: Vec<ReportRow> =
            parse(&DB::read(self.store, self.tx, &self.store.sql.reports, parameters).await?)?;
        // Test sales have no reports. These are of live payments with the same ids.
        if self.scope.ends_with("/test") {
            rows.clear();
        }
        Ok(reports(&rows, payments))
    }

    async fn enqueue(&mut self, decision: &mut Decision, reports: &Reports) -> Result<(), Error> {
        let mut enqueued = Vec::new();
        let mut invalid: Vec<String> = Vec::new();
        for event in std::mem::take(&mut decision.events) {
            if event.ids().transaction_id.is_some_and(|id| invalid.iter().any(|invalid| invalid == id)) {
                continue;
            }
            match NewRow::new(&event, &self.store.queue) {
                Ok(row) => {
                    if !DB::insert(self.store, self.tx, &row).await? {
                        tracing::warn!(event = event.kind(), "a payment was decided again that is enqueued already");
                        continue;
                    }
                    // A refund may have been reported before, when the sale was not, and may have found no sale.
                    if let Event::Sale(sale) = &event
                        && reports.contains_key(&sale.transaction_id)
                    {
                        replay_refunds(self.store, self.tx, &sale.transaction_id).await?;
                    }
                    enqueued.push(event);
                }
                Err(error) => {
                    tracing::error!(%error, event = event.kind(), "a payment is not reported");
                    for payment in &mut decision.payments {
                        if event.ids().transaction_id == Some(&payment.transaction_id) {
                            payment.doubts.push(Doubt::InvalidEvent);
                            // A sale that was not reported has no refunds either.
                            if matches!(event, Event::Sale(_)) {
                                payment.status = Status::NotReported(NotReported::InvalidEvent);
                                payment.reported_refund_cents = 0;
                                invalid.push(payment.transaction_id.clone());
                            }
                        }
                    }
                }
            }
        }
        decision.events = enqueued;
        Ok(())
    }

    /// Saves what has changed about the payments of a group.
    async fn save_payments(&mut self, group: i64, decision: &Decision, known: &[LedgerPayment]) -> Result<(), Error> {
        let sql = &self.store.sql;
        let is_gone = |known: &LedgerPayment| {
            decision.payments.iter().all(|payment| payment.transaction_id != known.transaction_id)
        };
        if known.iter().any(is_gone) {
            let ids = list(decision.payments.iter().map(|payment| &payment.transaction_id));
            DB::run(self.store, self.tx, &sql.drop_payments, vec![group.into(), ids.into()]).await?;
        }
        for payment in &decision.payments {
            let mut row = LedgerPayment::new(self.scope, payment, self.now.unsigned_abs());
            let known = known.iter().find(|known| known.transaction_id == payment.transaction_id);
            if let Some(known) = known {
                row.since = known.since;
            }
            if known != Some(&row) {
                let parameters = row.parameters(&self.store.queue, group);
                DB::run(self.store, self.tx, &sql.save_payment, parameters).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn save_webhook(
        &mut self,
        id: &str,
        kind: &str,
        group: Option<i64>,
        record: &PaymentRecord,
    ) -> Result<(), Error> {
        let parameters = vec![
            (&*self.store.queue).into(),
            self.scope.into(),
            id.into(),
            kind.into(),
            group.into(),
            self.now.into(),
            record.summary().into(),
            Some(record.refused.is_some()).into(),
        ];
        DB::run(self.store, self.tx, &self.store.sql.save_webhook, parameters).await.map(drop)
    }

    /// Saves the ids in a webhook that belongs to no payment.
    pub(super) async fn save_webhook_ids(&mut self, id: &str, mentioned: &BTreeSet<String>) -> Result<(), Error> {
        let parameters = vec![(&*self.store.queue).into(), self.scope.into(), id.into(), list(mentioned).into()];
        DB::run(self.store, self.tx, &self.store.sql.save_webhook_ids, parameters).await.map(drop)
    }
}

/// Sums up what was reported, by transaction id.
fn reports(rows: &[ReportRow], payments: &[LedgerPayment]) -> Reports {
    let mut reports = Reports::new();
    for row in rows {
        let reported: &mut Reported = reports.entry(row.transaction_id.clone()).or_default();
        match (row.r#type.as_str(), row.cents) {
            ("sale", cents) => {
                (reported.sale, reported.sale_cents) = (true, cents.unwrap_or_default());
                reported.currency = row.currency.as_ref().and_then(|currency| currency.parse().ok());
                reported.discarded = row.outcome == "discarded";
            }
            (_, None) => reported.fully_refunded = true,
            (_, Some(cents)) => reported.refunded_cents = reported.refunded_cents.saturating_add(cents),
        }
    }
    // Test sales have no report, and reports are deleted some day.
    for payment in payments.iter().filter(|payment| payment.status == "reported") {
        let reported = reports.entry(payment.transaction_id.clone()).or_default();
        if !reported.sale {
            (reported.sale, reported.sale_cents) = (true, payment.commissionable_cents);
            reported.currency = payment.currency.as_ref().and_then(|currency| currency.parse().ok());
            reported.refunded_cents = reported.refunded_cents.max(payment.reported_refund_cents);
        }
        reported.without_product = payment.doubts().any(|doubt| doubt == Doubt::ProductUnknown);
    }
    reports
}
