//! The Management API.

use serde_json::{Value, json};

use super::{KEY, NONE, Run, two_partners};

pub(crate) async fn management(run: &mut Run) {
    let mut at = run.of("management", two_partners().management_key("affk_0123456789")).await;
    let (keys, programs) = ("/api/advertiser/api-keys", "/api/advertiser/affiliate-programs");
    let all = Some("Bearer affk_0123456789");
    at.get("2 key 401: no key", keys, NONE).await;
    at.get("2 key 401: a program's key", programs, KEY).await;
    at.get("2 key 401: not for these calls", "/api/v1/programs/me/readiness", all).await;
    at.get("2 management: keys", keys, all).await;
    for (row, body) in [
        ("ours: 400", json!({ "scopes": ["*"] })),
        ("ours: 400", json!({ "name": "deploy", "scopes": ["program:moon"] })),
        ("ours: 400", json!({ "name": "deploy", "program_scope": 42 })),
        ("ours: 400", json!({ "name": "deploy", "expires_at": "tomorrow" })),
    ] {
        at.post(row, keys, all, body).await;
    }
    at.post("2 key 401: no key", keys, NONE, json!({})).await;
    let new = json!({ "name": "deploy", "scopes": ["program:read"], "program_scope": [42], "expires_at": null });
    let made = at.post("2 management: a new key, shown once", keys, all, new).await;
    let reader = format!("Bearer {}", made["data"]["key"].as_str().unwrap());
    let reader = Some(reader.as_str());
    let program = |id: u64, rest: &str| format!("{programs}/{id}{rest}");
    for (row, method, path) in [
        ("2 management: 403, another scope", "GET", keys.to_owned()),
        ("2 management: 403, another scope", "POST", keys.to_owned()),
        ("2 management: 403, another scope", "PUT", format!("{keys}/1")),
        ("2 management: 403, another scope", "DELETE", format!("{keys}/1")),
        ("2 management: 403, another scope", "GET", programs.to_owned()),
        ("2 management: 403, another scope", "POST", programs.to_owned()),
        ("ours: 404, and not 403", "GET", program(43, "")),
        ("2 management: read", "GET", program(42, "")),
        ("2 management: 403, another scope", "PUT", program(42, "")),
        ("2 management: 403, another scope", "DELETE", program(42, "")),
        ("2 management: 403, another scope", "POST", program(42, "/regenerate-api-token")),
    ] {
        at.send(row, method, &path, reader, None).await;
    }
    for (row, method, path, key) in [
        ("2 management: list", "GET", programs.to_owned(), all),
        ("ours: 501, nowhere documented", "PUT", format!("{keys}/2"), all),
        ("ours: 501, nowhere documented", "POST", programs.to_owned(), all),
        ("ours: 501, nowhere documented", "PUT", program(42, ""), all),
        ("ours: 501, nowhere documented", "DELETE", program(42, ""), all),
        ("ours: 404", "GET", program(43, ""), all),
        ("ours: 404", "POST", program(43, "/regenerate-api-token"), all),
        ("ours: 404", "DELETE", format!("{keys}/3"), all),
        ("2 management: a new token, shown once", "POST", program(42, "/regenerate-api-token"), all),
        ("2 management: read", "GET", program(42, ""), reader),
        ("2 management: revoked, and kept", "DELETE", format!("{keys}/2"), all),
        ("2 management: 401, revoked", "GET", program(42, ""), reader),
        ("2 management: 401", "PUT", format!("{keys}/2"), NONE),
        ("2 management: 401", "DELETE", format!("{keys}/2"), NONE),
        ("2 management: 401", "POST", programs.to_owned(), NONE),
        ("2 management: 401", "POST", program(42, "/regenerate-api-token"), NONE),
        ("2 management: keys", "GET", keys.to_owned(), all),
    ] {
        let body: Option<Value> = (method == "POST").then(|| json!({}));
        at.send(row, method, &path, key, body.map(|body| body.to_string())).await;
    }
}
