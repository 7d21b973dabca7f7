//! Sends every kind of request to a mock of the service's published contract, which must accept it.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use crate::contract_mock::ContractMock;
use affitor::{Click, ClickId, Client, Currency, Lead, Refund, Sale, SubscriptionInterval};

#[tokio::test]
async fn the_mock_of_the_contract_accepts_every_request() {
    let Some(mock) = ContractMock::start().await else { return };
    let url = &mock.url;
    let builder = || Client::builder().api_key("aff_test").api_url(url).program_id(42).timeout(Duration::from_secs(20));
    let client = builder().max_attempts(1).request_timeout(Duration::from_secs(15)).build().unwrap();
    let test_client = builder().test_mode(true).build().unwrap();

    let click_id = || ClickId::new("cust_42_1714000000000").unwrap();
    let landing = "https://shop.example/pricing?aff=abc123";
    let full_click = Click::landing(landing)
        .page_url(landing)
        .page_title("Pricing")
        .referrer_url("https://blog.example/")
        .session_id("sess_xyz_1")
        .user_agent("Mozilla/5.0")
        .screen_resolution("1920x1080")
        .viewport_size("1440x900")
        .language("en-US")
        .timezone("America/New_York")
        .existing_click_id(click_id())
        .additional("campaign", "spring");
    let full_lead = Lead::new("user_7")
        .click_id(click_id())
        .email("jo@example.com")
        .session_id("sess_xyz_1")
        .page_url("https://shop.example/welcome")
        .click_ids([click_id()])
        .event_name("sign_up");
    let sale = || Sale::new("in_1", 4_900, Currency::EUR).customer_key("user_7");
    let full_sale = |interval| {
        sale()
            .click_id(click_id())
            .subscription("sub_1", interval)
            .recurring(true)
            .product_id("plan")
            .line_items(serde_json::json!([{ "name": "plan", "amount_cents": 4_900, "quantity": 1 }]))
            .event_name("renewal")
    };

    let mut refused = Vec::new();
    let mut count = 0;
    let mut check = |name: &str, status: Option<u16>, result: String| {
        count += 1;
        // The mock responds to an accepted request with the first documented 2xx, and to others with a 4xx. The responses are
        // examples, some of which the client can't read. That does not matter here.
        let accepted = status.is_none_or(|status| (200..=299).contains(&status));
        if !accepted || result.contains("NotFound") || (status.is_none() && result.starts_with("Err")) {
            refused.push(format!("{name}: {result}"));
        }
    };
    macro_rules! check {
        ($($name:literal: $call:expr,)*) => {$(
            let result = $call.await;
            let status = result.as_ref().err().and_then(|error| error.status());
            check($name, status, format!("{result:?}"));
        )*};
    }
    check! {
        "click": client.track_click(Click::landing(landing)),
        "full click": client.track_click(full_click),
        "test click": test_client.track_click(Click::landing(landing)),
        "lead by key": client.track_lead(Lead::new("user_7")),
        "lead by click": client.track_lead(Lead::of_click(click_id())),
        "full lead": client.track_lead(full_lead.clone()),
        "test lead": test_client.track_lead(full_lead),
        "sale": client.track_sale(sale()),
        "sale by click": client.track_sale(Sale::new("in_2", 1, Currency::USD).click_id(click_id())),
        "sale in dong": client.track_sale(Sale::new("in_3", 1_000_000, Currency::VND).customer_key(7)),
        "monthly": client.track_sale(full_sale(SubscriptionInterval::Monthly)),
        "quarterly": client.track_sale(full_sale(SubscriptionInterval::Quarterly)),
        "annual": client.track_sale(full_sale(SubscriptionInterval::Annual)),
        "test sale": test_client.track_sale(sale()),
        "full refund": client.track_refund(Refund::full("in_1")),
        "partial refund": client.track_refund(Refund::partial("in_1", 1_000).refund_id("re_1").refund_reason("late")),
        "readiness": client.readiness(),
        "forced readiness": client.recheck_readiness(),
        "chain": client.run_test_chain(),
    }
    writeln!(&mut io::stderr(), "contract: {count} requests, {} refused", refused.len()).unwrap();
    assert!(refused.is_empty(), "{}", refused.join("\n"));

    // The check can fail: the mock refuses a request that violates the contract.
    let invalid = reqwest::Client::new()
        .post(format!("{url}/api/v1/track/sale"))
        .bearer_auth("aff_test")
        .json(&serde_json::json!({ "transaction_id": "in_1", "amount_cents": 0 }))
        .send()
        .await
        .unwrap();
    assert_eq!(invalid.status().as_u16(), 400);
}
