//! A shop process of the ledger's tests. It receives webhooks of four providers, and records each one together with its own work
//! in one transaction. Or it is a worker, which delivers them. It is meant to be killed.

use std::{env, error::Error};

use affitor_axum::payments::{PaymentError, Provider, Webhook, WebhookEvent};
use affitor_outbox::{Outbox, PaymentSettings, sqlx};
use affitor_tests::databases::open_sqlite;
use tokio::net::TcpListener;

mod actix;
mod axum;
mod worker;

/// The secret of every webhook.
const SECRET: &str = "whsec_0123456789";

/// The shop's database, with the ledger in it.
#[derive(Clone)]
enum Database {
    Sqlite(Outbox<sqlx::Sqlite>),
    Postgres(Outbox<sqlx::Postgres>),
}

impl Database {
    async fn open(url: &str) -> Result<Self, Box<dyn Error>> {
        // The lives are older than the ledger.
        let settings = PaymentSettings::new().program_id(42).report_since(std::time::UNIX_EPOCH);
        Ok(match url.strip_prefix("sqlite://") {
            Some(path) => {
                let pool = open_sqlite(path.as_ref()).await;
                Self::Sqlite(Outbox::sqlite(pool).with_payment_settings(settings))
            }
            None => {
                let pool = sqlx::postgres::PgPoolOptions::new().max_connections(4).connect(url).await?;
                Self::Postgres(Outbox::postgres(pool).with_payment_settings(settings))
            }
        })
    }

    /// Does the shop's own work, and records the payment.
    async fn record<P: Provider>(&self, event: &WebhookEvent<P>) -> Result<(), PaymentError> {
        // The shop's work of a webhook: a row that counts it.
        let sql = "UPDATE shop_webhooks SET count = count + 1 WHERE provider = $1";
        macro_rules! record {
            ($outbox:expr) => {{
                let mut tx = $outbox.begin().await?;
                $outbox.record_payment(&mut tx, event).await?;
                sqlx::query(sql).bind(P::NAME).execute(&mut *tx).await.map_err(PaymentError::not_recorded)?;
                tx.commit().await.map_err(PaymentError::not_recorded)
            }};
        }
        match self {
            Self::Sqlite(outbox) => record!(outbox),
            Self::Postgres(outbox) => record!(outbox),
        }
    }
}

fn webhook<P: Provider>() -> Webhook<P> {
    Webhook::disabled().or_secret(SECRET).expect("a valid secret")
}

/// Arguments: the framework and the URL of the database, prints the port; or `worker`, the URL of the database, the service's URL and
/// the key, prints a line once it has started.
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["worker", url, service, key] => Ok(worker::work(Database::open(url).await?, service, key).await?),
        [framework, url] => serve(framework, Database::open(url).await?).await,
        _ => Err("ledger_shop axum|actix URL, or ledger_shop worker URL SERVICE KEY".into()),
    }
}

async fn serve(framework: &str, database: Database) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    match framework {
        "axum" => axum::serve(listener, database).await?,
        _ => actix::serve(listener.into_std()?, database).await?,
    }
    Ok(())
}

/// The path of each provider's webhook.
macro_rules! routes {
    ($route:ident) => {
        $route!("/stripe", Stripe);
        $route!("/polar", Polar);
        $route!("/lemon_squeezy", LemonSqueezy);
        $route!("/paddle", Paddle);
    };
}
use routes;
