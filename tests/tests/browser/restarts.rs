//! A restart or a reset of the sandbox: a browser that was there before makes a new click, and its sign-up is attributed.

use affitor_sandbox::{ApiCall, Fault, Sandbox};
use serde_json::json;

use super::{Chromium, browser, cookie, land, site};

/// Signs up with the tracker, and returns the status.
async fn sign_up(browser: &Chromium, key: &str) -> u64 {
    let script =
        "const done = arguments[1]; affitor.report(arguments[0], 'jo@example.com').then((r) => done(r.status));";
    browser.page.execute_async(script, vec![json!(key)]).await.unwrap().as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_browser_after_a_restart_and_after_a_reset() {
    let browser = browser!();
    let start = async |port: u16| Sandbox::builder().port(port).start().await.unwrap();
    let sandbox = start(0).await;
    let sandbox_port = sandbox.address().port();
    let port = site(sandbox.url(), "", "").await;
    let home = format!("http://127.0.0.1:{port}");
    land(&browser, &format!("{home}/?aff=PARTNER123")).await;
    assert_eq!(sign_up(&browser, "user_1").await, 200);
    let first = cookie(&browser, "affitor_click_id").await.unwrap();

    sandbox.stop().await;
    let sandbox = start(sandbox_port).await;
    land(&browser, &format!("{home}/?aff=PARTNER123")).await;
    let second = cookie(&browser, "affitor_click_id").await.unwrap();
    assert_ne!(second, first, "after a restart, ?aff= makes a new click");
    assert_eq!(sandbox.clicks()[0].click_id, second);
    assert_eq!(sign_up(&browser, "user_2").await, 200);
    assert_eq!(sandbox.leads()[0].click_id.as_ref(), Some(&second), "the sign-up is attributed");

    sandbox.reset().unwrap();
    land(&browser, &format!("{home}/?aff=PARTNER123")).await;
    assert_eq!(sandbox.clicks().len(), 1, "after a reset, ?aff= makes a new click");
    assert_eq!(sign_up(&browser, "user_3").await, 200);
    assert_eq!(sandbox.customers()[0].partner_code.as_deref(), Some("PARTNER123"));

    // A page without ?aff= makes the click of the landing page again.
    sandbox.reset().unwrap();
    land(&browser, &format!("{home}/pricing")).await;
    assert_eq!(sandbox.clicks()[0].affiliate_url, format!("{home}/?aff=PARTNER123"));
    assert_eq!(sign_up(&browser, "user_4").await, 200);
    // A click that fails leaves the cookies stale, so the next page reports it again.
    sandbox.reset().unwrap();
    sandbox.inject(Fault::ErrorBeforeWrite.times(1).on(ApiCall::Click));
    land(&browser, &format!("{home}/pricing")).await;
    assert!(sandbox.clicks().is_empty());
    land(&browser, &format!("{home}/pricing")).await;
    assert_eq!(sandbox.clicks().len(), 1);
    assert_eq!(sign_up(&browser, "user_5").await, 200);
    // Nothing changed since, so nothing is reported again.
    let posts = || sandbox.requests().iter().filter(|request| request.method == "POST").count();
    let requests = posts();
    land(&browser, &format!("{home}/?aff=PARTNER123")).await;
    land(&browser, &format!("{home}/pricing")).await;
    assert_eq!((sandbox.clicks().len(), posts()), (1, requests));
}
