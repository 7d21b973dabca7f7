//! Keys and URLs that are rejected, and the responses of providers that reject a key.

use serde_json::json;
use shop_lives::Provider;

use crate::{
    provider_apis::STRIPE_TEST_KEY,
    shop::{Database, Shop, name, run, variable},
};

#[tokio::test]
async fn keys_that_cannot_be_right_are_rejected_before_any_request() {
    let shop = Shop::new(Provider::Stripe, Database::sqlite().await, 3, 7).await;
    let url = shop.database.url();
    for (provider, key, test) in [
        (Provider::Stripe, "rk_test_abcdefgh", false),
        (Provider::Stripe, "sk_live_abcdefgh", true),
        (Provider::Stripe, "whsec_abcdefgh", false),
        (Provider::Paddle, "pdl_sdbx_apikey_abcdefgh", false),
        (Provider::Paddle, "pdl_live_apikey_abcdefgh", true),
        (Provider::Polar, "polar_whs_abcdefgh", false),
        (Provider::LemonSqueezy, " ", false),
        (Provider::LemonSqueezy, "two\nlines_abcdefgh", false),
    ] {
        let mut arguments =
            vec!["reconcile", "--provider", name(provider), "--since", "1d", "--api-url", &shop.api.url];
        arguments.extend(test.then_some("--test-mode"));
        let ran = run(&url, &arguments, (variable(provider), key)).await;
        assert_eq!(ran.code, 2, "{provider:?} {key}: {ran:?}");
        assert!(ran.stderr.contains(variable(provider)) && !ran.stderr.contains("abcdefgh"), "{ran:?}");
    }
    for more in [&["--api-url", "http://api.stripe.com"][..], &["--api-url", "https://u:p@x.com"], &["--since", "2y"]] {
        let mut arguments = vec!["reconcile", "--provider", "stripe"];
        if more[0] != "--since" {
            arguments.extend(["--since", "1d"]);
        }
        arguments.extend(more);
        let ran = run(&url, &arguments, ("STRIPE_API_KEY", "rk_live_example")).await;
        assert_eq!(ran.code, 2, "{more:?}: {ran:?}");
    }
    assert!(shop.api.requests().is_empty());
}

#[tokio::test]
async fn a_provider_that_rejects_the_key() {
    for provider in Provider::ALL {
        let shop = Shop::new(provider, Database::sqlite().await, 1, 8).await;
        let arguments =
            ["reconcile", "--json", "--provider", name(provider), "--since", "1d", "--api-url", &shop.api.url];
        let ran = run(&shop.database.url(), &arguments, (variable(provider), "abcdefgh")).await;
        assert_eq!((ran.code, &ran.json()["error"]["kind"]), (4, &json!("key_rejected")), "{ran:?}");
        assert!(!format!("{ran:?}").contains("abcdefgh"), "{ran:?}");
    }
}

#[tokio::test]
async fn test_payments_are_kept_apart() {
    let shop = Shop::new(Provider::Stripe, Database::sqlite().await, 10, 9).await;
    let mut objects: Vec<_> = shop.lives.iter().flat_map(|life| life.objects.clone()).collect();
    for object in &mut objects {
        object["livemode"] = json!(false);
    }
    shop.api.set_objects(objects);
    let mut arguments = vec!["reconcile", "--provider", "stripe", "--since", "1d", "--api-url", &shop.api.url];
    arguments.extend(["--report-older", "--program-id", "42", "--json"]);
    let live = run(&shop.database.url(), &arguments, ("STRIPE_API_KEY", "sk_live_example")).await;
    assert_eq!((live.code, live.payments()), (0, 0), "{live:?}");
    assert!(live.stderr.contains("restricted key"), "{live:?}");
    arguments.push("--test-mode");
    let test = run(&shop.database.url(), &arguments, ("STRIPE_API_KEY", STRIPE_TEST_KEY)).await;
    assert_eq!(test.code, 0, "{test:?}");
    let events = shop.database.events().await;
    assert_eq!(events.len(), shop.lives.iter().map(|life| life.sales.len()).sum::<usize>(), "no test refunds");
    assert!(events.iter().all(|event| json!(event)["additional_data"]["test_mode"] == true), "{events:?}");
}

#[tokio::test]
async fn tables_that_are_missing_are_reported_before_any_request() {
    let shop = Shop::new(Provider::Polar, Database::sqlite().await, 1, 10).await;
    let arguments = ["reconcile", "--provider", "polar", "--since", "1d", "--api-url", &shop.api.url];
    let ran = run("sqlite::memory:", &arguments, ("POLAR_ACCESS_TOKEN", shop.api.key())).await;
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(shop.api.requests().is_empty());
}
