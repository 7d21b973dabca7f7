//! The webhook's route while Affitor is out of order for a week, and with a revoked key: with the ledger a failure of Affitor is never one
//! of the webhook, and nothing is lost; without it the provider is asked to redeliver.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use affitor::{Click, Client, Lead};
use affitor_outbox::{Outbox, sqlx};
use affitor_payments::{Stripe, StripeReporter, Webhook};
use affitor_sandbox::{Fault, Sandbox};
use affitor_tests::databases;
use checkout::stripe::Api;
use session::Sessions;

use crate::ledger::stripe::{SECRET, checkout as payment, metadata, refund};

const DAYS: u64 = 7;

/// What is wrong for a week.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    Outage,
    RevokedKey,
}

fn api() -> Arc<Api> {
    let url = "http://127.0.0.1:1".parse().unwrap();
    Arc::new(Api { url, key: "sk_test".to_owned(), http: reqwest::Client::new() })
}

/// Serves an app, and returns what delivers webhooks to it.
async fn serve(app: axum::Router, webhook: Webhook<Stripe>) -> impl AsyncFn(serde_json::Value) -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/stripe", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    let http = reqwest::Client::new();
    async move |body| {
        let body = body.to_string();
        let headers = webhook.sign("msg_1", body.as_bytes(), SystemTime::now());
        let request = headers.into_iter().fold(http.post(&url), |request, (name, value)| request.header(name, value));
        request.body(body).send().await.unwrap().status().as_u16()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_of_trouble() {
    for trouble in [Trouble::Outage, Trouble::RevokedKey] {
        let sandbox = Sandbox::start().await.unwrap();
        // Where the app has its key.
        let key = Arc::new(Mutex::new(sandbox.api_key().to_owned()));
        let file = Arc::clone(&key);
        let client = Client::builder()
            .api_key_fn(move || {
                let key = file.lock().unwrap().clone();
                async move { Ok::<_, std::io::Error>(key) }
            })
            .api_url(sandbox.url())
            .program_id(42)
            .build()
            .unwrap();
        let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
        let click = client.track_click(Click::landing(landing)).await.unwrap();
        client.track_lead(Lead::new("user_7").click_id(click.click_id().cloned())).await.unwrap();

        let webhook = Webhook::<Stripe>::new(SECRET, StripeReporter::App).unwrap();
        let (pool, _folder) = databases::sqlite().await;
        payments_example::create_tables(&pool).await.unwrap();
        let delivery = Outbox::sqlite(pool.clone()).start(client.clone()).await.unwrap();
        let shop = payments_example::Shop {
            outbox: delivery.outbox().clone(),
            stripe: api(),
            webhook: webhook.clone(),
            sessions: Sessions::generate(),
        };
        let to_ledger = serve(payments_example::app(shop, delivery.client().clone()), webhook.clone()).await;
        let shop = checkout::Shop {
            sessions: Sessions::generate(),
            stripe: api(),
            webhook: webhook.clone(),
            orders: Arc::default(),
        };
        let to_memory = serve(checkout::axum::app(client, shop), webhook).await;

        let new_key = match trouble {
            Trouble::Outage => {
                sandbox.inject(Fault::BadGateway.always());
                None
            }
            Trouble::RevokedKey => Some(sandbox.rotate_key().unwrap()),
        };
        for day in 1..=DAYS {
            let paid = payment(day, 4_900, &metadata());
            assert_eq!(to_ledger(paid.clone()).await, 200, "{trouble:?}, day {day}");
            assert_eq!(to_memory(paid).await, 503, "{trouble:?}, day {day}");
            if day % 2 == 0 {
                assert_eq!(to_ledger(refund(day, 1, 4_900, "succeeded")).await, 200, "{trouble:?}, day {day}");
            }
            sqlx::query("UPDATE river_job SET created_at = datetime(created_at, '-1 day')")
                .execute(&pool)
                .await
                .unwrap();
        }
        let stats = delivery.outbox().stats().await.unwrap();
        assert_eq!(
            (stats.pending, stats.dead, sandbox.sales().len()),
            (DAYS + DAYS / 2, 0, 0),
            "{trouble:?}: {stats:?}"
        );

        // Affitor works again, or the shop has the new key.
        sandbox.clear_faults();
        if let Some(new_key) = new_key {
            *key.lock().unwrap() = new_key;
        }
        let started = Instant::now();
        while delivery.outbox().stats().await.unwrap().pending > 0 {
            let stats = delivery.outbox().stats().await.unwrap();
            assert!(started.elapsed() < Duration::from_secs(90), "{trouble:?}: {stats:?}");
            let sql = "UPDATE river_job SET scheduled_at = datetime('now', '-1 second') WHERE state = 'scheduled'";
            sqlx::query(sql).execute(&pool).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        delivery.shutdown(Duration::from_secs(8)).await;
        let (days, snapshot) = (usize::try_from(DAYS).unwrap(), sandbox.snapshot());
        assert_eq!((snapshot.sales.len(), snapshot.refunds.len()), (days, days / 2), "{trouble:?}");
        let orders: u64 = sqlx::query_scalar("SELECT count(*) FROM orders").fetch_one(&pool).await.unwrap();
        assert_eq!(orders, DAYS, "the shop's own work is done");
    }
}
