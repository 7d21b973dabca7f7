//! Lists every sequence, as a check that merging equal states loses none.

use super::{
    explore::Ends,
    state::{LAST, State, World},
};

/// The final states of all sequences in which each webhook arrives once.
pub(crate) fn ends(world: &World) -> Ends {
    let mut ends = Ends::default();
    go_on(world, &State::start(), &mut ends);
    ends
}

fn go_on(world: &World, state: &State, ends: &mut Ends) {
    if state.time == LAST && state.delivered == world.all_delivered() {
        ends.add(state.clone());
    }
    for webhook in 0..world.webhooks() {
        if state.delivered & (1 << webhook) == 0 {
            go_on(world, &world.deliver(state, webhook), ends);
        }
    }
    if state.time < LAST {
        go_on(world, &world.wait(state), ends);
    }
}
