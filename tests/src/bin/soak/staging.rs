//! A simulated day of visitors: one in 20 signs up, and one in five of those pays.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use clap::Args;
use serde_json::{Value, json};

use crate::process::SandboxProcess;

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Simulated hours
    #[arg(long, default_value_t = 24)]
    hours: u64,
    /// Events per simulated second
    #[arg(long, default_value_t = 50)]
    rate: u64,
    /// Memory limit of the sandbox in MiB
    #[arg(long, default_value_t = 512)]
    memory_limit: usize,
    /// Number of concurrent clients
    #[arg(long, default_value_t = 16)]
    clients: u64,
}

/// Memory of the process besides the records, in MiB: the program, the request log and the connections.
const BESIDES_MIB: u64 = 80;

#[derive(Default)]
struct Counts {
    events: AtomicU64,
    sales: AtomicU64,
    full: AtomicU64,
    failed: AtomicU64,
}

pub(crate) async fn run(arguments: &Arguments) -> bool {
    let sandbox = SandboxProcess::start(arguments.memory_limit, None).await;
    let counts = Arc::new(Counts::default());
    let started = Instant::now();
    println!(
        "{:>5} {:>10} {:>8} {:>9} {:>9} {:>15} {:>15} {:>6}",
        "hour", "events", "sales", "RSS MiB", "used MiB", "dropped bodies", "dropped clicks", "full"
    );
    for hour in 1..=arguments.hours {
        // A quarter of an hour at a time, so that the records are spread over the day.
        for quarter in 0..4 {
            let events = arguments.rate * 900 / arguments.clients;
            let clients: Vec<_> = (0..arguments.clients)
                .map(|client| {
                    let seed = (hour * 4 + quarter) * 1_000 + client;
                    tokio::spawn(visitors(sandbox.url.clone(), counts.clone(), events, seed))
                })
                .collect();
            for client in clients {
                client.await.expect("a client does not panic");
            }
            sandbox.control("POST", "/_sandbox/clock", Some(json!({ "seconds": 900 }))).await;
        }
        let memory = sandbox.control("GET", "/_sandbox/memory", None).await;
        let number = |name: &str| memory[name].as_u64().unwrap_or_default();
        println!(
            "{hour:>5} {:>10} {:>8} {:>9} {:>9} {:>15} {:>15} {:>6}",
            counts.events.load(Ordering::Relaxed),
            counts.sales.load(Ordering::Relaxed),
            sandbox.memory_mib("VmRSS"),
            number("used_bytes") / (1024 * 1024),
            number("dropped_bodies"),
            number("dropped_clicks"),
            counts.full.load(Ordering::Relaxed),
        );
    }
    let performance = sandbox.control("GET", "/api/tracking/performance/42?period=7d", None).await;
    let totals = &performance["metrics"];
    let (most, failed) = (sandbox.memory_mib("VmHWM"), counts.failed.load(Ordering::Relaxed));
    let (sales, recorded) = (counts.sales.load(Ordering::Relaxed), totals["totalSales"].as_u64().unwrap_or_default());
    println!(
        "seconds={} most={most} MiB limit={}+{BESIDES_MIB} MiB sales={sales} recorded={recorded} failed={failed}",
        started.elapsed().as_secs(),
        arguments.memory_limit
    );
    most <= arguments.memory_limit as u64 + BESIDES_MIB && sales > 0 && sales == recorded && failed == 0
}

/// Visitors who send this many events one after another.
async fn visitors(url: String, counts: Arc<Counts>, events: u64, seed: u64) {
    let http = reqwest::Client::new();
    let mut random = fastrand::Rng::with_seed(seed);
    let send = async |call: &str, body: Value| {
        counts.events.fetch_add(1, Ordering::Relaxed);
        let request = http.post(format!("{url}/api/v1/track/{call}")).bearer_auth("test_key").json(&body);
        let Ok(response) = request.send().await else {
            counts.failed.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        match response.status().as_u16() {
            200 => response.json::<Value>().await.ok(),
            503 => {
                counts.full.fetch_add(1, Ordering::Relaxed);
                None
            }
            _ => {
                counts.failed.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    };
    let mut sent = 0;
    while sent < events {
        let partner = if random.bool() { "PARTNER123" } else { "abc123" };
        let key = format!("user_{:016x}", random.u64(..));
        let landing = json!({
            "affiliate_url": format!("https://shop.example/pricing?aff={partner}&utm_source=newsletter"),
            "page_url": "https://shop.example/pricing", "page_title": "Pricing", "referrer_url": "https://blog.example/",
            "session_id": "sess_0123456789_1795176000000", "screen_resolution": "1920x1080", "language": "en-US",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
        });
        sent += 1;
        let Some(click) = send("click", landing).await else { continue };
        if random.f64() > 0.05 {
            continue;
        }
        sent += 1;
        let lead = json!({ "click_id": click["click_id"], "customer_key": key, "email": format!("{key}@example.com") });
        if send("lead", lead).await.is_none() || random.f64() > 0.2 {
            continue;
        }
        sent += 1;
        let sale = json!({ "transaction_id": format!("t_{key}"), "amount_cents": 4_900, "customer_key": key });
        if send("sale", sale).await.is_some() {
            counts.sales.fetch_add(1, Ordering::Relaxed);
            if random.f64() < 0.1 {
                sent += 1;
                send("refund", json!({ "transaction_id": format!("t_{key}") })).await;
            }
        }
    }
}
