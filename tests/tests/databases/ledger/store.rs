//! A shop's database with the ledger in it, of either kind.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use affitor::Event;
use affitor_outbox::{
    Balance, LedgerPayment, Outbox, OutboxStats, PaymentFilter, PaymentRecord, PaymentSettings, PaymentStory,
    Reconciliation,
    sqlx::{self, PgPool, SqlitePool},
};
use affitor_payments::ledger::Facts;
use affitor_tests::{
    databases::{Postgres, open_sqlite},
    with_rules,
};
use serde_json::Value;
use shop_lives::Provider;
use tempfile::TempDir;

pub(crate) enum Store {
    Sqlite { outbox: Outbox<sqlx::Sqlite>, pool: SqlitePool, folder: TempDir },
    Postgres { outbox: Outbox<sqlx::Postgres>, pool: PgPool, server: Postgres },
}

/// Calls a method of the outbox of either kind.
macro_rules! with_outbox {
    ($store:expr, |$outbox:ident| $body:expr) => {
        match $store {
            Store::Sqlite { outbox: $outbox, .. } => $body,
            Store::Postgres { outbox: $outbox, .. } => $body,
        }
    };
}
pub(crate) use with_outbox;

impl Store {
    pub(crate) async fn sqlite() -> Self {
        let folder = affitor_tests::databases::folder();
        let pool = open_sqlite(&folder.path().join("shop.sqlite3")).await;
        let outbox = Outbox::sqlite(pool.clone()).with_payment_settings(settings());
        outbox.migrate().await.unwrap();
        Self::Sqlite { outbox, pool, folder }
    }

    /// Returns `None` if Postgres is not installed.
    pub(crate) async fn postgres() -> Option<Self> {
        let server = Postgres::start()?;
        let pool = server.pool().await;
        let outbox = Outbox::postgres(pool.clone()).with_payment_settings(settings());
        outbox.migrate().await.unwrap();
        Some(Self::Postgres { outbox, pool, server })
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres { .. } => "Postgres",
        }
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite { folder, .. } => format!("sqlite://{}", folder.path().join("shop.sqlite3").display()),
            Self::Postgres { server, .. } => server.url(),
        }
    }

    /// Records a webhook, as the shop's endpoint does.
    pub(crate) async fn record(&self, provider: Provider, body: &Value) {
        with_rules!(provider, |Rules| {
            let endpoint = affitor_payments::Webhook::<Rules>::disabled().or_secret("whsec_0123456789").unwrap();
            let (body, now) = (body.to_string(), SystemTime::now());
            let headers = endpoint.sign("msg_1", body.as_bytes(), now);
            let event = endpoint.verify(|name| headers.get(name).map(String::as_bytes), body.as_bytes(), now).unwrap();
            with_outbox!(self, |outbox| outbox.record_payment_alone(&event).await.unwrap());
        });
    }

    /// Records what the provider's API returned about a payment.
    pub(crate) async fn reconcile(&self, provider: Provider, facts: Facts) -> PaymentRecord {
        let reconciliation = Reconciliation::new();
        with_rules!(provider, |Rules| with_outbox!(self, |outbox| {
            outbox.reconcile_payments::<Rules>(facts, &reconciliation).await.unwrap()
        }))
    }

    /// Decides what is held, as if its time had come.
    pub(crate) async fn release_held(&self) {
        self.execute(
            r#"UPDATE affitor_payment_groups SET due_at = 0, policy = json_set(policy, '$.hold', json('{"secs":0,"nanos":0}'))
               WHERE due_at IS NOT NULL"#,
            r#"UPDATE affitor.affitor_payment_groups SET due_at = 0, policy = jsonb_set(policy, '{hold}', '{"secs":0,"nanos":0}')
               WHERE due_at IS NOT NULL"#,
        )
        .await;
        // Workers decide at the same time. Postgres may choose this transaction as the victim of a deadlock.
        with_outbox!(self, |outbox| loop {
            match outbox.decide_due_payments().await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => assert!(is_deadlock(&error), "{error:?}"),
            }
        });
    }

    /// Returns whether everything is delivered. Makes due what waits for a later time.
    pub(crate) async fn is_delivered(&self) -> bool {
        self.execute(
            "UPDATE river_job SET scheduled_at = datetime('now', '-1 second') WHERE state IN ('scheduled', 'retryable')",
            "UPDATE affitor.river_job SET scheduled_at = now() - interval '1 second' WHERE state IN ('scheduled', 'retryable')",
        )
        .await;
        self.stats().await.pending == 0
    }

    /// What killed workers had taken is rescued, and the lease of their leader is over, as if ten minutes had passed.
    pub(crate) async fn let_ten_minutes_pass(&self) {
        self.execute(
            "UPDATE river_job SET attempted_at = datetime('now', '-10 minutes') WHERE state = 'running'",
            "UPDATE affitor.river_job SET attempted_at = now() - interval '10 minutes' WHERE state = 'running'",
        )
        .await;
        self.end_lease().await;
    }

    /// The lease of a killed leader ends, as if 15 seconds had passed.
    pub(crate) async fn end_lease(&self) {
        self.execute("DELETE FROM river_leader", "DELETE FROM affitor.river_leader").await;
    }

    /// Runs a statement. Returns the number of changed rows.
    pub(crate) async fn execute(&self, sqlite: &'static str, postgres: &'static str) -> u64 {
        match self {
            Self::Sqlite { pool, .. } => sqlx::query(sqlite).execute(pool).await.unwrap().rows_affected(),
            Self::Postgres { pool, .. } => loop {
                match sqlx::query(postgres).execute(pool).await {
                    Ok(done) => break done.rows_affected(),
                    // Workers change the same rows, and Postgres may choose this statement as the victim.
                    Err(error) => assert!(is_deadlock(&error), "{error:?}"),
                }
            },
        }
    }

    /// Returns texts that a query finds.
    pub(crate) async fn texts(&self, sqlite: &'static str, postgres: &'static str) -> Vec<String> {
        match self {
            Self::Sqlite { pool, .. } => sqlx::query_scalar(sqlite).fetch_all(pool).await.unwrap(),
            Self::Postgres { pool, .. } => sqlx::query_scalar(postgres).fetch_all(pool).await.unwrap(),
        }
    }

    /// Returns everything that was enqueued and is not delivered.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let rows = self.texts(
            "SELECT json_extract(args, '$.event') FROM river_job WHERE kind = 'affitor_event' ORDER BY id",
            "SELECT CAST(args -> 'event' AS text) FROM affitor.river_job WHERE kind = 'affitor_event' ORDER BY id",
        );
        rows.await.iter().map(|json| serde_json::from_str(json).unwrap()).collect()
    }

    pub(crate) async fn stats(&self) -> OutboxStats {
        with_outbox!(self, |outbox| outbox.stats().await.unwrap())
    }

    pub(crate) async fn balance(&self) -> BTreeMap<String, Balance> {
        with_outbox!(self, |outbox| outbox.payment_balance().await.unwrap())
    }

    pub(crate) async fn explain(&self, id: &str) -> Option<PaymentStory> {
        with_outbox!(self, |outbox| outbox.explain_payment(id).await.unwrap())
    }

    /// Returns all payments with this status.
    pub(crate) async fn payments(&self, status: Option<&str>) -> Vec<LedgerPayment> {
        let filter = status.map_or_else(PaymentFilter::default, |status| PaymentFilter::default().status(status));
        with_outbox!(self, |outbox| outbox.list_payments(filter, "", u32::MAX).await.unwrap())
    }
}

/// The lives are older than the ledger.
fn settings() -> PaymentSettings {
    PaymentSettings::new().program_id(42).report_since(UNIX_EPOCH)
}

fn is_deadlock(error: &dyn std::error::Error) -> bool {
    format!("{error:?}").contains("40P01")
}
