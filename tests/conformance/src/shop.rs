//! A shop: its orders, its outbox, and a worker that delivers to a sandbox of its own.

use std::time::{Duration, Instant};

use affitor::{Click, Client, Lead};
use affitor_outbox::{
    Database, Outbox, OutboxStats, Worker,
    sqlx::{self, Pool},
};
use affitor_sandbox::{ApiCall, Sandbox};

/// The customer of all orders. A partner brought them, so that the service records their payments.
pub const CUSTOMER: &str = "user_7";

pub struct Shop<DB: Backend> {
    pool: Pool<DB>,
    pub outbox: Outbox<DB>,
    sandbox: Sandbox,
    worker: Worker,
}

/// What the shop needs from SQLx on one kind of database.
pub trait Backend: Database {
    const TITLE: &str;

    fn outbox(pool: Pool<Self>) -> Outbox<Self>;

    fn create_orders(pool: &Pool<Self>) -> impl Future<Output = Result<(), sqlx::Error>>;

    fn has_order(pool: &Pool<Self>, id: &str) -> impl Future<Output = Result<bool, sqlx::Error>>;
}

macro_rules! backend {
    ($database:ty, $name:literal, $outbox:path) => {
        impl Backend for $database {
            const TITLE: &str = $name;

            fn outbox(pool: Pool<Self>) -> Outbox<Self> {
                $outbox(pool)
            }

            async fn create_orders(pool: &Pool<Self>) -> Result<(), sqlx::Error> {
                sqlx::query("CREATE TABLE orders (id text PRIMARY KEY)").execute(pool).await.map(drop)
            }

            async fn has_order(pool: &Pool<Self>, id: &str) -> Result<bool, sqlx::Error> {
                sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM orders WHERE id = $1)").bind(id).fetch_one(pool).await
            }
        }
    };
}

backend!(sqlx::Sqlite, "SQLite", Outbox::sqlite);
backend!(sqlx::Postgres, "Postgres", Outbox::postgres);

impl<DB: Backend> Shop<DB> {
    /// Opens a shop in an empty database.
    pub async fn open(pool: Pool<DB>) -> Self {
        DB::create_orders(&pool).await.unwrap();
        let outbox = DB::outbox(pool.clone());
        outbox.migrate().await.unwrap();
        let sandbox = Sandbox::start().await.unwrap();
        let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
        let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
        let click = client.track_click(Click::landing(landing)).await.unwrap();
        outbox.enqueue_alone(Lead::new(CUSTOMER).click_id(click.click_id().unwrap().clone())).await.unwrap();
        let worker = outbox.worker(client).start().await.unwrap();
        Self { pool, outbox, sandbox, worker }
    }

    pub async fn has_order(&self, id: &str) -> bool {
        DB::has_order(&self.pool, id).await.unwrap()
    }

    /// Waits until nothing is pending.
    pub async fn delivered(&self) -> OutboxStats {
        let started = Instant::now();
        loop {
            let stats = self.outbox.stats().await.unwrap();
            if stats.pending == 0 {
                return stats;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "{stats:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns how many requests the service got for a payment.
    pub fn calls(&self, call: ApiCall, transaction_id: &str) -> usize {
        let requests = self.sandbox.requests();
        let of_payment = requests.iter().filter(|request| request.transaction_id.as_deref() == Some(transaction_id));
        of_payment.filter(|request| request.call == Some(call)).count()
    }

    pub async fn close(self) {
        self.worker.shutdown().await.unwrap();
        self.sandbox.stop().await;
    }
}
