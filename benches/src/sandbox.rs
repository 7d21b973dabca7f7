//! The sandbox under load: click, lead, sale and refund in turn from 64 connections, and what each event leaves in memory.
//!
//! The sandbox runs in a process of its own (this program again), so that its memory is not mixed with the clients'. Both
//! share the machine's cores.

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

/// How many events there are in all at the end of each stage: each doubles the last, as growing tables do, so that the bytes
/// an event can be compared.
const STAGES: [u64; 4] = [25_600, 51_200, 102_400, 204_800];

const GOAL: f64 = 5_000.0;

type Error = Box<dyn std::error::Error>;

/// The sandbox's process: says its URL, then its live bytes for each line that it is sent.
pub(crate) fn serve() -> Result<(), Error> {
    let runtime = tokio::runtime::Runtime::new()?;
    let sandbox = runtime.block_on(Sandbox::start())?;
    println!("{}", sandbox.url());
    // The runtime's own threads serve while this one waits.
    for line in std::io::stdin().lines() {
        line?;
        println!("{}", measure::live_bytes());
    }
    Ok(())
}

struct Server {
    child: Child,
    asks: ChildStdin,
    says: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    fn start() -> Result<Self, Error> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["sandbox", "--serve"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (asks, says) = (child.stdin.take().ok_or("no stdin")?, child.stdout.take().ok_or("no stdout")?);
        let mut server = Self { child, asks, says: BufReader::new(says), url: String::new() };
        server.url = server.line()?;
        Ok(server)
    }

    fn line(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        if self.says.read_line(&mut line)? == 0 {
            return Err("the sandbox has ended".into());
        }
        Ok(line.trim().to_owned())
    }

    fn live_bytes(&mut self) -> Result<u64, Error> {
        writeln!(self.asks)?;
        Ok(self.line()?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Measures, and prints a row a stage.
#[tokio::main]
pub(crate) async fn report() -> Result<(), Error> {
    let mut server = Server::start()?;
    let http = Client::builder().no_proxy().pool_max_idle_per_host(64).build()?;
    let number = AtomicU64::new(0);
    let errors = AtomicU64::new(0);
    let empty = server.live_bytes()?;
    println!("{:>10} {:>12} {:>8} {:>14}", "events", "events/s", "errors", "bytes/event");
    let mut done = 0;
    let mut slowest = f64::INFINITY;
    for until in STAGES {
        let began = Instant::now();
        let visitors = (0..CONNECTIONS).map(|_| async {
            for _ in 0..(until - done) / CONNECTIONS / 4 {
                let visitor = number.fetch_add(1, Ordering::Relaxed);
                if let Err(error) = visit(&http, &server.url, visitor).await {
                    errors.fetch_add(1, Ordering::Relaxed);
                    eprintln!("{error}");
                }
            }
        });
        futures_util::future::join_all(visitors).await;
        let rate = (until - done) as f64 / began.elapsed().as_secs_f64();
        slowest = slowest.min(rate);
        done = until;
        let bytes = (server.live_bytes()?.saturating_sub(empty)) / done;
        println!("{done:>10} {rate:>12.0} {:>8} {bytes:>14}", errors.load(Ordering::Relaxed));
    }
    let kept = if slowest >= GOAL { "kept" } else { "missed" };
    println!("goal of {GOAL:.0} events/s: {kept} ({slowest:.0} in the slowest stage)");
    match errors.into_inner() {
        0 => Ok(()),
        errors => Err(format!("{errors} visitors met an error").into()),
    }
}

/// A visitor who clicks, signs up, pays and gets the money back.
async fn visit(http: &Client, url: &str, number: u64) -> Result<(), Error> {
    let post = async |call: &str, body: Value| -> Result<Value, Error> {
        let request = http.post(format!("{url}/api/v1/track/{call}")).bearer_auth("test_key");
        let answer: Value = serde_json::from_slice(&request.body(body.to_string()).send().await?.bytes().await?)?;
        if answer["success"] == json!(true) { Ok(answer) } else { Err(format!("{call}: {answer}").into()) }
    };
    let landing = format!("https://shop.example/pricing?aff=PARTNER123&visitor={number}");
    let click =
        post("click", json!({ "affiliate_url": landing, "page_url": landing, "page_title": "Pricing" })).await?;
    let key = format!("user_{number}");
    post("lead", json!({ "click_id": click["click_id"], "customer_key": key, "email": "jo@example.com" })).await?;
    let id = format!("in_{number}");
    let sale = json!({ "transaction_id": id, "amount_cents": 4_900, "currency": "USD", "customer_key": key });
    post("sale", sale).await?;
    post("refund", json!({ "transaction_id": id, "refund_amount_cents": 1_000 })).await?;
    Ok(())
}
