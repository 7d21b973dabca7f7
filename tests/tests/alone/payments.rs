//! Payment webhooks over real sockets, in both frameworks: which are rejected, which are tracked, and which are redelivered.

mod amounts;
mod reporter;

use std::{
    collections::HashMap,
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use affitor::{Click, Client, Lead, SaleOutcome};
use affitor_payments::{LemonSqueezy, Paddle, Polar, Provider, Stripe, StripeReporter, Webhook, WebhookEvent};
use affitor_sandbox::{ApiCall, Fault, Sandbox};
use affitor_tests::{
    log::Log,
    raw::Raw,
    shop::{Shop, ShopFramework},
};
use serde_json::{Value, json};

const SECRET: &str = "whsec_0123456789abcdef";

fn webhook<P: Provider>() -> Webhook<P> {
    Webhook::disabled().or_secret(SECRET).unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Starts a sandbox in which a partner is credited with `user_7`.
async fn sandbox() -> (Sandbox, Client) {
    with_lead(Sandbox::start().await.unwrap()).await
}

async fn with_lead(sandbox: Sandbox) -> (Sandbox, Client) {
    let client = client(&sandbox, sandbox.api_key());
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = client.track_click(Click::landing(landing)).await.unwrap();
    let _ = client.track_lead(Lead::new("user_7").click_id(click.click_id().cloned())).await.unwrap();
    (sandbox, client)
}

fn client(sandbox: &Sandbox, key: &str) -> Client {
    Client::builder().api_key(key).api_url(sandbox.url()).program_id(42).build().unwrap()
}

fn session(id: &str) -> Value {
    json!({ "id": "evt_1", "api_version": "2025-03-31.basil", "created": now(), "livemode": true,
        "type": "checkout.session.completed", "data": { "object": { "id": format!("cs_{id}"), "mode": "payment", "payment_status": "paid",
        "payment_intent": id, "amount_total": 4_900, "currency": "usd", "customer_email": "jo@example.com",
        "metadata": { "affitor_customer_key": "user_7" } } } })
}

/// A refund of 15.00 USD of 49.00 USD.
fn refund(payment: &str, created: u64) -> Value {
    json!({ "id": "evt_2", "api_version": "2025-03-31.basil", "created": created, "livemode": true,
        "type": "charge.refunded", "data": { "object": { "id": format!("ch_{payment}"), "amount": 4_900,
        "amount_refunded": 1_500, "currency": "usd", "payment_intent": payment },
        "previous_attributes": { "amount_refunded": 0 } } })
}

/// Returns the event that an endpoint receives.
fn receive(endpoint: &Webhook<Stripe>, body: &Value) -> WebhookEvent<Stripe> {
    let body = body.to_string();
    let headers = endpoint.sign("", body.as_bytes(), SystemTime::now());
    let header = |name: &str| headers.get(name).map(String::as_bytes);
    endpoint.verify(header, body.as_bytes(), SystemTime::now()).unwrap()
}

/// Returns the number of calls that track a sale or a refund.
async fn payment_calls(sandbox: &Sandbox) -> usize {
    let is_payment = |call: Option<ApiCall>| matches!(call, Some(ApiCall::Sale | ApiCall::Refund));
    sandbox.requests().iter().filter(|request| is_payment(request.call)).count()
}

fn log() -> Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    let start = || {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
        subscriber.with_writer(move || writer.clone()).init();
        log
    };
    LOG.get_or_init(start).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn which_webhooks_are_rejected() {
    let log = log();
    for framework in ShopFramework::ALL {
        let (sandbox, client) = sandbox().await;
        let shop = Shop::<Stripe>::start(framework, client, webhook()).await;
        let body = session("pi_1").to_string();
        let signed = |body: &str, age: u64| {
            let at = SystemTime::now() - Duration::from_secs(age);
            shop.webhook().sign("msg_1", body.as_bytes(), at)
        };
        let other = Webhook::<Stripe>::new("whsec_other", StripeReporter::App).unwrap().sign(
            "msg_1",
            body.as_bytes(),
            SystemTime::now(),
        );
        let truncated = &body[..body.len() - 20];
        for (name, body, headers, status, message) in [
            ("no signature", &*body, HashMap::new(), 400, "the header stripe-signature is missing"),
            ("signed with another secret", &body, other, 400, "wrong signature"),
            ("signature of another body", &body.replace("4900", "9900"), signed(&body, 0), 400, "wrong signature"),
            ("a replay after 301 s", &body, signed(&body, 301), 400, "outside the tolerance"),
            ("truncated before it was signed", truncated, signed(truncated, 0), 400, "not a JSON object"),
            ("truncated after it was signed", truncated, signed(&body, 0), 400, "wrong signature"),
            ("not JSON", "amount=4900", signed("amount=4900", 0), 400, "not a JSON object"),
            ("empty", "", signed("", 0), 400, "not a JSON object"),
        ] {
            let (actual, text) = shop.post(body.as_bytes().to_vec(), headers).await;
            assert!(actual == status && text.contains(message), "{framework:?}: {name}: {actual} {text}");
            assert!(!text.contains("jo@") && !text.contains(SECRET), "{text}");
        }

        // A body with a `Content-Length` over the limit is not read; a chunked one is abandoned at the limit.
        let long = vec![b' '; 1024 * 1024 + 1];
        let unsigned = || Raw::post("/webhook").header("stripe-signature", "t=1,v1=00");
        let response = unsigned().stalled(10 * 1024 * 1024, b"{").send(shop.address).await;
        assert!(response.starts_with("HTTP/1.1 413"), "{framework:?}: {response}");
        let response = unsigned().open(&[&long]).send(shop.address).await;
        assert!(response.starts_with("HTTP/1.1 413"), "{framework:?}: {response}");
        let response = unsigned().cut_off(5_000, &body).send(shop.address).await;
        assert!(response.is_empty() || response.starts_with("HTTP/1.1 400"), "{framework:?}: {response}");

        assert_eq!(payment_calls(&sandbox).await, 0, "{framework:?}");
        assert_eq!(shop.deliver(&session("pi_1")).await, 200, "a valid webhook is accepted");
        assert_eq!(sandbox.sales().len(), 1);
    }
    let logged = log.text();
    assert!(logged.contains("a payment webhook was rejected"), "the rejection is logged");
    for secret in ["jo@example.com", SECRET, "whsec_other"] {
        assert!(!logged.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_limit() {
    for framework in ShopFramework::ALL {
        let (_sandbox, client) = sandbox().await;
        let length = session("pi_1").to_string().len();
        let fits = Shop::<Stripe>::start(framework, client.clone(), webhook().body_limit(length)).await;
        assert_eq!(fits.deliver(&session("pi_1")).await, 200);
        let too_long = Shop::<Stripe>::start(framework, client, webhook().body_limit(length - 1)).await;
        assert_eq!(too_long.deliver(&session("pi_2")).await, 413);
    }
}

/// The status of the responses, the number of calls to the service, and the number of sales afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn which_webhooks_are_redelivered() {
    log();
    for framework in ShopFramework::ALL {
        let (sandbox, shop_client) = sandbox().await;
        let shop = Shop::<Stripe>::start(framework, shop_client, webhook()).await;

        // The service is unavailable: the webhook is redelivered, and the sale counts once.
        sandbox.inject(Fault::ErrorBeforeWrite.always().on(ApiCall::Sale));
        assert_eq!(shop.deliver(&session("pi_1")).await, 503);
        sandbox.clear_faults();
        assert_eq!(shop.deliver(&session("pi_1")).await, 200);
        assert_eq!(shop.deliver(&session("pi_1")).await, 200, "a duplicate needs no redelivery");
        assert_eq!(sandbox.sales().len(), 1);

        // The key is wrong: it may be corrected before the provider gives up.
        let wrong_key = Shop::<Stripe>::start(framework, client(&sandbox, "wrong_key"), webhook()).await;
        assert_eq!(wrong_key.deliver(&session("pi_2")).await, 503);
        assert_eq!(shop.deliver(&session("pi_2")).await, 200);

        // A customer without a partner is the normal case. Webhooks that do not concern Affitor cause no call.
        let before = payment_calls(&sandbox).await;
        let mut stranger = session("pi_3");
        stranger["data"]["object"]["metadata"]["affitor_customer_key"] = json!("user_8");
        assert_eq!(shop.deliver(&stranger).await, 200);
        assert_eq!(payment_calls(&sandbox).await, before + 1);
        let mut unpaid = session("pi_4");
        unpaid["data"]["object"]["payment_status"] = json!("unpaid");
        let mut yen = session("pi_5");
        yen["data"]["object"]["currency"] = json!("jpy");
        for body in [unpaid, yen, json!({ "type": "customer.created" }), json!({ "type": 7 }), json!({})] {
            assert_eq!(shop.deliver(&body).await, 200, "{body}");
        }
        assert_eq!(payment_calls(&sandbox).await, before + 1);
        assert_eq!(sandbox.sales().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_and_their_sales() {
    log();
    for framework in ShopFramework::ALL {
        let (sandbox, shop_client) = sandbox().await;
        let shop = Shop::<Stripe>::start(framework, shop_client, webhook()).await;

        // A refund before its sale is redelivered for an hour. A sale without a partner would never arrive.
        assert_eq!(shop.deliver(&refund("pi_1", now())).await, 503);
        assert_eq!(shop.deliver(&refund("pi_1", now() - 3_500)).await, 503);
        assert_eq!(shop.deliver(&refund("pi_1", now() - 3_700)).await, 200);
        assert_eq!(shop.deliver(&session("pi_1")).await, 200);
        assert_eq!(shop.deliver(&refund("pi_1", now())).await, 200, "an early refund can be redelivered");
        let before = payment_calls(&sandbox).await;
        assert_eq!(shop.deliver(&refund("pi_1", now())).await, 200);
        assert_eq!(payment_calls(&sandbox).await, before, "a partial refund is reported once");
        assert_eq!(sandbox.commissions()[0].deducted_cents, 300);

        // A refund does not wait if its sale has no partner.
        let mut stranger = session("pi_3");
        stranger["data"]["object"]["metadata"]["affitor_customer_key"] = json!("user_8");
        assert_eq!(shop.deliver(&stranger).await, 200);
        assert_eq!(shop.deliver(&refund("pi_3", now())).await, 200);

        // A partial refund is redelivered after a 429, but not if it may have arrived.
        assert_eq!(shop.deliver(&session("pi_2")).await, 200);
        sandbox.inject(Fault::RateLimited(Duration::from_secs(30)).times(1).on(ApiCall::Refund));
        assert_eq!(shop.deliver(&refund("pi_2", now())).await, 503);
        sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
        assert_eq!(shop.deliver(&refund("pi_2", now())).await, 200);
        let before = payment_calls(&sandbox).await;
        assert_eq!(shop.deliver(&refund("pi_2", now())).await, 200);
        assert_eq!(payment_calls(&sandbox).await, before);
        assert_eq!(sandbox.commissions()[1].deducted_cents, 300);
    }
}

/// After an outage of hours, the refund's webhook reports the sale as well, whichever is redelivered first.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_long_outage() {
    log();
    let (sandbox, client) = sandbox().await;
    let shop = Shop::<Stripe>::start(ShopFramework::Axum, client, webhook()).await;
    sandbox.inject(Fault::BadGateway.always());
    let mut full_refund = refund("pi_1", now() - 10_000);
    full_refund["data"]["object"]["amount_refunded"] = json!(4_900);
    assert_eq!(shop.deliver(&session("pi_1")).await, 503);
    assert_eq!(shop.deliver(&full_refund).await, 503, "a full refund may be repeated");
    sandbox.clear_faults();
    assert_eq!(shop.deliver(&full_refund).await, 200);
    assert_eq!(sandbox.sales().len(), 1, "its sale is remembered");
    assert_eq!(shop.deliver(&session("pi_1")).await, 200);
    assert_eq!((sandbox.sales().len(), sandbox.refunds().len()), (1, 1));
    let commission = sandbox.commissions().remove(0);
    assert_eq!(commission.deducted_cents, commission.amount_cents);
}

/// The service responds with 500 after recording the id without a commission: the sale stays uncertain in the next delivery.
#[tokio::test]
async fn a_lost_commission_is_uncertain() {
    let (sandbox, _) = sandbox().await;
    let client = Client::builder().api_key("test_key").api_url(sandbox.url()).max_attempts(1).build().unwrap();
    let event = receive(&webhook(), &session("pi_1"));
    sandbox.inject(Fault::CommissionLost.times(1).on(ApiCall::Sale));
    assert!(event.track(&client).await.unwrap_err().error().unwrap().may_have_arrived());
    let outcome = event.track(&client).await.unwrap();
    assert!(matches!(outcome.sale(), Some(SaleOutcome::AlreadyRecorded { uncertain: true, .. })), "{outcome:?}");
}

/// If two Affitor programs share one payment account, each shop receives the webhooks of both.
#[tokio::test]
async fn payments_of_another_program_are_ignored() {
    let (sandbox, client) = sandbox().await;
    for (program, reported) in [(json!("99"), 0), (json!("42"), 1), (Value::Null, 2)] {
        let mut body = session(&format!("pi_{reported}"));
        body["data"]["object"]["metadata"]["program_id"] = program.clone();
        receive(&webhook(), &body).track(&client).await.unwrap();
        assert_eq!(sandbox.sales().len(), reported, "{program}");
    }
}

/// With an outbox, the shop responds as soon as the enqueuer has accepted the event. A queue in memory does not do: a crash would
/// lose what was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn enqueued_payments() {
    let (sandbox, client) = sandbox().await;
    let shop = Shop::<Stripe>::start_enqueueing(ShopFramework::Actix, client.clone(), webhook()).await;
    assert_eq!(shop.deliver(&session("pi_1")).await, 503, "the client has no sink");
    assert_eq!((sandbox.sales().len(), client.queue_stats().enqueued), (0, 0));

    let (pool, _folder) = affitor_tests::databases::sqlite().await;
    let outbox = affitor_outbox::Outbox::sqlite(pool);
    outbox.migrate().await.unwrap();
    let enqueuer = outbox.enqueuer().unwrap();
    let shop =
        Shop::<Stripe>::start_enqueueing(ShopFramework::Actix, client.with_sink(enqueuer.clone()), webhook()).await;
    for body in [session("pi_1"), refund("pi_1", now()), refund("pi_1", now())] {
        assert_eq!(shop.deliver(&body).await, 200);
    }
    assert_eq!(enqueuer.shutdown(Duration::from_secs(30)).await, 0);
    assert_eq!(outbox.stats().await.unwrap().pending, 2);
    assert_eq!(
        shop.deliver(&session("pi_2")).await,
        503,
        "a closed enqueuer accepts nothing, so the provider redelivers"
    );
}

/// The provider delivers the same partial refund eight times concurrently.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_deliveries() {
    for framework in ShopFramework::ALL {
        let (sandbox, client) = sandbox().await;
        let shop = Shop::<Stripe>::start(framework, client, webhook()).await;
        assert_eq!(shop.deliver(&session("pi_1")).await, 200);
        sandbox.inject(Fault::Latency(Duration::from_millis(300)).always().on(ApiCall::Refund));
        let body = refund("pi_1", now());
        let statuses = futures_util::future::join_all((0..8).map(|_| shop.deliver(&body))).await;
        assert_eq!(statuses, [200; 8], "they wait for each other");
        assert_eq!(sandbox.refunds().len(), 1);
    }
}

async fn check_provider<P: Provider>(framework: ShopFramework, body: Value, transaction_id: &str) {
    let (sandbox, client) = sandbox().await;
    let shop = Shop::<P>::start(framework, client, webhook()).await;
    assert_eq!(shop.deliver(&body).await, 200, "{framework:?}");
    assert_eq!(sandbox.sales()[0].transaction_id, transaction_id, "{framework:?}");
    let forged = shop.webhook().sign("msg_1", b"{}", SystemTime::now());
    assert_eq!(shop.post(body.to_string().into_bytes(), forged).await.0, 400, "{framework:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_provider() {
    let order = json!({ "type": "order.paid", "data": { "id": "order-1", "status": "paid", "total_amount": 4_900, "currency": "usd",
        "metadata": { "user_id": "user_7" } } });
    let lemon_order = json!({ "meta": { "event_name": "order_created", "custom_data": { "user_id": "user_7" } },
        "data": { "id": "1", "attributes": { "status": "paid", "total": 4_900, "currency": "USD" } } });
    let transaction = json!({ "event_type": "transaction.completed", "data": { "id": "txn_1", "status": "completed",
        "currency_code": "USD", "custom_data": { "user_id": "user_7" }, "details": { "totals": { "total": "4900" } } } });
    for framework in ShopFramework::ALL {
        check_provider::<Stripe>(framework, session("pi_1"), "pi_1").await;
        check_provider::<Polar>(framework, order.clone(), "order-1").await;
        check_provider::<LemonSqueezy>(framework, lemon_order.clone(), "ls_order_1").await;
        check_provider::<Paddle>(framework, transaction.clone(), "txn_1").await;
    }
}

/// Without a `Webhook` in the app, the response is a 500 that says how to add one.
#[actix_web::test]
async fn without_a_webhook() {
    use actix_web::{App, test, web};
    use affitor_actix::PaymentEvent;

    async fn handler(_: PaymentEvent<Stripe>) -> &'static str {
        "accepted"
    }
    let app = test::init_service(App::new().route("/", web::post().to(handler))).await;
    let response = test::call_service(&app, test::TestRequest::post().set_payload("{}").to_request()).await;
    assert_eq!(response.status(), 500);
    let text = String::from_utf8(test::read_body(response).await.to_vec()).unwrap();
    assert!(text.contains("Webhook<Stripe>") && text.contains(".app_data("), "{text}");
}
