//! Explores the graph of states.

use std::collections::{HashSet, btree_map::BTreeMap};

use super::state::{Key, LAST, State, World};

/// What was found.
#[derive(Default)]
pub(crate) struct Graph {
    states: usize,
    edges: usize,
    /// The states in which everything has arrived and nothing is due.
    pub(crate) ends: Ends,
}

/// Final states. Two are equal if their keys are.
#[derive(Default)]
pub(crate) struct Ends(BTreeMap<Key, State>);

impl Ends {
    pub(crate) fn add(&mut self, state: State) {
        self.0.insert(state.key(), state);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'e> IntoIterator for &'e Ends {
    type Item = &'e State;
    type IntoIter = std::collections::btree_map::Values<'e, Key, State>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.values()
    }
}

impl PartialEq for Ends {
    fn eq(&self, other: &Self) -> bool {
        self.0.keys().eq(other.0.keys())
    }
}

impl std::fmt::Debug for Ends {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Graph {
    pub(crate) fn add(&mut self, other: Self) {
        self.states += other.states;
        self.edges += other.edges;
        self.ends.0.extend(other.ends.0);
    }

    pub(crate) fn summary(&self) -> String {
        format!("{} states, {} edges, {} final states", self.states, self.edges, self.ends.len())
    }
}

/// Explores all orders. `redelivers` says whether a webhook may arrive more than once.
pub(crate) fn explore(world: &World, redelivers: bool) -> Graph {
    let mut graph = Graph::default();
    let mut known = HashSet::new();
    let mut open = vec![State::start()];
    known.insert(open[0].key());
    while let Some(state) = open.pop() {
        graph.states += 1;
        let deliveries = (0..world.webhooks())
            .filter(|webhook| redelivers || state.delivered & (1 << webhook) == 0)
            .map(|webhook| world.deliver(&state, webhook));
        let waits = (state.time < LAST).then(|| world.wait(&state));
        for next in deliveries.chain(waits) {
            graph.edges += 1;
            if known.insert(next.key()) {
                open.push(next);
            }
        }
        if state.time == LAST && state.delivered == world.all_delivered() {
            graph.ends.add(state);
        }
    }
    graph
}
