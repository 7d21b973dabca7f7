//! From webhooks to the service: worker processes deliver what the ledger enqueues, while they are killed and the service fails. Where
//! the service differs from the model in the end, the ledger says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use affitor::{Click, Client, Lead};
use affitor_sandbox::{Fault, Interpretations, Sandbox, SecondRefund, Snapshot};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use shop_lives::{Api, Life, Provider, share};

use crate::ledger::{
    databases::kinds,
    service::{compare, each_change_is_noticed, recorded, uncertain},
    store::Store,
    workers::Workers,
};
use affitor_tests::ledger_model::{judge::expected, memory::seconds};

const LIVES_PER_PROVIDER: u64 = 24;
/// Lives that happen at the same time.
const CONCURRENCY: usize = 3;
const KILLS: usize = 12;
/// Share of the requests that meet a fault of the service.
const FAULTS: f64 = 0.35;

fn seed() -> u64 {
    std::env::var("AFFITOR_LEDGER_SEED").map_or(1, |seed| seed.parse().unwrap())
}

fn lives() -> Vec<(Life, Vec<Value>)> {
    let (mut rng, mut lives) = (fastrand::Rng::with_seed(seed()), Vec::new());
    for provider in Provider::ALL {
        // With fewer lives, kills and faults would leave nothing uncertain in some runs.
        for _ in 0..share(LIVES_PER_PROVIDER).max(12) {
            let api = if rng.bool() { Api::Old } else { Api::New };
            let now = seconds(SystemTime::now());
            let life = Life::generate(&mut rng, provider, api, lives.len() as u64, now);
            let mut bodies: Vec<_> = life.webhooks.iter().map(|webhook| webhook.body.clone()).collect();
            if rng.u8(..4) == 0 {
                rng.shuffle(&mut bodies);
            }
            lives.push((life, bodies));
        }
    }
    rng.shuffle(&mut lives);
    lives
}

/// A service that knows all customers.
async fn service(second_refund: SecondRefund, lives: &[(Life, Vec<Value>)]) -> Sandbox {
    let mut interpretations = Interpretations::default();
    interpretations.second_refund = second_refund;
    let sandbox = Sandbox::builder().interpretations(interpretations).seed(seed()).start().await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let customers: BTreeSet<_> =
        lives.iter().flat_map(|(life, _)| &life.sales).map(|sale| &sale.customer_key).collect();
    for customer in customers {
        let click = client.track_click(Click::landing(&landing)).await.unwrap();
        client.track_lead(Lead::new(customer).click_id(click.click_id().cloned())).await.unwrap();
    }
    sandbox
}

/// Lets each kind of fault happen with the same share.
fn fail(sandbox: &Sandbox) {
    let kinds = [
        Fault::ErrorBeforeWrite,
        Fault::ErrorAfterWrite,
        Fault::ResetBeforeWrite,
        Fault::ResetAfterWrite,
        Fault::TruncatedResponse,
        Fault::BadGateway,
        Fault::Latency(Duration::from_millis(200)),
    ];
    // A rule applies to the requests that no earlier rule has met. Its probability is relative to them.
    let share = FAULTS / kinds.len() as f64;
    for (earlier, kind) in kinds.into_iter().enumerate() {
        sandbox.inject(kind.with_probability(share / (1.0 - share * earlier as f64)));
    }
}

async fn record(store: &Store, lives: &[(Life, Vec<Value>)]) {
    stream::iter(lives)
        .for_each_concurrent(CONCURRENCY, async |(life, bodies)| {
            for body in bodies {
                store.record(life.provider, body).await;
            }
        })
        .await;
    store.release_held().await;
}

/// Delivers everything. Returns what the service has recorded, and how many differences and uncertain events there are.
async fn deliver(store: &Store, second_refund: SecondRefund, is_calm: bool) -> (Snapshot, usize, u64) {
    let lives = lives();
    let sandbox = service(second_refund, &lives).await;
    let customers = sandbox.requests().len();
    let mut workers = Workers::start(store, &sandbox, seed());
    if is_calm {
        record(store, &lives).await;
    } else {
        fail(&sandbox);
        let is_recorded = AtomicBool::new(false);
        let record = async {
            record(store, &lives).await;
            is_recorded.store(true, Ordering::SeqCst);
        };
        tokio::join!(record, workers.kill_at_random(KILLS, &is_recorded));
        // A process that was killed had claimed payments for some minutes.
        store.release_held().await;
    }
    workers.deliver_all().await;

    let (snapshot, expected) = (sandbox.snapshot(), expected(lives.iter().map(|(life, _)| life)));
    let (uncertain, count) = uncertain(store).await;
    let verdict = compare(&recorded(&snapshot), &expected, &uncertain);
    println!(
        "{}, a second refund is {second_refund:?}, seed {}: {} lives, {} sales, {} refunds, {} requests, kills {:?} during {:?}, \
         {} differences, {count} uncertain, {:?}",
        store.name(),
        seed(),
        lives.len(),
        snapshot.sales.len(),
        snapshot.refunds.len(),
        sandbox.requests().len() - customers,
        workers.kills,
        workers.in_flight,
        verdict.differences,
        kinds(lives.iter().map(|(life, _)| life))
    );
    assert!(verdict.unlisted.is_empty(), "seed {} (AFFITOR_LEDGER_SEED): {:#?}", seed(), verdict.unlisted);
    let without_list = compare(&recorded(&snapshot), &expected, &BTreeMap::new());
    assert_eq!(without_list.unlisted.len(), verdict.differences, "each difference must be listed");
    for (currency, balance) in store.balance().await {
        let sales = || expected.values().filter(|sale| sale.currency == currency);
        assert_eq!(balance.pending, 0, "{currency}: {balance:?}");
        assert_eq!(balance.recorded, sales().map(|sale| sale.cents).sum::<u64>(), "{currency}: {balance:?}");
        assert_eq!(balance.refunds, sales().map(|sale| sale.refunded).sum::<u64>(), "{currency}: {balance:?}");
    }
    (snapshot, verdict.differences, count)
}

async fn nothing_differs_secretly(store: Store, second_refund: SecondRefund) {
    // It takes over a minute, because River rescues the events of a killed worker after 60 seconds. So by default, each database and
    // each interpretation runs once.
    let is_default = (store.name() == "SQLite") == (second_refund == SecondRefund::Taken);
    if !is_default && !shop_lives::is_all() {
        return println!("left to `.ci/long lives`");
    }
    let (_, _, uncertain) = deliver(&store, second_refund, false).await;
    assert!(uncertain > 0, "kills and faults leave something uncertain");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_if_a_second_refund_is_taken() {
    nothing_differs_secretly(Store::sqlite().await, SecondRefund::Taken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_if_a_second_refund_is_skipped() {
    nothing_differs_secretly(Store::sqlite().await, SecondRefund::Skipped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_if_a_second_refund_is_taken() {
    let Some(store) = Store::postgres().await else { return };
    nothing_differs_secretly(store, SecondRefund::Taken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_if_a_second_refund_is_skipped() {
    let Some(store) = Store::postgres().await else { return };
    nothing_differs_secretly(store, SecondRefund::Skipped).await;
}

/// Without kills and faults, nothing is missing if a second refund is taken. Then whatever is changed is noticed, on either side.
async fn a_calm_service_has_everything(store: Store) {
    let (snapshot, differences, uncertain) = deliver(&store, SecondRefund::Taken, true).await;
    assert_eq!((differences, uncertain), (0, 0));
    let lives = lives();
    let noticed = each_change_is_noticed(&snapshot, &expected(lives.iter().map(|(life, _)| life)));
    println!("{}: {noticed} lost, altered and doubled sales and refunds, each of which is noticed", store.name());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_without_kills_and_faults() {
    a_calm_service_has_everything(Store::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_without_kills_and_faults() {
    let Some(store) = Store::postgres().await else { return };
    a_calm_service_has_everything(store).await;
}

/// Without kills and faults, what a second refund lacks if it is skipped is listed, and nothing else is uncertain.
#[tokio::test(flavor = "multi_thread")]
async fn a_calm_service_that_skips_second_refunds() {
    let store = Store::sqlite().await;
    let (_, differences, count) = deliver(&store, SecondRefund::Skipped, true).await;
    assert!(differences > 0 && count > 0, "some sales have several refunds");
    for (id, uncertain) in uncertain(&store).await.0 {
        let reports = store.explain(&id).await.unwrap().reports;
        assert!(!uncertain.sale, "{id}: {reports:?}");
        assert!(uncertain.refunds == 0 || reports.len() > 2, "{id} has one refund: {reports:?}");
    }
}
