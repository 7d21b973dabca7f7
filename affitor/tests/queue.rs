//! The memory queue and its books, against the sandbox.

#![cfg(feature = "queue")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use affitor::{
    ClickId, Client, Currency, EnqueueError, Event, EventSink as _, Lead, Refund, Sale,
    queue::{Queue, QueueStats},
};
use affitor_sandbox::{ApiCall, Fault, Interpretations, Sandbox, SandboxBuilder, UnknownLead};

const LONG: Duration = Duration::from_secs(60);

/// A sandbox in which every lead is taken.
fn builder() -> SandboxBuilder {
    let mut interpretations = Interpretations::default();
    interpretations.unknown_lead = UnknownLead::Unattributed;
    Sandbox::builder().interpretations(interpretations).requests_kept(1_000_000)
}

fn client(sandbox: &Sandbox) -> Client {
    Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap()
}

async fn click(client: &Client, sandbox: &Sandbox) -> ClickId {
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    client.track_click(affitor::Click::landing(landing)).await.unwrap().click_id().unwrap().clone()
}

/// Waits until the books say so.
async fn until(queue: &Queue, so: impl Fn(&QueueStats) -> bool) -> QueueStats {
    let began = Instant::now();
    loop {
        let books = queue.stats();
        assert!(books.is_balanced(), "{books:?}");
        if so(&books) {
            return books;
        }
        assert!(began.elapsed() < LONG, "{books:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Many events, a service that fails three times in ten, and a shutdown in the middle: each event is accounted for, and the
/// service has what the books say.
#[tokio::test(flavor = "multi_thread")]
async fn the_books_balance() {
    let events: u64 = if cfg!(debug_assertions) { 5_000 } else { 100_000 };
    let mut sandbox = builder().seed(7);
    for fault in [Fault::ErrorBeforeWrite, Fault::ErrorAfterWrite, Fault::ResetBeforeWrite, Fault::ResetAfterWrite] {
        sandbox = sandbox.fault(fault.with_probability(0.075));
    }
    let sandbox = sandbox.start().await.unwrap();
    // Without tries of its own, so that each failure comes back into the queue.
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).max_attempts(1).build().unwrap();
    let failed = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&failed);
    let queue = Queue::builder(client.clone())
        .capacity(events as usize)
        .senders(64)
        .on_failure(move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
        })
        .start()
        .unwrap();
    let client = client.with_sink(queue.clone());

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
    until(&queue, |books| books.pending < events / 2).await;
    let books = queue.shutdown(Duration::ZERO).await;

    assert!(books.is_balanced(), "{books:?}");
    assert_eq!((books.enqueued, books.refused), (events, 0), "{books:?}");
    assert!(books.pending > 0 && books.pending < events, "in the middle: {books:?}");
    assert_eq!(books.rejected + books.discarded, failed.load(Ordering::Relaxed), "{books:?}");
    assert_eq!(client.try_enqueue(Lead::new("user_late")), Err(EnqueueError::Closed));
    assert_eq!(queue.stats().refused, 1);

    // No event of the books is missing there, and what is there besides was under way or lost its answer.
    let leads = sandbox.leads().len() as u64;
    let done = books.recorded + books.already_recorded;
    assert!(leads >= done && leads <= done + books.pending, "{leads} leads, {books:?}");
    println!("{events} events: {books:?}, {leads} leads in the sandbox");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_once_and_in_order() {
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
            // A click is not repeated by the client; the visitor's next page does it.
            let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
            if let Ok(click) = client.track_click(affitor::Click::landing(landing)).await {
                break click.click_id().unwrap().clone();
            }
        });
    }
    let queue = Queue::start(client.clone()).unwrap();
    let client = client.with_sink(queue.clone());
    for (number, click) in clicks.into_iter().enumerate() {
        client.enqueue(Lead::new(format_args!("user_{number}")).click_id(click));
        client.enqueue(
            Sale::new(format_args!("in_{number}"), 4_900, Currency::USD).customer_key(format_args!("user_{number}")),
        );
        client.enqueue(Refund::full(format_args!("in_{number}")));
    }
    let books = queue.shutdown(LONG).await;
    assert!(books.is_balanced() && books.pending == 0, "{books:?}");
    assert_eq!((books.not_attributed, books.rejected, books.discarded), (0, 0, 0), "{books:?}");
    let held = sandbox.snapshot();
    assert_eq!((held.leads.len(), held.sales.len(), held.refunds.len()), (customers, customers, customers));
    assert!(held.commissions.iter().all(|made| made.deducted_cents == made.amount_cents));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_waits_holds_up_nobody_else() {
    let sandbox = builder().start().await.unwrap();
    sandbox.inject(Fault::RateLimited(Duration::from_secs(1_800)).times(3).on(ApiCall::Sale));
    let client = client(&sandbox);
    let queue = Queue::start(client.clone()).unwrap();
    let client = client.with_sink(queue.clone());
    client.enqueue(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_1"));
    client.enqueue(Refund::full("in_1"));
    until(&queue, |_| queue.stats().pending == 2).await;
    for number in 2..50 {
        client.enqueue(Lead::new(format_args!("user_{number}")));
    }
    let books = until(&queue, |books| books.recorded == 48).await;
    assert_eq!(books.pending, 2, "the sale as long as the service has asked, and its refund behind it");
    let began = Instant::now();
    let books = queue.shutdown(Duration::from_millis(100)).await;
    assert_eq!(books.pending, 2);
    assert!(began.elapsed() < Duration::from_secs(20), "a deadline is one");
}

#[tokio::test(flavor = "multi_thread")]
async fn full_is_said_at_once() {
    let sandbox = builder().start().await.unwrap();
    sandbox.inject(Fault::Stall.always());
    let client = client(&sandbox);
    let queue = Queue::builder(client.clone()).capacity(10).start().unwrap();
    let client = client.with_sink(queue.clone());
    let began = Instant::now();
    for number in 0..10 {
        assert_eq!(client.try_enqueue(Lead::new(number)), Ok(()));
    }
    assert_eq!(client.try_enqueue(Lead::new(10)), Err(EnqueueError::Full));
    client.enqueue(Lead::new(11));
    assert!(began.elapsed() < Duration::from_secs(2), "nothing waits");
    let books = queue.shutdown(Duration::ZERO).await;
    assert_eq!((books.enqueued, books.refused, books.pending), (10, 2, 10));
    assert!(books.is_balanced());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finally_fails() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(&sandbox);
    let click_id = click(&client, &sandbox).await;
    let _ = client.track_lead(Lead::new("user_7").click_id(click_id)).await.unwrap();
    let _ = client.track_sale(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_7")).await.unwrap();
    let lost = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lost);
    let on_failure = move |event: &Event, error: &affitor::Error| {
        seen.lock().unwrap().push((event.kind(), error.status()));
    };
    let queue = Queue::builder(client.clone()).on_failure(on_failure).start().unwrap();
    let client = client.with_sink(queue.clone());

    // What says too little is not even taken.
    assert!(matches!(client.try_enqueue(Lead::new("")), Err(EnqueueError::Invalid(_))));
    // A partial refund that may have arrived is not sent again.
    sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
    client.enqueue(Refund::partial("in_1", 100).refund_id("re_1"));
    // An unknown customer is no failure; a repeat is none either; a currency that is none is refused by the service.
    client.enqueue(Sale::new("in_2", 4_900, Currency::USD).customer_key("nobody"));
    client.enqueue(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_7"));
    client.enqueue(Sale::new("in_3", u64::MAX, Currency::USD).customer_key("user_7"));
    let books = queue.shutdown(LONG).await;
    assert_eq!((books.not_attributed, books.already_recorded, books.uncertain), (1, 1, 1), "the refund is: {books:?}");
    assert_eq!((books.rejected, books.discarded, books.pending), (1, 1, 0), "{books:?}");
    let mut lost = lost.lock().unwrap().clone();
    lost.sort_unstable();
    assert_eq!(lost, [("refund", None), ("sale", Some(400))]);
    assert_eq!(sandbox.refunds().len(), 1);
}

/// The queue has a thread of its own: it works without a runtime, and when the app's has gone.
#[test]
fn it_outlives_a_runtime() {
    let serving = tokio::runtime::Runtime::new().unwrap();
    let sandbox = serving.block_on(builder().start()).unwrap();
    let app = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (queue, client) = app.block_on(async {
        let queue = Queue::start(client(&sandbox)).unwrap();
        let client = client(&sandbox).with_sink(queue.clone());
        client.enqueue(Lead::new("in_a_runtime"));
        (queue, client)
    });
    drop(app);
    client.enqueue(Lead::new("without_one"));
    let books = queue.shutdown_blocking(LONG);
    assert_eq!((books.recorded, books.pending), (2, 0), "{books:?}");
    assert_eq!(sandbox.leads().len(), 2);
    // Twice does no harm.
    assert_eq!(queue.shutdown_blocking(LONG), books);
    assert_eq!(serving.block_on(queue.shutdown(Duration::ZERO)), books);
}

/// Nobody has asked for a shutdown: what was taken is sent all the same, as long as the process lives.
#[tokio::test(flavor = "multi_thread")]
async fn it_may_be_dropped() {
    let sandbox = builder().start().await.unwrap();
    let queue = Queue::start(client(&sandbox)).unwrap();
    for number in 0..20 {
        queue.accept(Lead::new(number).into()).unwrap();
    }
    drop(queue);
    sandbox.wait_for(|held| held.leads.len() == 20).await.unwrap();
}

#[tokio::test]
async fn a_disabled_client_checks_events_and_delivers_nothing() {
    let disabled = Client::disabled();
    assert_eq!(disabled.try_enqueue(Lead::new("user_7")), Ok(()));
    assert!(matches!(disabled.try_enqueue(Lead::new(" ")), Err(EnqueueError::Invalid(_))));
}

/// A client hands over what it would send itself, whatever delivers it.
#[tokio::test]
async fn what_the_settings_of_a_client_keep_back() {
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<Event>>>);
    impl affitor::EventSink for Kept {
        fn accept(&self, event: Event) -> Result<(), EnqueueError> {
            self.0.lock().unwrap().push(event);
            Ok(())
        }
    }
    let kept = |client: affitor::ClientBuilder| {
        let kept = Kept::default();
        let client = client.api_key("a_test_key").build().unwrap().with_sink(kept.clone());
        client.enqueue(Lead::new("user_7").email("jo@example.com"));
        client.enqueue(Lead::new("user_8").click_id(ClickId::new("cust_1_1").unwrap()));
        client.enqueue(Sale::new("in_1", 100, Currency::USD).customer_key("user_7"));
        client.enqueue(Refund::full("in_1"));
        let kept = kept.0.lock().unwrap().clone();
        kept.iter()
            .map(|event| match event {
                Event::Lead(lead) => (lead.customer_key.clone().unwrap(), lead.is_test()),
                Event::Sale(sale) => (sale.transaction_id.clone(), sale.is_test()),
                Event::Refund(refund) => (format!("refund of {}", refund.transaction_id), false),
                _ => unreachable!(),
            })
            .collect::<Vec<_>>()
    };
    let all = |names: &[&str], test: bool| names.iter().map(|name| ((*name).to_owned(), test)).collect::<Vec<_>>();
    assert_eq!(kept(Client::builder()), all(&["user_7", "user_8", "in_1", "refund of in_1"], false));
    assert_eq!(kept(Client::builder().only_attributed(true)), all(&["user_8", "in_1", "refund of in_1"], false));
    assert_eq!(kept(Client::builder().test_mode(true)), all(&["user_7", "user_8", "in_1"], true));
}
