//! Three processes that record webhooks, and that are killed and started again at random.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use affitor_payments::{LemonSqueezy, Paddle, Polar, Provider as Rules, Stripe, Webhook};
use serde_json::Value;
use shop_lives::Provider;

/// Requests at the same moment.
const CONCURRENCY: usize = 6;
/// A process is killed after about this many deliveries.
const DELIVERIES_PER_KILL: usize = 400;
/// A delivery that fails this often is a defect.
const ATTEMPTS: usize = 60;

/// A webhook that is to be delivered.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    provider: Provider,
    body: Value,
    attempts: usize,
}

impl Delivery {
    pub(crate) fn new(provider: Provider, body: Value) -> Self {
        Self { provider, body, attempts: 0 }
    }

    fn path(&self) -> &'static str {
        match self.provider {
            Provider::Stripe => "/stripe",
            Provider::Polar => "/polar",
            Provider::LemonSqueezy => "/lemon_squeezy",
            Provider::Paddle => "/paddle",
        }
    }

    /// The webhook, for a shop on this port.
    pub(crate) fn request(&self, http: &reqwest::Client, port: u16) -> reqwest::RequestBuilder {
        let (body, headers) = self.signed();
        let request = http.post(format!("http://127.0.0.1:{port}{}", self.path())).body(body);
        headers.into_iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    fn signed(&self) -> (Vec<u8>, Vec<(&'static str, String)>) {
        fn sign<P: Rules>(body: &[u8]) -> Vec<(&'static str, String)> {
            let webhook = Webhook::<P>::disabled().or_secret("whsec_0123456789").unwrap();
            webhook.sign("msg_1", body, SystemTime::now()).into_iter().collect()
        }
        let body = self.body.to_string().into_bytes();
        let headers = match self.provider {
            Provider::Stripe => sign::<Stripe>(&body),
            Provider::Polar => sign::<Polar>(&body),
            Provider::LemonSqueezy => sign::<LemonSqueezy>(&body),
            Provider::Paddle => sign::<Paddle>(&body),
        };
        (body, headers)
    }
}

/// One process.
struct Process {
    child: Child,
    port: u16,
    in_flight: Arc<AtomicUsize>,
}

impl Process {
    fn start(number: usize, url: &str) -> Self {
        let framework = if number.is_multiple_of(2) { "axum" } else { "actix" };
        let mut child = Command::new(env!("CARGO_BIN_EXE_ledger_shop"))
            .args([framework, url])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap(), in_flight: Arc::default() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The processes of a shop.
pub(crate) struct Processes {
    url: String,
    rng: fastrand::Rng,
    processes: Vec<Process>,
    pub(crate) delivered: usize,
    pub(crate) repeated: usize,
    /// Kills, by the number of requests that the process was handling.
    pub(crate) kills: BTreeMap<usize, usize>,
}

impl Processes {
    pub(crate) async fn start(url: &str, seed: u64) -> Self {
        Self {
            url: url.to_owned(),
            rng: fastrand::Rng::with_seed(seed),
            processes: (0..3).map(|number| Process::start(number, url)).collect(),
            delivered: 0,
            repeated: 0,
            kills: BTreeMap::new(),
        }
    }

    /// Delivers each webhook until its response is 200.
    pub(crate) async fn deliver(&mut self, deliveries: VecDeque<Delivery>) {
        let http = reqwest::Client::new();
        let waiting = Arc::new(Mutex::new(deliveries));
        let mut requests = tokio::task::JoinSet::new();
        let mut next_kill = DELIVERIES_PER_KILL / 2;
        loop {
            while requests.len() < CONCURRENCY {
                let Some(delivery) = waiting.lock().unwrap().pop_front() else { break };
                let process = &self.processes[self.rng.usize(..self.processes.len())];
                let (http, port, in_flight) = (http.clone(), process.port, Arc::clone(&process.in_flight));
                requests.spawn(async move {
                    in_flight.fetch_add(1, Ordering::SeqCst);
                    let request = delivery.request(&http, port);
                    let status = request.send().await.map(|response| response.status().as_u16());
                    in_flight.fetch_sub(1, Ordering::SeqCst);
                    (delivery, status)
                });
            }
            let Some(done) = requests.join_next().await else { break };
            let (mut delivery, status) = done.unwrap();
            if status.as_ref().is_ok_and(|status| *status == 200) {
                self.delivered += 1;
            } else {
                self.repeated += 1;
                delivery.attempts += 1;
                assert!(delivery.attempts < ATTEMPTS, "{status:?} again and again: {}", delivery.body);
                waiting.lock().unwrap().push_back(delivery);
            }
            if self.delivered >= next_kill {
                next_kill = self.delivered + self.rng.usize(DELIVERIES_PER_KILL / 2..DELIVERIES_PER_KILL * 3 / 2);
                self.kill();
            }
        }
    }

    /// Kills a process, and starts it again.
    fn kill(&mut self) {
        let number = self.rng.usize(..self.processes.len());
        let busy = self.processes[number].in_flight.load(Ordering::SeqCst);
        *self.kills.entry(busy).or_default() += 1;
        // The new one starts first: the old one is killed when it is dropped.
        self.processes[number].child.kill().unwrap();
        self.processes[number] = Process::start(number, &self.url);
    }
}
