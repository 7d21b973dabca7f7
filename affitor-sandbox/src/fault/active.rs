//! The fault rules in force, and the random numbers that decide when they strike.

use super::{Chance, Fault, FaultRule};
use crate::call::ApiCall;

#[derive(Debug)]
pub(crate) struct ActiveFaults {
    rules: Vec<FaultRule>,
    rng: fastrand::Rng,
}

impl ActiveFaults {
    pub(crate) fn new(rules: Vec<FaultRule>, seed: u64) -> Self {
        Self { rules, rng: fastrand::Rng::with_seed(seed) }
    }

    pub(crate) fn rules(&self) -> &[FaultRule] {
        &self.rules
    }

    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Draws the fault for a request: that of the first rule that strikes. Drops the rules that are used up.
    pub(crate) fn draw(&mut self, call: ApiCall) -> Option<Fault> {
        let rng = &mut self.rng;
        let fault = self.rules.iter_mut().find_map(|rule| {
            if rule.call.is_some_and(|wanted| wanted != call) {
                return None;
            }
            let strikes = match &mut rule.chance {
                Chance::Always => true,
                Chance::Times(0) => false,
                Chance::Times(left) => {
                    *left -= 1;
                    true
                }
                Chance::Probability(probability) => rng.f64() < *probability,
            };
            strikes.then_some(rule.fault)
        });
        self.rules.retain(|rule| rule.chance != Chance::Times(0));
        fault
    }
}
