//! Background calls of a client without a queue.

use crate::support::{Reply, Server};
use affitor::{Client, Currency, EnqueueError, Lead, Sale};
use affitor_sandbox::Sandbox;

fn client(url: &str, key: &str) -> Client {
    Client::builder().api_key(key).api_url(url).build().unwrap()
}

#[tokio::test]
async fn events_are_sent_without_a_queue() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client(sandbox.url(), sandbox.api_key());
    client.enqueue(Lead::new("user_7"));
    client.try_enqueue(Sale::new("in_1", 4_900, Currency::USD).customer_key("user_8")).unwrap();
    let contains =
        |requests: &[affitor_sandbox::RequestRecord], path: &str| requests.iter().any(|r| r.path.contains(path));
    for _ in 0..500 {
        let requests = sandbox.requests();
        if contains(&requests, "track/lead") && contains(&requests, "track/sale") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the events did not arrive: {:?}", sandbox.requests());
}

#[tokio::test]
async fn at_most_a_thousand_events_are_in_flight() {
    let server = Server::start([Reply::Stall]).await;
    let client = client(&server.url, "aff_0123456789");
    for number in 0..1_000 {
        client.try_enqueue(Lead::new(number)).unwrap();
    }
    assert_eq!(client.try_enqueue(Lead::new("one_more")), Err(EnqueueError::Full));
    // Clones share the limit.
    assert_eq!(client.clone().try_enqueue(Lead::new("one_more")), Err(EnqueueError::Full));
    client.enqueue(Lead::new("one_more")); // logs an error, and does not panic
}

#[test]
fn without_a_runtime_events_are_refused() {
    let client = client("http://127.0.0.1:9", "aff_0123456789");
    assert_eq!(client.try_enqueue(Lead::new("user_7")), Err(EnqueueError::NoRuntime));
    client.enqueue(Lead::new("user_7")); // logs an error, and does not panic
}

#[test]
fn invalid_events_are_refused() {
    let client = client("http://127.0.0.1:9", "aff_0123456789");
    assert!(matches!(client.try_enqueue(Lead::new(" ")), Err(EnqueueError::Invalid(_))));
    let disabled = Client::disabled();
    assert!(matches!(disabled.try_enqueue(Lead::new(" ")), Err(EnqueueError::Invalid(_))));
    assert_eq!(disabled.try_enqueue(Lead::new("user_7")), Ok(()));
}

/// A runtime that has shut down drops the call, as documented. It must not panic.
#[test]
fn a_runtime_that_has_shut_down_causes_no_panic() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let _entered = handle.enter();
    client("http://127.0.0.1:9", "aff_0123456789").enqueue(Lead::new("user_7"));
}
