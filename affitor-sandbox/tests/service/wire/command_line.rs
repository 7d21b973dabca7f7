//! The service's command line, and Stripe's webhooks.

use serde_json::{Value, json};
use sha2::Sha256;

use super::{KEY, NONE, Run, two_partners};

pub(crate) async fn command_line(run: &mut Run) {
    let mut at = run.of("command line", two_partners()).await;
    let (start, programs, init) = ("/api/v1/cli/auth/start", "/api/v1/cli/programs", "/api/v1/cli/init");
    let login = at.raw("2 login", start, NONE, "").await;
    let state = login["state"].as_str().unwrap().to_owned();
    let poll = format!("/api/v1/cli/auth/poll?state={state}");
    at.get("2 poll: pending", &poll, NONE).await;
    at.get("2 poll: unknown, so expired", "/api/v1/cli/auth/poll?state=x", NONE).await;
    at.get("ours: poll without a state", "/api/v1/cli/auth/poll", NONE).await;
    at.confirm(&state).await;
    let token = at.get("2 poll: complete", &poll, NONE).await["token"].as_str().unwrap().to_owned();
    at.get("2 poll: consumed", &poll, NONE).await;
    let session = format!("Bearer {token}");
    let session = Some(session.as_str());
    at.get("2 programs 401: not the program's key", programs, KEY).await;
    let new = json!({
        "name": "My shop", "domain": "shop.example", "commission_type": "cps_recurring", "commission_rate": 30,
        "cookie_duration": 30, "duration_months": 12,
    });
    at.post("2 init 401: not the program's key", init, KEY, new.clone()).await;
    at.post("ours: init 400", init, session, json!({ "name": "My shop" })).await;
    let created = at.post("2 init", init, session, new).await;
    at.get("2 programs", programs, session).await;
    at.get("2 status with a session", "/api/v1/cli/status?program_id=43", session).await;
    let key = format!("Bearer {}", created["api_key"].as_str().unwrap());
    let landing = json!({ "affiliate_url": "https://shop.example/?aff=PARTNER43" });
    let click = at.track("2 click of the new program", "click", NONE, landing).await;
    let sold = json!({ "transaction_id": "t_1", "amount_cents": 100, "click_id": click["click_id"] });
    at.track("2 sale of the new program", "sale", Some(&key), sold).await;
    let connect = "/api/v1/cli/stripe-connect";
    let account = json!({
        "program_id": "43", "stripe_user_id": "acct_1", "webhook_endpoint_id": "we_1", "webhook_secret": "whsec_1",
    });
    at.post("2 stripe-connect 401", connect, NONE, account.clone()).await;
    at.post("ours: 404 for another program's key", connect, KEY, account.clone()).await;
    at.post("ours: 400", connect, session, json!({ "program_id": "43" })).await;
    at.post("2 stripe-connect", connect, Some(&key), account).await;
    at.get("2 status: stripe_connected", "/api/v1/cli/status?program_id=43", Some(&key)).await;
    at.get("2 status of the steps: payments", "/api/tracking/status/43", NONE).await;

    let old = at.sandbox.api_key().to_owned();
    let new = at.sandbox.rotate_key().unwrap();
    let readiness = "/api/v1/programs/me/readiness";
    at.get("2 key: the old one is invalid", readiness, Some(&format!("Bearer {old}"))).await;
    at.get("2 key: key_rotated_at", readiness, Some(&format!("Bearer {new}"))).await;
}

pub(crate) async fn stripe(run: &mut Run) {
    let mut at = run.of("Stripe's webhooks", two_partners().stripe_webhook_secret("whsec_1")).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    let path = "/webhooks/stripe/42";
    let metadata = json!({ "program_id": "42", "affitor_click_id": click_id, "affitor_customer_key": "user_7" });
    let event = |kind: &str, object: Value| json!({ "id": "evt_1", "type": kind, "data": { "object": object } });
    let session = json!({
        "id": "cs_1", "payment_status": "paid", "mode": "payment", "amount_total": 4900, "currency": "eur",
        "payment_intent": "pi_1", "metadata": metadata,
    });
    let paid = event("checkout.session.completed", session);
    at.send("5 no signature", "POST", path, NONE, Some(paid.to_string())).await;
    for (row, event) in [
        ("5 checkout", paid.clone()),
        ("5 checkout, redelivered", paid),
        (
            "5 refund",
            event("charge.refunded", json!({ "id": "ch_1", "payment_intent": "pi_1", "amount_refunded": 4900 })),
        ),
        ("5 a customer", event("customer.created", json!({ "id": "cus_1" }))),
        ("5 another event", event("customer.updated", json!({ "id": "cus_1" }))),
    ] {
        for path in [path, "/api/webhook-distributor/stripe"] {
            let body = event.to_string();
            let signature = sign("whsec_1", &body);
            at.send_with(row, "POST", path, Some(("stripe-signature", signature)), Some(body)).await;
        }
    }
    let distributor = "/api/webhook-distributor/stripe";
    at.send("5 no signature", "POST", distributor, NONE, Some("{}".to_owned())).await;
    let of_other = event("customer.created", json!({ "metadata": { "program_id": "7" } })).to_string();
    at.send("ours: not connected", "POST", distributor, NONE, Some(of_other)).await;
    at.send("ours: not connected", "POST", "/webhooks/stripe/7", NONE, Some("{}".to_owned())).await;
    at.send("ours: unknown", "POST", "/webhooks/stripe/43", NONE, Some("{}".to_owned())).await;
}

fn sign(secret: &str, body: &str) -> String {
    use hmac::{Hmac, Mac as _};
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}
