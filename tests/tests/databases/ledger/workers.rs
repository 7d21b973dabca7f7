//! Two worker processes, which are killed at random and started again.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use affitor_sandbox::Sandbox;

use crate::ledger::store::Store;

const PROCESSES: usize = 2;
/// A process is killed after about this many requests.
const REQUESTS_PER_KILL: u64 = 30;
/// How often it is checked whether the queue is empty.
const INTERVAL: Duration = Duration::from_millis(50);
/// A queue that is not empty by then is a defect.
const LIMIT: Duration = Duration::from_secs(120);

struct Process(Child);

impl Process {
    fn start(store: &Store, sandbox: &Sandbox) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ledger_shop"))
            .args(["worker", &store.url(), sandbox.url(), sandbox.api_key()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "started");
        Self(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The workers of a shop.
pub(crate) struct Workers<'a> {
    store: &'a Store,
    sandbox: &'a Sandbox,
    rng: fastrand::Rng,
    processes: Vec<Process>,
    /// Processes that were killed since all of them were.
    killed: usize,
    /// Kills, by the number of events that the process had taken and whose results were not stored.
    pub(crate) kills: BTreeMap<usize, usize>,
    /// What these events were.
    pub(crate) in_flight: BTreeMap<String, usize>,
}

impl<'a> Workers<'a> {
    pub(crate) fn start(store: &'a Store, sandbox: &'a Sandbox, seed: u64) -> Self {
        let (processes, rng) = (Vec::new(), fastrand::Rng::with_seed(seed));
        let (kills, in_flight) = (BTreeMap::new(), BTreeMap::new());
        let mut workers = Self { store, sandbox, rng, processes, killed: 0, kills, in_flight };
        workers.start_missing();
        workers
    }

    fn start_missing(&mut self) {
        while self.processes.len() < PROCESSES {
            self.processes.push(Process::start(self.store, self.sandbox));
        }
    }

    /// Kills one or all of them at random, `kills` times or until everything is delivered, and all of them at the end. Events are
    /// enqueued meanwhile, until `is_complete`.
    pub(crate) async fn kill_at_random(&mut self, kills: usize, is_complete: &AtomicBool) {
        let mut seen = 0;
        for _ in 0..kills {
            let next = seen + self.rng.u64(REQUESTS_PER_KILL / 3..REQUESTS_PER_KILL * 5 / 3);
            while seen < next {
                let requests = tokio::time::timeout(INTERVAL, self.sandbox.wait_for_requests_after(seen)).await;
                if let Some(last) = requests.iter().flatten().last() {
                    seen = last.number;
                    continue;
                }
                let is_complete = is_complete.load(Ordering::SeqCst);
                if is_complete && self.store.is_delivered().await {
                    return;
                }
            }
            if self.rng.u8(..3) == 0 {
                self.kill_all().await;
            } else {
                let victim = self.rng.usize(..PROCESSES);
                drop(self.processes.remove(victim));
                self.killed += 1;
                self.store.end_lease().await;
            }
            self.start_missing();
        }
        self.kill_all().await;
        self.start_missing();
    }

    /// Waits until everything is delivered.
    pub(crate) async fn deliver_all(&self) {
        let until = tokio::time::Instant::now() + LIMIT;
        while !self.store.is_delivered().await {
            assert!(tokio::time::Instant::now() < until, "{:?}", self.store.stats().await);
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Kills all of them. What they had taken is retried as if ten minutes had passed.
    async fn kill_all(&mut self) {
        self.killed += self.processes.len();
        self.processes.clear();
        let mut by_process = BTreeMap::<String, usize>::new();
        for row in self.store.texts(RUNNING_IN_SQLITE, RUNNING_IN_POSTGRES).await {
            let (process, event) = row.split_once('|').unwrap();
            *by_process.entry(process.to_owned()).or_default() += 1;
            *self.in_flight.entry(event.to_owned()).or_default() += 1;
        }
        *self.kills.entry(0).or_default() += self.killed - by_process.len();
        by_process.values().for_each(|events| *self.kills.entry(*events).or_default() += 1);
        self.killed = 0;
        self.store.let_ten_minutes_pass().await;
    }
}

/// Events that a process has taken: the last process that took each one, and what it is. Those of earlier kills that still wait for
/// their retry are left out.
const RUNNING_IN_SQLITE: &str = "SELECT json_extract(attempted_by, '$[#-1]') || '|' || CASE
    WHEN json_extract(args, '$.event.type') = 'sale' THEN 'sale'
    WHEN json_extract(args, '$.event.refund_amount_cents') IS NULL THEN 'full refund' ELSE 'partial refund' END
    FROM river_job WHERE state = 'running' AND attempted_at > datetime('now', '-5 minutes')";
const RUNNING_IN_POSTGRES: &str = "SELECT attempted_by[array_upper(attempted_by, 1)] || '|' || CASE
    WHEN args -> 'event' ->> 'type' = 'sale' THEN 'sale'
    WHEN args -> 'event' ->> 'refund_amount_cents' IS NULL THEN 'full refund' ELSE 'partial refund' END
    FROM affitor.river_job WHERE state = 'running' AND attempted_at > now() - interval '5 minutes'";
