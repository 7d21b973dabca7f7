//! The tracker script, the demo's pages and the sandbox's page in a real browser.
//!
//! Requires `chromedriver` and Chromium (Debian: `apt install chromium-driver`). Without them, the tests print that they are
//! skipped, or fail if `AFFITOR_TESTS_FORBID_SKIP` is set. Screenshots are saved to `target/screenshots`.

mod chromium;

use std::time::Duration;

use affitor_sandbox::{Fault, PartnerState, Sandbox};
use axum::{Router, response::Html, routing::get};
use chromium::Chromium;
use demo::{Apps, Options};
use fantoccini::{Locator, key::Key};
use serde_json::{Value, json};

/// Starts a browser, or skips the test.
macro_rules! browser {
    () => {
        match Chromium::start().await {
            Some(browser) => browser,
            None => return,
        }
    };
}

async fn cookie(browser: &Chromium, name: &str) -> Option<String> {
    let cookies = browser.page.get_all_cookies().await.unwrap();
    cookies.into_iter().find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

/// Opens a page with the tracker, and waits for the response to its click, if it reports one.
async fn land(browser: &Chromium, url: &str) {
    browser.page.goto(url).await.unwrap();
    browser.wait_until("return window.affitor?.loaded === true").await;
    let script = "const done = arguments[0]; window.affitor.settled().then(() => done(true));";
    browser.page.execute_async(script, vec![]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_landing_page_sets_the_cookies_and_the_last_partner_wins() {
    let browser = browser!();
    let apps = Apps::start(Options::default()).await.unwrap();
    let landing = format!("{}/?aff=PARTNER123&plan=a%3Bb", apps.signup_url);
    browser.page.goto(&landing).await.unwrap();
    let snapshot = apps.sandbox.wait_for(|snapshot| snapshot.clicks.len() == 1).await.unwrap();
    let first = snapshot.clicks[0].clone();
    assert_eq!((first.partner_code.as_str(), first.affiliate_url.as_str()), ("PARTNER123", landing.as_str()));
    assert_eq!(first.page_title.as_deref(), Some("Sign up"));
    assert!(first.user_agent.unwrap().contains("Chrome/"));
    assert!(first.session_id.unwrap().starts_with("sess_"));
    browser.wait_until("return window.affitor.getClickId() !== null").await;
    assert_eq!(cookie(&browser, "affitor_click_id").await, Some(first.click_id.clone()));
    assert_eq!(cookie(&browser, "customer_code").await, Some(first.click_id.clone()));
    assert_eq!(cookie(&browser, "affitor_click_ids").await, Some(first.click_id.clone()));
    let encoded: String = url::form_urlencoded::byte_serialize(landing.as_bytes()).collect();
    assert_eq!(cookie(&browser, "affitor_aff_url").await, Some(encoded));
    for cookie in browser.page.get_all_cookies().await.unwrap() {
        assert_eq!((cookie.path(), cookie.domain(), cookie.secure()), (Some("/"), Some("127.0.0.1"), Some(false)));
        assert_eq!(cookie.same_site().unwrap().to_string(), "Lax");
        let days =
            (cookie.expires_datetime().unwrap().unix_timestamp() - snapshot.clicks[0].at_ms / 1000) as f64 / 86_400.0;
        assert!((89.9..=90.1).contains(&days), "{} expires after {days} days", cookie.name());
    }

    // The same partner causes no second click, not on another page either. Another partner does.
    land(&browser, &format!("{}/?aff=PARTNER123&page=2", apps.signup_url)).await;
    land(&browser, &apps.signup_url).await;
    assert_eq!(apps.sandbox.clicks().len(), 1);
    browser.page.goto(&format!("{}/?aff=abc123", apps.signup_url)).await.unwrap();
    let snapshot = apps.sandbox.wait_for(|snapshot| snapshot.clicks.len() == 2).await.unwrap();
    let second = snapshot.clicks[1].click_id.clone();
    browser.wait_until(&format!("return window.affitor.getClickId() === '{second}'")).await;
    let history = format!("{}%7C{second}", first.click_id);
    assert_eq!(cookie(&browser, "affitor_click_ids").await, Some(history));
    assert_eq!(snapshot.customers.len(), 1, "it is the same customer");

    // An inactive link changes nothing.
    assert!(apps.sandbox.set_partner_state("PARTNER123", PartnerState::LinkInactive));
    land(&browser, &format!("{}/?aff=PARTNER123", apps.signup_url)).await;
    assert_eq!(cookie(&browser, "affitor_click_id").await, Some(second));
}

#[tokio::test(flavor = "multi_thread")]
async fn from_click_to_refund() {
    let browser = browser!();
    let apps = Apps::start(Options::default()).await.unwrap();
    let page = &browser.page;
    page.goto(&format!("{}/?aff=PARTNER123", apps.signup_url)).await.unwrap();
    browser.wait_until("return window.affitor?.getClickId() != null").await;
    browser.fill("email", "jo@example.com").await;
    browser.fill("password", "correct horse").await;
    browser.click("form button").await;
    browser.wait_until("return document.querySelector('#result').textContent.startsWith('Welcome, user_')").await;
    let lead = apps.sandbox.wait_for(|snapshot| snapshot.leads.len() == 1).await.unwrap().leads.remove(0);
    let user = lead.customer_key.unwrap();
    assert_eq!(lead.click_id, cookie(&browser, "affitor_click_id").await);
    assert_eq!(lead.click_ids, [lead.click_id.clone().unwrap()], "the lead contains the history");

    page.goto(&apps.checkout_url).await.unwrap();
    browser.fill("userId", &user).await;
    browser.click("form button").await;
    browser.wait_until("return document.title === 'Pay'").await;
    browser.click("form button").await;
    browser.wait_until("return document.title === 'Paid'").await;
    let sale = apps.sandbox.sales().remove(0);
    assert_eq!((sale.customer_key.as_deref(), sale.partner_code.as_str()), (Some(user.as_str()), "PARTNER123"));

    // The sandbox's page shows the chain, and updates while it is open.
    page.goto(apps.sandbox.url()).await.unwrap();
    let card = page.find(Locator::Css("article.card")).await.unwrap().text().await.unwrap();
    for text in [&user, "Clicked a link of PARTNER123", "Signed up", "Paid 49.00 USD", "9.80 USD commission"] {
        assert!(card.contains(text), "{text}: {card}");
    }
    let form = [("payment_intent", sale.transaction_id.as_str())];
    let refunded = reqwest::Client::new().post(format!("{}/v1/refunds", apps.provider_url)).form(&form).send().await;
    assert_eq!(refunded.unwrap().status(), 200);
    browser.wait_until("return document.querySelector('article.card').innerText.includes('Refunded in full')").await;
    browser.wait_until("return document.querySelector('article.card').classList.contains('fresh')").await;
    assert_eq!(apps.sandbox.commissions()[0].deducted_cents, 980);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_up_without_scripts() {
    let browser = browser!();
    let apps = Apps::start(Options::default()).await.unwrap();
    browser.page.goto(&format!("{}/?aff=abc123", apps.signup_url)).await.unwrap();
    browser.wait_until("return window.affitor?.getClickId() != null").await;
    browser.cdp("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    browser.page.goto(&apps.signup_url).await.unwrap();
    browser.fill("email", "jo@example.com").await;
    browser.fill("password", "correct horse").await;
    browser.click("form button").await;
    let lead = apps.sandbox.wait_for(|snapshot| snapshot.leads.len() == 1).await.unwrap().leads.remove(0);
    assert!(browser.page.source().await.unwrap().contains(&lead.customer_key.unwrap()));
    assert_eq!(lead.click_id.as_ref(), Some(&apps.sandbox.clicks()[0].click_id));
}

/// Starts a site with the same page at every path. `head` is inserted before the tracker script. Returns the port.
async fn site(sandbox: &Sandbox, head: &str, attributes: &str) -> u16 {
    let page = format!(
        "<!doctype html><title>A site</title>{head}\
         <script src=\"{}/js/affitor-tracker.js\" data-affitor-program-id=42 {attributes}></script>",
        sandbox.url()
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = Router::new().fallback(get(async move || Html(page)));
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn interface_of_the_tracker() {
    let browser = browser!();
    let sandbox = Sandbox::builder().partner("PARTNER123").partner("abc123").start().await.unwrap();
    // Calls that were queued before the script loaded are made afterwards, in order and after the click.
    let head = "<script>window.logged = []; console.log = (...args) => logged.push(args.join(' '));\
                window.affitorQueue = [['signup', 'user_7', 'jo@example.com'], ['trackTest', { step_id: 'payments' }]];</script>";
    let port = site(&sandbox, head, "data-affitor-debug=true").await;
    browser.page.goto(&format!("http://127.0.0.1:{port}/?aff=PARTNER123")).await.unwrap();
    let snapshot =
        sandbox.wait_for(|snapshot| !snapshot.leads.is_empty() && !snapshot.test_events.is_empty()).await.unwrap();
    let lead = &snapshot.leads[0];
    assert_eq!(
        (lead.customer_key.as_deref(), lead.click_id.as_ref()),
        (Some("user_7"), Some(&snapshot.clicks[0].click_id))
    );
    assert_eq!(snapshot.test_events[0].event_type, "sale");
    browser.wait_until("return logged.length >= 3").await;
    let logged = browser.page.execute("return logged.join('\\n')", vec![]).await.unwrap();
    assert!(logged.as_str().unwrap().contains("[affitor] /api/v1/track/click 200"), "{logged}");

    let script = "const { init, loaded, clickId, affiliateUrl, hasAffiliateAttribution, debugMode, programId, getClickId, \
                 getData, signup, trackTest, trackLead, trackClick } = window.affitor; return { kinds: [typeof init, typeof \
                 getClickId, typeof signup, typeof trackTest, typeof trackLead, typeof trackClick], loaded, clickId, \
                 affiliateUrl, hasAffiliateAttribution, debugMode, programId, data: getData() }";
    let interface = browser.page.execute(script, vec![]).await.unwrap();
    let (click_id, landing) = (&snapshot.clicks[0].click_id, &snapshot.clicks[0].affiliate_url);
    assert_eq!(
        interface,
        json!({
            "kinds": vec!["function"; 6], "loaded": true, "clickId": click_id, "affiliateUrl": landing,
            "hasAffiliateAttribution": true, "debugMode": true, "programId": "42",
            "data": { "clickId": click_id, "programId": "42", "hasAttribution": true, "affiliateUrl": landing },
        })
    );
    // Once the script has loaded, pushing to the queue makes the call.
    browser.page.execute("window.affitorQueue.push(['trackTest'])", vec![]).await.unwrap();
    sandbox.wait_for(|snapshot| snapshot.test_events.len() == 2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_of_older_scripts_and_long_histories() {
    let browser = browser!();
    let sandbox = Sandbox::builder().partner("PARTNER123").partner("abc123").start().await.unwrap();
    let port = site(&sandbox, "", "").await;
    let home = format!("http://127.0.0.1:{port}/");
    let set_cookies = async |cookies: &[&str]| {
        browser.page.delete_all_cookies().await.unwrap();
        for cookie in cookies {
            let script = "document.cookie = arguments[0] + '; path=/'";
            browser.page.execute(script, vec![json!(cookie)]).await.unwrap();
        }
    };
    let read_data = async || -> Value {
        land(&browser, &home).await;
        browser.page.execute("return affitor.getData()", vec![]).await.unwrap()
    };
    land(&browser, &home).await;
    for (cookies, click_id, landing) in [
        (vec!["customer_code=cust_1_1"], json!("cust_1_1"), json!(null)),
        (vec!["customer_code=other"], json!(null), json!(null)),
        (vec!["affitor_click_id=cust_2_2", "customer_code=cust_1_1"], json!("cust_2_2"), json!(null)),
        (vec!["affitor_click_id=", "customer_code=cust_1_1"], json!("cust_1_1"), json!(null)),
        // The old script writes the URL without encoding it, so that a `;` would cut it short.
        (
            vec!["affitor_click_id=cust_2_2", "affitor_aff_url=https://shop.example/?aff=abc123&x=100%"],
            json!("cust_2_2"),
            json!("https://shop.example/?aff=abc123&x=100%"),
        ),
    ] {
        set_cookies(&cookies).await;
        let data = read_data().await;
        assert_eq!((&data["clickId"], &data["affiliateUrl"]), (&click_id, &landing), "{cookies:?}");
    }

    // A click id with an unknown partner does not prevent a new click.
    set_cookies(&["affitor_click_id=cust_9_9"]).await;
    browser.page.goto(&format!("{home}?aff=abc123")).await.unwrap();
    sandbox.wait_for(|snapshot| snapshot.clicks.len() == 1).await.unwrap();
    browser.wait_until("return affitor.getClickId() !== 'cust_9_9'").await;

    set_cookies(&[]).await;
    for number in 0..23 {
        let partner = if number % 2 == 0 { "PARTNER123" } else { "abc123" };
        browser.page.goto(&format!("{home}?aff={partner}")).await.unwrap();
        let clicks = sandbox.wait_for(|snapshot| snapshot.clicks.len() == number + 2).await.unwrap().clicks;
        let id = &clicks.last().unwrap().click_id;
        browser.wait_until(&format!("return affitor.getClickId() === '{id}'")).await;
    }
    let history = cookie(&browser, "affitor_click_ids").await.unwrap().replace("%7C", "|");
    let clicks = sandbox.clicks();
    let newest: Vec<_> = clicks[clicks.len() - 20..].iter().map(|click| click.click_id.as_str()).collect();
    assert_eq!(history.split('|').collect::<Vec<_>>(), newest, "the newest twenty, the newest last");
}

/// The test's browser resolves `*.shop.example` to this machine.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_a_site_share_the_cookies() {
    let browser = browser!();
    let sandbox = Sandbox::start().await.unwrap();
    let port = site(&sandbox, "", "").await;
    browser.page.goto(&format!("http://www.shop.example:{port}/?aff=PARTNER123")).await.unwrap();
    browser.wait_until("return window.affitor?.getClickId() != null").await;
    for cookie in browser.page.get_all_cookies().await.unwrap() {
        assert_eq!(cookie.domain().map(|domain| domain.trim_start_matches('.')), Some("shop.example"), "{cookie}");
    }
    let id = sandbox.clicks()[0].click_id.clone();
    land(&browser, &format!("http://app.shop.example:{port}/")).await;
    assert_eq!(browser.page.execute("return affitor.getClickId()", vec![]).await.unwrap(), json!(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn page_of_the_sandbox() {
    let browser = browser!();
    let sandbox = Sandbox::builder().partner("PARTNER123").partner("abc123").start().await.unwrap();
    let page = &browser.page;
    page.goto(sandbox.url()).await.unwrap();
    browser.wait_until("return document.querySelector('#live').textContent === 'live'").await;
    let overflowing = "return [...document.querySelectorAll('.card *, .begin *, .wrong *')].filter((part) => \
                      part.getBoundingClientRect().right > part.closest('main, aside').getBoundingClientRect().right + 1).length";
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
    focus("Run a chain").await.send_keys(&Key::Enter).await.unwrap();
    browser.wait_until("return document.querySelector('#toast').textContent === 'A synthetic chain ran'").await;
    browser.wait_until("return document.querySelector('.tests').innerText.includes('A chain: attributed')").await;
    focus("Clock").await.send_keys(&Key::Enter).await.unwrap();
    focus("+61 days").await.send_keys(&Key::Enter).await.unwrap();
    browser.wait_until("return document.querySelector('.clock').innerText.includes('61 days ahead')").await;
    focus("Faults").await.send_keys(&Key::Enter).await.unwrap();
    focus("Enable").await.send_keys(&Key::Enter).await.unwrap();
    browser.wait_until("return document.querySelector('.faults code')?.textContent === 'latency=1000ms:1x'").await;
    sandbox.clear_faults();
    browser.wait_until("return document.querySelector('.faults') === null").await;

    create_visitors(&sandbox).await;
    browser.wait_until("return document.querySelectorAll('article.card').length === 4").await;
    let hacked = page.execute("return [window.hacked ?? null, document.images.length]", vec![]).await.unwrap();
    assert_eq!(hacked, json!([null, 0]), "input is shown as text");

    page.find(Locator::Css("input[name=q]")).await.unwrap().send_keys("user_7").await.unwrap();
    browser.wait_until("return document.querySelectorAll('article.card').length === 1").await;
    assert_eq!(page.current_url().await.unwrap().query(), Some("q=user_7"), "the URL contains the filter");
    page.refresh().await.unwrap();
    browser.wait_until("return document.querySelectorAll('article.card').length === 1").await;
    page.goto(sandbox.url()).await.unwrap();

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
        browser.click("details.menu:nth-of-type(2) summary").await;
        browser.screenshot(&format!("{name}-menu")).await;
        page.active_element().await.unwrap().send_keys(&Key::Escape).await.unwrap();
        browser.wait_until("return document.querySelector('details[open]') === null").await;
    }

    browser.click("details.menu:nth-of-type(3) summary").await;
    browser.click("button.danger").await;
    browser.wait_until("return document.querySelectorAll('article.card').length === 0").await;
    assert!(sandbox.clicks().is_empty());
    drop(sandbox);
    browser.wait_until("return document.querySelector('#live').textContent === 'the sandbox has stopped'").await;
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

/// The test shop of the sandbox, for testers without an app.
#[tokio::test(flavor = "multi_thread")]
async fn test_shop_of_the_sandbox() {
    let browser = browser!();
    let sandbox = Sandbox::start().await.unwrap();
    browser.page.goto(&sandbox.shop_url()).await.unwrap();
    browser.wait_until("return document.querySelector('#click-id').textContent.startsWith('cust_')").await;
    for (form, expected) in [
        ("signup", "Sign-up: 200 Lead tracked successfully"),
        ("pay", "200 Sale tracked successfully"),
        ("refund", "200 reversed"),
    ] {
        browser.click(&format!("#{form} button")).await;
        browser.wait_until(&format!("return document.querySelector('#said').textContent.includes('{expected}')")).await;
    }
    browser.screenshot("shop").await;
    let snapshot = sandbox.snapshot();
    assert_eq!((snapshot.leads.len(), snapshot.sales.len(), snapshot.refunds.len()), (1, 1, 1));
    assert_eq!(snapshot.sales[0].customer_key, snapshot.leads[0].customer_key);
}
