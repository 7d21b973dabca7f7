//! Paths that meet each edge of a graph, to repeat them where a step takes longer.

use std::collections::{HashMap, HashSet};

use super::{
    state::{Key, State},
    world::World,
};

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The webhook with this number arrives, for the first time or again.
    Deliver(usize),
    /// The hold passes.
    Wait,
}

/// A state, how it is reached first, and where its steps lead.
struct Node {
    state: State,
    before: Option<(usize, Step)>,
    steps: Vec<(Step, usize)>,
}

/// Returns paths from the start that together meet each edge, until the hold has passed once.
pub fn paths(world: &World) -> Vec<Vec<Step>> {
    let nodes = nodes(world);
    let (mut met, mut paths) = (HashSet::new(), Vec::new());
    for number in 0..nodes.len() {
        for edge in 0..nodes[number].steps.len() {
            if met.contains(&(number, edge)) {
                continue;
            }
            let (mut path, mut at) = (way_to(&nodes, number), number);
            let mut next = Some(edge);
            while let Some(edge) = next {
                met.insert((at, edge));
                let (step, to) = nodes[at].steps[edge];
                path.push(step);
                at = to;
                next = (0..nodes[at].steps.len()).find(|edge| !met.contains(&(at, *edge)));
            }
            paths.push(path);
        }
    }
    paths
}

fn nodes(world: &World) -> Vec<Node> {
    let start = State::start();
    let mut known = HashMap::<Key, usize>::from([(start.key(), 0)]);
    let mut nodes = vec![Node { state: start, before: None, steps: Vec::new() }];
    let mut number = 0;
    while number < nodes.len() {
        let state = nodes[number].state.clone();
        let deliveries = (0..world.webhooks()).map(|webhook| (Step::Deliver(webhook), state.deliver(world, webhook)));
        let wait = (state.class == 0).then(|| (Step::Wait, state.wait(world)));
        for (step, next) in deliveries.chain(wait) {
            let new = nodes.len();
            let to = *known.entry(next.key()).or_insert(new);
            if to == new {
                nodes.push(Node { state: next, before: Some((number, step)), steps: Vec::new() });
            }
            nodes[number].steps.push((step, to));
        }
        number += 1;
    }
    nodes
}

fn way_to(nodes: &[Node], mut number: usize) -> Vec<Step> {
    let mut way = Vec::new();
    while let Some((before, step)) = nodes[number].before {
        way.push(step);
        number = before;
    }
    way.reverse();
    way
}
