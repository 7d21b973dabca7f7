//! What holds for all lives of all providers.

use std::collections::{BTreeMap, BTreeSet};

use shop_lives::{Api, Life, Provider, kinds, share};

const NOW: u64 = 1_760_000_000;
const APIS: [Api; 2] = [Api::Old, Api::New];

fn lives(seed: u64, count: u64) -> Vec<Life> {
    let mut rng = fastrand::Rng::with_seed(seed);
    (0..count)
        .map(|number| {
            let provider = Provider::ALL[rng.usize(..4)];
            let api = APIS[rng.usize(..2)];
            Life::generate(&mut rng, provider, api, number, NOW)
        })
        .collect()
}

#[test]
fn every_kind_occurs_in_some_api() {
    for provider in Provider::ALL {
        let mut seen = BTreeSet::new();
        let mut rng = fastrand::Rng::with_seed(1);
        for number in 0..1_000 {
            if number >= share(1_000) && seen.len() == kinds(provider).len() {
                break;
            }
            let api = APIS[rng.usize(..2)];
            seen.insert(Life::generate(&mut rng, provider, api, number, NOW).kind);
        }
        assert_eq!(seen, kinds(provider).iter().copied().collect(), "{provider:?}");
    }
}

#[test]
fn refunds_never_exceed_the_sale() {
    for life in lives(2, share(2_000)) {
        for sale in &life.sales {
            assert!(sale.amount_cents > 0, "{sale:?} of {}", life.kind);
            assert!(sale.refunded_cents <= sale.amount_cents, "{sale:?} of {}", life.kind);
            assert!(sale.tax_cents <= sale.amount_cents, "{sale:?} of {}", life.kind);
        }
    }
}

#[test]
fn ids_are_unique() {
    let (mut sales, mut events, mut objects) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for life in lives(3, share(2_000)) {
        for sale in life.sales {
            assert!(sales.insert(sale.transaction_id.clone()), "sale {} occurs twice", sale.transaction_id);
        }
        for webhook in life.webhooks {
            assert!(events.insert(webhook.event_id.clone()), "event {} occurs twice", webhook.event_id);
        }
        for object in life.objects {
            let id = (life.provider as u8, object["type"].to_string(), object["id"].to_string());
            assert!(objects.insert(id.clone()), "object {id:?} occurs twice");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_lives() {
    assert_eq!(lives(4, 200), lives(4, 200));
    assert_ne!(lives(4, 200), lives(5, 200));
}

#[test]
fn events_lie_within_the_hour_before_now() {
    for life in lives(6, share(500)) {
        for webhook in life.webhooks.iter().filter(|webhook| webhook.body["created"].is_u64()) {
            let created = webhook.body["created"].as_u64().unwrap();
            assert!((NOW - 3_600..=NOW).contains(&created), "{created} of {}", life.kind);
        }
    }
}

#[test]
fn remarkable_things_occur() {
    let mut count = BTreeMap::new();
    for life in lives(7, share(2_000)) {
        assert!(!life.webhooks.is_empty(), "{} has no webhook", life.kind);
        for what in life.traits {
            *count.entry(what).or_insert(0) += 1;
        }
        for sale in life.sales {
            *count.entry(if sale.refunded_cents == 0 { "kept" } else { "given back" }).or_insert(0) += 1;
        }
    }
    for what in ["kept", "given back", "lost dispute", "won dispute", "pending refund that succeeds", "failed refund"] {
        assert!(count.get(what).is_some_and(|count| *count > share(2_000) / 100), "{what} is rare: {count:?}");
    }
}
