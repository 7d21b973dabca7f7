//! Key rotation: a new key, shown once, invalidates the old one immediately.

use crate::support::{Visitor, builder, start};
use serde_json::{Value, json};

#[tokio::test]
async fn the_old_key_is_invalid_at_once() {
    let sandbox = start(builder()).await;
    let old = Visitor::server(&sandbox);
    old.lead("user_7").await;
    let readiness = async |key: &str| {
        let url = format!("{}/api/v1/programs/me/readiness", sandbox.url());
        let response = reqwest::Client::new().get(url).bearer_auth(key).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    assert_eq!(readiness("test_key").await.1["key_rotated_at"], json!(null));
    let before_ms = sandbox.now_ms();
    let key = sandbox.rotate_key().unwrap();
    assert!(key.starts_with("aff_") && key.len() == 44, "{key}");

    let sale = |id: &str| json!({ "transaction_id": id, "amount_cents": 100, "customer_key": "user_7" });
    assert_eq!(old.track("sale", sale("t_1")).await, (401, json!({ "error": "Invalid API token" })));
    assert_eq!(readiness("test_key").await.0, 401);
    let new = Visitor::with(&sandbox, Some(format!("Bearer {key}")));
    assert_eq!(new.track("sale", sale("t_1")).await.0, 200, "what was recorded with the old key stays");
    let (status, ready) = readiness(&key).await;
    let rotated_at = ready["key_rotated_at"].as_str().unwrap();
    assert!(status == 200 && rotated_at.ends_with('Z'), "{ready}");
    assert!(sandbox.now_ms() >= before_ms);

    // The other program keeps its key. A second rotation replaces the first one's key.
    let other = Visitor::with(&sandbox, Some("Bearer other_key".to_owned()));
    assert_eq!(other.track("sale", json!({})).await.0, 400);
    let second = sandbox.rotate_key().unwrap();
    assert_ne!(key, second);
    assert_eq!(new.track("sale", sale("t_2")).await.0, 401);

    // A reset returns to the key that the sandbox started with.
    sandbox.reset().unwrap();
    assert_eq!(readiness("test_key").await.0, 200);
    assert_eq!(readiness(&second).await.0, 401);
}

#[tokio::test]
async fn over_http() {
    let sandbox = start(builder()).await;
    let url = format!("{}/_sandbox/key", sandbox.url());
    let rotate = async |body: Value| {
        let response = reqwest::Client::new().post(&url).body(body.to_string()).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let (status, first) = rotate(json!({})).await;
    assert_eq!((status, &first["program_id"]), (200, &json!(42)));
    let (status, other) = rotate(json!({ "program_id": 7 })).await;
    assert_eq!((status, &other["program_id"]), (200, &json!(7)));
    assert_eq!(rotate(json!({ "program_id": 8 })).await.0, 404);
    for key in [&first["api_key"], &other["api_key"]] {
        let authorization = Some(format!("Bearer {}", key.as_str().unwrap()));
        assert_eq!(Visitor::with(&sandbox, authorization).track("sale", json!({})).await.0, 400);
    }
    let foreign = reqwest::Client::new().post(&url).header("origin", "https://evil.example").body("{}");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    // The key is nowhere else.
    let key = first["api_key"].as_str().unwrap();
    for path in ["/", "/_sandbox/snapshot", "/_sandbox/requests"] {
        let text = reqwest::get(format!("{}{path}", sandbox.url())).await.unwrap().text().await.unwrap();
        assert!(!text.contains(key), "{path} contains the key");
    }
}
