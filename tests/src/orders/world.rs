//! A life, and what its webhooks and the provider's API say about it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use affitor_payments::ledger::Facts;
use serde_json::Value;
use shop_lives::{Life, Provider};

use crate::ledger_model::{
    judge::{Reported, expected},
    memory::facts,
    objects::payments,
};

/// When the webhooks were sent: late in 2026.
const NOW: Duration = Duration::from_secs(1_795_176_000);

/// The times at which webhooks arrive: at once, when every hold has passed, and days later.
const ARRIVALS: [Duration; 3] = [Duration::ZERO, HOUR, FOUR_DAYS];

/// The time after which nothing arrives and no hold is left.
const END: Duration = Duration::from_secs(FOUR_DAYS.as_secs() + HOUR.as_secs());

const HOUR: Duration = Duration::from_secs(60 * 60);
const FOUR_DAYS: Duration = Duration::from_secs(4 * 24 * 60 * 60);

/// Number of the time class in which nothing arrives.
pub(crate) const LAST: usize = ARRIVALS.len();

/// When the lives that are explored happen.
pub(crate) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + NOW
}

/// What happens: some of a life's webhooks, and what must be reported in the end.
#[derive(Debug)]
pub struct World {
    /// When the first time class begins.
    start: SystemTime,
    /// For each webhook, its facts if it arrives at each of the times.
    webhooks: Vec<[Facts; ARRIVALS.len()]>,
    bodies: Vec<Value>,
    /// What the provider's API says after the last webhook.
    api: Vec<Facts>,
    pub(crate) expected: BTreeMap<String, Reported>,
    /// Whether webhooks are missing, so that only a reconciliation leads to the expected money.
    pub(crate) is_cut: bool,
    /// Whether the API says who pays. That of Lemon Squeezy does not.
    pub(crate) api_names_customer: bool,
}

impl World {
    /// Returns what can be explored of a life. A life with more webhooks than `limit` is explored payment by payment, since payments that
    /// share no id are decided apart; and twice with webhooks that never arrive.
    pub fn of(life: &Life, limit: usize) -> Vec<Self> {
        let whole = Self::new(life, start());
        if whole.webhooks.len() <= limit {
            return vec![whole];
        }
        let cuts = (0..2).map(|seed| {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut left: Vec<usize> = (0..whole.webhooks.len()).collect();
            rng.shuffle(&mut left);
            Self { is_cut: true, ..whole.with(&left[..limit]) }
        });
        let parts = whole.parts().into_iter().map(|part| whole.with(&part).alone());
        let parts = parts.flat_map(|part| {
            let rest = part.webhooks.len().saturating_sub(limit);
            let all: Vec<usize> = (0..part.webhooks.len()).collect();
            // Too many webhooks of one payment: without the first ones, and without the last ones.
            let cuts = if rest == 0 { vec![&all[..]] } else { vec![&all[rest..], &all[..limit]] };
            cuts.into_iter().map(|cut| Self { is_cut: rest > 0, ..part.with(cut) }).collect::<Vec<_>>()
        });
        parts.chain(cuts).collect()
    }

    /// A whole life that happens at this time.
    pub fn new(life: &Life, start: SystemTime) -> Self {
        let (mut webhooks, mut bodies) = (Vec::new(), Vec::new());
        for webhook in &life.webhooks {
            let facts = ARRIVALS.map(|later| facts(life.provider, &webhook.body, start + later).unwrap_or_default());
            // What says nothing, or nothing else than another one, makes no difference.
            if !facts[0].is_empty() && !webhooks.contains(&facts) {
                webhooks.push(facts);
                bodies.push(webhook.body.clone());
            }
        }
        Self {
            start,
            webhooks,
            bodies,
            api: payments(life, false, start + END),
            expected: expected([life]),
            is_cut: false,
            api_names_customer: life.provider != Provider::LemonSqueezy,
        }
    }

    /// Some of the webhooks, and all that is expected.
    fn with(&self, webhooks: &[usize]) -> Self {
        Self {
            webhooks: webhooks.iter().map(|webhook| self.webhooks[*webhook].clone()).collect(),
            bodies: webhooks.iter().map(|webhook| self.bodies[*webhook].clone()).collect(),
            api: self.api.clone(),
            expected: self.expected.clone(),
            ..*self
        }
    }

    /// Expects only what the webhooks are about.
    fn alone(mut self) -> Self {
        let ids: BTreeSet<&str> = self.webhooks.iter().flat_map(|[facts, ..]| facts.ids()).collect();
        self.expected.retain(|id, _| ids.contains(&**id));
        self.api.retain(|facts| !facts.ids().is_disjoint(&ids));
        self
    }

    /// The webhooks of each payment: those that share ids, and those of its subscription.
    fn parts(&self) -> Vec<Vec<usize>> {
        let mut parts: Vec<(BTreeSet<&str>, Vec<usize>)> = Vec::new();
        let mut sources = Vec::new();
        for (number, [facts, ..]) in self.webhooks.iter().enumerate() {
            let mut ids = facts.ids();
            if ids.is_empty() {
                sources.push(number);
                continue;
            }
            let mut members = vec![number];
            let (same, others): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(known, _)| !known.is_disjoint(&ids));
            parts = others;
            for (known, numbers) in same {
                ids.extend(known);
                members.extend(numbers);
            }
            parts.push((ids, members));
        }
        parts.into_iter().map(|(_, members)| members.into_iter().chain(sources.iter().copied()).collect()).collect()
    }

    /// When the time class with this number begins. The one after the last lets the holds of a reconciliation pass.
    pub(crate) fn time(&self, class: usize) -> SystemTime {
        self.start + *ARRIVALS.get(class).unwrap_or(&(END + HOUR * u32::from(class > LAST)))
    }

    /// Number of webhooks that say something of their own.
    pub fn webhooks(&self) -> usize {
        self.webhooks.len()
    }

    /// The body of a webhook.
    pub fn body(&self, number: usize) -> &Value {
        &self.bodies[number]
    }

    /// What a webhook says if it arrives in this time class.
    pub(crate) fn webhook(&self, number: usize, class: usize) -> &Facts {
        &self.webhooks[number][class]
    }

    pub(crate) fn all_delivered(&self) -> u32 {
        (1 << self.webhooks.len()) - 1
    }

    /// What the API says about each payment.
    pub(crate) fn api(&self) -> &[Facts] {
        &self.api
    }
}
