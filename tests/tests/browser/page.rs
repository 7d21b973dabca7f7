//! The sandbox's page.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use affitor_sandbox::{Fault, Sandbox};
use fantoccini::{Locator, key::Key};
use serde_json::{Value, json};

use super::{Chromium, axe, browser};

/// Over 10 s: a browser checks the accessibility of each view, wide and narrow, light and dark.
#[tokio::test(flavor = "multi_thread")]
async fn page_of_the_sandbox() {
    let browser = browser!();
    let sandbox = Sandbox::builder().partner("PARTNER123").partner("abc123").start().await.unwrap();
    let page = &browser.page;
    page.goto(sandbox.url()).await.unwrap();
    browser.wait_until("return document.querySelector('#live').textContent === 'live'").await;
    let overflowing = "return [...document.querySelectorAll('.card *, .begin *, .problems *')].filter((part) => \
                      part.getBoundingClientRect().right > part.closest('main, section').getBoundingClientRect().right + 1).length";
    assert_eq!(page.execute(overflowing, vec![]).await.unwrap(), json!(0));
    browser.screenshot("empty-light").await;

    // A chain, the clock and a fault, with the keyboard only.
    let focus = async |text: &str| {
        for _ in 0..40 {
            let focused = page.active_element().await.unwrap();
            if focused.text().await.unwrap().trim() == text {
                return focused;
            }
            focused.send_keys(&Key::Tab).await.unwrap();
        }
        panic!("the keyboard does not reach {text}");
    };
    focus("Test chain").await.send_keys(&Key::Enter).await.unwrap();
    focus("Run a chain").await.send_keys(&Key::Enter).await.unwrap();
    browser.wait_until("return document.querySelector('#toast').textContent === 'A synthetic chain ran'").await;
    browser
        .wait_until(
            "return document.querySelector('.tests').innerText.includes('Test chain: click, lead and sale attributed')",
        )
        .await;
    focus("Clock").await.send_keys(&Key::Enter).await.unwrap();
    focus("Past the attribution window (+61 days)").await.send_keys(&Key::Enter).await.unwrap();
    browser.wait_until("return document.querySelector('.clock').innerText.includes('61 days ahead')").await;
    focus("Faults").await.send_keys(&Key::Enter).await.unwrap();
    focus("Enable").await.send_keys(&Key::Enter).await.unwrap();
    browser.wait_until("return document.querySelector('.faults code')?.textContent === 'latency=1000ms:1x'").await;
    sandbox.clear_faults();
    browser.wait_until("return document.querySelector('.faults') === null").await;

    create_visitors(&sandbox).await;
    browser.wait_until("return document.querySelectorAll('details.card').length === 4").await;
    let hacked = page.execute("return [window.hacked ?? null, document.images.length]", vec![]).await.unwrap();
    assert_eq!(hacked, json!([null, 0]), "input is shown as text");

    page.find(Locator::Css("input[name=q]")).await.unwrap().send_keys("user_7").await.unwrap();
    browser.wait_until("return document.querySelectorAll('details.card').length === 1").await;
    assert_eq!(page.current_url().await.unwrap().query(), Some("q=user_7"), "the URL contains the filter");
    page.refresh().await.unwrap();
    browser.wait_until("return document.querySelectorAll('details.card').length === 1").await;
    page.goto(sandbox.url()).await.unwrap();

    // Only the newest visitor is open. What someone opens stays open while the page is updated.
    let open = "return [...document.querySelectorAll('details.card')].map((card) => card.open)";
    assert_eq!(page.execute(open, vec![]).await.unwrap(), json!([true, false, false, false]));
    // By script, because the page may be updated between finding and clicking.
    page.execute("document.querySelectorAll('details.card > summary')[2].click()", vec![]).await.unwrap();
    sandbox.advance(Duration::from_secs(1));
    browser.wait_until("return document.querySelector('.clock').innerText.includes('1 s ahead')").await;
    assert_eq!(page.execute(open, vec![]).await.unwrap(), json!([true, false, true, false]));

    let axe = axe::script();
    for (name, width, height, scheme) in [
        ("light", 1280, 900, "light"),
        ("dark", 1280, 900, "dark"),
        ("phone", 390, 844, "light"),
        ("phone-dark", 390, 844, "dark"),
    ] {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 500 });
        browser.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        browser.cdp("Emulation.setEmulatedMedia", media).await;
        page.refresh().await.unwrap();
        browser.wait_until("return document.querySelector('#live').textContent === 'live'").await;
        let fits = page.execute("return document.documentElement.scrollWidth <= innerWidth", vec![]).await.unwrap();
        assert_eq!(fits, json!(true), "{name}: the page is not wider than the window");
        assert_eq!(page.execute(overflowing, vec![]).await.unwrap(), json!(0), "{name}: nothing overflows its column");
        browser.screenshot(name).await;
        if let Some(axe) = &axe {
            for (view, url) in [
                ("visitors", ""),
                ("partners", "/?view=partners"),
                ("no match", "/?q=none"),
                ("shop", "/_sandbox/shop"),
            ] {
                page.goto(&format!("{}{url}", sandbox.url())).await.unwrap();
                page.execute("document.querySelectorAll('details.card').forEach((card) => (card.open = true))", vec![])
                    .await
                    .unwrap();
                let (violations, passes) = axe::violations(&browser, axe).await;
                writeln!(io::stderr(), "axe: {name}, {view}: {passes} rules passed, {} violations", violations.len())
                    .unwrap();
                assert!(violations.is_empty(), "{name}, {view}: {}", violations.join("\n"));
                if view != "visitors" {
                    browser.screenshot(&format!("{name}-{view}")).await;
                }
            }
            page.goto(sandbox.url()).await.unwrap();
            browser.wait_until("return document.querySelector('#live').textContent === 'live'").await;
        }
        browser.click("details.menu:nth-of-type(3) summary").await;
        browser.screenshot(&format!("{name}-menu")).await;
        let wide = "const sheet = document.querySelector('details.menu[open] .sheet'); const edge = \
                    sheet.getBoundingClientRect().right; return [...sheet.querySelectorAll('*')].filter((part) => \
                    part.getBoundingClientRect().right > edge).length";
        assert_eq!(page.execute(wide, vec![]).await.unwrap(), json!(0), "{name}: nothing overflows the menu");
        page.active_element().await.unwrap().send_keys(&Key::Escape).await.unwrap();
        browser.wait_until("return document.querySelector('details.menu[open]') === null").await;
    }

    // On a phone, the problems come below the visitors, and a tile above links to them.
    let metrics = json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
    browser.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    let order = "const top = (css) => document.querySelector(css).getBoundingClientRect().top; \
                 return top('main') < top('.problems') && top('.tile.bad') < top('main')";
    assert_eq!(page.execute(order, vec![]).await.unwrap(), json!(true));
    browser.cdp("Emulation.clearDeviceMetricsOverride", json!({})).await;

    // Nothing moves for those who prefer that.
    let animation = "document.querySelector('details.card').classList.add('fresh'); \
                     return getComputedStyle(document.querySelector('details.card')).animationName";
    for (preference, name) in [("no-preference", "fresh"), ("reduce", "none")] {
        let media = json!({ "features": [{ "name": "prefers-reduced-motion", "value": preference }] });
        browser.cdp("Emulation.setEmulatedMedia", media).await;
        assert_eq!(page.execute(animation, vec![]).await.unwrap(), json!(name));
    }

    // The new key is shown once. The old one is invalid.
    browser.click("details.menu:nth-of-type(4) summary").await;
    browser.click("#rotate button").await;
    browser.wait_until("return document.querySelector('#new-key-text pre')?.textContent.startsWith('aff_')").await;
    let key = page.execute("return document.querySelector('#new-key-text pre').textContent", vec![]).await.unwrap();
    let status = async |key: &str| {
        let url = format!("{}/api/v1/programs/me/readiness", sandbox.url());
        reqwest::Client::new().get(url).bearer_auth(key).send().await.unwrap().status().as_u16()
    };
    assert_eq!((status(key.as_str().unwrap()).await, status("test_key").await), (200, 401));
    page.refresh().await.unwrap();
    assert!(!page.source().await.unwrap().contains(key.as_str().unwrap()));

    browser.click("details.menu:nth-of-type(5) summary").await;
    browser.click("details[open] button.danger").await;
    browser.wait_until("return document.querySelectorAll('details.card').length === 0").await;
    assert!(sandbox.clicks().is_empty());
    drop(sandbox);
    browser.wait_until("return document.querySelector('#live').textContent === 'disconnected, reconnecting…'").await;
}

/// Creates four visitors, with events of every kind.
async fn create_visitors(sandbox: &Sandbox) {
    let http = reqwest::Client::new();
    let post = async |call: &str, body: Value| -> Value {
        let url = format!("{}/api/v1/track/{call}", sandbox.url());
        let response = http.post(url).bearer_auth(sandbox.api_key()).json(&body).send().await.unwrap();
        response.json().await.unwrap()
    };
    let hostile = "<img src=x onerror='window.hacked = 1'><script>window.hacked = 2</script>";
    for (key, partner) in [(hostile, "abc123"), ("user_8", "abc123"), ("user_7", "PARTNER123")] {
        let url = format!("https://shop.example/pricing?aff={partner}&q={hostile}");
        let click = post("click", json!({ "affiliate_url": url })).await;
        let lead = json!({ "click_id": click["click_id"], "customer_key": key, "email": "jo@example.com" });
        assert_eq!(post("lead", lead).await["success"], true);
    }
    post("click", json!({ "affiliate_url": "https://shop.example/?aff=abc123" })).await;
    for (id, amount, currency, key) in [
        (hostile, 1_200_000, "VND", hostile),
        ("in_1QxYz4", 4_900, "USD", "user_7"),
        ("in_1QxYz5", 4_900, "USD", "user_7"),
    ] {
        let sale = json!({
            "transaction_id": id, "amount_cents": amount, "currency": currency, "customer_key": key, "is_recurring": true,
        });
        assert_eq!(post("sale", sale).await["success"], true);
    }
    let refund = json!({ "transaction_id": "in_1QxYz4", "refund_amount_cents": 1_000, "refund_reason": hostile });
    assert_eq!(post("refund", refund).await["success"], true);
    sandbox.inject(Fault::ErrorAfterWrite.times(1));
    for _ in 0..2 {
        let sale = json!({ "transaction_id": "in_1QxYz6", "amount_cents": 9_900, "customer_key": "user_7" });
        post("sale", sale).await;
    }
    sandbox.inject(Fault::Latency(Duration::from_millis(1)).with_probability(0.1));
}
