//! Which lives are explored: of each kind some that differ in what happens in them, the shortest first.

use std::collections::BTreeSet;

use affitor_tests::ledger_model::memory::seconds;
use shop_lives::{Api, Life, Provider, kinds};

use super::world::time;

/// Lives that are generated in search of different ones, for each that is explored.
const TRIES: u64 = 20;

/// The lives of a kind.
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) lives: Vec<Life>,
}

/// Returns lives by provider, API and kind.
pub(crate) fn groups(per_kind: usize) -> impl Iterator<Item = Group> {
    let kinds = Provider::ALL.into_iter().flat_map(|provider| {
        let apis: &[Api] = if provider == Provider::Stripe { &[Api::Old, Api::New] } else { &[Api::New] };
        apis.iter().flat_map(move |api| kinds(provider).iter().map(move |kind| (provider, *api, *kind)))
    });
    kinds.map(move |(provider, api, kind)| {
        let mut found: Vec<Life> = (0..TRIES * per_kind as u64)
            .filter_map(|seed| {
                let mut rng = fastrand::Rng::with_seed(seed);
                Life::of_kind(&mut rng, provider, api, kind, seed, seconds(time(0)))
            })
            .collect();
        found.sort_by_key(|life| life.webhooks.len());
        let mut seen = BTreeSet::new();
        found.retain(|life| seen.insert((life.webhooks.len(), life.traits.clone())));
        found.truncate(per_kind);
        Group { name: format!("{provider:?} {api:?}, {kind}"), lives: found }
    })
}
