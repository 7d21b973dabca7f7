//! A sale names its product at every provider, as the sandbox's page shows it.

use std::time::SystemTime;

use affitor::{Click, Client, Currency, Lead};
use affitor_payments::{
    LemonSqueezy, Paddle, Polar, Stripe, Webhook,
    test_util::{TestPayment, TestProvider},
};
use affitor_sandbox::Sandbox;

/// Tracks a payment as the handler of an endpoint does, and returns what the page says about the sale's product.
async fn tracked<P: TestProvider>(secret: &str, payment: TestPayment<P>) -> String {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let click = client.track_click(Click::landing(landing)).await.unwrap();
    client.track_lead(Lead::new("user_7").click_id(click.click_id().cloned())).await.unwrap();

    let endpoint = Webhook::<P>::disabled().or_secret(secret).unwrap().product("9001", "pro");
    for webhook in payment.customer_key("user_7").product_id("9001").paid() {
        let now = SystemTime::now();
        let signed = webhook.sign(&endpoint, now);
        let event = endpoint.verify(|name| signed.header(name), signed.body.as_bytes(), now).unwrap();
        event.track(&client).await.unwrap();
    }
    assert_eq!(sandbox.sales().len(), 1);
    assert_eq!(sandbox.sales()[0].product_id.as_deref(), Some("pro"));
    reqwest::get(sandbox.url()).await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_sale_of_each_provider_names_its_product() {
    let pages = [
        tracked("whsec_0123456789", TestPayment::<Stripe>::new(4_900, Currency::USD)).await,
        tracked("whsec_0123456789", TestPayment::<Stripe>::subscription(4_900, Currency::USD)).await,
        tracked("polar_whs_0123456789", TestPayment::<Polar>::new(4_900, Currency::USD)).await,
        tracked("0123456789", TestPayment::<LemonSqueezy>::new(4_900, Currency::USD)).await,
        tracked("pdl_ntfset_0123456789", TestPayment::<Paddle>::new(4_900, Currency::USD)).await,
    ];
    for page in pages {
        assert!(page.contains("for the product <code>pro</code>"), "{page}");
    }
}
