//! The memory queue and its statistics, against the sandbox.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use affitor::{
    ClickId, Client, ClientBuilder, Currency, EnqueueError, Event, Lead, LeadsWithoutClick, Refund, Sale,
    queue::{QueueSettings, QueueStats},
};
use affitor_sandbox::{ApiCall, Fault, Interpretations, Sandbox, SandboxBuilder, UnknownLead};

const TIMEOUT: Duration = Duration::from_secs(60);

/// A sandbox that accepts every lead.
fn builder() -> SandboxBuilder {
    let mut interpretations = Interpretations::default();
    interpretations.unknown_lead = UnknownLead::Unattributed;
    Sandbox::builder().interpretations(interpretations).requests_kept(1_000_000)
}

fn connected(sandbox: &Sandbox) -> ClientBuilder {
    Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url())
}

fn client(sandbox: &Sandbox) -> Client {
    connected(sandbox).build().unwrap()
}

async fn click(client: &Client, sandbox: &Sandbox) -> ClickId {
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    client.track_click(affitor::Click::landing(landing)).await.unwrap().click_id().unwrap().clone()
}

/// Waits until the statistics satisfy a condition.
async fn wait_until(client: &Client, condition: impl Fn(&QueueStats) -> bool) -> QueueStats {
    let started = Instant::now();
    loop {
        let stats = client.queue_stats();
        assert!(stats.is_balanced(), "{stats:?}");
        if condition(&stats) {
            return stats;
        }
        assert!(started.elapsed() < TIMEOUT, "{stats:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Many events, a service that fails three requests in ten, and a shutdown halfway: every event is accounted for, and the
/// statistics agree with the service's records.
#[tokio::test(flavor = "multi_thread")]
async fn statistics_balance() {
    let events: u64 = if cfg!(debug_assertions) { 5_000 } else { 100_000 };
    let mut sandbox = builder().seed(7);
    for fault in [Fault::ErrorBeforeWrite, Fault::ErrorAfterWrite, Fault::ResetBeforeWrite, Fault::ResetAfterWrite] {
        sandbox = sandbox.fault(fault.with_probability(0.075));
    }
    let sandbox = sandbox.start().await.unwrap();
    // The client itself makes one attempt below, so that every failure returns to the queue.
    let failed = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&failed);
    let settings = QueueSettings::new().capacity(events as usize).senders(64).on_failure(move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let client = connected(&sandbox).max_attempts(1).queue(settings).build().unwrap();

    // From several threads, as handlers do.
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let client = client.clone();
            std::thread::spawn(move || {
                for number in 0..events / 4 {
                    client.enqueue(Lead::new(format_args!("user_{thread}_{number}")));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    wait_until(&client, |stats| stats.pending < events / 2).await;
    let stats = client.shutdown(Duration::ZERO).await;

    assert!(stats.is_balanced(), "{stats:?}");
    assert_eq!((stats.enqueued, stats.refused), (events, 0), "{stats:?}");
    assert!(stats.pending > 0 && stats.pending < events, "the shutdown was halfway: {stats:?}");
    assert_eq!(stats.rejected + stats.discarded, failed.load(Ordering::Relaxed), "{stats:?}");
    assert_eq!(client.try_enqueue(Lead::new("user_late")), Err(EnqueueError::Closed));
    assert_eq!(client.queue_stats().refused, 1);

    // Every recorded event is in the sandbox. The sandbox may have more: requests in flight, and those whose response was lost.
    let leads = sandbox.leads().len() as u64;
    let recorded = stats.recorded + stats.already_recorded;
    assert!(leads >= recorded && leads <= recorded + stats.pending, "{leads} leads, {stats:?}");
    println!("{events} events: {stats:?}, {leads} leads in the sandbox");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_once_and_in_order() {
    let customers = 40;
    let mut sandbox = builder().seed(3);
    for fault in [Fault::ErrorBeforeWrite, Fault::ErrorAfterWrite, Fault::ResetBeforeWrite, Fault::ResetAfterWrite] {
        sandbox = sandbox.fault(fault.with_probability(0.05));
    }
    let sandbox = sandbox.start().await.unwrap();
    let client = client(&sandbox);
    let mut clicks = Vec::new();
    for _ in 0..customers {
        clicks.push(loop {
            // The client does not retry clicks; in a real app, the visitor's next page reports the click.
            let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
            if let Ok(click) = client.track_click(affitor::Click::landing(landing)).await {
                break click.click_id().unwrap().clone();
            }
        });
    }
    for (number, click) in clicks.into_iter().enumerate() {
        client.enqueue(Lead::new(format_args!("user_{number}")).click_id(click));
        client.enqueue(
            Sale::new(format_args!("in_{number}"), 4_900, Currency::USD).customer_key(format_args!("user_{number}")),
        );
        client.enqueue(Refund::full(format_args!("in_{number}")));
    }
    let stats = client.shutdown(TIMEOUT).await;
    assert!(stats.is_balanced() && stats.pending == 0, "{stats:?}");
    assert_eq!((stats.not_attributed, stats.rejected, stats.discarded), (0, 0, 0), "{stats:?}");
    let snapshot = sandbox.snapshot();
    assert_eq!((snapshot.leads.len(), snapshot.sales.len(), snapshot.refunds.len()), (customers, customers, customers));
    assert!(snapshot.commissions.iter().all(|commission| commission.deducted_cents == commission.amount_cents));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_event_blocks_no_unrelated_ones() {
    let sandbox = builder().start().await.unwrap();
    sandbox.inject(Fault::RateLimited(Duration::from_secs(1_800)).times(3).on(ApiCall::Sale));
    let client = client(&sandbox);
    client.enqueue(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_1"));
    client.enqueue(Refund::full("in_1"));
    wait_until(&client, |_| client.queue_stats().pending == 2).await;
    for number in 2..50 {
        client.enqueue(Lead::new(format_args!("user_{number}")));
    }
    let stats = wait_until(&client, |stats| stats.recorded == 48).await;
    assert_eq!(stats.pending, 2, "the sale waits as long as the service requested, and the refund waits for the sale");
    let started = Instant::now();
    let stats = client.shutdown(Duration::from_millis(100)).await;
    assert_eq!(stats.pending, 2);
    assert!(started.elapsed() < Duration::from_secs(20), "the deadline is met");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once() {
    let sandbox = builder().start().await.unwrap();
    sandbox.inject(Fault::Stall.always());
    let client = connected(&sandbox).queue(QueueSettings::new().capacity(10)).build().unwrap();
    let started = Instant::now();
    for number in 0..10 {
        assert_eq!(client.try_enqueue(Lead::new(number)), Ok(()));
    }
    assert_eq!(client.try_enqueue(Lead::new(10)), Err(EnqueueError::Full));
    client.enqueue(Lead::new(11));
    assert!(started.elapsed() < Duration::from_secs(2), "no call waits");
    let stats = client.shutdown(Duration::ZERO).await;
    assert_eq!((stats.enqueued, stats.refused, stats.pending), (10, 2, 10));
    assert!(stats.is_balanced());
}

#[tokio::test(flavor = "multi_thread")]
async fn which_events_fail_permanently() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox);
    let click_id = click(&client, &sandbox).await;
    let _ = client.track_lead(Lead::new("user_7").click_id(click_id)).await.unwrap();
    let _ = client.track_sale(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_7")).await.unwrap();
    let failed = Arc::new(Mutex::new(Vec::new()));
    let recorder = Arc::clone(&failed);
    let on_failure = move |event: &Event, error: &affitor::Error| {
        recorder.lock().unwrap().push((event.kind(), error.status()));
    };
    let client = connected(&sandbox).queue(QueueSettings::new().on_failure(on_failure)).build().unwrap();

    // An incomplete event is not accepted.
    assert!(matches!(client.try_enqueue(Lead::new("")), Err(EnqueueError::Invalid(_))));
    // A partial refund that may have arrived is not retried.
    sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
    client.enqueue(Refund::partial("in_1", 100).refund_id("re_1"));
    // Neither an unknown customer nor a duplicate is a failure. The service rejects an amount that is too large.
    client.enqueue(Sale::new("in_2", 4_900, Currency::USD).customer_key("nobody"));
    client.enqueue(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_7"));
    client.enqueue(Sale::new("in_3", u64::MAX, Currency::USD).customer_key("user_7"));
    let stats = client.shutdown(TIMEOUT).await;
    assert_eq!(
        (stats.not_attributed, stats.already_recorded, stats.uncertain),
        (1, 1, 2),
        "the refund is uncertain, and the sale that was not reported by this queue: {stats:?}"
    );
    assert_eq!((stats.rejected, stats.discarded, stats.pending), (1, 1, 0), "{stats:?}");
    let mut failed = failed.lock().unwrap().clone();
    failed.sort_unstable();
    assert_eq!(failed, [("refund", None), ("sale", Some(400))]);
    assert_eq!(sandbox.refunds().len(), 1);
}

/// The queue has its own thread: it works without a runtime, and after the app's runtime has shut down.
#[test]
fn the_queue_outlives_a_runtime() {
    let server_runtime = tokio::runtime::Runtime::new().unwrap();
    let sandbox = server_runtime.block_on(builder().start()).unwrap();
    let app_runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = app_runtime.block_on(async {
        let client = client(&sandbox);
        client.enqueue(Lead::new("inside_a_runtime"));
        client
    });
    drop(app_runtime);
    client.enqueue(Lead::new("outside_a_runtime"));
    let stats = client.shutdown_blocking(TIMEOUT);
    assert_eq!((stats.recorded, stats.pending), (2, 0), "{stats:?}");
    assert_eq!(sandbox.leads().len(), 2);
    // A second shutdown has no effect.
    assert_eq!(client.shutdown_blocking(TIMEOUT), stats);
    assert_eq!(server_runtime.block_on(client.shutdown(Duration::ZERO)), stats);
}

/// Accepted events are sent even if the client is dropped without a shutdown, as long as the process lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_client_delivers_its_events() {
    let sandbox = builder().start().await.unwrap();
    let client = client(&sandbox);
    for number in 0..20 {
        client.try_enqueue(Lead::new(number)).unwrap();
    }
    drop(client);
    sandbox.wait_for(|snapshot| snapshot.leads.len() == 20).await.unwrap();
}

#[tokio::test]
async fn a_disabled_client_validates_events_and_delivers_nothing() {
    let disabled = Client::disabled();
    assert_eq!(disabled.try_enqueue(Lead::new("user_7")), Ok(()));
    assert!(matches!(disabled.try_enqueue(Lead::new(" ")), Err(EnqueueError::Invalid(_))));
}

/// A client passes on the events that it would send itself, whatever the sink.
#[tokio::test]
async fn settings_of_the_client_apply_to_enqueued_events() {
    #[derive(Clone, Default)]
    struct Recorder(Arc<Mutex<Vec<Event>>>);
    impl affitor::EventSink for Recorder {
        fn accept(&self, event: Event) -> Result<(), EnqueueError> {
            self.0.lock().unwrap().push(event);
            Ok(())
        }
    }
    let accepted = |client: affitor::ClientBuilder| {
        let recorder = Recorder::default();
        let client = client.api_key("a_test_key").build().unwrap().with_sink(recorder.clone());
        client.enqueue(Lead::new("user_7").email("jo@example.com"));
        client.enqueue(Lead::new("user_8").click_id(ClickId::new("cust_1_1").unwrap()));
        client.enqueue(Sale::new("in_1", 100, Currency::USD).customer_key("user_7"));
        client.enqueue(Refund::full("in_1"));
        let events = recorder.0.lock().unwrap().clone();
        events
            .iter()
            .map(|event| match event {
                Event::Lead(lead) => (lead.customer_key.clone().unwrap(), lead.is_test()),
                Event::Sale(sale) => (sale.transaction_id.clone(), sale.is_test()),
                Event::Refund(refund) => (format!("refund of {}", refund.transaction_id), false),
                _ => unreachable!(),
            })
            .collect::<Vec<_>>()
    };
    let all = |names: &[&str], test: bool| names.iter().map(|name| ((*name).to_owned(), test)).collect::<Vec<_>>();
    assert_eq!(accepted(Client::builder()), all(&["user_7", "user_8", "in_1", "refund of in_1"], false));
    assert_eq!(
        accepted(Client::builder().leads_without_click(LeadsWithoutClick::NotSent)),
        all(&["user_8", "in_1", "refund of in_1"], false)
    );
    assert_eq!(accepted(Client::builder().test_mode(true)), all(&["user_7", "user_8", "in_1"], true));
}

/// A flush waits for what was accepted before it, and leaves the queue open.
#[tokio::test(flavor = "multi_thread")]
async fn a_flush_waits_for_what_was_accepted_before() {
    let sandbox = builder().start().await.unwrap();
    let client = client(&sandbox);
    assert_eq!(client.flush(Duration::ZERO).await, 0, "nothing to wait for");
    sandbox.inject(Fault::Latency(Duration::from_millis(20)).always());
    for number in 0..200 {
        client.try_enqueue(Lead::new(number)).unwrap();
    }
    assert_eq!(client.flush(TIMEOUT).await, 0);
    assert_eq!(sandbox.leads().len(), 200);
    sandbox.clear_faults();

    // One event can't be delivered: a flush ends at its deadline, and others that came later do not count.
    sandbox.inject(Fault::BadGateway.always().on(ApiCall::Sale));
    client.try_enqueue(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_1")).unwrap();
    let (short, long) = (client.flush(Duration::from_millis(50)), client.flush(TIMEOUT));
    assert_eq!(short.await, 1);
    client.try_enqueue(Lead::new("later")).unwrap();
    drop(client.flush(TIMEOUT));
    sandbox.clear_faults();
    assert_eq!(long.await, 0);
    let stats = client.queue_stats();
    assert!(stats.pending <= 1, "{stats:?}");

    // A flush of a queue that ends with events gets their number.
    sandbox.inject(Fault::BadGateway.always());
    client.try_enqueue(Lead::new("lost")).unwrap();
    let (flushed, stats) = tokio::join!(client.flush(TIMEOUT), client.shutdown(Duration::from_millis(50)));
    assert_eq!((flushed as u64, stats.pending), (1, 1));
    assert_eq!(client.flush(TIMEOUT).await, 1, "at once");
}

/// The thread starts with the first event, and a client that never enqueues anything ends at once.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_enqueues_nothing_has_no_thread() {
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok()).collect::<Vec<_>>()
    };
    // Other tests of this program have queues of their own.
    let own = |name: &str| threads().iter().filter(|thread| thread.trim() == name).count();
    let clients: Vec<Client> = (0..50).map(|_| Client::new("aff_0123456789").unwrap()).collect();
    assert!(own("affitor-queue") < clients.len(), "{:?}", threads());
    for client in &clients {
        assert_eq!(client.shutdown(TIMEOUT).await, QueueStats::default());
        assert_eq!(client.flush(TIMEOUT).await, 0);
        assert_eq!(client.try_enqueue(Lead::new("user_7")), Err(EnqueueError::Closed));
    }
}

/// A sink takes the queue's place, and is not closed with the client.
#[cfg(feature = "test-util")]
#[tokio::test]
async fn a_sink_replaces_the_queue() {
    let sink = affitor::test_util::RecordingSink::new();
    let client = Client::new("aff_0123456789").unwrap().with_sink(sink.clone());
    client.enqueue(Lead::new("user_7"));
    assert_eq!(client.shutdown(TIMEOUT).await, QueueStats::default());
    client.enqueue(Lead::new("user_8"));
    assert_eq!(sink.leads().len(), 2);
}
