//! The Management API, each with the sentence of the service's documentation.

use affitor_sandbox::{ApiCall, Fault, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{builder, logged_in, start};

const ALL: &str = "affk_0123456789";

async fn call(sandbox: &Sandbox, key: &str, method: Method, path: &str, body: Value) -> (u16, Value) {
    let request = reqwest::Client::new().request(method, format!("{}/api/advertiser/{path}", sandbox.url()));
    let response = request.bearer_auth(key).body(body.to_string()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn new_key(sandbox: &Sandbox, body: Value) -> String {
    let (status, made) = call(sandbox, ALL, Method::POST, "api-keys", body).await;
    assert_eq!(status, 200, "{made}");
    made["data"]["key"].as_str().unwrap().to_owned()
}

/// "`{data:{id, name, prefix:"affk_1a2b3c4d", scopes, program_scope, status:"active", key (once), key_masked}}`; `DELETE` sets
/// `revoked` and keeps the record"
#[tokio::test]
async fn keys_are_shown_once_and_kept() {
    let sandbox = start(builder().management_key(ALL)).await;
    let (_, made) = call(&sandbox, ALL, Method::POST, "api-keys", json!({ "name": "deploy" })).await;
    let made = &made["data"];
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("affk_") && made["prefix"] == key[..13], "{made}");
    let masked = format!("{}****{}", &key[..13], &key[key.len() - 4..]);
    assert_eq!(
        (&made["scopes"], &made["status"], &made["key_masked"]),
        (&json!(["*"]), &json!("active"), &masked.into())
    );
    let path = format!("api-keys/{}", made["id"]);
    assert_eq!(call(&sandbox, key, Method::DELETE, &path, json!({})).await.0, 200);
    assert_eq!(call(&sandbox, key, Method::GET, "api-keys", json!({})).await.0, 401, "revoked");
    let (_, kept) = call(&sandbox, ALL, Method::GET, "api-keys", json!({})).await;
    assert_eq!(kept["data"][1]["status"], "revoked");
    assert!(!kept.to_string().contains(key), "it is shown once");
}

/// "Scopes: `program:list|read|create|update|delete|go_live|regenerate-token`, `dashboard:view`"; `program_scope`, `expires_at`
#[tokio::test]
async fn what_a_key_may_do() {
    let sandbox = start(builder().management_key(ALL)).await;
    let of = |scopes: &[&str]| json!({ "name": "deploy", "scopes": scopes });
    let reader = new_key(&sandbox, of(&["program:read", "program:list"])).await;
    let mut one = of(&["program:regenerate-token", "program:list"]);
    one["program_scope"] = json!([7]);
    let one = new_key(&sandbox, one).await;
    let mut short = of(&["*"]);
    short["expires_at"] = affitor_time(&sandbox, 1).await;
    let short = new_key(&sandbox, short).await;
    let token = |id: u64| format!("affiliate-programs/{id}/regenerate-api-token");
    for (key, method, path, status) in [
        (&reader, Method::GET, "affiliate-programs/42".to_owned(), 200),
        (&reader, Method::POST, token(42), 403),
        (&reader, Method::DELETE, "affiliate-programs/42".to_owned(), 403),
        (&reader, Method::GET, "api-keys".to_owned(), 403),
        (&one, Method::POST, token(7), 200),
        (&one, Method::POST, token(42), 403),
        (&short, Method::GET, "api-keys".to_owned(), 200),
    ] {
        assert_eq!(call(&sandbox, key, method.clone(), &path, json!({})).await.0, status, "{method} {path}");
    }
    let ids = async |key: &str| {
        let (_, list) = call(&sandbox, key, Method::GET, "affiliate-programs", json!({})).await;
        list["data"].as_array().unwrap().iter().map(|program| program["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((ids(&reader).await, ids(&one).await), (vec![42, 7], vec![7]));
    sandbox.advance_days(2);
    assert_eq!(call(&sandbox, &short, Method::GET, "api-keys", json!({})).await.0, 401, "expired");
}

/// The time of the sandbox some days from now.
async fn affitor_time(sandbox: &Sandbox, days: i64) -> Value {
    let clock = reqwest::get(format!("{}/_sandbox/clock", sandbox.url())).await.unwrap().json::<Value>().await.unwrap();
    let now_ms = clock["now_ms"].as_i64().unwrap();
    jiff::Timestamp::from_millisecond(now_ms + days * 86_400_000).unwrap().to_string().into()
}

/// "`POST /api/advertiser/affiliate-programs/:id/regenerate-api-token` -> `{data:{api_token (once), api_token_masked}}`"; "A new one
/// makes the old one invalid **at once**"; "reading shows `api_token_masked` only"
#[tokio::test]
async fn a_new_token_makes_the_old_one_invalid() {
    let sandbox = start(builder().management_key(ALL)).await;
    let path = "affiliate-programs/42/regenerate-api-token";
    let (status, new) = call(&sandbox, ALL, Method::POST, path, json!({})).await;
    assert_eq!(status, 200, "{new}");
    let token = new["data"]["api_token"].as_str().unwrap();
    let readiness = async |key: &str| {
        let url = format!("{}/api/v1/programs/me/readiness", sandbox.url());
        reqwest::Client::new().get(url).bearer_auth(key).send().await.unwrap().status().as_u16()
    };
    assert_eq!((readiness(sandbox.api_key()).await, readiness(token).await), (401, 200));
    let (_, read) = call(&sandbox, ALL, Method::GET, "affiliate-programs/42", json!({})).await;
    assert_eq!(read["data"]["api_token_masked"], new["data"]["api_token_masked"]);
    assert!(!read.to_string().contains(token), "{read}");
    assert!(format!("{:?}", sandbox.requests()).matches(&token[4..]).count() == 0, "no log has it");
    // The response may be lost, and the old key is invalid all the same.
    sandbox.inject(Fault::ErrorAfterWrite.times(1).on(ApiCall::RegenerateKey));
    assert_eq!(call(&sandbox, ALL, Method::POST, path, json!({})).await.0, 500);
    assert_eq!(readiness(token).await, 401);
}

/// "(`Authorization: Bearer affk_…`, or a person's session)"; what is nowhere written says so.
#[tokio::test]
async fn sessions_and_what_is_not_documented() {
    let sandbox = start(builder()).await;
    let (session, _) = logged_in(&sandbox).await;
    let (status, made) = call(&sandbox, &session, Method::POST, "api-keys", json!({ "name": "deploy" })).await;
    assert_eq!(status, 200, "{made}");
    for (method, path) in [
        (Method::PUT, "api-keys/1"),
        (Method::POST, "affiliate-programs"),
        (Method::PUT, "affiliate-programs/42"),
        (Method::DELETE, "affiliate-programs/42"),
    ] {
        let (status, refused) = call(&sandbox, &session, method, path, json!({})).await;
        assert_eq!(status, 501, "{path}");
        assert!(refused["error"]["message"].as_str().unwrap().ends_with("is nowhere documented"), "{refused}");
    }
}
