//! Webhooks that never arrive. Later, the ledger is reconciled with what the provider's API returns, and nothing is missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use affitor_outbox::PaymentRecord;
use affitor_payments::ledger::Facts;
use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use shop_lives::{Api, Life, Provider, share};

use crate::ledger::{databases::kinds, store::Store};
use affitor_tests::ledger_model::{
    judge::{Reported, differences, expected, reported},
    memory::{Shop, after_hold, facts, seconds},
    objects::payments,
};

/// Lives per provider.
const IN_DATABASE: u64 = 100;
const IN_MEMORY: u64 = 150;
/// Lives that happen at the same time.
const CONCURRENCY: usize = 4;

/// A life whose webhooks arrive in part.
struct Case {
    seed: u64,
    life: Life,
    arrives: Vec<Value>,
    /// Whether Stripe's API is asked for a newer version than that of the webhooks.
    reads_newer: bool,
}

impl Case {
    fn new(seed: u64, provider: Provider, api: Api) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let life = Life::generate(&mut rng, provider, api, seed, seconds(SystemTime::now()));
        let mut arrives: Vec<_> = life.webhooks.iter().map(|webhook| webhook.body.clone()).collect();
        arrives.retain(|_| rng.u8(..10) >= 4);
        if rng.bool() {
            rng.shuffle(&mut arrives);
        }
        // It is not known how the newer version returns the part of an older payment that was never captured.
        let is_released = life.traits.contains(&"refund object of the released part");
        let reads_newer = api == Api::Old && provider == Provider::Stripe && !is_released && rng.bool();
        Self { seed, life, arrives, reads_newer }
    }

    /// Creates this many lives of each provider. At Stripe, every second one is of the older API.
    fn all(each: u64) -> Vec<Self> {
        let seed = std::env::var("AFFITOR_LEDGER_SEED").map_or(1, |seed| seed.parse::<u64>().unwrap());
        let mut cases = Vec::new();
        for (offset, provider) in Provider::ALL.into_iter().enumerate() {
            for number in 0..each {
                let api = if number % 2 == 0 { Api::Old } else { Api::New };
                cases.push(Self::new(seed * 1_000_000 + offset as u64 * 10_000 + number, provider, api));
            }
        }
        cases
    }

    /// What the API says about each payment.
    fn payments(&self) -> Vec<Facts> {
        payments(&self.life, self.reads_newer, SystemTime::now())
    }

    fn lost(&self) -> usize {
        self.life.webhooks.len() - self.arrives.len()
    }

    /// Whether it is known who pays. The API of Lemon Squeezy does not say it, so a webhook must have arrived.
    fn is_attributed(&self) -> bool {
        self.life.provider != Provider::LemonSqueezy || !self.arrives.is_empty()
    }

    fn describe(&self) -> String {
        let Life { provider, api, kind, traits, .. } = &self.life;
        let reads = if self.reads_newer { "read as newer, " } else { "" };
        format!(
            "seed {}, {provider:?}, {api:?} API, {reads}{kind}, {traits:?}, {} webhooks lost",
            self.seed,
            self.lost()
        )
    }
}

/// What must be reported: everything whose customer is known.
fn to_report(cases: &[Case]) -> BTreeMap<String, Reported> {
    expected(cases.iter().filter(|case| case.is_attributed()).map(|case| &case.life))
}

/// The payments of Lemon Squeezy whose customer is unknown.
fn unattributed(cases: &[Case]) -> BTreeSet<String> {
    let lives = cases.iter().filter(|case| !case.is_attributed());
    lives.flat_map(|case| &case.life.sales).map(|sale| sale.transaction_id.clone()).collect()
}

fn summary(place: &str, cases: &[Case]) {
    let lost: usize = cases.iter().map(Case::lost).sum();
    let named = cases.iter().filter(|case| !case.is_attributed() && !case.arrives.is_empty());
    println!(
        "{place}: {} lives with lost webhooks, {lost} webhooks lost, {} lives read in a newer version, {} sales, {} of them not \
         attributed, {} although an ignored webhook names the customer, {:?}",
        cases.iter().filter(|case| case.lost() > 0).count(),
        cases.iter().filter(|case| case.reads_newer).count(),
        cases.iter().map(|case| case.life.sales.len()).sum::<usize>(),
        unattributed(cases).len(),
        named.map(|case| case.life.sales.len()).sum::<usize>(),
        kinds(cases.iter().map(|case| &case.life))
    );
}

async fn a_reconciliation_reports_what_is_missing(store: Store) {
    let cases = Case::all(share(IN_DATABASE));
    let all = || stream::iter(&cases);
    all()
        .for_each_concurrent(CONCURRENCY, async |case| {
            for body in &case.arrives {
                store.record(case.life.provider, body).await;
            }
        })
        .await;
    let before = store.events().await;
    assert!(differences(&reported(&before), &to_report(&cases)).is_some(), "something is missing");
    all()
        .for_each_concurrent(CONCURRENCY, async |case| {
            for payment in case.payments() {
                let record = store.reconcile(case.life.provider, payment).await;
                assert_eq!(record.refused, None, "{}", case.describe());
            }
        })
        .await;
    let after = store.events().await;
    let added = after.len() - before.len();
    summary(store.name(), &cases);
    println!("{}: {} events because of webhooks, {added} by the reconciliation", store.name(), before.len());
    assert_all_reported(&store, &cases).await;
    let unknown = store.payments(Some("no_customer")).await.into_iter();
    let unknown = unknown.filter(|payment| payment.scope == "lemon_squeezy//live");
    let unknown: BTreeSet<_> = unknown.map(|payment| payment.transaction_id).collect();
    assert_eq!(unknown, unattributed(&cases), "the ledger lists what it can't attribute");
    all()
        .for_each_concurrent(CONCURRENCY, async |case| {
            for payment in case.payments() {
                let PaymentRecord { enqueued, changed, .. } = store.reconcile(case.life.provider, payment).await;
                assert_eq!((enqueued.len(), changed), (0, false), "the second time: {}", case.describe());
            }
        })
        .await;
    assert_eq!(store.events().await.len(), after.len());
}

/// Compares the queue with the model, life by life.
async fn assert_all_reported(store: &Store, cases: &[Case]) {
    let (reported, expected) = (reported(&store.events().await), to_report(cases));
    let Some(differences) = differences(&reported, &expected) else { return };
    for case in cases {
        if case.life.sales.iter().any(|sale| reported.get(&sale.transaction_id) != expected.get(&sale.transaction_id)) {
            println!("{}", case.describe());
        }
    }
    panic!("{}: {differences}", store.name());
}

#[tokio::test(flavor = "multi_thread")]
async fn are_reconciled_on_sqlite() {
    a_reconciliation_reports_what_is_missing(Store::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn are_reconciled_on_postgres() {
    let Some(store) = Store::postgres().await else { return };
    a_reconciliation_reports_what_is_missing(store).await;
}

/// Lives a life in memory, and reconciles it twice with what the API says. Then the provider delivers everything. Returns how what was
/// reported differs from the model.
fn live(case: &Case, payments: &[Facts]) -> Option<String> {
    let (mut shop, now) = (Shop::default(), SystemTime::now());
    let hear = |shop: &mut Shop, body: &Value| {
        if let Ok(facts) = facts(case.life.provider, body, now) {
            shop.facts.merge(facts);
        }
    };
    for body in &case.arrives {
        hear(&mut shop, body);
        shop.decide(now);
    }
    for _ in 0..2 {
        payments.iter().for_each(|payment| shop.facts.merge(payment.clone()));
        shop.decide(after_hold(now));
    }
    let missing = differences(&reported(&shop.events), &to_report(std::slice::from_ref(case)));
    missing.or_else(|| {
        case.life.webhooks.iter().for_each(|webhook| hear(&mut shop, &webhook.body));
        shop.decide(after_hold(now));
        differences(&reported(&shop.events), &expected([&case.life]))
    })
}

/// The decision alone, with more lives.
#[test]
fn are_reconciled_in_memory() {
    let cases = Case::all(share(IN_MEMORY));
    let mut failures = 0;
    for case in &cases {
        if let Some(different) = live(case, &case.payments()) {
            failures += 1;
            println!("{}: {different}", case.describe());
        }
    }
    summary("memory", &cases);
    assert_eq!(failures, 0);
}

/// If the API leaves out one payment, the comparison notices it.
#[test]
fn a_payment_that_the_api_leaves_out_is_noticed() {
    let mut noticed = BTreeMap::<_, usize>::new();
    for mut case in Case::all(20) {
        // Nothing arrives, so that nothing else says the same.
        case.arrives.clear();
        let sold: Vec<_> = case.life.sales.iter().filter(|_| case.is_attributed()).cloned().collect();
        for sale in sold {
            let payments = case.payments().into_iter().filter(|facts| !facts.ids().contains(&*sale.transaction_id));
            let different = live(&case, &payments.collect::<Vec<_>>());
            assert!(different.is_some(), "{} is not missed: {}", sale.transaction_id, case.describe());
            *noticed.entry(format!("{:?}", case.life.provider)).or_default() += 1;
        }
    }
    println!("payments that the API left out, and that were missed: {noticed:?}");
}
