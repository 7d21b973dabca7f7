//! Recording what a provider's API returns.

use std::time::{Duration, SystemTime};

use affitor::Currency;
use affitor_payments::{
    NoFacts, Provider,
    ledger::{CommissionOn, Facts, Policy},
};

use super::{
    PaymentRecord,
    group::Ledger,
    record::{seconds, storable},
    scope,
};
use crate::{Database, Error, Outbox, PaymentSettings};

/// Whose payments a provider's API returned, and how they are recorded.
///
/// The app's own settings apply: those of the [`Webhook`](affitor_payments::Webhook) that last recorded a payment of this provider,
/// account and mode. What is set here takes precedence.
#[derive(Clone, Debug, Default)]
#[must_use = "it does nothing until facts are recorded"]
pub struct Reconciliation {
    account: Option<String>,
    test: bool,
    commission_on: Option<CommissionOn>,
    currencies: Vec<Currency>,
    dry_run: bool,
}

impl Reconciliation {
    /// Creates the reconciliation of the app's own account, in live mode.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the connected account that the payments belong to.
    pub fn account(mut self, id: impl Into<String>) -> Self {
        self.account = Some(id.into());
        self
    }

    /// Sets whether the payments are tests. Default: `false`.
    pub fn test_mode(mut self, on: bool) -> Self {
        self.test = on;
        self
    }

    /// Sets what commissions are calculated from. Default: as the app has set with
    /// [`Webhook::commission_on`](affitor_payments::Webhook::commission_on).
    pub fn commission_on(mut self, amount: CommissionOn) -> Self {
        self.commission_on = Some(amount);
        self
    }

    /// Adds a currency that Affitor accepts, as [`Webhook::allow_currency`](affitor_payments::Webhook::allow_currency) does.
    pub fn allow_currency(mut self, currency: Currency) -> Self {
        self.currencies.push(currency);
        self
    }

    /// Sets whether everything is rolled back: the result says what would be enqueued. Default: `false`.
    pub fn dry_run(mut self, on: bool) -> Self {
        self.dry_run = on;
        self
    }

    fn policy(&self, of_app: Option<Policy>, settings: &PaymentSettings) -> Policy {
        let mut policy = of_app.unwrap_or_default();
        (policy.test, policy.hold) = (self.test, Duration::ZERO);
        policy.currencies.extend(&self.currencies);
        if let Some(amount) = self.commission_on {
            policy.commission_on = amount;
        }
        if let Some(id) = settings.get_program_id() {
            policy.program_id = Some(id.to_owned());
        }
        policy
    }
}

impl<DB: Database> Outbox<DB> {
    /// Records what a provider's API returned about payments, as [`record_payment`](Outbox::record_payment) does with a webhook, and
    /// in a transaction of its own. Pass everything that belongs to a payment at once: nothing is held.
    ///
    /// ```no_run
    /// # use affitor_outbox::{Outbox, Reconciliation, payments::{Stripe, object_facts}, sqlx::Sqlite};
    /// # async fn reconcile(outbox: Outbox<Sqlite>, charge: serde_json::Value) -> Result<(), Box<dyn std::error::Error>> {
    /// let facts = object_facts::<Stripe>(&charge, std::time::SystemTime::now())?;
    /// let record = outbox.reconcile_payments::<Stripe>(facts, &Reconciliation::new().dry_run(true)).await?;
    /// println!("{} events would be enqueued", record.enqueued.len());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn reconcile_payments<P: Provider>(
        &self,
        facts: Facts,
        reconciliation: &Reconciliation,
    ) -> Result<PaymentRecord, Error> {
        let facts = match storable(facts) {
            Ok(facts) => facts,
            Err(NoFacts::Refused(reason)) => {
                return Ok(PaymentRecord { refused: Some(reason), ..PaymentRecord::default() });
            }
            Err(_) => return Ok(PaymentRecord::default()),
        };
        let provider = scope::provider::<P>();
        let scope = scope::name(&provider, reconciliation.account.as_deref(), reconciliation.test);
        let mut tx = self.begin().await?;
        let mut ledger = Ledger { store: &self.store, tx: &mut tx, scope: &scope, now: seconds(SystemTime::now()) };
        let state = ledger.started().await?;
        let policy = reconciliation.policy(state.policy()?, &self.payments);
        let policy = ledger.complete(policy, &self.payments, &state);
        let recorded = ledger.absorb(facts, &policy).await?;
        let mut record = PaymentRecord::default();
        (record.enqueued, record.payments) = (recorded.decision.events, recorded.decision.payments);
        record.changed = recorded.changed;
        if let Some(group) = recorded.group.filter(|_| record.changed) {
            // For the story of the payment.
            let id = format!("reconciliation {group}");
            ledger.save_webhook(&id, "reconciliation", Some(group), &record).await?;
        }
        if reconciliation.dry_run {
            tx.rollback().await?;
            return Ok(record);
        }
        if !record.enqueued.is_empty() {
            DB::notify(&self.store, &mut tx).await?;
        }
        tx.commit().await?;
        Ok(record)
    }
}
