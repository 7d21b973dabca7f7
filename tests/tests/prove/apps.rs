//! The shops themselves: the correct ones work, and each fault causes what it says.

use affitor_sandbox::{ApiCall, Fault, Sandbox};

use super::{
    Framework,
    shop::Shop,
    visitor::{Reply, Visitor, Way},
};

/// Arguments of the correct shops.
const CORRECT: [&[&str]; 4] = [&[], &["--queue"], &["--database", "{folder}/shop.sqlite3"], &["--capture"]];

async fn broken(framework: Framework, fault: &str) -> Shop {
    Shop::start(framework, &["--fault", fault]).await
}

/// A visitor who has landed and signed up.
async fn signed_up(shop: &Shop, way: Way) -> (Visitor, String, Reply) {
    let mut visitor = Visitor::new();
    let click_id = visitor.land(shop).await;
    let reply = visitor.sign_up(shop, way, &click_id).await;
    (visitor, click_id, reply)
}

/// A customer who has signed up and opened the checkout.
async fn checked_out(shop: &Shop, checkout: &str) -> Visitor {
    let (mut visitor, _, reply) = signed_up(shop, Way::Cookie).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let reply = visitor.post(&shop.url(checkout)).await;
    assert_eq!(reply.status, 303, "{}", reply.text);
    assert!(reply.location.unwrap().starts_with("https://checkout.stripe.example/cs_"));
    visitor
}

fn click_ids(shop: &Shop) -> Vec<Option<String>> {
    shop.calls(ApiCall::Lead, |request| request.click_id.clone())
}

fn transaction_ids(shop: &Shop, call: ApiCall) -> Vec<Option<String>> {
    shop.calls(call, |request| request.transaction_id.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn correct_shops_report_leads() {
    for framework in Framework::ALL {
        for arguments in CORRECT {
            let shop = Shop::start(framework, arguments).await;
            for (number, way) in (1..).zip(Way::ALL) {
                let (_, click_id, reply) = signed_up(&shop, way).await;
                assert!(reply.text.contains(&format!("Welcome, user_{number}.")), "{framework:?}: {}", reply.text);
                let found = shop.wait_for("the lead", |snapshot| snapshot.leads.len() == number).await;
                let lead = found.leads.last().unwrap();
                assert_eq!(lead.customer_key, Some(format!("user_{number}")), "{framework:?} {arguments:?} {way:?}");
                assert_eq!(click_ids(&shop).pop(), Some(Some(click_id)), "{framework:?} {arguments:?} {way:?}");
            }
            assert_eq!(shop.sandbox.clicks().len(), Way::ALL.len(), "{arguments:?}: each visitor has one click");

            shop.sandbox.inject(Fault::ErrorBeforeWrite.always());
            let mut visitor = Visitor::new();
            let reply = visitor.sign_up(&shop, Way::Header, "cust_42_1714000000000").await;
            assert_eq!(reply.status, 200, "{framework:?} {arguments:?}: a sign-up works without the service");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn correct_shops_report_payments() {
    for framework in Framework::ALL {
        for arguments in CORRECT {
            let shop = Shop::start(framework, arguments).await;
            checked_out(&shop, "/checkout").await;
            let [refund, charge] = shop.stripe.refunded(4_900);
            for event in [shop.stripe.paid(), shop.stripe.paid(), refund, charge] {
                let delivered = shop.stripe.deliver(&shop.url, &event).await;
                assert_eq!(delivered.status, 200, "{framework:?} {arguments:?}: {}", delivered.text);
            }
            let found = shop.wait_for("the refund", |snapshot| !snapshot.refunds.is_empty()).await;
            assert_eq!(
                (found.sales.len(), &*found.sales[0].transaction_id),
                (1, "pi_1"),
                "{framework:?} {arguments:?}"
            );
            assert_eq!(found.commissions[0].deducted_cents, found.commissions[0].amount_cents);

            checked_out(&shop, "/checkout?plan=pro").await;
            let invoices = [("in_2", "subscription_create"), ("in_3", "subscription_cycle")];
            let invoices = invoices.map(|(id, reason)| shop.stripe.invoice(id, reason));
            for event in [&shop.stripe.paid(), &invoices[0], &invoices[1]] {
                assert_eq!(shop.stripe.deliver(&shop.url, event).await.status, 200, "{framework:?} {arguments:?}");
            }
            let found = shop.wait_for("the renewal", |snapshot| snapshot.sales.len() == 3).await;
            assert_eq!(
                found.commissions.len(),
                3,
                "{framework:?} {arguments:?}: the partner is credited with each sale"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_of_the_outbox_shop_needs_its_token() {
    for framework in Framework::ALL {
        let shop = Shop::start(framework, CORRECT[2]).await;
        let mut visitor = Visitor::new();
        visitor.get(&shop.url("/signup")).await;
        let reply = visitor.post_form(&shop.url("/signup"), "name=Jo&email=jo@example.com&csrf=invented").await;
        assert_eq!(reply.status, 403, "{framework:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_layer() {
    for framework in Framework::ALL {
        let shop = broken(framework, "no-layer").await;
        let (_, _, reply) = signed_up(&shop, Way::Cookie).await;
        assert!(reply.status == 500 && reply.text.contains("found no `AffitorLayer`"), "{framework:?}: {reply:?}");
        let delivered = shop.stripe.deliver_text(&shop.url, "{}".to_owned()).await;
        assert!(delivered.status == 500 && delivered.text.contains("found no `AffitorLayer`"), "{delivered:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn layer_before_route() {
    for framework in Framework::ALL {
        let shop = broken(framework, "layer-before-route").await;
        let (_, _, reply) = signed_up(&shop, Way::Cookie).await;
        assert!(reply.status == 500 && reply.text.contains("found no `AffitorLayer`"), "{framework:?}: {reply:?}");
        let delivered = shop.stripe.deliver_text(&shop.url, "{}".to_owned()).await;
        assert_eq!(delivered.status, 200, "{framework:?}: {}", delivered.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_cookies() {
    for framework in Framework::ALL {
        for fault in ["other-host", "cookies-cleared"] {
            let shop = broken(framework, fault).await;
            let (mut visitor, _, reply) = signed_up(&shop, Way::Cookie).await;
            assert!(reply.text.contains("Welcome, user_1."), "{framework:?} {fault}: {}", reply.text);
            assert_eq!(click_ids(&shop), [None], "{framework:?} {fault}");
            assert_eq!(visitor.post(&shop.url("/checkout")).await.status, 303, "{framework:?} {fault}");
            for way in [Way::Header, Way::FormField, Way::JsonField] {
                let (_, click_id, _) = signed_up(&shop, way).await;
                assert_eq!(click_ids(&shop).pop(), Some(Some(click_id)), "{framework:?} {fault} {way:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_webhooks() {
    for framework in Framework::ALL {
        for (fault, if_compact) in [("wrong-secret", 400), ("parsed-body", 200)] {
            let shop = broken(framework, fault).await;
            checked_out(&shop, "/checkout").await;
            let event = shop.stripe.paid();
            let delivered = shop.stripe.deliver(&shop.url, &event).await;
            assert_eq!(delivered.status, 400, "{framework:?} {fault}: {}", delivered.text);
            assert!(delivered.text.contains("wrong signature"), "{framework:?} {fault}: {}", delivered.text);
            // What is written from the parsed body is compact.
            let delivered = shop.stripe.deliver_text(&shop.url, event.to_string()).await;
            assert_eq!(delivered.status, if_compact, "{framework:?} {fault}: {}", delivered.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata() {
    for framework in Framework::ALL {
        let shop = broken(framework, "wrong-customer-key").await;
        checked_out(&shop, "/checkout").await;
        assert_eq!(shop.stripe.metadata("metadata")["affitor_customer_key"], "jo@example.com", "{framework:?}");

        let shop = broken(framework, "no-session-metadata").await;
        checked_out(&shop, "/checkout").await;
        assert!(shop.stripe.metadata("metadata").is_empty(), "{framework:?}");
        assert_eq!(shop.stripe.deliver(&shop.url, &shop.stripe.paid()).await.status, 200, "{framework:?}");
        assert!(shop.sandbox.sales().is_empty(), "{framework:?}");

        let shop = broken(framework, "no-subscription-metadata").await;
        checked_out(&shop, "/checkout?plan=pro").await;
        assert_eq!(shop.stripe.metadata("metadata")["affitor_customer_key"], "user_1", "{framework:?}");
        assert!(shop.stripe.metadata("subscription_data[metadata]").is_empty(), "{framework:?}");
        let renewal = shop.stripe.invoice("in_9", "subscription_cycle");
        assert_eq!(shop.stripe.deliver(&shop.url, &renewal).await.status, 200, "{framework:?}");
        assert!(shop.sandbox.sales().is_empty(), "{framework:?}: nobody is named");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transaction_ids_of_own_code() {
    for framework in Framework::ALL {
        let shop = broken(framework, "refund-id").await;
        checked_out(&shop, "/checkout").await;
        let [_, part] = shop.stripe.refunded(1_500);
        let [_, full] = shop.stripe.refunded(4_900);
        for event in [shop.stripe.paid(), part, full] {
            assert_eq!(shop.stripe.deliver(&shop.url, &event).await.status, 200, "{framework:?}");
        }
        assert_eq!(transaction_ids(&shop, ApiCall::Sale), [Some("cs_1".to_owned())], "{framework:?}");
        assert_eq!(transaction_ids(&shop, ApiCall::Refund), vec![Some("ch_1".to_owned()); 2], "{framework:?}");
        assert!(shop.sandbox.refunds().is_empty(), "{framework:?}");

        let shop = broken(framework, "double-reporting").await;
        checked_out(&shop, "/checkout").await;
        assert_eq!(shop.stripe.deliver(&shop.url, &shop.stripe.paid()).await.status, 200, "{framework:?}");
        let sales = shop.sandbox.sales();
        let ids: Vec<_> = sales.iter().map(|sale| &*sale.transaction_id).collect();
        assert_eq!(ids, ["cs_1", "pi_1"], "{framework:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fails_in_outage() {
    for framework in Framework::ALL {
        let shop = broken(framework, "fails-in-outage").await;
        let (_, _, reply) = signed_up(&shop, Way::Cookie).await;
        assert_eq!(reply.status, 200, "{framework:?}");
        shop.sandbox.inject(Fault::ErrorBeforeWrite.always().on(ApiCall::Lead));
        let (_, _, reply) = signed_up(&shop, Way::Cookie).await;
        assert_eq!(reply.status, 500, "{framework:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn points_elsewhere() {
    for framework in Framework::ALL {
        let other = Sandbox::start().await.unwrap();
        let real = ("https://api.affitor.com", &["--fault", "points-elsewhere"][..]);
        let local = (other.url(), &["--fault", "points-elsewhere", "--service", other.url()][..]);
        for (service, arguments) in [real, local] {
            let shop = Shop::start(framework, arguments).await;
            let mut visitor = Visitor::new();
            let page = visitor.get(&shop.url("/")).await;
            assert!(page.text.contains(&format!("src=\"{service}/js/")), "{framework:?}: {}", page.text);
            let reply = visitor.sign_up(&shop, Way::Header, "cust_42_1714000000000").await;
            assert_eq!(reply.status, 200, "{framework:?}: {}", reply.text);
            assert!(shop.sandbox.requests().is_empty(), "{framework:?}");
        }
        assert_eq!(other.requests().len(), 1, "{framework:?}: the lead");
    }
}
