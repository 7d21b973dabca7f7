//! Each edge of the graphs of states, on real databases: what the ledger enqueues after each path is what the decision in memory reports.

use std::time::SystemTime;

use affitor_tests::{
    ledger_model::judge::{differences, reported},
    orders::{State, Step, World, paths, stories},
};
use shop_lives::is_in_share;

use crate::ledger::store::Store;

/// Lives with more webhooks are left out: their graphs have too many edges.
const WEBHOOKS: usize = 5;

async fn each_edge(store: Store) {
    let (mut kinds, mut left_out, mut customers, mut steps) = (0, 0, 0, 0);
    for story in stories(1).map(|stories| stories[0]) {
        let explored = World::new(&story.explored(), SystemTime::now());
        if explored.webhooks() > WEBHOOKS {
            left_out += 1;
            continue;
        }
        kinds += 1;
        for (row, path) in paths(&explored).into_iter().enumerate() {
            if !is_in_share(row, kinds) {
                continue;
            }
            customers += 1;
            steps += path.len();
            let now = SystemTime::now();
            let life = story.life(customers, now);
            let (world, mut state) = (World::new(&life, now), State::start());
            for step in &path {
                match *step {
                    Step::Deliver(webhook) => {
                        store.record(life.provider, world.body(webhook)).await;
                        state = state.deliver(&world, webhook);
                    }
                    Step::Wait => {
                        store.release_held().await;
                        state = state.wait(&world);
                    }
                }
            }
            let differences = differences(&reported(&store.events().await), state.totals());
            assert_eq!(differences, None, "{}: {path:?}", story.name());
            store.execute("DELETE FROM river_job", "DELETE FROM affitor.river_job").await;
        }
    }
    println!(
        "{}: {kinds} kinds, {customers} paths, {steps} steps; {left_out} kinds have too many webhooks",
        store.name()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_edge_on_sqlite() {
    each_edge(Store::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_edge_on_postgres() {
    let Some(store) = Store::postgres().await else { return };
    each_edge(store).await;
}
