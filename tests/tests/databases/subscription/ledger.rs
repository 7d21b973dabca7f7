//! On the ledger: without help from the shop, and with a restart between any two webhooks.

use std::time::Duration;

use affitor::Client;
use affitor_outbox::{
    Outbox, PaymentSettings,
    sqlx::{Sqlite, SqlitePool},
};
use affitor_payments::{Stripe, StripeReporter, Webhook};
use affitor_sandbox::{Sandbox, SecondRefund};
use affitor_tests::{
    databases,
    shop::{Shop, ShopFramework},
};
use serde_json::Value;
use shop_lives::share;

use crate::subscription::life::{Api, expected, life, remaining_commissions, sandbox_with_customer};

/// A shop whose process starts anew for each webhook.
struct World {
    sandbox: Sandbox,
    framework: ShopFramework,
    pool: SqlitePool,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new(framework: ShopFramework, second_refund: SecondRefund) -> Self {
        let (sandbox, _) = sandbox_with_customer(second_refund).await;
        let (pool, folder) = databases::sqlite().await;
        let world = Self { sandbox, framework, pool, _folder: folder };
        world.outbox().migrate().await.unwrap();
        world
    }

    fn outbox(&self) -> Outbox<Sqlite> {
        Outbox::sqlite(self.pool.clone()).with_payment_settings(PaymentSettings::new().program_id(42))
    }

    /// Delivers each webhook to a new process.
    async fn deliver(&self, events: &[Value]) {
        for event in events {
            let webhook = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App).unwrap();
            let shop = Shop::start_with_ledger(self.framework, self.outbox(), webhook).await;
            assert_eq!(shop.deliver(event).await, 200, "{event}");
        }
    }

    /// Lets a worker deliver everything to the service.
    async fn work(&self) {
        let client = Client::builder().api_key(self.sandbox.api_key()).api_url(self.sandbox.url()).build().unwrap();
        let outbox = self.outbox();
        let worker = outbox.worker(client).start().await.unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while outbox.stats().await.unwrap().pending > 0 {
            assert!(tokio::time::Instant::now() < deadline, "{:?}", outbox.stats().await.unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        worker.shutdown().await.unwrap();
    }
}

/// Over 20 s: eight lives, in which each refund waits for the one before.
#[tokio::test(flavor = "multi_thread")]
async fn events_in_order() {
    for framework in ShopFramework::ALL {
        for api in [Api::Old, Api::New] {
            for (second_refund, remaining) in [(SecondRefund::Skipped, 980 - 300), (SecondRefund::Taken, 980 - 500)] {
                let world = World::new(framework, second_refund).await;
                world.deliver(&life(api)).await;
                world.work().await;
                let name = format!("{framework:?}, {api:?} API, {second_refund:?}");
                assert_eq!(remaining_commissions(&world.sandbox), expected(remaining), "{name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_twice_in_random_order() {
    for seed in 0..share(6) {
        let framework = ShopFramework::ALL[usize::from(seed % 2 == 0)];
        for api in [Api::Old, Api::New] {
            let world = World::new(framework, SecondRefund::Taken).await;
            let mut events = life(api);
            events.extend(life(api));
            fastrand::Rng::with_seed(seed).shuffle(&mut events);
            world.deliver(&events).await;
            world.work().await;
            let name = format!("{framework:?}, {api:?} API, seed {seed}");
            assert_eq!(remaining_commissions(&world.sandbox), expected(980 - 500), "{name}");
        }
    }
}
