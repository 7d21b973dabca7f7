//! The run: starts everything, kills at random, waits until all is delivered, and judges.

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
    shop,
    store::{Store, with_store},
};

/// How long the run may take in all.
const LONGEST: Duration = Duration::from_secs(20 * 60);

/// A process that is started again when it was killed.
struct Process {
    role: &'static str,
    child: Child,
    /// It has ended by itself, well.
    finished: bool,
}

impl Process {
    fn start(role: &'static str, arguments: &Arguments) -> Result<Self, Error> {
        let store = if arguments.store == StoreKind::Sqlite { "sqlite" } else { "postgres" };
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--role", role, "--store", store, "--database", &arguments.database, "--api", &arguments.api]);
        command.args(["--events", &arguments.events.to_string(), "--seed", &arguments.seed.to_string()]);
        if let Some(sabotage) = arguments.sabotage {
            command.args(["--sabotage", &format!("{sabotage:?}").to_lowercase()]);
        }
        // What a killed process says last is of no use.
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
        // It may have ended already.
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
    let folder = tempfile::tempdir()?;
    let server = match arguments.store {
        StoreKind::Sqlite => {
            arguments.database = folder.path().join("shop.sqlite3").display().to_string();
            None
        }
        StoreKind::Postgres => {
            let Some(server) = Postgres::start() else { return Err("there is no Postgres".into()) };
            arguments.database = server.url();
            Some(server)
        }
    };
    let store = Store::open(&arguments).await?;
    store.prepare().await?;
    visitors(&arguments, &sandbox, &store).await?;
    faults(&sandbox, arguments.faults);

    let began = Instant::now();
    let mut processes = vec![Process::start("producer", &arguments)?];
    for _ in 0..arguments.workers.max(1) {
        processes.push(Process::start("worker", &arguments)?);
    }
    if arguments.sabotage.is_some() {
        processes.push(Process::start("saboteur", &arguments)?);
    }
    let mut dice = fastrand::Rng::with_seed(arguments.seed);
    let mut kills = 0;
    let mut restarted = !arguments.restart_database;
    let books = loop {
        tokio::time::sleep(Duration::from_millis(dice.u64(200..900))).await;
        if began.elapsed() > LONGEST {
            return Err(format!("not done after {} s", LONGEST.as_secs()).into());
        }
        // Those that have ended: the producer when it is done, others only when the database was gone.
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
            let victim = victims[dice.usize(0..victims.len())];
            processes[victim].kill()?;
            processes[victim] = Process::start(processes[victim].role, &arguments)?;
            kills += 1;
            if !restarted && kills * 2 >= arguments.kills {
                if let Some(server) = &server {
                    server.stop();
                    tokio::time::sleep(Duration::from_secs(arguments.gone)).await;
                    server.begin();
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
        // A pool of connections heals itself, though a question may fail.
        let books: Result<OutboxStats, _> = with_store!(&store, |_pool, outbox| outbox.stats().await);
        match books {
            Ok(books) if books.pending == 0 => break books,
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
    println!("{books:?}");
    println!(
        "{} orders, {} requests, {kills} kills, {} s{}",
        orders.len(),
        requests.len(),
        began.elapsed().as_secs(),
        if arguments.restart_database { ", the database restarted" } else { "" }
    );
    for example in &judgement.examples {
        println!("  {example}");
    }
    println!(
        "lost={} doubled={} out_of_order={} uncertain={}",
        judgement.lost, judgement.doubled, judgement.out_of_order, judgement.uncertain
    );
    // By the shop's own table: what was committed, and nothing else.
    let committed: u64 = orders
        .iter()
        .map(|(number, refunded)| {
            let refunds = if *refunded { shop::Customer::new(arguments.seed, *number).refunds().len() } else { 0 };
            2 + refunds as u64
        })
        .sum();
    let in_order = rejected == 0 && books.is_balanced() && books.enqueued == committed;
    if !in_order {
        println!("the books: {committed} events were committed, and {rejected} dead letters nobody has explained");
    }
    // A saboteur writes what it likes.
    Ok(judgement.is_clean() && (in_order || arguments.sabotage.is_some()))
}

/// Each customer clicks before the service begins to fail.
async fn visitors(arguments: &Arguments, sandbox: &Sandbox, store: &Store) -> Result<(), Error> {
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build()?;
    for number in 0..shop::customers(arguments.events) {
        let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
        let click = client.track_click(Click::landing(landing)).await?;
        let click_id = click.click_id().ok_or("no click id")?;
        store.keep_click(number, click_id.as_str()).await?;
    }
    Ok(())
}

/// Every kind of fault, of equal shares.
fn faults(sandbox: &Sandbox, share: f64) {
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
    // Of what the first rules leave: so that each has the same share of all.
    let each = share / kinds.len() as f64;
    let mut left = 1.0;
    for kind in kinds {
        sandbox.inject(kind.with_probability(each / left));
        left -= each;
    }
}
