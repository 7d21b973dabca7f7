//! A shop: its database, its payments at the provider, and the command.

use std::{
    process::Stdio,
    time::{SystemTime, UNIX_EPOCH},
};

use affitor::Event;
use affitor_outbox::{
    Outbox, PaymentSettings,
    sqlx::{self, PgPool, SqlitePool},
};
use serde_json::Value;
use shop_lives::{Api, Life, Provider, Webhook};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    databases::{Postgres, open_sqlite},
    judge::{differences, expected, reported},
    provider_apis::ProviderApi,
};

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the number at a path in the JSON output.
    pub(crate) fn number(&self, pointer: &str) -> u64 {
        self.json().pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("{pointer}: {self:?}"))
    }

    /// Numbers of the sales and refunds that were enqueued.
    pub(crate) fn enqueued(&self) -> (u64, u64) {
        (self.number("/enqueued/sales"), self.number("/enqueued/refunds"))
    }

    /// Number of payments that were counted.
    pub(crate) fn payments(&self) -> u64 {
        self.json()["payments"].as_object().unwrap().values().filter_map(Value::as_u64).sum()
    }
}

#[derive(Debug)]
pub(crate) enum Database {
    Sqlite { pool: SqlitePool, folder: TempDir },
    Postgres { pool: PgPool, server: Postgres },
}

impl Database {
    pub(crate) async fn sqlite() -> Self {
        let folder = crate::databases::folder();
        let pool = open_sqlite(&folder.path().join("shop.sqlite3")).await;
        Outbox::sqlite(pool.clone()).migrate().await.unwrap();
        Self::Sqlite { pool, folder }
    }

    /// Returns `None` if Postgres is not installed.
    pub(crate) async fn postgres() -> Option<Self> {
        let server = Postgres::start()?;
        let pool = server.pool().await;
        Outbox::postgres(pool.clone()).migrate().await.unwrap();
        Some(Self::Postgres { pool, server })
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite { folder, .. } => format!("sqlite://{}", folder.path().join("shop.sqlite3").display()),
            Self::Postgres { server, .. } => server.url(),
        }
    }

    /// Runs a statement. Tables are named with `{}` before their names, which becomes the schema.
    pub(crate) async fn execute(&self, sql: &str) {
        let sql = |schema| sqlx::AssertSqlSafe(sql.replace("{}", schema));
        match self {
            Self::Sqlite { pool, .. } => sqlx::raw_sql(sql("")).execute(pool).await.map(|_| ()),
            Self::Postgres { pool, .. } => sqlx::raw_sql(sql("affitor.")).execute(pool).await.map(|_| ()),
        }
        .unwrap();
    }

    /// Starts the ledger some seconds ago, as a first webhook at that time would.
    pub(crate) async fn start_ledger(&self, seconds_ago: u64) {
        let at = now() - seconds_ago;
        self.execute(&format!("INSERT INTO {{}}affitor_ledgers (queue, started_at) VALUES ('affitor', {at})")).await;
    }

    /// Returns everything that was enqueued. Nothing delivers it.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let sqlite = "SELECT json_extract(args, '$.event') FROM river_job WHERE kind = 'affitor_event' ORDER BY id";
        let postgres =
            "SELECT CAST(args -> 'event' AS text) FROM affitor.river_job WHERE kind = 'affitor_event' ORDER BY id";
        let rows: Vec<String> = match self {
            Self::Sqlite { pool, .. } => sqlx::query_scalar(sqlite).fetch_all(pool).await.unwrap(),
            Self::Postgres { pool, .. } => sqlx::query_scalar(postgres).fetch_all(pool).await.unwrap(),
        };
        rows.iter().map(|json| serde_json::from_str(json).unwrap()).collect()
    }

    /// Number of groups of payments that the ledger knows.
    pub(crate) async fn groups(&self) -> i64 {
        match self {
            Self::Sqlite { pool, .. } => {
                sqlx::query_scalar("SELECT count(*) FROM affitor_payment_groups").fetch_one(pool).await
            }
            Self::Postgres { pool, .. } => {
                sqlx::query_scalar("SELECT count(*) FROM affitor.affitor_payment_groups").fetch_one(pool).await
            }
        }
        .unwrap()
    }
}

/// A shop, and its provider's API.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) provider: Provider,
    pub(crate) database: Database,
    pub(crate) api: ProviderApi,
    pub(crate) lives: Vec<Life>,
}

impl Shop {
    /// Creates a shop with at least this number of sales. `AFFITOR_RECONCILE_SEED` selects others.
    pub(crate) async fn new(provider: Provider, database: Database, sales: usize, seed: u64) -> Self {
        let more = std::env::var("AFFITOR_RECONCILE_SEED").map_or(0, |seed| seed.parse::<u64>().unwrap());
        let (mut rng, mut lives) = (fastrand::Rng::with_seed(seed + 100 * more), Vec::<Life>::new());
        while lives.iter().map(|life| life.sales.len()).sum::<usize>() < sales {
            let life = Life::generate(&mut rng, provider, Api::New, lives.len() as u64, now());
            // The key of the own account does not read the payments of others.
            if life.kind != "connected account" {
                lives.push(life);
            }
        }
        let api = ProviderApi::start(provider, lives.iter().flat_map(|life| life.objects.clone()).collect()).await;
        Self { provider, database, api, lives }
    }

    /// Runs `affitor payments` with these arguments.
    pub(crate) async fn payments(&self, arguments: &[&str]) -> Ran {
        run(&self.database.url(), arguments, (variable(self.provider), self.api.key())).await
    }

    /// Runs `affitor payments reconcile`.
    pub(crate) async fn reconcile(&self, more: &[&str]) -> Ran {
        let name = name(self.provider);
        let mut arguments =
            vec!["reconcile", "--json", "--provider", name, "--since", "1d", "--api-url", &self.api.url];
        arguments.extend(["--program-id", "42"]);
        arguments.extend(more);
        let ran = self.payments(&arguments).await;
        assert!(!format!("{ran:?}").contains(self.api.key()), "the key is printed: {ran:?}");
        ran
    }

    /// Records webhooks, as the app's endpoint does.
    pub(crate) async fn record<'a>(&self, webhooks: impl IntoIterator<Item = &'a Webhook>) {
        for webhook in webhooks {
            match self.provider {
                Provider::Stripe => self.record_one::<affitor_payments::Stripe>(webhook).await,
                Provider::Polar => self.record_one::<affitor_payments::Polar>(webhook).await,
                Provider::LemonSqueezy => self.record_one::<affitor_payments::LemonSqueezy>(webhook).await,
                Provider::Paddle => self.record_one::<affitor_payments::Paddle>(webhook).await,
            }
        }
    }

    async fn record_one<P: affitor_payments::Provider>(&self, webhook: &Webhook) {
        let endpoint = affitor_payments::Webhook::<P>::disabled().or_secret("whsec_0123456789").unwrap();
        let (body, now) = (webhook.body.to_string(), SystemTime::now());
        let headers = endpoint.sign(&webhook.event_id, body.as_bytes(), now);
        let event = endpoint.verify(|name| headers.get(name).map(String::as_bytes), body.as_bytes(), now).unwrap();
        let settings = PaymentSettings::new().program_id(42);
        match &self.database {
            Database::Sqlite { pool, .. } => {
                Outbox::sqlite(pool.clone()).with_payment_settings(settings).record_payment_alone(&event).await
            }
            Database::Postgres { pool, .. } => {
                Outbox::postgres(pool.clone()).with_payment_settings(settings).record_payment_alone(&event).await
            }
        }
        .unwrap();
    }

    /// Checks that exactly what these lives expect was enqueued.
    pub(crate) async fn check<'a>(&self, lives: impl IntoIterator<Item = &'a Life>) {
        let events = self.database.events().await;
        let differences = differences(&reported(&events), &expected(lives));
        assert!(differences.is_none(), "{:?}: {}", self.provider, differences.unwrap_or_default());
    }
}

/// Runs `affitor payments` with one variable in its environment.
pub(crate) async fn run(database: &str, arguments: &[&str], (variable, key): (&str, &str)) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_affitor"))
        .args(["payments", "--database-url", database])
        .args(arguments)
        .env_remove("AFFITOR_PROGRAM_ID")
        .env(variable, key)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

pub(crate) fn name(provider: Provider) -> &'static str {
    match provider {
        Provider::Stripe => "stripe",
        Provider::Polar => "polar",
        Provider::LemonSqueezy => "lemon-squeezy",
        Provider::Paddle => "paddle",
    }
}

pub(crate) fn variable(provider: Provider) -> &'static str {
    match provider {
        Provider::Stripe => "STRIPE_API_KEY",
        Provider::Polar => "POLAR_ACCESS_TOKEN",
        Provider::LemonSqueezy => "LEMON_SQUEEZY_API_KEY",
        Provider::Paddle => "PADDLE_API_KEY",
    }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
