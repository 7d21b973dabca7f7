//! Explores the graph of states.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::AddAssign,
};

use super::{
    state::{Key, State, Verdict},
    world::{LAST, World},
};

/// What was found.
#[derive(Debug, Default)]
pub struct Graph {
    /// Different states.
    pub states: usize,
    /// Steps from one state to another, or to itself.
    pub edges: usize,
    /// States in which everything has arrived and nothing is due.
    pub ends: usize,
    /// States that were reconciled: after all that arrives, however little it was.
    pub reconciled: usize,
    /// How often each rule names a difference.
    pub doubts: BTreeMap<String, usize>,
    /// Differences that nothing names.
    pub silent: BTreeSet<String>,
}

impl Graph {
    fn judge(&mut self, verdict: Verdict, when: &str) {
        match verdict {
            Verdict::Exact => {}
            Verdict::Doubt(rules) => *self.doubts.entry(format!("{when}: {rules}")).or_default() += 1,
            Verdict::Silent(difference) => {
                self.silent.insert(format!("{when}: {difference}"));
            }
        }
    }
}

impl AddAssign for Graph {
    fn add_assign(&mut self, other: Self) {
        self.states += other.states;
        self.edges += other.edges;
        self.ends += other.ends;
        self.reconciled += other.reconciled;
        other.doubts.into_iter().for_each(|(rules, count)| *self.doubts.entry(rules).or_default() += count);
        self.silent.extend(other.silent);
    }
}

/// Explores all orders. `redelivers` says whether a webhook may arrive more than once. Calls `visit` with each state after which nothing
/// arrives.
pub fn explore(world: &World, redelivers: bool, mut visit: impl FnMut(&State)) -> (usize, usize) {
    let (mut states, mut edges) = (0, 0);
    let mut known: HashSet<Key> = HashSet::new();
    let mut open = vec![State::start()];
    known.insert(open[0].key());
    while let Some(state) = open.pop() {
        states += 1;
        if state.class == LAST {
            visit(&state);
            continue;
        }
        let deliveries = (0..world.webhooks())
            .filter(|webhook| redelivers || state.delivered & (1 << webhook) == 0)
            .map(|webhook| state.deliver(world, webhook));
        for next in deliveries.chain([state.wait(world)]) {
            edges += 1;
            if known.insert(next.key()) {
                open.push(next);
            }
        }
    }
    (states, edges)
}

/// Explores all orders, and judges the money: when everything has arrived; after a reconciliation, whatever has arrived; and when the
/// provider delivers everything once more after that.
pub fn judge(world: &World) -> Graph {
    let mut graph = Graph::default();
    (graph.states, graph.edges) = explore(world, true, |state| {
        if !world.is_cut && state.delivered == world.all_delivered() {
            graph.ends += 1;
            graph.judge(state.verdict(world), "all arrived");
        }
        graph.reconciled += 1;
        let reconciled = state.reconcile(world);
        graph.judge(reconciled.verdict(world), "reconciled");
        let again = (0..world.webhooks()).fold(reconciled, |state, webhook| state.deliver(world, webhook));
        graph.judge(again.wait(world).verdict(world), "reconciled, then delivered");
    });
    graph
}
