//! A customer of one partner clicks another partner's link in another browser, and pays with a delayed method.
//!
//! The sale names the customer and the click. Whose it is depends on what the service looks up first, of which its documentation says
//! both. It is decided there, so both ids are sent.

use std::time::SystemTime;

use affitor::{Click, ClickId, Client, Lead};
use affitor_outbox::Outbox;
use affitor_payments::{Stripe, StripeReporter, Webhook};
use affitor_sandbox::{ApiCall, Interpretations, SaleLookup, Sandbox};
use serde_json::json;

async fn click(client: &Client, partner: &str) -> ClickId {
    let landing = format!("https://shop.example/?aff={partner}");
    client.track_click(Click::landing(landing)).await.unwrap().click_id().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_customer_stays_with_the_first_partner_if_the_service_looks_the_customer_up_first() {
    for (lookup, partner) in [(SaleLookup::CustomerKeyFirst, "FIRST"), (SaleLookup::ClickIdFirst, "SECOND")] {
        let mut interpretations = Interpretations::default();
        interpretations.sale_lookup = lookup;
        let sandbox = Sandbox::builder().partner("FIRST").partner("SECOND").interpretations(interpretations);
        let sandbox = sandbox.start().await.unwrap();
        let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
        let first = click(&client, "FIRST").await;
        client.track_lead(Lead::new("user_7").click_id(first)).await.unwrap();
        let second = click(&client, "SECOND").await;

        let (pool, _folder) = affitor_tests::databases::sqlite().await;
        let outbox = Outbox::sqlite(pool);
        outbox.migrate().await.unwrap();
        let endpoint = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App).unwrap();
        let now = SystemTime::now();
        let created = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        for (kind, status) in
            [("checkout.session.completed", "unpaid"), ("checkout.session.async_payment_succeeded", "paid")]
        {
            let body = json!({ "id": format!("evt_{status}"), "object": "event", "created": created, "livemode": true, "type": kind,
                "data": { "object": { "id": "cs_1", "object": "checkout.session", "mode": "payment", "payment_status": status,
                    "payment_intent": "pi_1", "amount_total": 4_900, "currency": "usd",
                    "metadata": { "affitor_customer_key": "user_7", "affitor_click_id": second.as_str() } } } })
            .to_string();
            let headers = endpoint.sign("", body.as_bytes(), now);
            let event = endpoint.verify(|name| headers.get(name).map(String::as_bytes), body.as_bytes(), now).unwrap();
            outbox.record_payment_alone(&event).await.unwrap();
        }
        let worker = outbox.worker(client.clone()).start().await.unwrap();
        let delivered = async {
            while outbox.stats().await.unwrap().recorded < 1 {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), delivered).await.unwrap();
        worker.shutdown().await.unwrap();
        let requests = sandbox.requests();
        let sale = requests.iter().find(|request| request.call == Some(ApiCall::Sale)).unwrap();
        assert_eq!(sale.partner_code.as_deref(), Some(partner), "{lookup:?}");
    }
}
