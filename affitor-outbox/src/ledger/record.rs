//! Recording payments: from a webhook to the events that are enqueued.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use affitor::{
    Event,
    ledger::{Decision, Doubt, Facts, Payment, Policy, Status, decide},
    webhook::{Ignored, NoFacts, PaymentError, Provider, Refused, WebhookEvent},
};
use riverqueue::sqlx;
use sha2::{Digest as _, Sha256};

use super::{
    group::Ledger,
    rows::{LedgerRow, PaymentRow, ReportRow, list, parse, reports},
    scope,
};
use crate::{Database, Error, Outbox, PaymentSettings, database::sealed::Parameter, delivery::NewRow};

/// How long before the start of the ledger a payment may have been made that is still reported: webhooks take a moment.
const IN_FLIGHT: Duration = Duration::from_secs(5 * 60);

/// What became of a webhook.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PaymentRecord {
    /// What was enqueued: sales and refunds.
    pub enqueued: Vec<Event>,
    /// The payments that the webhook concerns, and what became of each one.
    pub payments: Vec<Payment>,
    /// Whether it says something that the ledger did not know.
    pub changed: bool,
    /// Why the webhook says nothing about payments.
    pub ignored: Option<Ignored>,
    /// Why the webhook can't be read with certainty. Logged as an error: check the payment.
    pub refused: Option<Refused>,
}

impl<DB: Database> Outbox<DB> {
    /// Changes the settings of the payment ledger. All processes that record payments need the same ones.
    #[must_use]
    pub fn with_payment_settings(mut self, settings: PaymentSettings) -> Self {
        self.payments = settings.into();
        self
    }

    /// Returns the settings of the payment ledger.
    pub fn payment_settings(&self) -> &PaymentSettings {
        &self.payments
    }

    /// Records a payment webhook in your own transaction, and enqueues the sales and refunds that follow from it: each one once,
    /// whichever webhooks report it, in whatever order, however often, in however many processes.
    ///
    /// Call it last, after your own statements: it locks rows of the ledger until the transaction ends, and two transactions
    /// that lock each other's rows fail. Commit, then respond with status 200. An error (also one of the commit) must become
    /// status 503, so that the provider redelivers the webhook; `?` does that in a handler that returns `Redeliver`.
    ///
    /// ```no_run
    /// # use affitor_outbox::{Error, Outbox, affitor::webhook::{PaymentError, Stripe, WebhookEvent}, sqlx::Sqlite};
    /// # async fn handler(outbox: Outbox<Sqlite>, event: WebhookEvent<Stripe>) -> Result<(), PaymentError> {
    /// let mut tx = outbox.begin().await?;
    /// // your own statements
    /// outbox.record_payment(&mut tx, &event).await?;
    /// tx.commit().await.map_err(Error::from)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails. The ledger's own statements are then rolled back. Yours are not: you may commit
    /// them, and still have to respond with status 503.
    pub async fn record_payment<P: Provider>(
        &self,
        tx: &mut sqlx::Transaction<'_, DB>,
        event: &WebhookEvent<P>,
    ) -> Result<PaymentRecord, PaymentError> {
        let recorded = self.record(tx, event).await;
        recorded
            .inspect_err(|error| tracing::warn!(webhook = ?event, %error, "a payment is not recorded"))
            .map_err(Into::into)
    }

    /// Records a payment webhook in a transaction of its own. See [`record_payment`](Outbox::record_payment).
    ///
    /// ```no_run
    /// # use affitor_outbox::{Outbox, affitor::webhook::{PaymentError, Stripe, WebhookEvent}, sqlx::Sqlite};
    /// # async fn handler(outbox: Outbox<Sqlite>, event: WebhookEvent<Stripe>) -> Result<(), PaymentError> {
    /// outbox.record_payment_alone(&event).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn record_payment_alone<P: Provider>(
        &self,
        event: &WebhookEvent<P>,
    ) -> Result<PaymentRecord, PaymentError> {
        let mut tx = self.begin().await?;
        let record = self.record_payment(&mut tx, event).await?;
        tx.commit().await.map_err(Error::from)?;
        Ok(record)
    }

    async fn record<P: Provider>(
        &self,
        tx: &mut sqlx::Transaction<'_, DB>,
        event: &WebhookEvent<P>,
    ) -> Result<PaymentRecord, Error> {
        let now = SystemTime::now();
        let facts = event.facts(now).and_then(storable).inspect_err(|reason| event.log_ignored(reason));
        let (mut record, facts) = match facts {
            Ok(facts) => (PaymentRecord::default(), facts),
            Err(NoFacts::Ignored(reason)) => {
                (PaymentRecord { ignored: Some(reason), ..Default::default() }, Facts::default())
            }
            Err(NoFacts::Refused(reason)) => {
                (PaymentRecord { refused: Some(reason), ..Default::default() }, Facts::default())
            }
            Err(_) => return Ok(PaymentRecord::default()),
        };
        if record.ignored == Some(Ignored::OtherType) {
            return Ok(record);
        }
        let scope = scope::of(event);
        let mut savepoint = DB::savepoint(tx).await?;
        let mut ledger = Ledger { store: &self.store, tx: &mut savepoint, scope: &scope, now: seconds(now) };
        let mut group = None;
        if !facts.is_empty() {
            let policy = ledger.policy(event.policy(), &self.payments).await?;
            let recorded = ledger.absorb(facts, &policy).await?;
            (record.enqueued, record.payments) = (recorded.decision.events, recorded.decision.payments);
            (record.changed, group) = (recorded.changed, recorded.group);
        }
        ledger.save_webhook(&event_id(event), event.kind(), group, &record.summary()).await?;
        savepoint.commit().await?;
        if !record.enqueued.is_empty() && self.is_notification_due() {
            DB::notify(&self.store, tx).await?;
        }
        for payment in &record.payments {
            event.log_payment(payment);
        }
        Ok(record)
    }
}

/// What was decided about new facts.
pub(super) struct Recorded {
    pub(super) decision: Decision,
    /// The group of the payments.
    pub(super) group: Option<i64>,
    /// Whether the facts were not known.
    pub(super) changed: bool,
}

impl<DB: Database> Ledger<'_, '_, DB> {
    /// Completes a policy with the settings and with what the ledger knows.
    pub(super) async fn policy(&mut self, mut policy: Policy, settings: &PaymentSettings) -> Result<Policy, Error> {
        let ledger = self.started().await?;
        policy.program_id = settings.get_program_id().map(str::to_owned);
        (policy.commission_on, policy.hold) = (settings.get_commission_on(), settings.get_hold());
        policy.since = match settings.get_report_since() {
            Some(time) => seconds(time).unsigned_abs(),
            None => ledger.started_at.unwrap_or_default().saturating_sub(IN_FLIGHT.as_secs()),
        };
        self.decide_reporter(&mut policy, ledger);
        Ok(policy)
    }

    /// Returns the state of the ledger. The first call starts it.
    pub(super) async fn started(&mut self) -> Result<LedgerRow, Error> {
        let (sql, queue) = (&self.store.sql, &*self.store.queue);
        for _ in 0..2 {
            let rows: Vec<LedgerRow> = parse(&DB::read(self.store, self.tx, &sql.ledger, vec![queue.into()]).await?)?;
            if let Some(row) = rows.into_iter().find(|row| row.started_at.is_some()) {
                return Ok(row);
            }
            DB::run(self.store, self.tx, &sql.ledger_start, vec![queue.into(), self.now.into()]).await?;
        }
        Err(Error::contention())
    }

    /// Decides whether this app reports the payments, or Affitor itself.
    pub(super) fn decide_reporter(&self, policy: &mut Policy, ledger: LedgerRow) {
        if !self.scope.starts_with("stripe/") {
            return;
        }
        policy.read_by_affitor = policy.read_by_affitor.or(ledger.read_by_affitor);
        policy.conflict = policy.read_by_affitor.is_none() && ledger.stripe_connected == Some(true);
        if policy.read_by_affitor == Some(true) && ledger.stripe_connected == Some(false) {
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
        let (_, changed) = self.sources(&ids, &new_sources).await?;
        let mut recorded = Recorded { decision: Decision::default(), group: None, changed: false };
        if !facts.is_empty() {
            recorded = self.decide_group(facts, policy).await?;
        }
        recorded.changed |= !changed.is_empty();
        // Payments may have waited for this customer.
        if !changed.is_empty() {
            let parameters = vec![(&*self.store.queue).into(), self.scope.into(), list(&changed).into()];
            let waiting = DB::read(self.store, self.tx, &self.store.sql.waiting_for_source, parameters).await?;
            for group in parse::<i64>(&waiting)? {
                let facts = self.facts_of(group).await?;
                let more = self.decide_group(facts, policy).await?;
                recorded.decision.events.extend(more.decision.events);
                recorded.decision.payments.extend(more.decision.payments);
            }
        }
        Ok(recorded)
    }

    async fn facts_of(&mut self, group: i64) -> Result<Facts, Error> {
        let rows = DB::read(self.store, self.tx, &self.store.sql.group, vec![group.into()]).await?;
        parse::<super::rows::GroupRow>(&rows)?.first().map_or(Ok(Facts::default()), super::rows::GroupRow::facts)
    }

    /// Decides the group of these facts. The groups of its subscriptions and customers are locked.
    async fn decide_group(&mut self, new: Facts, policy: &Policy) -> Result<Recorded, Error> {
        let ids: Vec<String> = new.ids().into_iter().map(str::to_owned).collect();
        let group = self.lock(&ids.iter().map(String::as_str).collect()).await?;
        let mut facts = group.facts.clone();
        facts.merge(new);
        let changed = facts != group.facts;
        let source_ids: Vec<String> = facts.sources().into_iter().map(str::to_owned).collect();
        let source_ids = source_ids.iter().map(String::as_str).collect();
        let (sources, _) = self.sources(&source_ids, &Default::default()).await?;
        let reported = self.reports(&facts, group.id).await?;
        let mut decision = decide(&facts, &sources, &reported, policy, self.now.unsigned_abs());
        self.enqueue(&mut decision).await?;
        let due_at = decision.due_at.and_then(|due| i64::try_from(due).ok());
        let must_return = due_at.is_some() || policy.conflict;
        let policy = must_return.then(|| serde_json::to_string(policy).unwrap_or_default());
        self.save(group.id, &facts, policy, due_at).await?;
        self.save_payments(group.id, &decision).await?;
        Ok(Recorded { decision, group: Some(group.id), changed })
    }

    async fn reports(&mut self, facts: &Facts, group: i64) -> Result<affitor::ledger::Reports, Error> {
        let sql = &self.store.sql;
        let parameters = vec![(&*self.store.queue).into(), list(facts.ids()).into()];
        let mut rows: Vec<ReportRow> = parse(&DB::read(self.store, self.tx, &sql.reports, parameters).await?)?;
        // Test sales have no reports. These are of live payments with the same ids.
        if self.scope.ends_with("/test") {
            rows.clear();
        }
        let payments: Vec<PaymentRow> =
            parse(&DB::read(self.store, self.tx, &sql.group_payments, vec![group.into()]).await?)?;
        Ok(reports(&rows, &payments))
    }

    async fn enqueue(&mut self, decision: &mut Decision) -> Result<(), Error> {
        let mut enqueued = Vec::new();
        for event in std::mem::take(&mut decision.events) {
            match NewRow::new(&event, &self.store.queue) {
                Ok(row) => {
                    DB::insert(self.store, self.tx, &row).await?;
                    enqueued.push(event);
                }
                Err(error) => {
                    tracing::error!(%error, event = event.kind(), "a payment is not reported");
                    for payment in &mut decision.payments {
                        if event.ids().transaction_id == Some(&payment.transaction_id) {
                            payment.doubts.push(Doubt::InvalidEvent);
                        }
                    }
                }
            }
        }
        decision.events = enqueued;
        Ok(())
    }

    async fn save_payments(&mut self, group: i64, decision: &Decision) -> Result<(), Error> {
        let sql = &self.store.sql;
        let ids = list(decision.payments.iter().map(|payment| &payment.transaction_id));
        DB::run(self.store, self.tx, &sql.drop_payments, vec![group.into(), ids.into()]).await?;
        for payment in &decision.payments {
            let parameters = self.parameters(group, payment);
            DB::run(self.store, self.tx, &sql.save_payment, parameters).await?;
        }
        Ok(())
    }

    fn parameters(&self, group: i64, payment: &Payment) -> Vec<Parameter> {
        let cents = |cents: u64| i64::try_from(cents).unwrap_or(i64::MAX);
        let doubts: Vec<&str> = payment.doubts.iter().map(|doubt| doubt.as_str()).collect();
        let counted_as = match &payment.status {
            Status::NotReported(affitor::ledger::NotReported::CountedAs { transaction_id, .. }) => {
                Some(transaction_id.clone())
            }
            _ => None,
        };
        let attribution = payment.attribution.clone();
        vec![
            (&*self.store.queue).into(),
            self.scope.into(),
            payment.transaction_id.as_str().into(),
            group.into(),
            payment.form.map(|form| form.as_str().to_owned()).into(),
            payment.status.as_str().into(),
            counted_as.into(),
            cents(payment.paid_cents).into(),
            cents(payment.commissionable_cents).into(),
            payment.currency.map(|currency| currency.to_string()).into(),
            payment.paid_at.map(cents).into(),
            attribution.customer_key.into(),
            attribution.click_id.into(),
            attribution.program_id.into(),
            payment.source.clone().into(),
            cents(payment.returned_cents).into(),
            cents(payment.reported_refund_cents).into(),
            doubts.join(" ").into(),
            self.now.into(),
        ]
    }

    async fn save_webhook(&mut self, id: &str, kind: &str, group: Option<i64>, decision: &str) -> Result<(), Error> {
        let parameters = vec![
            (&*self.store.queue).into(),
            self.scope.into(),
            id.into(),
            kind.into(),
            group.into(),
            self.now.into(),
            decision.into(),
        ];
        DB::run(self.store, self.tx, &self.store.sql.save_webhook, parameters).await.map(drop)
    }
}

impl PaymentRecord {
    /// What was decided, in a few words and without anything that identifies a person.
    fn summary(&self) -> String {
        if let Some(reason) = &self.refused {
            return format!("not readable: {reason}");
        }
        if let Some(reason) = &self.ignored {
            return format!("ignored: {reason}");
        }
        let mut parts: Vec<String> = self.enqueued.iter().map(describe).collect();
        if parts.is_empty() {
            parts = self.payments.iter().map(|payment| payment.status.to_string()).collect();
        }
        if parts.is_empty() {
            parts.push("noted".to_owned());
        }
        parts.join("; ")
    }
}

/// Describes an enqueued event.
fn describe(event: &Event) -> String {
    match event {
        Event::Sale(sale) => format!("sale of {} {}", sale.amount_cents, sale.currency),
        Event::Refund(refund) => match refund.refund_amount_cents {
            Some(cents) => format!("refund of {cents}"),
            None => "full refund".to_owned(),
        },
        other => other.kind().to_owned(),
    }
}

/// Rejects what Postgres can't store.
pub(super) fn storable(facts: Facts) -> Result<Facts, NoFacts> {
    let json = serde_json::to_string(&facts).unwrap_or_default();
    if json.contains("\\u0000") {
        return Err(Refused::wrong_field("an id", "a text without NUL characters").into());
    }
    Ok(facts)
}

/// Returns the id of an event, or a hash of its body if the provider gives it none.
fn event_id<P: Provider>(event: &WebhookEvent<P>) -> String {
    match event.id() {
        Some(id) if event.has_unique_id() => id.into_owned(),
        _ => Sha256::digest(event.body())[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

pub(super) fn seconds(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}
