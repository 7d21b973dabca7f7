//! How long visitors wait while the service sends no response for 10 s: with a handler that tracks nothing, one that enqueues,
//! and one that calls the service. All in one run, over real sockets.

use std::time::{Duration, Instant};

use affitor::{
    Client, Lead,
    queue::{QueueSettings, QueueStats},
};
use affitor_axum::{AffitorClient, AffitorLayer};
use affitor_sandbox::{Fault, Interpretations, Sandbox, UnknownLead};
use axum::{Router, routing::post};
use tokio::net::TcpListener;

type Error = Box<dyn std::error::Error>;

/// How long the service sends no response.
const STALL: Duration = Duration::from_secs(10);

/// Number of concurrent visitors per handler.
const VISITORS: usize = 32;
/// Minimum time between two requests of a visitor.
const INTERVAL: Duration = Duration::from_millis(10);

const ROUTES: [(&str, &str); 3] =
    [("/bare", "tracks nothing"), ("/enqueue", "enqueue(…)"), ("/direct", "track_lead(…).await")];

pub(crate) fn report() -> Result<(), Error> {
    // The sandbox has its own threads, as the service has its own machine.
    let service_runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut interpretations = Interpretations::default();
    interpretations.unknown_lead = UnknownLead::Unattributed;
    let sandbox = service_runtime.block_on(Sandbox::builder().interpretations(interpretations).start())?;
    let settings = QueueSettings::new().capacity(1_000_000).senders(64);
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).queue(settings).build()?;

    let runtime = tokio::runtime::Runtime::new()?;
    let results = runtime.block_on(measure(&sandbox, client.clone()))?;
    sandbox.clear_faults();
    let started = Instant::now();
    let stats = client.shutdown_blocking(Duration::from_secs(120));
    print(&results, &stats, started.elapsed());
    if stats.pending > 0 || !stats.is_balanced() {
        return Err(format!("events are missing: {stats:?}").into());
    }
    Ok(())
}

async fn bare() {}

async fn enqueue(affitor: AffitorClient) {
    affitor.enqueue(Lead::new(fresh_user()));
}

async fn direct(affitor: AffitorClient) {
    // The result does not matter here.
    drop(affitor.track_lead(Lead::new(fresh_user())).await);
}

/// Returns a new user id.
fn fresh_user() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("user_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn measure(sandbox: &Sandbox, client: Client) -> Result<Vec<Vec<Duration>>, Error> {
    let app = Router::new()
        .route("/bare", post(bare))
        .route("/enqueue", post(enqueue))
        .route("/direct", post(direct))
        .layer(AffitorLayer::new(client))
        .with_state(());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });

    // Opening the connections is not measured.
    let http = reqwest::Client::builder().no_proxy().build()?;
    warm_up(&http, &url).await?;
    sandbox.inject(Fault::Stall.always());
    let until = Instant::now() + STALL;
    let mut visits = Vec::new();
    for (route, _) in ROUTES {
        let visitors: Vec<_> =
            (0..VISITORS).map(|_| tokio::spawn(visit(http.clone(), format!("{url}{route}"), until))).collect();
        visits.push(visitors);
    }
    let mut results = Vec::new();
    for visitors in visits {
        let mut times = Vec::new();
        for visitor in visitors {
            times.extend(visitor.await??);
        }
        times.sort_unstable();
        results.push(times);
    }
    Ok(results)
}

async fn warm_up(http: &reqwest::Client, url: &str) -> Result<(), Error> {
    let requests = (0..3 * VISITORS).map(|_| http.post(format!("{url}/bare")).send());
    for response in futures_util::future::join_all(requests).await {
        response?.error_for_status()?;
    }
    Ok(())
}

async fn visit(http: reqwest::Client, url: String, until: Instant) -> Result<Vec<Duration>, reqwest::Error> {
    let mut times = Vec::new();
    while Instant::now() < until {
        let started = Instant::now();
        http.post(&url).send().await?.error_for_status()?;
        times.push(started.elapsed());
        tokio::time::sleep(INTERVAL.saturating_sub(started.elapsed())).await;
    }
    Ok(times)
}

fn print(results: &[Vec<Duration>], stats: &QueueStats, drain_time: Duration) {
    println!(
        "while the service sends no response for {} s, with {VISITORS} concurrent visitors per handler:",
        STALL.as_secs()
    );
    println!("{:<24}{:>10}{:>12}{:>12}{:>12}", "the handler", "requests", "p50 ms", "p99 ms", "max ms");
    for ((_, name), times) in ROUTES.iter().zip(results) {
        let percentile = |share: f64| {
            let index = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
            times.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
        };
        println!(
            "{name:<24}{:>10}{:>12.2}{:>12.2}{:>12.2}",
            times.len(),
            percentile(0.5),
            percentile(0.99),
            percentile(1.0)
        );
    }
    println!("afterwards, the queue was empty after {:.1} s: {stats:?}", drain_time.as_secs_f64());
}
