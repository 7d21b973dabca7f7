//! The counters and gauges, as Prometheus would read them. The test has a process of its own, because the recorder is global.

use std::time::Duration;

use affitor::{Click, Client, Currency, EnqueueError, Lead, Refund, Sale, capture::ClickCapture};
use affitor_axum::ClickCaptureLayer;
use affitor_outbox::Outbox;
use affitor_sandbox::{ApiCall, Fault, Sandbox};
use affitor_tests::log::Log;
use metrics_exporter_prometheus::PrometheusBuilder;
use tower::{Layer as _, ServiceExt as _};

const ADDRESS: &str = "jo@example.com";

#[tokio::test(flavor = "multi_thread")]
async fn counters_and_gauges() {
    if !crate::is_alone("metrics::counters_and_gauges") {
        return;
    }
    let prometheus = PrometheusBuilder::new().install_recorder().unwrap();
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();

    let sandbox = Sandbox::start().await.unwrap();
    let builder = || Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url());
    let client = builder().build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click_id = client.track_click(Click::landing(landing)).await.unwrap().click_id().unwrap().clone();

    // A landing that the server captures, with an e-mail address in its URL.
    let capture = ClickCapture::builder(client.clone()).host_only().without_consent_check().build().unwrap();
    let page =
        tower::service_fn(async |_: http::Request<()>| Ok::<_, std::convert::Infallible>(http::Response::new(())));
    let landing = format!("/?email={ADDRESS}&aff={}", sandbox.partner_code());
    let request = http::Request::get(landing).header("host", "shop.example").header("accept", "text/html");
    let request = request.header("user-agent", "Mozilla/5.0").body(()).unwrap();
    ClickCaptureLayer::new(capture).layer(page).oneshot(request).await.unwrap();

    // The memory queue: two events are recorded, one is rejected by the service, and one is refused after the shutdown.
    let queued = client.clone();
    queued.enqueue(Lead::new("user_1").email(ADDRESS).click_id(click_id.clone()));
    queued.enqueue(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_1"));
    queued.enqueue(Sale::new("in_big", u64::MAX, Currency::USD).customer_key("user_1"));
    queued.shutdown(Duration::from_secs(10)).await;
    assert_eq!(queued.try_enqueue(Lead::new("user_1")), Err(EnqueueError::Closed));

    // The outbox: the first refund is retried, the second may have arrived, and the lead waits for the right key.
    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = Outbox::sqlite(pool);
    outbox.migrate().await.unwrap();
    let wait_until = async |condition: &dyn Fn(&affitor_outbox::OutboxStats) -> bool| {
        let satisfied = async {
            while !condition(&outbox.stats().await.unwrap()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), satisfied).await.unwrap();
    };
    let worker = outbox.worker(builder().build().unwrap()).start().await.unwrap();
    sandbox.inject(Fault::RateLimited(Duration::from_secs(1)).times(1).on(ApiCall::Refund));
    outbox.enqueue_alone(Refund::partial("in_1", 100).refund_id("re_1")).await.unwrap();
    wait_until(&|stats| stats.recorded == 1).await;
    sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
    outbox.enqueue_alone(Refund::partial("in_1", 100).refund_id("re_2")).await.unwrap();
    wait_until(&|stats| stats.dead == 1 && stats.pending == 0).await;
    worker.shutdown().await.unwrap();
    let other = outbox.worker(builder().api_key("another_key").build().unwrap()).start().await.unwrap();
    outbox.enqueue_alone(Lead::new("user_2").email(ADDRESS).click_id(click_id)).await.unwrap();
    let expected = [
        r#"affitor_calls_total{call="track_click",result="done"} 2"#,
        r#"affitor_captures_total{event="recorded"} 1"#,
        r#"affitor_calls_total{call="track_sale",result="failed"} 1"#,
        r#"affitor_queue_events_total{event="lead",outcome="recorded"} 1"#,
        r#"affitor_queue_events_total{event="sale",outcome="recorded"} 1"#,
        r#"affitor_queue_events_total{event="sale",outcome="rejected"} 1"#,
        r#"affitor_queue_refused_total{event="lead",reason="closed"} 1"#,
        "affitor_queue_pending 0",
        r#"affitor_outbox_events_total{event="refund",outcome="recorded"} 1"#,
        r#"affitor_outbox_events_total{event="refund",outcome="dead"} 1"#,
        r#"affitor_outbox_uncertain_total{event="refund"} 1"#,
        r#"affitor_outbox_later_total{event="refund",reason="unavailable"} 1"#,
        r#"affitor_outbox_later_total{event="lead",reason="wrong_key"} "#,
        r#"affitor_outbox_dead{queue="affitor"} 1"#,
        r#"affitor_outbox_oldest_pending_seconds{queue="affitor"} "#,
    ];
    let missing = || {
        let text = prometheus.render();
        expected.into_iter().filter(|line| !text.contains(line)).collect::<Vec<_>>()
    };
    let complete = async {
        while !missing().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let result = tokio::time::timeout(Duration::from_secs(40), complete).await;
    assert!(result.is_ok(), "{:#?} are missing in\n{}", missing(), prometheus.render());
    other.shutdown().await.unwrap();

    let log = log.text();
    assert!(log.contains("affitor_outbox{event=\"refund\" id="), "no span of an event: {log}");
    for secret in [ADDRESS, "another_key", sandbox.api_key()] {
        assert!(!prometheus.render().contains(secret) && !log.contains(secret), "{secret} is shown");
    }
}
