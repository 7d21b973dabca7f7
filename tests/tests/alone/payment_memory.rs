//! What a `Webhook` remembers of reported payments, and which endpoints share the memory.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use affitor::{Click, Client, EnqueueError, Event, EventSink, Lead};
use affitor_payments::{PaymentOutcome, Stripe, StripeReporter, Webhook, WebhookEvent};
use affitor_sandbox::Sandbox;
use serde_json::{Value, json};

fn webhook() -> Webhook<Stripe> {
    Webhook::disabled().or_secret("whsec_0123456789abcdef").unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Starts a sandbox in which a partner is credited with `user_7`.
async fn sandbox() -> (Sandbox, Client) {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = client.track_click(Click::landing(landing)).await.unwrap();
    client.track_lead(Lead::new("user_7").click_id(click.click_id().cloned())).await.unwrap();
    (sandbox, client)
}

fn sale() -> Value {
    json!({ "id": "evt_1", "created": now(), "livemode": true, "type": "checkout.session.completed",
        "data": { "object": { "id": "cs_1", "mode": "payment", "payment_status": "paid", "payment_intent": "pi_1",
        "amount_total": 4_900, "currency": "usd", "metadata": { "affitor_customer_key": "user_7" } } } })
}

/// A refund of 15.00 USD of 49.00 USD.
fn partial_refund() -> Value {
    json!({ "id": "evt_2", "created": now(), "livemode": true, "type": "charge.refunded", "data": {
        "object": { "id": "ch_1", "amount": 4_900, "amount_refunded": 1_500, "currency": "usd", "payment_intent": "pi_1" },
        "previous_attributes": { "amount_refunded": 0 } } })
}

/// Returns the event that the endpoint receives.
fn receive(webhook: &Webhook<Stripe>, body: &Value) -> WebhookEvent<Stripe> {
    let body = body.to_string();
    let headers = webhook.sign("msg_1", body.as_bytes(), SystemTime::now());
    webhook.verify(|name| headers.get(name).map(String::as_bytes), body.as_bytes(), SystemTime::now()).unwrap()
}

/// Reports the same partial refund at two endpoints. Returns the second outcome, and the number of refunds that were sent.
async fn report_twice(first: &Webhook<Stripe>, second: &Webhook<Stripe>) -> (PaymentOutcome, usize) {
    let (sandbox, client) = sandbox().await;
    receive(first, &sale()).track(&client).await.unwrap();
    let outcome = receive(first, &partial_refund()).track(&client).await.unwrap();
    assert!(outcome.refund().is_some(), "{outcome:?}");
    let outcome = receive(second, &partial_refund()).track(&client).await.unwrap();
    let refunds = |request: &&affitor_sandbox::RequestRecord| request.path.ends_with("/refund");
    (outcome, sandbox.requests().iter().filter(refunds).count())
}

#[tokio::test]
async fn clones_share_the_memory_whatever_options_are_set() {
    for (name, with_option) in [
        ("no option", (|webhook| webhook) as fn(Webhook<Stripe>) -> Webhook<Stripe>),
        ("another limit", |webhook| webhook.body_limit(7)),
        ("another tolerance", |webhook| webhook.tolerance(Duration::from_secs(60))),
        ("another secret", |webhook| webhook.or_secret("whsec_another").unwrap()),
        ("another currency", |webhook| webhook.allow_currency("JPY".parse().unwrap())),
        ("another reader", |webhook| webhook.stripe_reporter(StripeReporter::AppEvenIfConnected)),
    ] {
        let original = webhook();
        let (outcome, sent) = report_twice(&original, &with_option(original.clone())).await;
        assert!(outcome.reported.is_empty() && sent == 1, "{name}: {outcome:?}, {sent} sent");
    }
}

#[tokio::test]
async fn share_memory_connects_two_endpoints() {
    let first = webhook();
    let second = Webhook::<Stripe>::new("whsec_of_another_endpoint", StripeReporter::App).unwrap().share_memory(&first);
    let (outcome, sent) = report_twice(&first, &second).await;
    assert!(outcome.reported.is_empty() && sent == 1, "{outcome:?}, {sent} sent");
}

/// A `Webhook` that is created anew remembers nothing, as the documentation warns.
#[tokio::test]
async fn a_new_webhook_has_no_memory() {
    let (outcome, sent) = report_twice(&webhook(), &webhook()).await;
    assert!(outcome.refund().is_some() && sent == 2, "{outcome:?}, {sent} sent");
}

/// The client has no memory: the endpoint also remembers what was reported with another client.
#[tokio::test]
async fn the_memory_belongs_to_the_endpoint_and_not_to_the_client() {
    let webhook = webhook();
    let (sandbox, client) = sandbox().await;
    receive(&webhook, &sale()).track(&client).await.unwrap();
    receive(&webhook, &partial_refund()).track(&client).await.unwrap();
    let other = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let outcome = receive(&webhook, &partial_refund()).track(&other).await.unwrap();
    assert!(outcome.reported.is_empty(), "{outcome:?}");
    assert_eq!(sandbox.refunds().len(), 1);
}

/// `event.track` makes the call even if the client has a sink. `event.enqueue` uses the sink.
#[tokio::test]
async fn track_sends_and_enqueue_enqueues() {
    struct Full;
    impl EventSink for Full {
        fn accept(&self, _: Event) -> Result<(), EnqueueError> {
            Err(EnqueueError::Full)
        }
    }
    let webhook = webhook();
    let (sandbox, client) = sandbox().await;
    let with_sink = client.with_sink(Full);
    let error = receive(&webhook, &sale()).enqueue(&with_sink).await.unwrap_err();
    assert!(error.is_not_enqueued(), "{error}");
    let error = receive(&webhook, &sale()).enqueue(&client).await.unwrap_err();
    assert!(error.is_not_enqueued() && error.to_string().contains("with_sink"), "without a sink: {error}");
    assert!(sandbox.sales().is_empty());
    let outcome = receive(&webhook, &sale()).track(&with_sink).await.unwrap();
    assert!(outcome.sale().is_some(), "{outcome:?}");
    assert_eq!(sandbox.sales().len(), 1);

    // A partial refund that the sink did not accept may be reported by the next delivery.
    let refund = receive(&webhook, &partial_refund());
    assert!(refund.enqueue(&with_sink).await.unwrap_err().is_not_enqueued());
    let outcome = refund.track(&with_sink).await.unwrap();
    assert!(outcome.refund().is_some(), "{outcome:?}");
}
