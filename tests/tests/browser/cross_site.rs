//! A link from a marketing site to the app on another domain carries the visitor.

use std::time::SystemTime;

use affitor_axum::{
    AffitorClient, AffitorLayer, ClickCaptureLayer, Client,
    capture::ClickCapture,
    carry::{LINK_LIFETIME, PARAMETER, VisitorKey},
};
use affitor_sandbox::Sandbox;
use axum::{Router, response::Html, routing::get};
use serde_json::json;

use super::{Chromium, browser, cookie, tls::Tls};

fn key() -> VisitorKey {
    VisitorKey::new(42, "0f1e2d3c4b5a69788796a5b4c3d2e1f0").unwrap()
}

/// Puts both layers around an app, starts it, and returns its address.
async fn serve(app: Router, client: &Client, capture: ClickCapture) -> std::net::SocketAddr {
    let app = app.layer(AffitorLayer::new(client.clone())).layer(ClickCaptureLayer::new(capture));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// A page with a link.
fn page(link: &str) -> Html<String> {
    Html(format!("<!doctype html><title>A site</title><a href=\"{link}\">next</a>"))
}

async fn follow(browser: &Chromium, to: &str) {
    browser.click("a").await;
    browser.wait_until(&format!("return location.href.startsWith('{to}') && document.readyState === 'complete'")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_another_domain_carries_the_visitor() {
    let browser = browser!();
    let sandbox = Sandbox::builder().partner("PARTNER123").partner("abc123").start().await.unwrap();
    let client = Client::builder().api_key("test_key").api_url(sandbox.url()).build().unwrap();
    let (marketing, app) = (Tls::bind("www.idp.example").await, Tls::bind("app.shop.example").await);
    let [marketing_url, app_url] = [&marketing, &app].map(|site| site.origin.clone());

    let next = format!("{app_url}/sign-up");
    let with_link = get(async move |affitor: AffitorClient| {
        let visitor = key().sign(affitor.visitor(), SystemTime::now(), LINK_LIFETIME);
        page(&visitor.map_or_else(|| next.clone(), |visitor| format!("{next}?{PARAMETER}={visitor}")))
    });
    let capture = ClickCapture::builder(client.clone()).domain("idp.example").without_consent_check();
    let capture = capture.origin(&marketing_url).build().unwrap();
    let to_marketing = marketing.forward(serve(Router::new().fallback(with_link), &client, capture).await);

    let back = format!("{marketing_url}/thanks");
    let capture = ClickCapture::builder(client.clone()).domain("shop.example").without_consent_check();
    let capture = capture.origin(&app_url).adopt_from(key(), [marketing_url.as_str()]).build().unwrap();
    let to_app = app.forward(serve(Router::new().fallback(get(async move || page(&back))), &client, capture).await);

    browser.page.goto(&format!("{marketing_url}/?aff=PARTNER123")).await.unwrap();
    let click_id = sandbox.clicks().remove(0).click_id;
    // The link of the next page knows the visitor.
    browser.page.goto(&marketing_url).await.unwrap();
    follow(&browser, &app_url).await;
    assert!(to_app.contain(PARAMETER));
    assert_eq!(cookie(&browser, "affitor_click_id").await, Some(click_id.clone()));
    assert!(browser.page.get_named_cookie("affitor_click_id").await.unwrap().secure().unwrap());

    // The parameter does not leave the app.
    let carried = browser.page.current_url().await.unwrap();
    follow(&browser, &marketing_url).await;
    assert!(!to_marketing.contain(PARAMETER), "the marketing site sees the app's URL");

    // A newer click of another partner is not overwritten by the link.
    browser.page.goto(&format!("{app_url}/?aff=abc123")).await.unwrap();
    let newer = sandbox.clicks()[1].click_id.clone();
    browser.page.goto(&marketing_url).await.unwrap();
    let open = "document.querySelector('a').href = arguments[0]";
    browser.page.execute(open, vec![json!(carried.as_str())]).await.unwrap();
    follow(&browser, &app_url).await;
    assert_eq!(cookie(&browser, "affitor_click_id").await, Some(newer));
    assert_eq!(sandbox.clicks().len(), 2);

    // Elsewhere the link is worth nothing: it does not come from the marketing site.
    browser.cdp("Network.clearBrowserCookies", json!({})).await;
    browser.page.goto(carried.as_str()).await.unwrap();
    assert_eq!(cookie(&browser, "affitor_click_id").await, None);
    assert_ne!(click_id, sandbox.clicks()[1].click_id);
}
