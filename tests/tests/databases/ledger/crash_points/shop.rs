//! A shop whose processes talk to the database and to the service through proxies.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime},
};

use affitor::{Click, Client, Lead};
use affitor_outbox::sqlx;
use affitor_sandbox::{ApiCall, Interpretations, Sandbox, SecondRefund};
use affitor_tests::ledger_model::{
    judge::{Reported, differences, expected, reported},
    memory::seconds,
};
use shop_lives::{Api, Life, Provider};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{
    proxy::{Action, Point, Proxy},
    wire::Protocol,
    writes,
};
use crate::ledger::{
    databases::SHOP,
    processes::Delivery,
    service::{compare, recorded, uncertain},
    store::Store,
};

/// How often it is checked whether the queue is empty.
const INTERVAL: Duration = Duration::from_millis(20);
/// A worker that has not delivered everything by then is killed and started again. Most need a tenth of it.
const PATIENCE: Duration = Duration::from_secs(4);
/// Starts of a process until everything must be done.
const STARTS: usize = 6;

/// A process of the binary `ledger_shop`.
struct Process {
    child: Child,
    /// The first line that it has printed. Empty if it was killed before.
    line: String,
}

impl Process {
    fn start(mut program: Command, arguments: &[&str], proxies: &[&Proxy]) -> Self {
        // What a process logs that is killed is of no use.
        let mut child = program.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        proxies.iter().for_each(|proxy| proxy.set_victim(child.id()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, line }
    }

    fn has_exited(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What happened in a run.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) points: Vec<Point>,
    pub(crate) reached: bool,
    /// Processes that were started.
    pub(crate) starts: usize,
    /// What differs, and the ledger does not list it.
    pub(crate) wrong: Vec<String>,
    /// Cents of refunds that are uncertain.
    pub(crate) uncertain: u64,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Statements on Postgres.
    Database,
    /// Calls of the service.
    Service,
    /// Writes to SQLite's files.
    Writes,
}

pub(crate) struct Shop {
    store: Store,
    sandbox: Sandbox,
    database: Option<Proxy>,
    service: Proxy,
    /// The writes are counted, and the process is killed at the one with this number, if there is one.
    writes: Option<Option<usize>>,
    trace: TempDir,
    story: u64,
    lives: u64,
    /// What must be reported about all lives so far.
    expected: BTreeMap<String, Reported>,
}

impl Shop {
    pub(crate) async fn open(store: Store) -> Self {
        let mut interpretations = Interpretations::default();
        interpretations.second_refund = SecondRefund::Taken;
        let sandbox = Sandbox::builder().interpretations(interpretations).start().await.unwrap();
        let service = Proxy::start(Protocol::Http, sandbox.address().port()).await;
        let database = match &store {
            Store::Sqlite { .. } => None,
            Store::Postgres { .. } => Some(Proxy::start(Protocol::Postgres, port_of(&store.url())).await),
        };
        match &store {
            Store::Sqlite { pool, .. } => drop(sqlx::raw_sql(SHOP).execute(pool).await.unwrap()),
            Store::Postgres { pool, .. } => drop(sqlx::raw_sql(SHOP).execute(pool).await.unwrap()),
        }
        // A sale and two partial refunds.
        let story = (0..).find(|story| {
            let life = life(*story, 0);
            let refunds = life.webhooks.iter().filter(|webhook| webhook.body["type"] == "charge.refunded").count();
            let [sale] = &life.sales[..] else { return false };
            refunds == 2 && (1..sale.amount_cents).contains(&sale.refunded_cents) && life.webhooks.len() < 9
        });
        let trace = tempfile::tempdir().unwrap();
        Self {
            store,
            sandbox,
            database,
            service,
            writes: None,
            trace,
            story: story.unwrap(),
            lives: 0,
            expected: BTreeMap::new(),
        }
    }

    /// The same story of another customer.
    fn next_life(&mut self) -> Life {
        self.lives += 1;
        let life = life(self.story, self.lives);
        self.expected.extend(expected([&life]));
        life
    }

    fn begin(&mut self, side: Side, plan: Option<&(Point, Action)>) {
        self.writes = (side == Side::Writes).then(|| plan.map(|(point, _)| point.occurrence));
        let plan_of = |other| plan.cloned().filter(|_| side == other);
        self.database.iter().for_each(|proxy| proxy.begin(plan_of(Side::Database)));
        self.service.begin(plan_of(Side::Service));
    }

    /// Starts a process. Only the first one is killed at a write.
    fn start(&mut self, arguments: &[&str], is_first: bool) -> Process {
        let program = env!("CARGO_BIN_EXE_ledger_shop");
        let program = match self.writes {
            Some(kill_at) if is_first => writes::traced(program, &self.trace(), kill_at),
            _ => Command::new(program),
        };
        Process::start(program, arguments, &self.proxies())
    }

    fn trace(&self) -> PathBuf {
        self.trace.path().join("trace")
    }

    fn proxies(&self) -> Vec<&Proxy> {
        self.database.iter().chain([&self.service]).collect()
    }

    /// The database's URL, through the proxy.
    fn url(&self) -> String {
        let url = self.store.url();
        match &self.database {
            None => url,
            Some(proxy) => {
                url.replace(&format!(":{}/", port_of(&url)), &format!(":{}/", proxy.port)) + "?sslmode=disable"
            }
        }
    }

    fn outcome(&self, side: Side, starts: usize, wrong: Vec<String>, uncertain: u64) -> Outcome {
        let (points, reached) = match side {
            Side::Writes => {
                let point = |occurrence| Point { label: "write".to_owned(), occurrence };
                ((1..=writes::count(&self.trace())).map(point).collect(), starts > 1)
            }
            Side::Service => (self.service.points(), self.service.is_reached()),
            Side::Database => self.database.as_ref().map(|proxy| (proxy.points(), proxy.is_reached())).unwrap(),
        };
        Outcome { points, reached, starts, wrong, uncertain }
    }

    /// Delivers the webhooks of a life to the shop's endpoint until each response is 200.
    pub(crate) async fn record(&mut self, side: Side, plan: Option<(Point, Action)>) -> Outcome {
        let life = self.next_life();
        // As in a new database, so that the first statements of a ledger are points too.
        for (sqlite, postgres) in [
            ("DELETE FROM affitor_ledger_policies", "DELETE FROM affitor.affitor_ledger_policies"),
            ("DELETE FROM affitor_ledgers", "DELETE FROM affitor.affitor_ledgers"),
        ] {
            self.store.execute(sqlite, postgres).await;
        }
        self.begin(side, plan.as_ref());
        let (url, http, mut starts) = (self.url(), reqwest::Client::new(), 0);
        let mut process: Option<Process> = None;
        for webhook in &life.webhooks {
            let delivery = Delivery::new(life.provider, webhook.body.clone());
            let mut attempts = 0;
            loop {
                if process.as_mut().is_none_or(|process| process.line.is_empty() || process.has_exited()) {
                    starts += 1;
                    assert!(starts < STARTS, "the shop ends again and again");
                    process = Some(self.start(&["axum", &url], starts == 1));
                }
                let Ok(port) = process.as_ref().unwrap().line.trim().parse() else { continue };
                match delivery.request(&http, port).send().await {
                    Ok(response) if response.status() == 200 => break,
                    result => {
                        attempts += 1;
                        assert!(attempts < 20, "{result:?}");
                        // A killed process does not end at once.
                        sleep(INTERVAL).await;
                    }
                }
            }
        }
        drop(process);
        self.store.release_held().await;
        let wrong = differences(&reported(&self.store.events().await), &self.expected);
        self.outcome(side, starts, wrong.into_iter().collect(), 0)
    }

    /// Records a life, and lets a worker deliver it.
    pub(crate) async fn deliver(&mut self, side: Side, plan: Option<(Point, Action)>) -> Outcome {
        let life = self.next_life();
        self.introduce(&life).await;
        for webhook in &life.webhooks {
            self.store.record(life.provider, &webhook.body).await;
        }
        self.store.release_held().await;
        self.begin(side, plan.as_ref());
        let (url, service) = (self.url(), format!("http://127.0.0.1:{}", self.service.port));
        let key = self.sandbox.api_key().to_owned();
        let arguments = ["worker", &url, &service, &key];
        let mut starts = 0;
        loop {
            starts += 1;
            assert!(starts <= STARTS, "{:?}", self.store.stats().await);
            let mut process = self.start(&arguments, starts == 1);
            let until = Instant::now() + PATIENCE;
            let is_done = loop {
                if self.store.is_delivered().await {
                    break true;
                }
                if process.has_exited() || Instant::now() > until {
                    break false;
                }
                sleep(INTERVAL).await;
            };
            drop(process);
            if is_done {
                break;
            }
            self.store.let_ten_minutes_pass().await;
        }
        let (uncertain, _) = uncertain(&self.store).await;
        let mut wrong = compare(&recorded(&self.sandbox.snapshot()), &self.expected, &uncertain).unlisted;
        wrong.extend(self.out_of_order());
        let refunds = life.sales.iter().filter_map(|sale| uncertain.get(&sale.transaction_id));
        self.outcome(side, starts, wrong, refunds.map(|uncertain| uncertain.refunds).sum())
    }

    /// Lets the service know the customer.
    async fn introduce(&self, life: &Life) {
        let client = Client::builder().api_key(self.sandbox.api_key()).api_url(self.sandbox.url()).build().unwrap();
        let landing = format!("https://shop.example/?aff={}", self.sandbox.partner_code());
        let click = client.track_click(Click::landing(landing)).await.unwrap();
        let lead = Lead::new(&life.sales[0].customer_key).click_id(click.click_id().cloned());
        client.track_lead(lead).await.unwrap();
    }

    /// Refunds that the service recorded before their sale.
    fn out_of_order(&self) -> Vec<String> {
        let requests = self.sandbox.requests();
        let mut sold = BTreeSet::new();
        let mut early = Vec::new();
        for request in requests.iter().filter(|request| request.changed) {
            let Some(id) = &request.transaction_id else { continue };
            match request.call {
                Some(ApiCall::Sale) => drop(sold.insert(id)),
                Some(ApiCall::Refund) if !sold.contains(id) => early.push(format!("{id}: refunded before it was sold")),
                _ => {}
            }
        }
        early
    }
}

fn life(story: u64, number: u64) -> Life {
    let mut rng = fastrand::Rng::with_seed(story);
    let now = seconds(SystemTime::now());
    Life::of_kind(&mut rng, Provider::Stripe, Api::New, "one-time checkout", number, now).unwrap()
}

fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap()
}
