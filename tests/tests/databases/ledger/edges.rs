//! Each edge of the graphs of states, on real databases: what the ledger enqueues after each path is what the decision in memory reports.

use std::time::SystemTime;

use affitor::Event;
use affitor_tests::{
    ledger_model::judge::{differences, reported},
    orders::{State, Step, Story, World, paths, stories},
};
use shop_lives::{is_all, is_in_share};

use crate::ledger::store::Store;

/// Lives with more webhooks are left out: their graphs have too many edges. The second one is for `.ci/long`.
const WEBHOOKS: [usize; 2] = [5, 6];

async fn each_edge(store: Store) {
    let (mut kinds, mut left_out, mut customers, mut steps, mut seen) = (0, 0, 0, 0, 0);
    for story in stories(1).map(|stories| stories[0]) {
        let explored = World::new(&story.explored(), SystemTime::now());
        if explored.webhooks() > WEBHOOKS[usize::from(is_all())] {
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
            let before = new_events(&store, seen).await;
            assert_same(story, &path, &before, &state);
            // Nothing of this life is left for the next one.
            store.release_held().await;
            let all = new_events(&store, seen).await;
            assert_same(story, &path, &all, &state.wait(&world));
            seen = all.last().map_or(seen, |(id, _)| *id);
        }
    }
    println!(
        "{}: {kinds} kinds, {customers} paths, {steps} steps; {left_out} kinds have too many webhooks",
        store.name()
    );
}

/// Compares what was enqueued with what the decision in memory reports.
fn assert_same(story: Story, path: &[Step], events: &[(u64, Event)], state: &State) {
    let differences = differences(&reported(events.iter().map(|(_, event)| event)), state.totals());
    assert_eq!(differences, None, "{}: {path:?}", story.name());
}

/// Returns what was enqueued after the job with this id, with the ids of the jobs.
async fn new_events(store: &Store, seen: u64) -> Vec<(u64, Event)> {
    // More than a path enqueues.
    let rows = store.texts(
        "SELECT id || '|' || json_extract(args, '$.event') FROM river_job ORDER BY id DESC LIMIT 100",
        "SELECT id || '|' || CAST(args -> 'event' AS text) FROM affitor.river_job ORDER BY id DESC LIMIT 100",
    );
    let rows = rows.await;
    let rows = rows.iter().rev().map(|row| row.split_once('|').unwrap());
    rows.map(|(id, event)| (id.parse().unwrap(), event))
        .filter(|(id, _)| *id > seen)
        .map(|(id, event)| (id, serde_json::from_str(event).unwrap()))
        .collect()
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
