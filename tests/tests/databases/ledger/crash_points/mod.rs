//! Every point at which a process of the shop can end: before and after each statement on Postgres and each call of the service, and at
//! each write to a SQLite file. There the process is killed, or the connection is cut, or Postgres responds with a deadlock or a
//! serialization failure. Nothing is lost or counted twice, and what is uncertain is listed.
//!
//! No hook in production code is needed: a proxy counts the requests, and `strace` the writes. A point is a statement or call, and its
//! number in the run. Two runs count them; each further run meets one point, with the same story of another customer.
//!
//! A process that is killed is not a loss of power: what it has written is in the system's memory.

mod proxy;
mod shop;
mod wire;
mod writes;

use std::collections::BTreeMap;

use shop_lives::{is_all, is_in_share};

use self::{
    proxy::{Action, Point},
    shop::{Outcome, Shop, Side},
};
use crate::ledger::store::Store;

/// A worker polls for as long as it runs, so only the first occurrences of each statement are points.
const OCCURRENCES: usize = 3;

/// The actions at a statement. `40P01` is a deadlock, `40001` a serialization failure.
const AT_STATEMENTS: [Action; 6] = [
    Action::KillBefore,
    Action::KillAfter,
    Action::CutBefore,
    Action::CutAfter,
    Action::Fail("40P01"),
    Action::Fail("40001"),
];

/// The actions at a call of the service.
const AT_CALLS: [Action; 4] = [Action::KillBefore, Action::KillAfter, Action::CutBefore, Action::CutAfter];

/// The result of all runs.
#[derive(Debug, Default)]
struct Sum {
    runs: usize,
    reached: usize,
    starts: usize,
    uncertain: BTreeMap<u64, usize>,
    missed: Vec<String>,
    wrong: Vec<String>,
}

impl Sum {
    fn add(&mut self, what: &str, outcome: &Outcome) {
        self.runs += 1;
        self.reached += usize::from(outcome.reached);
        self.starts += outcome.starts;
        if !outcome.reached {
            self.missed.push(what.to_owned());
        }
        if outcome.uncertain > 0 {
            *self.uncertain.entry(outcome.uncertain).or_default() += 1;
        }
        self.wrong.extend(outcome.wrong.iter().map(|wrong| format!("{what}: {wrong}")));
    }

    /// Prints the result, and panics if money is wrong.
    fn judge(self, name: &str, points: usize) {
        self.missed.iter().for_each(|missed| println!("not reached: {missed}"));
        println!(
            "{name}: {points} points, {} runs, {} reached, {} starts of a process; lost, doubled or out of order: {}; runs with \
             uncertain refunds, by cents: {:?}",
            self.runs,
            self.reached,
            self.starts,
            self.wrong.len(),
            self.uncertain
        );
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
        // How many connections a pool opens, and how often a worker polls, differs from run to run.
        assert!(self.reached * 2 > self.runs, "most points are reached");
    }
}

/// The points at which something happens: a quarter of the share of other tests, unless everything runs, since each takes a second.
fn planned(points: &[Point], actions: &[Action], offset: usize) -> Vec<(Point, Action)> {
    let points = points.iter().filter(|point| point.label == "write" || point.occurrence <= OCCURRENCES);
    let all = points.flat_map(|point| actions.iter().map(move |action| (point.clone(), *action)));
    let share = all.enumerate().filter(|(row, _)| is_in_share(*row, offset)).map(|(_, planned)| planned);
    share.step_by(if is_all() { 1 } else { 4 }).collect()
}

async fn of_an_endpoint(store: Store, side: Side, actions: &[Action], offset: usize) {
    let name = format!("endpoint on {}, {side:?}", store.name());
    let mut shop = Shop::open(store).await;
    let mut calm = shop.record(side, None).await;
    assert_eq!((&calm.wrong, calm.starts), (&vec![], 1));
    let again = shop.record(side, None).await.points;
    calm.points.retain(|point| again.contains(point));
    let (mut sum, points) = (Sum::default(), calm.points);
    for (point, action) in planned(&points, actions, offset) {
        let what = format!("{point:?} {action:?}");
        sum.add(&what, &shop.record(side, Some((point, action))).await);
    }
    sum.judge(&name, points.len());
}

async fn of_a_worker(store: Store, side: Side, actions: &[Action], offset: usize) {
    let name = format!("worker on {}, {side:?}", store.name());
    let mut shop = Shop::open(store).await;
    let mut calm = shop.deliver(side, None).await;
    assert_eq!((&calm.wrong, calm.starts, calm.uncertain), (&vec![], 1, 0));
    let again = shop.deliver(side, None).await.points;
    calm.points.retain(|point| again.contains(point));
    let (mut sum, points) = (Sum::default(), calm.points);
    for (point, action) in planned(&points, actions, offset) {
        let what = format!("{point:?} {action:?}");
        sum.add(&what, &shop.deliver(side, Some((point, action))).await);
    }
    sum.judge(&name, points.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_endpoint_on_postgres() {
    let Some(store) = Store::postgres().await else { return };
    of_an_endpoint(store, Side::Database, &AT_STATEMENTS, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_endpoint_on_sqlite() {
    if writes::can_be_traced() {
        of_an_endpoint(Store::sqlite().await, Side::Writes, &[Action::KillBefore], 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_worker_on_postgres() {
    let Some(store) = Store::postgres().await else { return };
    of_a_worker(store, Side::Database, &AT_STATEMENTS, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_worker_on_sqlite() {
    if writes::can_be_traced() {
        of_a_worker(Store::sqlite().await, Side::Writes, &[Action::KillBefore], 3).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_calls_of_the_service_with_postgres() {
    let Some(store) = Store::postgres().await else { return };
    of_a_worker(store, Side::Service, &AT_CALLS, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_calls_of_the_service_with_sqlite() {
    of_a_worker(Store::sqlite().await, Side::Service, &AT_CALLS, 5).await;
}
