//! Clicks that the server captures.

use affitor_axum::{AffitorLayer, ClickCaptureLayer, Client, capture::ClickCapture};
use affitor_sandbox::Sandbox;
use axum::{Router, response::Html, routing::get};
use demo::{Apps, Options};
use serde_json::json;

use super::{Chromium, agree, browser, cookie};

/// Starts the apps, and agrees to their banner.
async fn capturing(browser: &Chromium) -> Apps {
    let apps = Apps::start(Options { captures: true, ..Options::default() }).await.unwrap();
    agree(browser, &apps.signup_url).await;
    apps
}

async fn sign_up(browser: &Chromium) {
    browser.fill("email", "jo@example.com").await;
    browser.fill("password", "correct horse").await;
    browser.click("form button").await;
}

/// Signs up on the current page, and pays.
async fn sign_up_and_pay(browser: &Chromium, apps: &Apps) {
    sign_up(browser).await;
    browser.wait_until("return document.querySelector('#result').textContent.startsWith('Welcome, user_')").await;
    browser.page.goto(&apps.checkout_url).await.unwrap();
    browser.click("form button").await;
    browser.wait_until("return document.title === 'Pay'").await;
    browser.click("form button").await;
    browser.wait_until("return document.title === 'Paid'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_without_scripts_is_attributed() {
    let browser = browser!();
    let apps = capturing(&browser).await;
    browser.cdp("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.page.goto(&format!("{}/?aff=PARTNER123&utm_source=blog", apps.signup_url)).await.unwrap();
    let click = apps.sandbox.clicks().remove(0);
    assert_eq!(click.affiliate_url, format!("{}/?aff=PARTNER123&utm_source=blog", apps.signup_url));
    assert!(click.user_agent.unwrap().contains("Chrome/"));
    sign_up(&browser).await;
    let lead = apps.sandbox.wait_for(|snapshot| snapshot.leads.len() == 1).await.unwrap().leads.remove(0);
    let user = lead.customer_key.unwrap();
    assert_eq!(lead.click_id.as_ref(), Some(&click.click_id));
    assert_eq!(lead.click_ids, std::slice::from_ref(&click.click_id), "the lead contains the history");

    browser.page.goto(&apps.checkout_url).await.unwrap();
    browser.click("form button").await;
    // Stripe's page needs no script of the shop.
    browser.click("form button").await;
    let sale = apps.sandbox.wait_for(|snapshot| snapshot.sales.len() == 1).await.unwrap().sales.remove(0);
    assert_eq!((sale.customer_key, sale.partner_code.as_str()), (Some(user), "PARTNER123"));
    assert_eq!(apps.sandbox.clicks().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_tracker_there_is_one_click() {
    let browser = browser!();
    let apps = capturing(&browser).await;
    browser.page.goto(&format!("{}/?aff=PARTNER123", apps.signup_url)).await.unwrap();
    let click = apps.sandbox.clicks().remove(0);
    assert_eq!(browser.page.execute("return window.affitor ?? null", vec![]).await.unwrap(), json!(null));
    // The next page has the tag. So has the landing page, when it is opened again.
    for url in [apps.signup_url.clone(), format!("{}/?aff=PARTNER123", apps.signup_url)] {
        super::land(&browser, &url).await;
        let known = browser.page.execute("return window.affitor.getClickId()", vec![]).await.unwrap();
        assert_eq!(known, json!(click.click_id));
    }
    assert_eq!(apps.sandbox.clicks().len(), 1);
}

/// A page with a fixed tag, which is on the landing page too.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_static_tag_there_is_one_click() {
    let browser = browser!();
    let sandbox = Sandbox::builder().partner("PARTNER123").start().await.unwrap();
    let client = Client::builder().api_key("test_key").api_url(sandbox.url()).program_id(42).build().unwrap();
    let tag = client.script_tag().to_string();
    let capture = ClickCapture::builder(client.clone()).domain("shop.example").without_consent_check().build().unwrap();
    let app = Router::new()
        .fallback(get(async move || Html(format!("<!doctype html><title>A shop</title>{tag}"))))
        .layer(AffitorLayer::new(client))
        .layer(ClickCaptureLayer::new(capture));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, app).await });

    super::land(&browser, &format!("http://www.shop.example:{port}/?aff=PARTNER123")).await;
    let click_id = sandbox.clicks().remove(0).click_id;
    // The other host of the domain has the cookies, and the tracker there reads them.
    super::land(&browser, &format!("http://app.shop.example:{port}/?aff=PARTNER123")).await;
    let known = browser.page.execute("return window.affitor.getData().clickId", vec![]).await.unwrap();
    assert_eq!((known, sandbox.clicks().len()), (json!(click_id), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_live_as_long_as_the_service_says() {
    let browser = browser!();
    let apps = capturing(&browser).await;
    browser.page.goto(&format!("{}/?aff=PARTNER123", apps.signup_url)).await.unwrap();
    let mut cookies = browser.page.get_all_cookies().await.unwrap();
    cookies.retain(|cookie| cookie.name() != "consent");
    let mut names = Vec::from_iter(cookies.iter().map(|cookie| cookie.name().to_owned()));
    names.sort_unstable();
    assert_eq!(names, ["affitor_aff_url", "affitor_click_id", "affitor_click_ids", "customer_code"]);
    let clicked_at = apps.sandbox.clicks()[0].at_ms / 1000;
    for cookie in cookies {
        let (name, same_site) = (cookie.name(), cookie.same_site().unwrap().to_string());
        assert_eq!((cookie.path(), same_site.as_str(), cookie.http_only()), (Some("/"), "Lax", Some(false)), "{name}");
        let days = (cookie.expires_datetime().unwrap().unix_timestamp() - clicked_at) as f64 / 86_400.0;
        assert!((89.9..=90.1).contains(&days), "{name} expires after {days} days");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_partners_the_last_one_is_paid() {
    let browser = browser!();
    let apps = capturing(&browser).await;
    browser.page.goto(&format!("{}/?aff=PARTNER123", apps.signup_url)).await.unwrap();
    browser.page.goto(&format!("{}/?aff=abc123", apps.signup_url)).await.unwrap();
    sign_up_and_pay(&browser, &apps).await;
    let snapshot = apps.sandbox.snapshot();
    assert_eq!((snapshot.clicks.len(), snapshot.customers.len()), (2, 1));
    assert_eq!(snapshot.sales[0].partner_code, "abc123");
    assert_eq!(snapshot.leads[0].click_ids.len(), 2);
}

/// A stale cookie of the host alone, beside the one of the domain: without its removal, the wrong partner would win.
#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_of_another_domain_is_removed() {
    let browser = browser!();
    let sandbox = Sandbox::builder().partner("PARTNER123").start().await.unwrap();
    let client = Client::builder().api_key("test_key").api_url(sandbox.url()).build().unwrap();
    let capture = ClickCapture::builder(client).domain("shop.example").without_consent_check().build().unwrap();
    let app = Router::new()
        .fallback(get(async || Html("<!doctype html><title>A shop</title>")))
        .layer(ClickCaptureLayer::new(capture));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = format!("http://www.shop.example:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move { axum::serve(listener, app).await });

    browser.page.goto(&site).await.unwrap();
    let stale = "for (const domain of ['', '; domain=www.shop.example', '; domain=shop.example']) \
                 document.cookie = `affitor_click_id=cust_7_7; path=/${domain}`; return document.cookie";
    let before = browser.page.execute(stale, vec![]).await.unwrap();
    assert_eq!(before.as_str().unwrap().matches("affitor_click_id").count(), 3);
    browser.page.goto(&format!("{site}/?aff=PARTNER123")).await.unwrap();
    let after = browser.page.execute("return document.cookie", vec![]).await.unwrap();
    assert_eq!(after.as_str().unwrap().matches("affitor_click_id=").count(), 1);
    assert_eq!(cookie(&browser, "affitor_click_id").await, Some(sandbox.clicks().remove(0).click_id));
}
