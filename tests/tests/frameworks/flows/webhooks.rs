//! Sign-up webhooks: forged, tampered with, redelivered, and during an outage.

use affitor_sandbox::{ApiCall, Fault};
use serde_json::{Value, json};

use super::{
    flows_apps::{
        AUTH0_SECRET, CLERK_SECRET, Framework, SUPABASE_SECRET, Shop,
        webhooks::{auth0, clerk, supabase},
    },
    steps::{Flow, landed, metadata},
};

const PROVIDERS: [Flow; 3] = [Flow::Clerk, Flow::Supabase, Flow::Auth0];

async fn deliver(flow: Flow, shop: &Shop, metadata: &Value) -> reqwest::Response {
    match flow {
        Flow::Clerk => clerk(shop, metadata, CLERK_SECRET).await,
        Flow::Supabase => supabase(shop, metadata, SUPABASE_SECRET).await,
        _ => auth0(shop, metadata, AUTH0_SECRET).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_webhooks_are_refused() {
    for framework in Framework::ALL {
        let shop = Shop::start(framework).await;
        let (mut browser, _) = landed(&shop).await;
        let metadata = metadata(&shop, &mut browser).await;
        for forged in [
            clerk(&shop, &metadata, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await,
            clerk(&shop, &metadata, SUPABASE_SECRET.trim_start_matches("v1,")).await,
            supabase(&shop, &metadata, CLERK_SECRET).await,
            auth0(&shop, &metadata, "").await,
            auth0(&shop, &metadata, "forged").await,
            reqwest::Client::new().post(shop.url("/webhooks/auth0")).body("{}").send().await.unwrap(),
            reqwest::Client::new().post(shop.url("/webhooks/clerk")).body("{}").send().await.unwrap(),
            reqwest::Client::new().post(shop.url("/webhooks/supabase")).body("{}").send().await.unwrap(),
        ] {
            assert_eq!(forged.status(), 401, "{framework:?} {}", forged.url());
        }
        assert_eq!(shop.sent_leads().await, [], "{framework:?}");
    }
}

/// The user exists, so the lead is reported; without a click.
#[tokio::test(flavor = "multi_thread")]
async fn metadata_that_was_changed_is_missing() {
    for framework in Framework::ALL {
        for flow in PROVIDERS {
            for (row, metadata) in [
                ("none", Value::Null),
                ("a text", json!("cust_1_1")),
                ("a number", json!({ "affitor": 7, "affitor_visitor": 7 })),
                ("a list", json!({ "affitor": [], "affitor_visitor": [] })),
                (
                    "invalid ids",
                    json!({ "affitor": { "click_id": "a b", "click_ids": [1, "c d"] }, "affitor_visitor": "" }),
                ),
                (
                    "a very long id",
                    json!({ "affitor": { "click_id": "x".repeat(10_000) }, "affitor_visitor": "x".repeat(500) }),
                ),
            ] {
                let shop = Shop::start(framework).await;
                let response = deliver(flow, &shop, &metadata).await;
                assert!(response.status().is_success(), "{framework:?} {flow:?} {row}");
                let sent = shop.sent_leads().await;
                assert!(sent.len() == 1 && sent[0].0.is_none(), "{framework:?} {flow:?} {row}: {sent:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivered_webhook_is_the_same_lead() {
    for framework in Framework::ALL {
        for flow in PROVIDERS {
            let shop = Shop::start(framework).await;
            let (mut browser, click_id) = landed(&shop).await;
            let metadata = metadata(&shop, &mut browser).await;
            for _ in 0..3 {
                assert!(deliver(flow, &shop, &metadata).await.status().is_success(), "{framework:?} {flow:?}");
            }
            shop.sent_leads().await;
            let leads = shop.sandbox.leads();
            assert_eq!(leads.len(), 1, "{framework:?} {flow:?}");
            assert_eq!(leads[0].click_id.as_deref(), Some(click_id.as_str()), "{framework:?} {flow:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clerk_redelivers_after_an_outage() {
    for framework in Framework::ALL {
        let shop = Shop::start(framework).await;
        let (mut browser, click_id) = landed(&shop).await;
        let metadata = metadata(&shop, &mut browser).await;
        shop.sandbox.inject(Fault::BadGateway.always().on(ApiCall::Lead));
        assert_eq!(deliver(Flow::Clerk, &shop, &metadata).await.status(), 503, "{framework:?}");
        shop.sandbox.clear_faults();
        assert_eq!(deliver(Flow::Clerk, &shop, &metadata).await.status(), 200, "{framework:?}");
        assert_eq!(shop.lead("user_clerk").await.click_id.as_deref(), Some(click_id.as_str()), "{framework:?}");
    }
}

/// The service's guide for Node keeps the click id alone.
#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_of_the_guide_for_node_is_read() {
    for framework in Framework::ALL {
        let shop = Shop::start(framework).await;
        let (_, click_id) = landed(&shop).await;
        let metadata = serde_json::json!({ "affitor_click_id": click_id.as_str() });
        assert_eq!(deliver(Flow::Clerk, &shop, &metadata).await.status(), 200, "{framework:?}");
        assert_eq!(shop.lead("user_clerk").await.click_id.as_deref(), Some(click_id.as_str()), "{framework:?}");
    }
}
