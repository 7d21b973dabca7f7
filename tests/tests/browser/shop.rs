//! The sandbox's shop and the page that confirms a login.

use affitor_sandbox::Sandbox;
use serde_json::json;

use super::{Chromium, axe, browser};

/// The test shop of the sandbox, for testers without an app.
#[tokio::test(flavor = "multi_thread")]
async fn test_shop_of_the_sandbox() {
    let browser = browser!();
    let sandbox = Sandbox::start().await.unwrap();
    browser.page.goto(&sandbox.shop_url()).await.unwrap();
    browser.wait_until("return document.querySelector('#click-id').textContent.startsWith('cust_')").await;
    let newest = "document.querySelector('#log li').innerText";
    // A refusal does not look like a success.
    browser.click("#refund button").await;
    browser.wait_until(&format!("return {newest}.includes('nothing has been paid yet')")).await;
    for (form, expected) in [
        ("signup", "200 Lead tracked successfully"),
        ("pay", "200 Sale tracked successfully"),
        ("refund", "200 reversed"),
    ] {
        browser.click(&format!("#{form} button")).await;
        browser.wait_until(&format!("return {newest}.includes('{expected}')")).await;
        browser.wait_until("return document.querySelector('#log li').className === 'ok'").await;
    }
    browser.click("#signup button").await;
    browser.wait_until(&format!("return {newest}.includes('400 Customer status cannot be updated')")).await;
    browser.wait_until("return document.querySelector('#log li').className === 'bad'").await;
    browser.screenshot("shop").await;
    let snapshot = sandbox.snapshot();
    assert_eq!((snapshot.leads.len(), snapshot.sales.len(), snapshot.refunds.len()), (1, 1, 1));
    assert_eq!(snapshot.sales[0].customer_key, snapshot.leads[0].customer_key);
    if let Some(script) = axe::script() {
        assert_eq!(axe::violations(&browser, &script).await.0, Vec::<String>::new());
    }
}

/// With Stripe connected, the shop delivers webhooks. Tracking as well is shown in red.
#[tokio::test(flavor = "multi_thread")]
async fn the_shop_pays_twice() {
    let browser = browser!();
    let sandbox = Sandbox::builder().stripe_webhook_secret("whsec_1").start().await.unwrap();
    let page = &browser.page;
    page.goto(&sandbox.shop_url()).await.unwrap();
    browser.wait_until("return document.querySelector('#click-id').textContent.startsWith('cust_')").await;
    browser.click("#signup button").await;
    browser.click("#pay button").await;
    browser.wait_until("return document.querySelector('#log li').innerText.includes('sale affitor_stripe_cs_')").await;
    assert!(sandbox.double_payments().is_empty());
    browser.click("input[name=track]").await;
    browser.click("#pay button").await;
    browser.wait_until("return document.querySelectorAll('#log li').length === 5").await;
    assert_eq!(sandbox.double_payments().len(), 1);
    page.goto(sandbox.url()).await.unwrap();
    let color = page.execute("return getComputedStyle(document.querySelector('.alert.bad')).color", vec![]).await;
    assert_eq!(color.unwrap(), json!("rgb(179, 38, 30)"), "the double payment is red");
    browser.screenshot("double-payment").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn confirming_a_login() {
    let browser = browser!();
    let sandbox = Sandbox::start().await.unwrap();
    let http = reqwest::Client::new();
    let start = http.post(format!("{}/api/v1/cli/auth/start", sandbox.url())).send().await.unwrap();
    let login: serde_json::Value = start.json().await.unwrap();
    browser.page.goto(login["auth_url"].as_str().unwrap()).await.unwrap();
    if let Some(script) = axe::script() {
        assert_eq!(axe::violations(&browser, &script).await.0, Vec::<String>::new());
    }
    browser.screenshot("login").await;
    browser.click("form button").await;
    browser.wait_until("return document.querySelector('h2').textContent === 'You are logged in'").await;
    let polled = http.get(login["poll_url"].as_str().unwrap()).send().await.unwrap();
    let polled: serde_json::Value = polled.json().await.unwrap();
    assert_eq!((&polled["status"], &polled["email"]), (&json!("complete"), &json!("dev@example.com")));
}
