//! Sign-up webhooks, as the identity providers deliver them.

use reqwest::Response;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::Shop;

/// Delivers Clerk's webhook.
pub(crate) async fn clerk(shop: &Shop, metadata: &Value, secret: &str) -> Response {
    let event = json!({
        "type": "user.created",
        "data": {
            "id": "user_clerk",
            "email_addresses": [{ "id": "idn_1", "email_address": "jo@example.com" }],
            "primary_email_address_id": "idn_1",
            "unsafe_metadata": metadata,
        },
    });
    signed(shop, "clerk", "svix", secret, &event).await
}

/// Delivers Supabase's hook.
pub(crate) async fn supabase(shop: &Shop, metadata: &Value, secret: &str) -> Response {
    let event = json!({
        "metadata": { "name": "before-user-created" },
        "user": { "id": "user_supabase", "email": "jo@example.com", "user_metadata": metadata },
    });
    signed(shop, "supabase", "webhook", secret, &event).await
}

/// Makes the call of the Auth0 action.
pub(crate) async fn auth0(shop: &Shop, metadata: &Value, secret: &str) -> Response {
    let user = json!({ "user_id": "auth0|7", "email": "jo@example.com", "user_metadata": metadata });
    reqwest::Client::new().post(shop.url("/webhooks/auth0")).bearer_auth(secret).json(&user).send().await.unwrap()
}

async fn signed(shop: &Shop, path: &str, prefix: &str, secret: &str, event: &Value) -> Response {
    let body = event.to_string();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let webhook = Webhook::new(secret.trim_start_matches("v1,")).unwrap();
    let signature = webhook.sign("msg_1", now.try_into().unwrap(), body.as_bytes()).unwrap();
    reqwest::Client::new()
        .post(shop.url(&format!("/webhooks/{path}")))
        .header(format!("{prefix}-id"), "msg_1")
        .header(format!("{prefix}-timestamp"), now)
        .header(format!("{prefix}-signature"), signature)
        .body(body)
        .send()
        .await
        .unwrap()
}
