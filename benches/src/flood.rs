//! The capture layer while the service is slow: response times of pages during a flood of landings, clicks per visitor, and landings at
//! several latencies. All over real sockets; figures that are compared come from one run.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use affitor::{
    Client,
    capture::{CALLS_IN_FLIGHT, ClickCapture},
};
use affitor_axum::{AffitorClient, AffitorLayer, ClickCaptureLayer};
use affitor_sandbox::{Fault, Sandbox};
use axum::{Router, routing::get};
use futures_util::{StreamExt as _, stream};
use tokio::net::TcpListener;

type Error = Box<dyn std::error::Error>;

/// Landings of the flood.
const FLOOD: usize = 10_000;
/// Visitors at a time during the flood.
const CONCURRENT: usize = 256;
/// Visitors of whom the clicks are counted.
const VISITORS: usize = 100;
/// Landings at each latency.
const LANDINGS: usize = 400;

pub(crate) fn report() -> Result<(), Error> {
    // The sandbox has its own thread, as the service has its own machine.
    let service = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let start = || service.block_on(Sandbox::builder().partner("PARTNER123").start());
    let sandbox = start()?;
    runtime.block_on(flood(&sandbox))?;
    println!("\nclicks per visitor after a second page, with a service that takes 1 s ({VISITORS} visitors):\n");
    println!("| instances | tracker | clicks per visitor | repeated calls |");
    println!("|---|---|--:|--:|");
    for (instances, name) in [(1, "one"), (2, "two, the second page at the other one")] {
        for has_tracker in [false, true] {
            let sandbox = start()?;
            sandbox.inject(Fault::Latency(Duration::from_secs(1)).always());
            let (clicks, repeated) = runtime.block_on(clicks_per_visitor(&sandbox, instances, has_tracker))?;
            let tracker = if has_tracker { "with" } else { "without" };
            println!("| {name} | {tracker} | {clicks:.2} | {repeated} |");
        }
    }
    println!("\nresponse times of {LANDINGS} landings, in ms:\n");
    println!("| latency of the service | p50 | p99 | captured with the landing |");
    println!("|---|--:|--:|--:|");
    for latency in [0, 100, 250] {
        let sandbox = start()?;
        if latency > 0 {
            sandbox.inject(Fault::Latency(Duration::from_millis(latency)).always());
        }
        runtime.block_on(landings(&sandbox, latency))?;
    }
    Ok(())
}

/// An app with a page, with or without the capture layer.
struct App {
    url: String,
    capture: ClickCapture,
}

impl App {
    async fn start(sandbox: &Sandbox, has_layer: bool) -> Result<Self, Error> {
        let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url());
        let client = client.program_id(sandbox.program_id()).build()?;
        let capture = ClickCapture::builder(client.clone()).host_only().without_consent_check();
        // The second page of many visitors comes at once, and this bench is not about that limit.
        let capture = capture.calls_per_second(100_000).build()?;
        let mut router = Router::new().fallback(get(page)).layer(AffitorLayer::new(client));
        if has_layer {
            router = router.layer(ClickCaptureLayer::new(capture.clone()));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, capture })
    }
}

/// A page with the tag of the tracker, unless the server captures the click itself.
async fn page(affitor: AffitorClient) -> String {
    affitor.script_tag().to_string()
}

/// Opens a page as a browser does. Returns the response time, the cookies that it sets, and its text.
async fn open(
    http: &reqwest::Client,
    url: &str,
    cookies: &[String],
) -> Result<(Duration, Vec<String>, String), reqwest::Error> {
    let started = Instant::now();
    let request = http.get(url).header("user-agent", "Mozilla/5.0 (X11; Linux x86_64)");
    let request = request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
    let response = request.header("cookie", cookies.join("; ")).send().await?.error_for_status()?;
    let lines = response.headers().get_all("set-cookie").into_iter();
    let set = lines.filter_map(|line| Some(line.to_str().ok()?.split(';').next()?.to_owned())).collect();
    let text = response.text().await?;
    Ok((started.elapsed(), set, text))
}

async fn concurrently<F>(count: usize, width: usize, task: impl Fn(usize) -> F) -> Result<Vec<F::Output>, Error>
where
    F: Future,
{
    Ok(stream::iter(0..count).map(task).buffer_unordered(width).collect().await)
}

fn percentile(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    let index = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
    times.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
}

async fn flood(sandbox: &Sandbox) -> Result<(), Error> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let [without, with] = [App::start(sandbox, false).await?, App::start(sandbox, true).await?];
    sandbox.inject(Fault::Stall.always());
    println!("{FLOOD} landings, {CONCURRENT} at a time, while the service sends no response, in ms:\n");
    println!("| | p50 | p99 | max |");
    println!("|---|--:|--:|--:|");
    let mut p99 = Vec::new();
    for (name, app) in [("without the layer", &without), ("with the layer", &with)] {
        // Opening the connections is not measured.
        for opened in concurrently(CONCURRENT, CONCURRENT, |_| open(&http, &app.url, &[])).await? {
            opened?;
        }
        let url = format!("{}/?aff=PARTNER123", app.url);
        let opened = concurrently(FLOOD, CONCURRENT, |_| open(&http, &url, &[])).await?;
        let mut times = opened.into_iter().map(|opened| Ok(opened?.0)).collect::<Result<Vec<_>, reqwest::Error>>()?;
        p99.push(percentile(&mut times, 0.99));
        println!(
            "| {name} | {:.1} | {:.1} | {:.1} |",
            percentile(&mut times, 0.5),
            percentile(&mut times, 0.99),
            percentile(&mut times, 1.0)
        );
    }
    let stats = with.capture.stats();
    let allowed = with.capture.get_budget().as_secs_f64() * 1_000.0 + p99[0];
    println!(
        "\np99 {:.1} ms of at most {allowed:.1} (the budget and the p99 without the layer); {} calls in flight of at most {CALLS_IN_FLIGHT}; {} landings without a call",
        p99[1], stats.most_in_flight, stats.limited
    );
    if p99[1] > allowed || stats.most_in_flight > CALLS_IN_FLIGHT {
        return Err("the flood exceeds a limit".into());
    }
    Ok(())
}

/// Returns the number of clicks per visitor, and of repeated calls. Each visitor lands, and opens another page 1.5 s later.
async fn clicks_per_visitor(sandbox: &Sandbox, instances: usize, has_tracker: bool) -> Result<(f64, u64), Error> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let first = App::start(sandbox, true).await?;
    let second = App::start(sandbox, true).await?;
    let next = if instances == 1 { &first } else { &second };
    let visit = |_| async {
        let landing = format!("{}/?aff=PARTNER123", first.url);
        let (_, mut cookies, text) = open(&http, &landing, &[]).await?;
        let is_captured = |cookies: &[String]| cookies.iter().any(|cookie| cookie.starts_with("affitor_click_id="));
        // What the tracker does where it is on the page.
        if has_tracker && !text.is_empty() && !is_captured(&cookies) {
            let url = format!("{}/api/v1/track/click", sandbox.url());
            let click = serde_json::json!({ "affiliate_url": landing });
            let reply: serde_json::Value = http.post(url).json(&click).send().await?.json().await?;
            cookies.push(format!("affitor_click_id={}", reply["click_id"].as_str().unwrap_or_default()));
            cookies.push("affitor_aff_url=https%3A%2F%2Fshop.example%2F%3Faff%3DPARTNER123".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        open(&http, &next.url, &cookies).await?;
        Ok::<_, reqwest::Error>(())
    };
    // As many as the limit of calls in flight allows, so that each landing makes its call.
    for visited in concurrently(VISITORS, CALLS_IN_FLIGHT / 2, visit).await? {
        visited?;
    }
    while first.capture.stats().in_flight + second.capture.stats().in_flight > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let repeated = first.capture.stats().repeated + second.capture.stats().repeated;
    Ok((sandbox.clicks().len() as f64 / VISITORS as f64, repeated))
}

async fn landings(sandbox: &Sandbox, latency: u64) -> Result<(), Error> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let app = App::start(sandbox, true).await?;
    for opened in concurrently(16, 8, |_| open(&http, &app.url, &[])).await? {
        opened?;
    }
    let url = format!("{}/?aff=PARTNER123", app.url);
    let opened = concurrently(LANDINGS, 8, |_| open(&http, &url, &[])).await?;
    let opened = opened.into_iter().collect::<Result<Vec<_>, reqwest::Error>>()?;
    let captured =
        opened.iter().filter(|(_, set, _)| set.iter().any(|cookie| cookie.starts_with("affitor_click_id="))).count();
    let mut times: Vec<Duration> = opened.into_iter().map(|(time, ..)| time).collect();
    println!(
        "| {latency} ms | {:.1} | {:.1} | {:.1} % |",
        percentile(&mut times, 0.5),
        percentile(&mut times, 0.99),
        captured as f64 * 100.0 / LANDINGS as f64
    );
    Ok(())
}
