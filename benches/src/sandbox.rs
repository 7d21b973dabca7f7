//! The sandbox under load: click, lead, sale and refund in turn from 64 connections, and the memory per event.
//!
//! The sandbox runs in a child process, another instance of this program, so that its memory is measured apart from the clients'
//! memory. Both processes share the machine's cores.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use affitor_sandbox::Sandbox;
use reqwest::Client;
use serde_json::{Value, json};

use crate::measure;

const CONNECTIONS: u64 = 64;

/// Total number of events at the end of each stage. Each stage doubles the total, as growing tables double their capacity, so
/// that the bytes per event are comparable.
const STAGES: [u64; 4] = [25_600, 51_200, 102_400, 204_800];

/// Goal in events per second.
const GOAL: f64 = 5_000.0;

type Error = Box<dyn std::error::Error>;

/// The child process: prints the sandbox's URL, then its live bytes for each line on standard input.
pub(crate) fn serve() -> Result<(), Error> {
    let runtime = tokio::runtime::Runtime::new()?;
    let sandbox = runtime.block_on(Sandbox::start())?;
    println!("{}", sandbox.url());
    // The runtime's threads serve requests while this one waits for input.
    for line in std::io::stdin().lines() {
        line?;
        println!("{}", measure::live_bytes());
    }
    Ok(())
}

struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    fn start() -> Result<Self, Error> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["sandbox", "--serve"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (stdin, stdout) = (child.stdin.take().ok_or("no stdin")?, child.stdout.take().ok_or("no stdout")?);
        let mut server = Self { child, stdin, stdout: BufReader::new(stdout), url: String::new() };
        server.url = server.read_line()?;
        Ok(server)
    }

    fn read_line(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            return Err("the sandbox has exited".into());
        }
        Ok(line.trim().to_owned())
    }

    fn live_bytes(&mut self) -> Result<u64, Error> {
        writeln!(self.stdin)?;
        Ok(self.read_line()?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have exited already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Runs all stages and prints a row for each.
#[tokio::main]
pub(crate) async fn report() -> Result<(), Error> {
    let mut server = Server::start()?;
    let http = Client::builder().no_proxy().pool_max_idle_per_host(64).build()?;
    let next_visitor = AtomicU64::new(0);
    let errors = AtomicU64::new(0);
    let empty = server.live_bytes()?;
    println!("{:>10} {:>12} {:>8} {:>14}", "events", "events/s", "errors", "bytes/event");
    let mut total = 0;
    let mut slowest = f64::INFINITY;
    for until in STAGES {
        let started = Instant::now();
        let visitors = (0..CONNECTIONS).map(|_| async {
            for _ in 0..(until - total) / CONNECTIONS / 4 {
                let visitor = next_visitor.fetch_add(1, Ordering::Relaxed);
                if let Err(error) = visit(&http, &server.url, visitor).await {
                    errors.fetch_add(1, Ordering::Relaxed);
                    eprintln!("{error}");
                }
            }
        });
        futures_util::future::join_all(visitors).await;
        let rate = (until - total) as f64 / started.elapsed().as_secs_f64();
        slowest = slowest.min(rate);
        total = until;
        let bytes = (server.live_bytes()?.saturating_sub(empty)) / total;
        println!("{total:>10} {rate:>12.0} {:>8} {bytes:>14}", errors.load(Ordering::Relaxed));
    }
    let verdict = if slowest >= GOAL { "met" } else { "missed" };
    println!("goal of {GOAL:.0} events/s: {verdict} ({slowest:.0} in the slowest stage)");
    match errors.into_inner() {
        0 => Ok(()),
        errors => Err(format!("{errors} visitors had an error").into()),
    }
}

/// Reports the events of one visitor: a click, a lead, a sale and a refund.
async fn visit(http: &Client, url: &str, visitor: u64) -> Result<(), Error> {
    let post = async |call: &str, body: Value| -> Result<Value, Error> {
        let request = http.post(format!("{url}/api/v1/track/{call}")).bearer_auth("test_key");
        let response: Value = serde_json::from_slice(&request.body(body.to_string()).send().await?.bytes().await?)?;
        if response["success"] == json!(true) { Ok(response) } else { Err(format!("{call}: {response}").into()) }
    };
    let landing = format!("https://shop.example/pricing?aff=PARTNER123&visitor={visitor}");
    let click =
        post("click", json!({ "affiliate_url": landing, "page_url": landing, "page_title": "Pricing" })).await?;
    let key = format!("user_{visitor}");
    post("lead", json!({ "click_id": click["click_id"], "customer_key": key, "email": "jo@example.com" })).await?;
    let id = format!("in_{visitor}");
    let sale = json!({ "transaction_id": id, "amount_cents": 4_900, "currency": "USD", "customer_key": key });
    post("sale", sale).await?;
    post("refund", json!({ "transaction_id": id, "refund_amount_cents": 1_000 })).await?;
    Ok(())
}
