//! Which lives are explored: of each kind some that differ in what happens in them, the shortest first.

use std::{collections::BTreeSet, time::SystemTime};

use shop_lives::{Api, Life, Provider, kinds};

use super::world::start;
use crate::ledger_model::memory::seconds;

/// Lives that are generated in search of different ones, for each that is explored.
const TRIES: u64 = 20;

/// What happens to a customer, whoever it is.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    provider: Provider,
    api: Api,
    kind: &'static str,
    /// Seed of everything that is random.
    seed: u64,
}

impl Story {
    /// Returns provider, API and kind.
    pub fn name(&self) -> String {
        format!("{:?} {:?}, {}", self.provider, self.api, self.kind)
    }

    /// Returns this story as it happens to the customer with a number, at a time.
    pub fn life(&self, number: u64, at: SystemTime) -> Life {
        self.generate(number, at).expect("its first generation succeeded")
    }

    /// Returns this story as it is explored.
    pub fn explored(&self) -> Life {
        self.life(self.seed, start())
    }

    fn generate(&self, number: u64, at: SystemTime) -> Option<Life> {
        let mut rng = fastrand::Rng::with_seed(self.seed);
        Life::of_kind(&mut rng, self.provider, self.api, self.kind, number, seconds(at))
    }
}

/// Returns stories for each provider, API and kind.
pub fn stories(per_kind: usize) -> impl Iterator<Item = Vec<Story>> {
    let kinds = Provider::ALL.into_iter().flat_map(|provider| {
        let apis: &[Api] = if provider == Provider::Stripe { &[Api::Old, Api::New] } else { &[Api::New] };
        apis.iter().flat_map(move |api| kinds(provider).iter().map(move |kind| (provider, *api, *kind)))
    });
    let of_kind = move |(provider, api, kind)| {
        let stories = (0..TRIES * per_kind as u64).map(|seed| Story { provider, api, kind, seed });
        let lives = stories.filter_map(|story| Some((story, story.generate(story.seed, start())?)));
        let mut found: Vec<_> = lives.map(|(story, life)| (life.webhooks.len(), life.traits, story)).collect();
        found.sort_by_key(|(webhooks, ..)| *webhooks);
        let mut seen = BTreeSet::new();
        found.retain(|(webhooks, traits, _)| seen.insert((*webhooks, traits.clone())));
        found.into_iter().take(per_kind).map(|(.., story)| story).collect::<Vec<_>>()
    };
    // Some kinds exist in one form of Stripe's API only.
    kinds.map(of_kind).filter(|stories| !stories.is_empty())
}
