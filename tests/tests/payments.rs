//! Payment webhooks over real sockets, in both frameworks: what is refused, what is taken, and what is to be delivered again.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use affitor::{
    Click, Client, Lead,
    webhook::{LemonSqueezy, Paddle, Polar, Provider, Stripe, Webhook, WebhookEvent},
};
use affitor_sandbox::{ApiCall, Fault, Sandbox};
use affitor_tests::{
    raw::Raw,
    shop::{Shop, ShopIn},
};
use serde_json::{Value, json};

const SECRET: &str = "whsec_0123456789abcdef";

fn webhook<P: Provider>() -> Webhook<P> {
    Webhook::new(SECRET).unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A sandbox whose `user_7` was brought by a partner.
async fn sandbox() -> (Sandbox, Client) {
    let sandbox = Sandbox::start().await.unwrap();
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
        "type": "checkout.session.completed", "data": { "object": { "mode": "payment", "payment_status": "paid",
        "payment_intent": id, "amount_total": 4_900, "currency": "usd", "customer_email": "jo@example.com",
        "metadata": { "affitor_customer_key": "user_7" } } } })
}

/// 15.00 of 49.00 given back.
fn refund(of: &str, created: u64) -> Value {
    json!({ "id": "evt_2", "api_version": "2025-03-31.basil", "created": created, "livemode": true,
        "type": "charge.refunded", "data": { "object": { "id": format!("ch_{of}"), "amount": 4_900,
        "amount_refunded": 1_500, "currency": "usd", "payment_intent": of },
        "previous_attributes": { "amount_refunded": 0 } } })
}

/// As it is after its signature was found to be right.
fn stripe_event(body: &Value) -> WebhookEvent<Stripe> {
    let (stripe, body) = (webhook::<Stripe>(), body.to_string());
    let headers = stripe.sign("", body.as_bytes(), SystemTime::now());
    let header = |name: &str| headers.get(name).map(String::as_bytes);
    stripe.verify(header, body.as_bytes(), SystemTime::now()).unwrap()
}

/// How often the sandbox was asked to track a sale or a refund.
async fn asked(sandbox: &Sandbox) -> usize {
    let of_payments = |call: Option<ApiCall>| matches!(call, Some(ApiCall::Sale | ApiCall::Refund));
    sandbox.requests().iter().filter(|request| of_payments(request.call)).count()
}

/// Everything that any test of this file logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
async fn what_is_refused() {
    let log = log();
    for framework in ShopIn::ALL {
        let (sandbox, client) = sandbox().await;
        let shop = Shop::<Stripe>::start(framework, client, webhook()).await;
        let body = session("pi_1").to_string();
        let signed = |body: &str, age: u64| {
            let at = SystemTime::now() - Duration::from_secs(age);
            shop.webhook().sign("msg_1", body.as_bytes(), at)
        };
        let other = Webhook::<Stripe>::new("whsec_other").unwrap().sign("msg_1", body.as_bytes(), SystemTime::now());
        let cut = &body[..body.len() - 20];
        for (name, body, headers, status, says) in [
            ("no signature", &*body, HashMap::new(), 400, "the header stripe-signature is missing"),
            ("another secret's", &body, other, 400, "wrong signature"),
            ("over another body", &body.replace("4900", "9900"), signed(&body, 0), 400, "wrong signature"),
            ("a replay", &body, signed(&body, 301), 400, "outside the tolerance"),
            ("truncated before it was signed", cut, signed(cut, 0), 400, "not a JSON object"),
            ("truncated after it was signed", cut, signed(&body, 0), 400, "wrong signature"),
            ("not JSON", "amount=4900", signed("amount=4900", 0), 400, "not a JSON object"),
            ("empty", "", signed("", 0), 400, "not a JSON object"),
        ] {
            let (got, text) = shop.post(body.as_bytes().to_vec(), headers).await;
            assert!(got == status && text.contains(says), "{framework:?}: {name}: {got} {text}");
            assert!(!text.contains("jo@") && !text.contains(SECRET), "{text}");
        }

        // Too long: announced, it is not begun to read; in pieces, it is let go of at the limit.
        let long = vec![b' '; 1024 * 1024 + 1];
        let unsigned = || Raw::post("/webhook").header("stripe-signature", "t=1,v1=00");
        let answer = unsigned().stalled(10 * 1024 * 1024, b"{").send(shop.address).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{framework:?}: {answer}");
        let answer = unsigned().open(&[&long]).send(shop.address).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{framework:?}: {answer}");
        let answer = unsigned().cut_off(5_000, &body).send(shop.address).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{framework:?}: {answer}");

        assert_eq!(asked(&sandbox).await, 0, "{framework:?}");
        assert_eq!(shop.deliver(&session("pi_1")).await, 200, "and a right one is taken");
        assert_eq!(sandbox.sales().len(), 1);
    }
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("a payment webhook was rejected"), "the rejection is logged");
    for secret in ["jo@example.com", SECRET, "whsec_other"] {
        assert!(!logged.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_a_body() {
    for framework in ShopIn::ALL {
        let (_sandbox, client) = sandbox().await;
        let length = session("pi_1").to_string().len();
        let fits = Shop::<Stripe>::start(framework, client.clone(), webhook().body_limit(length)).await;
        assert_eq!(fits.deliver(&session("pi_1")).await, 200);
        let too_long = Shop::<Stripe>::start(framework, client, webhook().body_limit(length - 1)).await;
        assert_eq!(too_long.deliver(&session("pi_2")).await, 413);
    }
}

/// What is answered, how often the service was asked, and how many sales there are then.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_again() {
    log();
    for framework in ShopIn::ALL {
        let (sandbox, client_of_shop) = sandbox().await;
        let shop = Shop::<Stripe>::start(framework, client_of_shop, webhook()).await;

        // The service is not able: again, and again, and then it counts once.
        sandbox.inject(Fault::ErrorBeforeWrite.always().on(ApiCall::Sale));
        assert_eq!(shop.deliver(&session("pi_1")).await, 503);
        sandbox.clear_faults();
        assert_eq!(shop.deliver(&session("pi_1")).await, 200);
        assert_eq!(shop.deliver(&session("pi_1")).await, 200, "409 is done");
        assert_eq!(sandbox.sales().len(), 1);

        // The key is wrong: it may be mended before the provider gives up.
        let wrong_key = Shop::<Stripe>::start(framework, client(&sandbox, "wrong_key"), webhook()).await;
        assert_eq!(wrong_key.deliver(&session("pi_2")).await, 503);
        assert_eq!(shop.deliver(&session("pi_2")).await, 200);

        // Nobody's customer: the normal case. What is none of Affitor's business is not even asked.
        let before = asked(&sandbox).await;
        let mut stranger = session("pi_3");
        stranger["data"]["object"]["metadata"]["affitor_customer_key"] = json!("user_8");
        assert_eq!(shop.deliver(&stranger).await, 200);
        assert_eq!(asked(&sandbox).await, before + 1);
        let mut unpaid = session("pi_4");
        unpaid["data"]["object"]["payment_status"] = json!("unpaid");
        let mut yen = session("pi_5");
        yen["data"]["object"]["currency"] = json!("jpy");
        for body in [unpaid, yen, json!({ "type": "customer.created" }), json!({ "type": 7 }), json!({})] {
            assert_eq!(shop.deliver(&body).await, 200, "{body}");
        }
        assert_eq!(asked(&sandbox).await, before + 1);
        assert_eq!(sandbox.sales().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_and_their_sales() {
    log();
    for framework in ShopIn::ALL {
        let (sandbox, client_of_shop) = sandbox().await;
        let shop = Shop::<Stripe>::start(framework, client_of_shop, webhook()).await;

        // Before its sale: again, while it is young. A sale without a partner never comes.
        assert_eq!(shop.deliver(&refund("pi_1", now())).await, 503);
        assert_eq!(shop.deliver(&refund("pi_1", now() - 3_500)).await, 503);
        assert_eq!(shop.deliver(&refund("pi_1", now() - 3_700)).await, 200);
        assert_eq!(shop.deliver(&session("pi_1")).await, 200);
        assert_eq!(shop.deliver(&refund("pi_1", now())).await, 200, "what came too early may come again");
        let before = asked(&sandbox).await;
        assert_eq!(shop.deliver(&refund("pi_1", now())).await, 200);
        assert_eq!(asked(&sandbox).await, before, "a partial refund is reported once");
        assert_eq!(sandbox.commissions()[0].deducted_cents, 300);

        // Of a customer whom no partner brought it is not waited for.
        let mut stranger = session("pi_3");
        stranger["data"]["object"]["metadata"]["affitor_customer_key"] = json!("user_8");
        assert_eq!(shop.deliver(&stranger).await, 200);
        assert_eq!(shop.deliver(&refund("pi_3", now())).await, 200);

        // A clear refusal of a partial one may be tried again; one that may have arrived must not be.
        assert_eq!(shop.deliver(&session("pi_2")).await, 200);
        sandbox.inject(Fault::RateLimited(Duration::from_secs(30)).times(1).on(ApiCall::Refund));
        assert_eq!(shop.deliver(&refund("pi_2", now())).await, 503);
        sandbox.inject(Fault::ResetAfterWrite.times(1).on(ApiCall::Refund));
        assert_eq!(shop.deliver(&refund("pi_2", now())).await, 200);
        let before = asked(&sandbox).await;
        assert_eq!(shop.deliver(&refund("pi_2", now())).await, 200);
        assert_eq!(asked(&sandbox).await, before);
        assert_eq!(sandbox.commissions()[1].deducted_cents, 300);
    }
}

/// An outage of hours: the refund of a sale that is still to come waits for it, however old it is. A full refund is repeated.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_long_outage() {
    log();
    let (sandbox, client) = sandbox().await;
    let shop = Shop::<Stripe>::start(ShopIn::Axum, client, webhook()).await;
    sandbox.inject(Fault::BadGateway.always());
    let mut all_back = refund("pi_1", now() - 10_000);
    all_back["data"]["object"]["amount_refunded"] = json!(4_900);
    assert_eq!(shop.deliver(&session("pi_1")).await, 503);
    assert_eq!(shop.deliver(&all_back).await, 503, "a full refund does no harm twice");
    sandbox.clear_faults();
    assert_eq!(shop.deliver(&all_back).await, 503, "its sale is waiting");
    assert_eq!(shop.deliver(&session("pi_1")).await, 200);
    assert_eq!(shop.deliver(&all_back).await, 200);
    let commission = sandbox.commissions().remove(0);
    assert_eq!(commission.deducted_cents, commission.amount_cents);
}

/// The service's 500 that uses up the id without making the commission: the doubt outlives the delivery.
#[tokio::test]
async fn a_commission_that_is_lost() {
    let (sandbox, _) = sandbox().await;
    let client = Client::builder().api_key("test_key").api_url(sandbox.url()).max_attempts(1).build().unwrap();
    let event = stripe_event(&session("pi_1"));
    sandbox.inject(Fault::CommissionLost.times(1).on(ApiCall::Sale));
    assert!(client.track_payment(&event).await.unwrap_err().error().unwrap().may_have_arrived());
    let outcome = format!("{:?}", client.track_payment(&event).await.unwrap());
    assert_eq!(outcome, "Sale(AlreadyRecorded { uncertain: true })");
}

/// One payment account for two programs of Affitor: each shop hears of both.
#[tokio::test]
async fn another_program_s_payment() {
    let (sandbox, client) = sandbox().await;
    for (program, reported) in [(json!("99"), 0), (json!("42"), 1), (Value::Null, 2)] {
        let mut body = session(&format!("pi_{reported}"));
        body["data"]["object"]["metadata"]["program_id"] = program.clone();
        client.track_payment(&stripe_event(&body)).await.unwrap();
        assert_eq!(sandbox.sales().len(), reported, "{program}");
    }
}

/// With a queue the provider is answered as soon as the queue has the event.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_queue() {
    let (sandbox, client) = sandbox().await;
    let queue = affitor::queue::Queue::start(client.clone()).unwrap();
    let shop = Shop::<Stripe>::enqueueing(ShopIn::Actix, client.with_sink(queue.clone()), webhook()).await;
    sandbox.inject(Fault::ErrorBeforeWrite.times(4).on(ApiCall::Sale));
    for body in [session("pi_1"), refund("pi_1", now()), refund("pi_1", now())] {
        assert_eq!(shop.deliver(&body).await, 200);
    }
    let books = queue.shutdown(Duration::from_secs(30)).await;
    assert_eq!((books.recorded, books.pending, books.enqueued), (2, 0, 2), "{books:?}");
    assert_eq!(sandbox.commissions()[0].deducted_cents, 300);
    assert_eq!(shop.deliver(&session("pi_2")).await, 503, "a closed queue accepts nothing, so the provider redelivers");
}

/// The same partial refund, delivered at the same time by an impatient provider.
#[tokio::test(flavor = "multi_thread")]
async fn at_the_same_time() {
    for framework in ShopIn::ALL {
        let (sandbox, client) = sandbox().await;
        let shop = Shop::<Stripe>::start(framework, client, webhook()).await;
        assert_eq!(shop.deliver(&session("pi_1")).await, 200);
        sandbox.inject(Fault::Latency(Duration::from_millis(300)).always().on(ApiCall::Refund));
        let body = refund("pi_1", now());
        let answers = futures_util::future::join_all((0..8).map(|_| shop.deliver(&body))).await;
        assert!(answers.contains(&200) && answers.iter().all(|status| matches!(status, 200 | 503)), "{answers:?}");
        assert_eq!(sandbox.refunds().len(), 1);
    }
}

async fn takes<P: Provider>(framework: ShopIn, body: Value, transaction_id: &str) {
    let (sandbox, client) = sandbox().await;
    let shop = Shop::<P>::start(framework, client, webhook()).await;
    assert_eq!(shop.deliver(&body).await, 200, "{framework:?}");
    assert_eq!(sandbox.sales()[0].transaction_id, transaction_id, "{framework:?}");
    let forged = shop.webhook().sign("msg_1", b"{}", SystemTime::now());
    assert_eq!(shop.post(body.to_string().into_bytes(), forged).await.0, 400, "{framework:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_provider() {
    let order = json!({ "type": "order.paid", "data": { "id": "order-1", "total_amount": 4_900, "currency": "usd",
        "metadata": { "user_id": "user_7" } } });
    let lemon = json!({ "meta": { "event_name": "order_created", "custom_data": { "user_id": "user_7" } },
        "data": { "id": "1", "attributes": { "status": "paid", "total": 4_900, "currency": "USD" } } });
    let transaction = json!({ "event_type": "transaction.completed", "data": { "id": "txn_1", "status": "completed",
        "currency_code": "USD", "custom_data": { "user_id": "user_7" }, "details": { "totals": { "total": "4900" } } } });
    for framework in ShopIn::ALL {
        takes::<Stripe>(framework, session("pi_1"), "pi_1").await;
        takes::<Polar>(framework, order.clone(), "order-1").await;
        takes::<LemonSqueezy>(framework, lemon.clone(), "ls_order_1").await;
        takes::<Paddle>(framework, transaction.clone(), "txn_1").await;
    }
}

/// A shop that pays commission on net of tax, by the client alone; and what Lemon Squeezy's running totals need.
#[tokio::test]
async fn what_the_shop_knows_better() {
    let (sandbox, client) = sandbox().await;
    let mut paid = session("pi_1");
    paid["data"]["object"]["total_details"] = json!({ "amount_tax": 900 });
    let event = stripe_event(&paid);
    let net = client.track_payment(&event).map_sale(|mut sale, event| {
        sale.amount_cents -= event.tax_cents().unwrap();
        sale
    });
    net.await.unwrap();
    assert_eq!((sandbox.sales()[0].amount_cents, sandbox.commissions()[0].amount_cents), (4_000, 800));
    let event = stripe_event(&refund("pi_1", now()));
    let net = client.track_payment(&event).map_refund(|mut refund, _| {
        refund.refund_amount_cents = refund.refund_amount_cents.map(|amount| amount - 275);
        refund
    });
    net.await.unwrap();
    assert_eq!(sandbox.refunds()[0].refund_amount_cents, Some(1_225));

    // A sale that is all tax is none.
    let event = stripe_event(&session("pi_2"));
    let nothing = client.track_payment(&event).map_sale(|mut sale, _| {
        sale.amount_cents = 0;
        sale
    });
    assert_eq!(format!("{:?}", nothing.await.unwrap()), "Ignored(NothingPaid)");
}

/// Running totals: the client remembers what was refunded before, and the shop may know it better.
#[tokio::test]
async fn running_totals() {
    let lemon = webhook::<LemonSqueezy>();
    let event = |name: &str, refunded: u64| {
        let body = json!({ "meta": { "event_name": name, "custom_data": { "user_id": "user_7" } }, "data": { "id": "1",
            "attributes": { "status": "paid", "total": 4_900, "refunded_amount": refunded, "currency": "USD" } } })
        .to_string();
        let headers = lemon.sign("", body.as_bytes(), SystemTime::now());
        let header = |name: &str| headers.get(name).map(String::as_bytes);
        lemon.verify(header, body.as_bytes(), SystemTime::now()).unwrap()
    };
    let mut interpretations = affitor_sandbox::Interpretations::default();
    interpretations.second_refund = affitor_sandbox::SecondRefund::Taken;
    let sandbox = Sandbox::builder().interpretations(interpretations).start().await.unwrap();
    let first = client(&sandbox, sandbox.api_key());
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = first.track_click(Click::landing(landing)).await.unwrap();
    let _ = first.track_lead(Lead::new("user_7").click_id(click.click_id().cloned())).await.unwrap();
    first.track_payment(&event("order_created", 0)).await.unwrap();
    let deducted = async || sandbox.commissions()[0].deducted_cents;
    // In their order, each twice; and an older one late.
    for (total, left) in [(1_500, 300), (1_500, 300), (2_500, 500), (2_500, 500), (1_500, 500)] {
        first.track_payment(&event("order_refunded", total)).await.unwrap();
        assert_eq!(deducted().await, left, "{total}");
    }
    // Another process: the shop says what was before.
    let second = client(&sandbox, sandbox.api_key());
    let known = event("order_refunded", 3_500);
    second.track_payment(&known).refunded_before(2_500).await.unwrap();
    assert_eq!(deducted().await, 700);
    let contradiction = event("order_refunded", 3_600);
    let outcome = second.track_payment(&contradiction).refunded_before(9_000).await.unwrap();
    assert!(format!("{outcome:?}").starts_with("Refused("), "{outcome:?}");
    second.track_payment(&event("order_refunded", 4_900)).await.unwrap();
    assert_eq!(deducted().await, 980);
}

/// A developer's mistake is a 500 that tells the visitor nothing.
#[actix_web::test]
async fn without_a_webhook() {
    use actix_web::{App, test, web};
    use affitor_actix::PaymentEvent;

    async fn handler(_: PaymentEvent<Stripe>) -> &'static str {
        "taken"
    }
    let app = test::init_service(App::new().route("/", web::post().to(handler))).await;
    let answer = test::call_service(&app, test::TestRequest::post().set_payload("{}").to_request()).await;
    assert_eq!(answer.status(), 500);
    let text = String::from_utf8(test::read_body(answer).await.to_vec()).unwrap();
    assert!(text.contains("Webhook<Stripe>") && text.contains(".app_data("), "{text}");
}
