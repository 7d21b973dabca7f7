//! What a person decides about the ledger.

use std::time::SystemTime;

use super::{
    record::seconds,
    rows::{GroupRow, parse},
};
use crate::{Database, Error, Outbox};
use affitor::Client;
use affitor_payments::StripeReporter;

impl<DB: Database> Outbox<DB> {
    /// Asks the service whether Stripe is connected to the program, so that Affitor reads Stripe's webhooks itself, and stores the
    /// result. Returns whether it is.
    ///
    /// If it is, Stripe's payments that [the app reports](StripeReporter::App) are held, because partners would otherwise be paid
    /// twice. They are held until the app sets another [`StripeReporter`], or a person calls
    /// [`release_payments`](Outbox::release_payments). A
    /// [`Worker`](crate::Worker) calls this when it starts and every hour, if its client knows the program id.
    ///
    /// # Errors
    ///
    /// Returns an error if the service can't be asked, in which case nothing changes; if the database fails.
    pub async fn check_stripe_connection(&self, client: &Client) -> Result<bool, Error> {
        let connected = client.status().await?.stripe_connected;
        let store = &self.store;
        let mut tx = self.begin().await?;
        let parameters = vec![(&*store.queue).into(), Some(connected).into()];
        DB::run(store, &mut tx, &store.sql.ledger_connected, parameters).await?;
        tx.commit().await?;
        Ok(connected)
    }

    /// Decides who reports Stripe's payments, for an app whose webhook says [`StripeReporter::App`]: `Affitor`, or `App`, which
    /// here means this app, although Stripe is connected. A running worker decides the held payments within 15 seconds. Returns
    /// the number of held payments.
    ///
    /// # Errors
    ///
    /// Returns an error if the database fails.
    pub async fn release_payments(&self, reporter: StripeReporter) -> Result<u64, Error> {
        let (store, now) = (&self.store, seconds(SystemTime::now()));
        let mut tx = self.begin().await?;
        let parameters = vec![(&*store.queue).into(), Some(reporter == StripeReporter::Affitor).into()];
        DB::run(store, &mut tx, &store.sql.ledger_decide, parameters).await?;
        let parameters = vec![(&*store.queue).into(), now.into()];
        let released = DB::run(store, &mut tx, &store.sql.release_payments, parameters).await?;
        tx.commit().await?;
        Ok(released)
    }

    /// Removes a customer from the ledger: the customer key and the click ids. Amounts and ids of the provider stay. Called by
    /// [`forget_customer`](Outbox::forget_customer).
    pub(crate) async fn forget_payments(
        &self,
        tx: &mut riverqueue::sqlx::Transaction<'_, DB>,
        customer_key: &str,
    ) -> Result<(), Error> {
        let (store, sql) = (&self.store, &self.store.sql);
        let text = serde_json::to_string(customer_key).unwrap_or_default();
        let parameters = vec![(&*store.queue).into(), text.into()];
        for group in parse::<i64>(&DB::read(store, tx, &sql.groups_naming, parameters).await?)? {
            let rows: Vec<GroupRow> = parse(&DB::read(store, tx, &sql.lock_group, vec![group.into()]).await?)?;
            let Some(row) = rows.first() else { continue };
            let mut facts = row.facts()?;
            if facts.forget(customer_key) {
                let facts = serde_json::to_string(&facts).unwrap_or_default();
                DB::run(store, tx, &sql.save_facts, vec![group.into(), facts.into()]).await?;
            }
        }
        // A provider may name the app's own user in a field that is not known.
        for statement in [&sql.forget_payments, &sql.forget_webhook_ids] {
            DB::run(store, tx, statement, vec![(&*store.queue).into(), customer_key.into()]).await?;
        }
        Ok(())
    }
}
