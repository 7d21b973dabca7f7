//! Lists every sequence, as a check that merging equal states loses none.

use std::collections::BTreeSet;

use super::{
    state::{Key, State},
    world::{LAST, World},
};

/// The final states of all sequences in which each webhook arrives at most once.
pub fn ends(world: &World) -> BTreeSet<Key> {
    let mut ends = BTreeSet::new();
    go_on(world, &State::start(), &mut ends);
    ends
}

fn go_on(world: &World, state: &State, ends: &mut BTreeSet<Key>) {
    if state.class == LAST {
        ends.insert(state.key());
        return;
    }
    for webhook in 0..world.webhooks() {
        if state.delivered & (1 << webhook) == 0 {
            go_on(world, &state.deliver(world, webhook), ends);
        }
    }
    go_on(world, &state.wait(world), ends);
}
