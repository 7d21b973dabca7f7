//! The run: starts all processes, kills some at random, waits until all events are delivered, and compares both sides.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use affitor::{Click, Client};
use affitor_outbox::{DeadReason, OutboxStats};
use affitor_sandbox::{Fault, Interpretations, Sandbox, SecondRefund};
use affitor_tests::databases::Postgres;

use crate::{
    Arguments, Error, StoreKind,
    judge::judge,
    shop::{self, RefundPlan},
    store::{Store, with_store},
};

/// Maximum duration of a run.
const TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// A child process, which is restarted after a kill.
struct Process {
    role: &'static str,
    child: Child,
    /// Whether it has exited successfully.
    finished: bool,
}

impl Process {
    fn start(role: &'static str, arguments: &Arguments) -> Result<Self, Error> {
        let store = if arguments.store == StoreKind::Sqlite { "sqlite" } else { "postgres" };
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--role", role, "--store", store, "--database", &arguments.database, "--api", &arguments.api]);
        command.args(["--key-file", &arguments.key_file]);
        command.args(["--events", &arguments.events.to_string(), "--seed", &arguments.seed.to_string()]);
        if let Some(sabotage) = arguments.sabotage {
            command.args(["--sabotage", &format!("{sabotage:?}").to_lowercase()]);
        }
        // The last messages of a killed process are of no use.
        let child = command.stderr(Stdio::null()).spawn()?;
        Ok(Self { role, child, finished: false })
    }

    fn kill(&mut self) -> Result<(), Error> {
        self.child.kill()?; // SIGKILL
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have exited already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) async fn run(arguments: &Arguments) -> Result<bool, Error> {
    let mut arguments = arguments.clone();
    let mut interpretations = Interpretations::default();
    interpretations.second_refund = SecondRefund::Taken;
    let sandbox = Sandbox::builder()
        .interpretations(interpretations)
        .seed(arguments.seed)
        .requests_kept(50_000_000)
        .start()
        .await?;
    sandbox.url().clone_into(&mut arguments.api);
    let folder = affitor_tests::databases::folder();
    let server = match arguments.store {
        StoreKind::Sqlite => {
            arguments.database = folder.path().join("shop.sqlite3").display().to_string();
            None
        }
        StoreKind::Postgres => {
            let Some(server) = Postgres::start() else { return Err("Postgres is not installed".into()) };
            arguments.database = server.url();
            Some(server)
        }
    };
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, sandbox.api_key())?;
    arguments.key_file = key_file.display().to_string();
    let store = Store::open(&arguments).await?;
    store.prepare().await?;
    create_clicks(&arguments, &sandbox, &store).await?;
    inject_faults(&sandbox, arguments.faults);

    let started = Instant::now();
    let mut processes = vec![Process::start("producer", &arguments)?];
    for _ in 0..arguments.workers.max(1) {
        processes.push(Process::start("worker", &arguments)?);
    }
    if arguments.sabotage.is_some() {
        processes.push(Process::start("saboteur", &arguments)?);
    }
    let mut rng = fastrand::Rng::with_seed(arguments.seed);
    let mut kills = 0;
    let mut rotations = 0;
    let mut restarted = !arguments.restart_database;
    let stats = loop {
        tokio::time::sleep(Duration::from_millis(rng.u64(200..900))).await;
        if started.elapsed() > TIMEOUT {
            return Err(format!("not finished after {} s", TIMEOUT.as_secs()).into());
        }
        // The producer exits when it is done. Other processes exit only if the database was gone, and are restarted.
        for process in &mut processes {
            if process.finished {
                continue;
            }
            if let Some(status) = process.child.try_wait()? {
                if process.role == "producer" && status.success() {
                    process.finished = true;
                } else {
                    *process = Process::start(process.role, &arguments)?;
                }
            }
        }
        if kills < arguments.kills {
            let victims: Vec<usize> = (0..processes.len())
                .filter(|at| !processes[*at].finished && processes[*at].role != "saboteur")
                .collect();
            let victim = victims[rng.usize(0..victims.len())];
            processes[victim].kill()?;
            processes[victim] = Process::start(processes[victim].role, &arguments)?;
            kills += 1;
            if arguments.rotate_key && kills % 3 == 0 {
                std::fs::write(&key_file, sandbox.rotate_key()?)?;
                rotations += 1;
            }
            if !restarted && kills * 2 >= arguments.kills {
                if let Some(server) = &server {
                    server.stop();
                    tokio::time::sleep(Duration::from_secs(arguments.gone)).await;
                    server.start_process();
                }
                restarted = true;
            }
            continue;
        }
        if !processes[0].finished {
            continue;
        }
        if arguments.recover {
            sandbox.clear_faults();
        }
        // The pool reconnects by itself, but a query may fail.
        let stats: Result<OutboxStats, _> = with_store!(&store, |_pool, outbox| outbox.stats().await);
        match stats {
            Ok(stats) if stats.pending == 0 => break stats,
            _ => {}
        }
    };
    drop(processes);

    let uncertain = with_store!(&store, |_pool, outbox| outbox.dead(1_000_000).await?);
    let rejected = uncertain.iter().filter(|letter| letter.reason != DeadReason::Uncertain).count();
    let uncertain: Vec<_> = uncertain.into_iter().filter(|letter| letter.reason == DeadReason::Uncertain).collect();
    let orders = store.orders().await?;
    let requests = sandbox.requests();
    let judgement = judge(arguments.seed, &orders, &sandbox.snapshot(), &requests, &uncertain);
    println!("{stats:?}");
    println!(
        "{} orders, {} requests, {kills} kills, {rotations} key rotations, {} s{}",
        orders.len(),
        requests.len(),
        started.elapsed().as_secs(),
        if arguments.restart_database { ", the database restarted" } else { "" }
    );
    let partial: usize = orders
        .iter()
        .filter(|(_, refunded)| *refunded)
        .map(|(number, _)| match shop::Customer::new(arguments.seed, *number).refund {
            RefundPlan::Parts(parts) => parts.len(),
            _ => 0,
        })
        .sum();
    println!("{partial} partial refunds");
    for example in &judgement.examples {
        println!("  {example}");
    }
    println!(
        "lost={} doubled={} out_of_order={} uncertain={}",
        judgement.lost, judgement.doubled, judgement.out_of_order, judgement.uncertain
    );
    // The number of events by the shop's own table.
    let committed: u64 = orders
        .iter()
        .map(|(number, refunded)| {
            let refunds = if *refunded { shop::Customer::new(arguments.seed, *number).refunds().len() } else { 0 };
            2 + refunds as u64
        })
        .sum();
    let agrees = rejected == 0 && stats.total() == committed;
    if !agrees {
        println!(
            "the statistics disagree: {committed} events were committed, and {rejected} dead letters are not uncertain refunds"
        );
    }
    // The statistics need not agree if a saboteur changes the tables.
    Ok(judgement.is_clean() && (agrees || arguments.sabotage.is_some()))
}

/// Reports a click of each customer, before the service begins to fail.
async fn create_clicks(arguments: &Arguments, sandbox: &Sandbox, store: &Store) -> Result<(), Error> {
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build()?;
    for number in 0..shop::customers(arguments.events) {
        let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
        let click = client.track_click(Click::landing(landing)).await?;
        let click_id = click.click_id().ok_or("no click id")?;
        store.insert_click(number, click_id.as_str()).await?;
    }
    Ok(())
}

/// Injects every kind of fault with the same share.
fn inject_faults(sandbox: &Sandbox, share: f64) {
    let kinds = [
        Fault::ErrorBeforeWrite,
        Fault::ErrorAfterWrite,
        Fault::RateLimited(Duration::from_secs(1)),
        Fault::ResetBeforeWrite,
        Fault::ResetAfterWrite,
        Fault::TruncatedResponse,
        Fault::BadGateway,
        Fault::Latency(Duration::from_millis(200)),
    ];
    // A rule applies to the requests that no earlier rule has met. Its probability is relative to them.
    let share_of_each = share / kinds.len() as f64;
    let mut remaining = 1.0;
    for kind in kinds {
        sandbox.inject(kind.with_probability(share_of_each / remaining));
        remaining -= share_of_each;
    }
}
