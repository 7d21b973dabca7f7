//! Recording payments: from a webhook to the events that are enqueued.

use std::time::{SystemTime, UNIX_EPOCH};

use affitor::Event;
use affitor_payments::{
    Ignored, NoFacts, PaymentError, Provider, Reading, Refused, WebhookEvent,
    ledger::{Facts, Object, Payment, Status},
};
use riverqueue::sqlx;
use sha2::{Digest as _, Sha256};

use super::{group::Ledger, scope, tell::amount};
use crate::{Database, Error, Outbox, PaymentSettings};

/// The longest id, in bytes. An index of Postgres takes about 2,700.
const LONGEST: usize = 1_000;

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

    /// Records a payment webhook in your own transaction, and enqueues the sales and refunds that follow from it. Each one is
    /// enqueued once: it does not matter which webhooks report it, in which order, how often, and to how many processes, as long as the
    /// ledger [keeps](PaymentSettings::keep) the payment.
    ///
    /// Call it last, after your own statements: it locks rows of the ledger until the transaction ends, and if two transactions wait for
    /// each other's locks, one of them fails. Commit, then respond with status 200. An error (also from the commit) must become status 503, so
    /// that the provider redelivers the webhook; `?` does that in a handler that returns `Redeliver`.
    ///
    /// ```no_run
    /// # use affitor_outbox::{Error, Outbox, payments::{PaymentError, Stripe, WebhookEvent}, sqlx::Sqlite};
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
    /// Returns an error if the database fails. The ledger's own statements are then rolled back. Your own are not rolled back: you can
    /// commit them, but must respond with status 503.
    pub async fn record_payment<P: Provider>(
        &self,
        tx: &mut sqlx::Transaction<'_, DB>,
        event: &WebhookEvent<P>,
    ) -> Result<PaymentRecord, PaymentError> {
        let recorded = async {
            let mut savepoint = DB::savepoint(tx).await?;
            let record = self.record(&mut savepoint, event).await?;
            savepoint.commit().await?;
            Ok(record)
        };
        failed(event, recorded.await)
    }

    /// Records a payment webhook in a transaction of its own. See [`record_payment`](Outbox::record_payment).
    ///
    /// ```no_run
    /// # use affitor_outbox::{Outbox, payments::{PaymentError, Stripe, WebhookEvent}, sqlx::Sqlite};
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
        let recorded = async {
            let mut tx = self.begin().await?;
            let record = self.record(&mut tx, event).await?;
            tx.commit().await?;
            Ok(record)
        };
        failed(event, recorded.await)
    }

    async fn record<P: Provider>(
        &self,
        tx: &mut sqlx::Transaction<'_, DB>,
        event: &WebhookEvent<P>,
    ) -> Result<PaymentRecord, Error> {
        if self.is_disabled {
            tracing::warn!(webhook = ?event, "a payment is not recorded, because the outbox is disabled");
            return Ok(PaymentRecord::default());
        }
        let now = SystemTime::now();
        let reading = Reading::new(event);
        let facts = reading.facts(now).and_then(storable).inspect_err(|reason| reading.log_ignored(reason));
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
        let mut ledger = Ledger { store: &self.store, tx, scope: &scope, now: seconds(now) };
        let mut group = None;
        if !facts.is_empty() {
            let policy = ledger.policy(reading.policy(), &self.payments).await?;
            let recorded = ledger.absorb(facts, &policy).await?;
            (record.enqueued, record.payments) = (recorded.decision.events, recorded.decision.payments);
            (record.changed, group) = (recorded.changed, recorded.group);
        }
        let id = event_id(&reading, event);
        ledger.save_webhook(&id, event.kind(), group, &record).await?;
        if group.is_none() {
            let mut ids = reading.mentioned_ids();
            ids.insert(id.clone());
            ledger.save_webhook_ids(&id, &ids).await?;
        }
        if !record.enqueued.is_empty() && self.is_notification_due() {
            DB::notify(&self.store, tx).await?;
        }
        for payment in &record.payments {
            reading.log_payment(payment);
        }
        Ok(record)
    }
}

fn failed<P: Provider>(
    event: &WebhookEvent<P>,
    recorded: Result<PaymentRecord, Error>,
) -> Result<PaymentRecord, PaymentError> {
    recorded
        .inspect_err(|error| tracing::warn!(webhook = ?event, %error, "a payment is not recorded"))
        .map_err(Into::into)
}

impl PaymentRecord {
    /// What was decided, in a few words and without anything that identifies a person.
    pub(super) fn summary(&self) -> String {
        if let Some(reason) = &self.refused {
            return format!("not readable: {reason}");
        }
        if let Some(reason) = &self.ignored {
            return format!("ignored: {reason}");
        }
        let mut parts: Vec<String> = self.enqueued.iter().map(|event| self.describe(event)).collect();
        if parts.is_empty() {
            parts = self
                .payments
                .iter()
                .map(|payment| match &payment.status {
                    Status::Reported => "nothing new".to_owned(),
                    status => status.to_string(),
                })
                .collect();
        }
        if parts.is_empty() {
            parts.push("noted".to_owned());
        }
        parts.join("; ")
    }

    /// Describes an enqueued event.
    fn describe(&self, event: &Event) -> String {
        match event {
            Event::Sale(sale) => format!("sale of {}", amount(sale.amount_cents, sale.currency.as_str())),
            Event::Refund(refund) => {
                let payment = self.payments.iter().find(|payment| payment.transaction_id == refund.transaction_id);
                let currency = payment.and_then(|payment| payment.currency);
                match refund.refund_amount_cents {
                    Some(cents) => {
                        format!(
                            "refund of {}",
                            amount(cents, currency.as_ref().map_or("", |currency| currency.as_str()))
                        )
                    }
                    None => "full refund".to_owned(),
                }
            }
            other => other.kind().to_owned(),
        }
    }
}

/// Rejects what the database can't store or index.
pub(super) fn storable(facts: Facts) -> Result<Facts, NoFacts> {
    let keys = facts.iter().filter_map(|(_, object)| match object {
        Object::Bill(bill) => bill.attribution.customer_key.as_deref().or(bill.fallback.customer_key.as_deref()),
        Object::Checkout(checkout) => checkout.attribution.customer_key.as_deref(),
        Object::Intent(intent) => intent.attribution.customer_key.as_deref(),
        Object::Source(source) => source.attribution.customer_key.as_deref(),
        _ => None,
    });
    let ids = facts.ids().into_iter().chain(facts.sources());
    if ids.chain(keys).any(|text| text.len() > LONGEST) {
        return Err(Refused::wrong_field("an id", "a text of at most 1,000 bytes").into());
    }
    let json = serde_json::to_string(&facts).unwrap_or_default();
    if json.contains("\\u0000") {
        return Err(Refused::wrong_field("an id", "a text without NUL characters").into());
    }
    Ok(facts)
}

/// Returns the id of an event, or a hash of its body if the provider gives it none.
fn event_id<P: Provider>(reading: &Reading<'_, P>, event: &WebhookEvent<P>) -> String {
    match reading.unique_id() {
        Some(id) => id.into_owned(),
        None => Sha256::digest(event.body())[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

pub(super) fn seconds(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}
