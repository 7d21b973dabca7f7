//! `RecordingSink`: what it records, and what its assertions print.

#![cfg(feature = "test-util")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use affitor::{
    Click, ClickOutcome, Client, Currency, EnqueueError, Error, Event, Lead, LeadOutcome, LeadsWithoutClick, Refund,
    RefundOutcome, Sale, SaleOutcome,
    test_util::{RecordingSink, click_id},
};

fn panic_of<T>(assertion: impl FnOnce() -> T) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(assertion)) else { panic!("the assertion should fail") };
    panic.downcast_ref::<String>().unwrap().clone()
}

/// Without a Tokio runtime, since nothing is sent.
#[test]
fn enqueued_events_are_recorded() {
    let sink = RecordingSink::new();
    let connected = Client::new("aff_0123456789").unwrap();
    for client in [connected.with_sink(sink.clone()), sink.client()] {
        sink.assert_nothing();
        let id = click_id();
        client.for_visitor(id.clone()).enqueue(Lead::new("user_7").email("jo@example.com"));
        client.enqueue(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_7"));
        assert_eq!(client.try_enqueue(Refund::partial("in_1", 1_500).refund_id("re_1")), Ok(()));
        assert!(matches!(client.try_enqueue(Lead::new(" ")), Err(EnqueueError::Invalid(_))));
        assert_eq!(sink.assert_lead("user_7").click_id, Some(id));
        assert_eq!(sink.assert_sale("in_1").amount_cents, 4_900);
        assert_eq!(sink.assert_refund("in_1").refund_id.as_deref(), Some("re_1"));
        assert_eq!((sink.leads().len(), sink.sales().len(), sink.refunds().len()), (1, 1, 1));
        let kinds: Vec<_> = sink.events().iter().map(Event::kind).collect();
        assert_eq!(kinds, ["lead", "sale", "refund"]);
        sink.clear();
    }
    for disabled in [Client::disabled(), Client::disabled().with_sink(sink.clone())] {
        disabled.enqueue(Lead::new("user_7"));
    }
    sink.assert_nothing();
}

#[tokio::test]
async fn tracked_events_are_recorded_and_not_sent() -> Result<(), Error> {
    let sink = RecordingSink::new();
    let client = sink.client();
    let outcome = client.track_click(Click::landing("https://shop.example/?aff=jo")).await?;
    let ClickOutcome::Recorded { click_id, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(client.track_lead(Lead::new("user_7").click_id(click_id)).await?, LeadOutcome::Recorded);
    let sale = Sale::new("in_1", 4_900, Currency::USD).customer_key("user_7");
    assert!(matches!(client.track_sale(sale).await?, SaleOutcome::Recorded { .. }));
    assert!(matches!(client.track_refund(Refund::partial("in_1", 1_500)).await?, RefundOutcome::Refunded { .. }));
    assert!(matches!(client.track_refund(Refund::full("in_1")).await?, RefundOutcome::Reversed { .. }));
    assert!(client.track_lead(Lead::new(" ")).await.unwrap_err().is_invalid());
    assert_eq!((sink.clicks().len(), sink.events().len()), (1, 4));
    assert!(client.is_disabled(), "nothing is sent");
    assert!(client.readiness().await.unwrap_err().is_disabled());
    Ok(())
}

#[tokio::test]
async fn settings_of_the_client_apply_to_what_a_sink_gets() -> Result<(), Error> {
    let sink = RecordingSink::new();
    let client = Client::builder()
        .api_key("aff_0123456789")
        .leads_without_click(LeadsWithoutClick::NotSent)
        .build()?
        .with_sink(sink.clone());
    client.enqueue(Lead::new("user_7"));
    sink.assert_nothing();
    let client = Client::builder().api_key("aff_0123456789").test_mode(true).build()?.with_sink(sink.clone());
    client.enqueue(Lead::new("user_7"));
    assert!(sink.assert_lead("user_7").is_test());
    assert!(matches!(sink.client().track_lead(Lead::new("user_8").test_mode(true)).await?, LeadOutcome::Test { .. }));
    Ok(())
}

#[test]
fn a_failed_assertion_prints_what_was_tracked() {
    let sink = RecordingSink::new();
    assert_eq!(
        panic_of(|| sink.assert_lead("user_7")),
        "expected one lead of \"user_7\", found 0. Nothing was tracked."
    );
    let client = sink.client();
    client.enqueue(Lead::new("user_7").email("jo@example.com"));
    client.enqueue(Lead::new("user_7").email("jo@example.com"));
    client.enqueue(Lead::new("jo@example.com"));
    for message in [
        panic_of(|| sink.assert_lead("user_7")),
        panic_of(|| sink.assert_lead("jo@example.org")),
        panic_of(|| sink.assert_sale("in_1")),
        panic_of(|| sink.assert_refund("in_1")),
        panic_of(|| sink.assert_nothing()),
    ] {
        assert_eq!(message.matches("Lead(Lead { customer_key: Some(\"user_7\")").count(), 2, "{message}");
        assert!(!message.contains('@'), "{message}");
    }
    assert!(
        panic_of(|| sink.assert_lead("user_7"))
            .starts_with("expected one lead of \"user_7\", found 2. Tracked events:\n")
    );
}

/// The line of the test, and not one in this crate.
#[test]
fn a_failed_assertion_names_the_line_of_the_test() {
    use std::sync::{Arc, Mutex};
    let file = Arc::new(Mutex::new(String::new()));
    let (previous, found, thread) = (std::panic::take_hook(), file.clone(), std::thread::current().id());
    std::panic::set_hook(Box::new(move |panic| {
        // Other tests run at the same time.
        if std::thread::current().id() == thread {
            *found.lock().unwrap() = panic.location().unwrap().file().to_owned();
        }
    }));
    panic_of(|| RecordingSink::new().assert_sale("in_1"));
    std::panic::set_hook(previous);
    assert!(file.lock().unwrap().ends_with("tests/client/recording.rs"), "{file:?}");
}
