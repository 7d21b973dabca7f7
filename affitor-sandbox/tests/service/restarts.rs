//! A click id from before a restart or a reset: the documented response stays as it is, and a header, the log and the page
//! say what happened. The workspace's `tests` cover the tracker in a browser.

use crate::support::{Visitor, builder, start};
use serde_json::{Value, json};

#[tokio::test]
async fn hints_at_an_unknown_click() {
    let sandbox = start(builder()).await;
    let click_id = Visitor::browser(&sandbox).click("abc123", None).await;
    sandbox.reset().unwrap();
    let post = async |call: &str, body: Value| {
        let url = format!("{}/api/v1/track/{call}", sandbox.url());
        let response = reqwest::Client::new().post(url).bearer_auth("test_key").json(&body).send().await.unwrap();
        let hint = response.headers().get("x-affitor-sandbox-hint").map(|hint| hint.to_str().unwrap().to_owned());
        (hint, response.json::<Value>().await.unwrap())
    };
    let lead = json!({ "click_id": click_id, "customer_key": "user_7" });
    let (hint, refused) = post("lead", lead).await;
    assert_eq!(refused, json!({ "error": "Customer not found. Provide a valid click_id or customer_key." }));
    let hint = hint.unwrap();
    assert!(hint.contains(&click_id) && hint.contains("started or reset at 20"), "{hint}");
    assert_eq!(sandbox.requests()[0].hint.as_deref(), Some(hint.as_str()));
    let page = reqwest::get(sandbox.url()).await.unwrap().text().await.unwrap();
    assert!(page.contains(&hint), "the page shows the hint");
    let sale = json!({ "transaction_id": "t_1", "amount_cents": 100, "click_id": click_id });
    assert!(post("sale", sale).await.0.is_some());
    // Not for other reasons.
    assert_eq!(post("lead", json!({ "customer_key": "nobody" })).await.0, None);
    assert_eq!(post("lead", json!({})).await.0, None);
    // A hostile id can't forge a header.
    let (hint, _) = post("lead", json!({ "click_id": "cust_1\r\nx-forged: 1" })).await;
    assert!(hint.unwrap().starts_with("The click id is unknown here"));
}

/// The tracker compares this value.
#[tokio::test]
async fn the_script_knows_its_state() {
    let file = std::env::temp_dir().join(format!("affitor-restarts-{}", std::process::id()));
    let settings = || builder().data(&file);
    let generation = async |url: &str| {
        let script = reqwest::get(format!("{url}/js/affitor-tracker.js")).await.unwrap().text().await.unwrap();
        let line = script.lines().find(|line| line.contains("const generation = ")).unwrap().to_owned();
        assert!(!line.contains("SANDBOX_GENERATION"), "{line}");
        line
    };
    let sandbox = start(settings()).await;
    let first = generation(sandbox.url()).await;
    assert_eq!(generation(sandbox.url()).await, first);
    let local = reqwest::get(format!("{}/js/affitor-tracker-local.js", sandbox.url())).await.unwrap();
    assert!(local.status().is_success() && local.text().await.unwrap().contains(&first));
    drop(sandbox);
    let sandbox = start(settings()).await;
    assert_eq!(generation(sandbox.url()).await, first, "with a data file, a restart continues the same state");
    sandbox.reset().unwrap();
    let second = generation(sandbox.url()).await;
    assert_ne!(second, first);
    drop(sandbox);
    let sandbox = start(settings()).await;
    assert_eq!(generation(sandbox.url()).await, second);
    std::fs::remove_file(&file).unwrap();
    let other = start(builder()).await;
    assert_ne!(generation(other.url()).await, second);
}
