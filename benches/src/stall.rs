//! What a handler's visitor waits for while the service answers nothing for 10 s: an app that tracks nothing, one that enqueues, one
//! that calls, in one run over real sockets.

use std::time::{Duration, Instant};

use affitor::{
    Client, Lead,
    queue::{Queue, QueueStats},
};
use affitor_axum::{AffitorClient, AffitorLayer};
use affitor_sandbox::{Fault, Interpretations, Sandbox, UnknownLead};
use axum::{Router, routing::post};
use tokio::net::TcpListener;

type Error = Box<dyn std::error::Error>;

/// For how long the service answers nothing.
const STALL: Duration = Duration::from_secs(10);

/// How many visitors ask at a time, and how often each of them.
const VISITORS: usize = 32;
const EVERY: Duration = Duration::from_millis(10);

const ROUTES: [(&str, &str); 3] =
    [("/bare", "tracks nothing"), ("/enqueue", "enqueue(…)"), ("/direct", "track_lead(…).await")];

pub(crate) fn report() -> Result<(), Error> {
    // The sandbox has threads of its own: it is somebody else's machine.
    let service = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut interpretations = Interpretations::default();
    interpretations.unknown_lead = UnknownLead::Unattributed;
    let sandbox = service.block_on(Sandbox::builder().interpretations(interpretations).start())?;
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build()?;
    let queue = Queue::builder(client.clone()).capacity(1_000_000).senders(64).start()?;

    let runtime = tokio::runtime::Runtime::new()?;
    let results = runtime.block_on(measure(&sandbox, client.with_sink(queue.clone())))?;
    sandbox.clear_faults();
    let drained = Instant::now();
    let books = queue.shutdown_blocking(Duration::from_secs(120));
    print(&results, &books, drained.elapsed());
    if books.pending > 0 || !books.is_balanced() {
        return Err(format!("the books: {books:?}").into());
    }
    Ok(())
}

async fn bare() {}

async fn enqueue(affitor: AffitorClient) {
    affitor.enqueue(Lead::new(fresh_user()));
}

async fn direct(affitor: AffitorClient) {
    // Whatever comes of it.
    drop(affitor.track_lead(Lead::new(fresh_user())).await);
}

/// A user that nobody has had before.
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

    // Connections are made before, and not measured.
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
    let asking = (0..3 * VISITORS).map(|_| http.post(format!("{url}/bare")).send());
    for answer in futures_util::future::join_all(asking).await {
        answer?.error_for_status()?;
    }
    Ok(())
}

async fn visit(http: reqwest::Client, url: String, until: Instant) -> Result<Vec<Duration>, reqwest::Error> {
    let mut times = Vec::new();
    while Instant::now() < until {
        let began = Instant::now();
        http.post(&url).send().await?.error_for_status()?;
        times.push(began.elapsed());
        tokio::time::sleep(EVERY.saturating_sub(began.elapsed())).await;
    }
    Ok(times)
}

fn print(results: &[Vec<Duration>], books: &QueueStats, drained: Duration) {
    println!("while the service answers nothing for {} s, {VISITORS} visitors at a time each:", STALL.as_secs());
    println!("{:<24}{:>10}{:>12}{:>12}{:>12}", "the handler", "requests", "p50 ms", "p99 ms", "max ms");
    for ((_, name), times) in ROUTES.iter().zip(results) {
        let at = |share: f64| {
            let place = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
            times.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
        };
        println!("{name:<24}{:>10}{:>12.2}{:>12.2}{:>12.2}", times.len(), at(0.5), at(0.99), at(1.0));
    }
    println!("then the queue is empty after {:.1} s: {books:?}", drained.as_secs_f64());
}
