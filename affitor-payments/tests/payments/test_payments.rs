//! Ready-made webhooks: the crate itself reads each of them, and the sandbox counts each payment once.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use affitor::{Click, Client, Currency, Event, Lead};
use affitor_payments::{
    LemonSqueezy, Paddle, Polar, Reading, Stripe, VerifyError, Webhook, WebhookEvent,
    ledger::{Facts, Policy, Reports, decide},
    test_util::{TestPayment, TestProvider, TestWebhook},
};
use affitor_sandbox::{Sandbox, SandboxBuilder, SecondRefund};

fn endpoint<P: TestProvider>() -> Webhook<P> {
    Webhook::disabled().or_secret(if P::NAME == "Stripe" { "whsec_a_secret" } else { "a secret" }).unwrap()
}

fn receive<P: TestProvider>(endpoint: &Webhook<P>, webhook: &TestWebhook<P>) -> WebhookEvent<P> {
    let now = SystemTime::now();
    let signed = webhook.sign(endpoint, now);
    endpoint.verify(|name| signed.header(name), signed.body.as_bytes(), now).unwrap()
}

/// Macro, because a generic function can't be passed as a value with all providers.
macro_rules! for_all_providers {
    ($name:ident, $check:ident) => {
        #[tokio::test]
        async fn $name() {
            $check::<Stripe>().await;
            $check::<Polar>().await;
            $check::<LemonSqueezy>().await;
            $check::<Paddle>().await;
        }
    };
}

/// A shop with a partner who is credited with `user_7`.
struct Shop<P> {
    sandbox: Sandbox,
    client: Client,
    endpoint: Webhook<P>,
}

impl<P: TestProvider> Shop<P> {
    async fn open() -> Self {
        let sandbox = SandboxBuilder::default();
        let mut interpretations = affitor_sandbox::Interpretations::default();
        interpretations.second_refund = SecondRefund::Taken;
        let sandbox = sandbox.interpretations(interpretations).start().await.unwrap();
        let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
        let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
        let click = client.track_click(Click::landing(landing)).await.unwrap();
        client.track_lead(Lead::new("user_7").click_id(click.click_id().cloned())).await.unwrap();
        Self { sandbox, client, endpoint: endpoint() }
    }

    /// Delivers webhooks twice, which must make no difference.
    async fn deliver(&self, webhooks: &[TestWebhook<P>]) {
        for webhook in webhooks.iter().chain(webhooks) {
            let outcome = receive(&self.endpoint, webhook).track(&self.client).await;
            let outcome = outcome.unwrap_or_else(|error| panic!("{webhook:?}: {error}"));
            assert!(outcome.refused.is_none() && outcome.failed.is_empty(), "{webhook:?}: {outcome:?}");
        }
    }

    /// Sales with their amounts, and whether they are renewals.
    fn sales(&self) -> Vec<(String, u64, bool)> {
        let sales = self.sandbox.sales();
        sales.iter().map(|sale| (sale.transaction_id.clone(), sale.amount_cents, sale.is_recurring)).collect()
    }

    /// Refund amounts by transaction id. `None` is a full refund.
    fn refunds(&self) -> Vec<(String, Option<u64>)> {
        let refunds = self.sandbox.refunds();
        refunds.iter().map(|refund| (refund.transaction_id.clone(), refund.refund_amount_cents)).collect()
    }
}

async fn one_off_payment<P: TestProvider>() {
    let shop = Shop::<P>::open().await;
    let mut payment = TestPayment::<P>::new(4_900, Currency::USD).discount(490).customer_key("user_7");
    let id = payment.ids().transaction_id;
    shop.deliver(&payment.paid()).await;
    assert_eq!(shop.sales(), [(id.clone(), 4_900, false)], "{}", P::NAME);
    shop.deliver(&payment.refunded(1_500)).await;
    assert_eq!(shop.refunds(), [(id.clone(), Some(1_500))], "{}", P::NAME);
    shop.deliver(&payment.refunded(400)).await;
    assert_eq!(shop.refunds()[1..], [(id.clone(), Some(400))], "{}", P::NAME);
    shop.deliver(&payment.refunded_in_full()).await;
    assert_eq!(shop.refunds().len(), 3, "{}", P::NAME);
    assert_eq!(shop.sales().len(), 1, "{}", P::NAME);
}
for_all_providers!(a_one_off_payment_is_one_sale_with_its_refunds, one_off_payment);

async fn subscription<P: TestProvider>() {
    let shop = Shop::<P>::open().await;
    let mut payment = TestPayment::<P>::subscription(4_900, Currency::EUR).discount(490).customer_key("user_7");
    let first = payment.ids().transaction_id;
    shop.deliver(&payment.paid()).await;
    shop.deliver(&payment.renewed()).await;
    let second = payment.ids().transaction_id;
    assert_ne!(first, second);
    assert_eq!(shop.sales(), [(first, 4_900, false), (second.clone(), 4_900, true)], "{}", P::NAME);
    shop.deliver(&payment.refunded_in_full()).await;
    assert_eq!(shop.refunds(), [(second, None)], "{}", P::NAME);
    shop.deliver(&payment.renewed()).await;
    assert_eq!((shop.sales().len(), shop.refunds().len()), (3, 1), "{}", P::NAME);
    let subscriptions: HashSet<_> = shop.sandbox.sales().into_iter().skip(1).map(|sale| sale.subscription_id).collect();
    assert_eq!(subscriptions, HashSet::from([payment.ids().subscription_id]), "{}", P::NAME);
}
for_all_providers!(a_subscription_is_a_sale_in_each_period, subscription);

async fn first_refund_of_a_subscription<P: TestProvider>() {
    let shop = Shop::<P>::open().await;
    let mut payment = TestPayment::<P>::subscription(4_900, Currency::EUR).customer_key("user_7");
    shop.deliver(&payment.paid()).await;
    shop.deliver(&payment.refunded(1_500)).await;
    assert_eq!(shop.refunds(), [(payment.ids().transaction_id, Some(1_500))], "{}", P::NAME);
}
for_all_providers!(the_first_payment_of_a_subscription_is_refunded_once, first_refund_of_a_subscription);

/// With a ledger, the order does not matter.
async fn backwards<P: TestProvider>() {
    let endpoint = endpoint::<P>();
    let mut payment = TestPayment::<P>::subscription(4_900, Currency::EUR).customer_key("user_7").click_id("cust_1_2");
    let webhooks: Vec<_> = [payment.paid(), payment.renewed(), payment.refunded_in_full()].concat();
    let now = SystemTime::now() + Duration::from_secs(60);
    let mut facts = Facts::default();
    for webhook in webhooks.iter().rev() {
        if let Ok(more) = Reading::new(&receive(&endpoint, webhook)).facts(now) {
            facts.merge(more);
        }
    }
    let (payments, sources) = facts.split_sources();
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let decision = decide(&payments, &sources, &Reports::new(), &Policy::default(), seconds);
    let (mut sales, mut refunds) = (0, 0);
    for event in &decision.events {
        match event {
            Event::Sale(sale) => {
                assert_eq!(sale.customer_key.as_deref(), Some("user_7"), "{}", P::NAME);
                assert_eq!(sale.click_id.as_ref().map(affitor::ClickId::as_str), Some("cust_1_2"), "{}", P::NAME);
                sales += 1;
            }
            Event::Refund(refund) => {
                assert_eq!(refund.transaction_id, payment.ids().transaction_id, "{}", P::NAME);
                refunds += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((sales, refunds), (2, 1), "{}: {:?}", P::NAME, decision.payments);
}
for_all_providers!(a_ledger_reads_the_webhooks_in_any_order, backwards);

async fn bytes<P: TestProvider>() {
    let endpoint = endpoint::<P>();
    let payment = TestPayment::<P>::subscription(4_900, Currency::USD);
    let mut ids = HashSet::new();
    for (webhook, redelivered) in payment.paid().iter().zip(payment.paid()) {
        assert_eq!((webhook.body(), webhook.id()), (redelivered.body(), redelivered.id()), "a second delivery differs");
        assert!(ids.insert(webhook.id().to_owned()), "{webhook:?}: its id is not unique");
        let body: serde_json::Value = serde_json::from_str(webhook.body()).unwrap();
        // A place without a value would be visible.
        assert!(!webhook.body().contains("\"{") && !webhook.body().contains("}\""), "{}", webhook.body());
        assert_eq!(receive(&endpoint, webhook).kind(), webhook.event_type());

        let canonical = webhook.canonical();
        assert_ne!(canonical, webhook.body());
        assert_eq!(body, serde_json::from_str::<serde_json::Value>(&canonical).unwrap());
        let signed = webhook.sign(&endpoint, SystemTime::now());
        let error = endpoint.verify(|name| signed.header(name), canonical.as_bytes(), SystemTime::now()).unwrap_err();
        assert_eq!(error, VerifyError::WrongSignature, "{webhook:?}");
        for debug in [format!("{webhook:?}"), format!("{signed:?}"), format!("{payment:?}")] {
            assert!(!debug.contains('@') && !debug.contains("jo."), "{debug}");
        }
    }
    let other = TestPayment::<P>::subscription(4_900, Currency::USD);
    assert!(other.paid().iter().all(|webhook| !ids.contains(webhook.id())));
    assert_ne!(other.ids(), payment.ids());
}
for_all_providers!(bodies_are_signed_byte_for_byte, bytes);

#[test]
fn what_an_app_chooses_at_stripe() {
    let payment = TestPayment::<Stripe>::subscription(4_900, Currency::USD)
        .session_id("cs_1")
        .payment_intent("pi_1")
        .customer("cus_1")
        .client_reference_id("user_8")
        .customer_email("jo@example.com")
        .metadata("program_id", 42)
        .subscription_metadata("plan", "pro")
        .payment_intent_metadata("order", 17)
        .live_mode(false);
    let bodies: Vec<serde_json::Value> =
        payment.paid().iter().map(|webhook| serde_json::from_str(webhook.body()).unwrap()).collect();
    let object = |kind: &str| &bodies.iter().find(|body| body["type"] == kind).unwrap()["data"]["object"];
    let session = object("checkout.session.completed");
    assert_eq!((&session["id"], &session["customer"]), (&"cs_1".into(), &"cus_1".into()));
    assert_eq!((&session["client_reference_id"], &session["metadata"]["program_id"]), (&"user_8".into(), &"42".into()));
    assert_eq!(session["customer_details"]["email"], "jo@example.com");
    assert_eq!(object("payment_intent.succeeded")["id"], "pi_1");
    // The payment intent of an invoice does not have the session's metadata.
    assert_eq!(object("payment_intent.succeeded")["metadata"], serde_json::json!({}));
    assert_eq!(object("invoice.paid")["parent"]["subscription_details"]["metadata"]["plan"], "pro");
    assert!(bodies.iter().all(|body| body["livemode"] == false && body["data"]["object"]["livemode"] == false));
    assert!(payment.paid().iter().all(|webhook| receive(&endpoint(), webhook).is_test()));
}

/// A session and its payment intent that both name the customer are one sale.
#[tokio::test]
async fn a_payment_intent_with_metadata_is_no_second_sale() {
    let shop = Shop::<Stripe>::open().await;
    let payment = TestPayment::<Stripe>::new(4_900, Currency::USD)
        .customer_key("user_7")
        .payment_intent_metadata("affitor_customer_key", "user_7");
    shop.deliver(&payment.paid()).await;
    assert_eq!(shop.sales(), [(payment.ids().transaction_id, 4_900, false)]);
}

#[test]
#[should_panic(expected = "a refund of 3401 is not possible: 3400 of the payment is left")]
fn no_more_than_the_payment_is_refunded() {
    let mut payment = TestPayment::<Paddle>::new(4_900, Currency::USD);
    let _ = payment.refunded(1_500);
    let _ = payment.refunded(3_401);
}

#[test]
#[should_panic(expected = "a one-off payment is never renewed")]
fn a_one_off_payment_is_not_renewed() {
    let _ = TestPayment::<Paddle>::new(4_900, Currency::USD).renewed();
}
