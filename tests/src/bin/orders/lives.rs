//! Which lives are explored: of each kind some that differ in what happens in them.

use std::collections::BTreeSet;

use shop_lives::{Api, Life, Provider, kinds};

use super::state::{informative, now};

/// Lives that are generated in search of short ones, for each that is explored.
const TRIES: u64 = 20;

/// Returns lives with at most this many webhooks, by provider, API and kind. Of a kind without short lives, the shortest.
pub(crate) fn lives(per_kind: usize, webhooks: usize) -> Vec<(String, Vec<Life>)> {
    let seconds = affitor_tests::ledger_model::memory::seconds(now());
    let mut groups = Vec::new();
    for provider in Provider::ALL {
        let apis: &[Api] = if provider == Provider::Stripe { &[Api::Old, Api::New] } else { &[Api::New] };
        for (api, kind) in apis.iter().flat_map(|api| kinds(provider).iter().map(move |kind| (*api, *kind))) {
            let mut found: Vec<(usize, Life)> = Vec::new();
            for seed in 0..TRIES * per_kind as u64 {
                let mut rng = fastrand::Rng::with_seed(seed);
                let life = Life::of_kind(&mut rng, provider, api, kind, seed, seconds);
                found.extend(life.map(|life| (informative(&life), life)));
            }
            found.sort_by_key(|(count, _)| *count);
            let (mut seen, mut chosen) = (BTreeSet::new(), Vec::new());
            for (count, life) in found {
                let is_short = count <= webhooks || chosen.is_empty();
                if is_short && chosen.len() < per_kind && seen.insert((count, life.traits.clone())) {
                    chosen.push(life);
                }
            }
            if !chosen.is_empty() {
                groups.push((format!("{provider:?} {api:?}, {kind}"), chosen));
            }
        }
    }
    groups
}
