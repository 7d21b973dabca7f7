//! The decision alone, in memory: whatever the order and number of the webhooks, each payment is reported once, and its refunds to
//! the cent.

use std::{collections::BTreeMap, time::SystemTime};

use shop_lives::{Api, Life, Provider, share};

use crate::ledger::sabotage::Sabotage;
use affitor_tests::ledger_model::{
    judge::{differences, expected, reported},
    memory::{Shop, after_hold, facts, seconds},
};

const LIVES: u64 = 1_000;

/// Returns the life of a seed, and its webhooks as they are delivered: each one twice, mostly in random order.
pub(crate) fn life_of(seed: u64, now: SystemTime) -> (Life, Vec<serde_json::Value>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let provider = Provider::ALL[usize::try_from(seed % 4).unwrap()];
    let api = if rng.bool() { Api::Old } else { Api::New };
    let life = Life::generate(&mut rng, provider, api, seed, seconds(now));
    let mut bodies: Vec<_> = life.webhooks.iter().chain(&life.webhooks).map(|webhook| webhook.body.clone()).collect();
    if !seed.is_multiple_of(3) {
        rng.shuffle(&mut bodies);
    }
    (life, bodies)
}

/// Lives a life, and returns how it differs from the model.
pub(crate) fn live(seed: u64, sabotage: Option<Sabotage>) -> (Life, Option<String>) {
    let now = SystemTime::now();
    let (life, bodies) = life_of(seed, now);
    let mut shop = Shop::default();
    for body in &bodies {
        let Ok(mut facts) = facts(life.provider, body, now) else { continue };
        if let Some(sabotage) = sabotage {
            sabotage.apply(&mut shop, &mut facts);
        }
        shop.facts.merge(facts);
        shop.decide(now);
    }
    shop.decide(after_hold(now));
    let differences = differences(&reported(&shop.events), &expected([&life]));
    (life, differences)
}

#[test]
fn webhooks_in_any_order_and_number() {
    let (mut kinds, mut failures, lives) = (BTreeMap::<_, usize>::new(), 0, share(LIVES));
    for seed in 0..lives {
        let (life, differences) = live(seed, None);
        *kinds.entry((format!("{:?}", life.provider), life.kind)).or_default() += 1;
        if let Some(differences) = differences {
            failures += 1;
            println!("seed {seed}, {:?} API, {}, {:?}: {differences}", life.api, life.kind, life.traits);
        }
    }
    println!("{lives} lives in memory: {kinds:?}");
    assert_eq!(failures, 0);
}

#[test]
fn each_sabotage_is_noticed() {
    for sabotage in Sabotage::ALL {
        let noticed = (0..LIVES).filter(|seed| live(*seed, Some(sabotage)).1.is_some()).take(5).count();
        println!("{sabotage:?}: noticed in {noticed} lives");
        assert!(noticed > 0, "{sabotage:?} is not noticed");
    }
}
