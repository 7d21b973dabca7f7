//! The tracker script: its cookies, its interface, and its old cookies.

use affitor_sandbox::{PartnerState, Sandbox};
use demo::{Apps, Options};
use serde_json::{Value, json};

use super::{Chromium, agree, browser, cookie, land, site};

#[tokio::test(flavor = "multi_thread")]
async fn a_landing_page_sets_the_cookies_and_the_last_partner_wins() {
    let browser = browser!();
    let apps = Apps::start(Options::default()).await.unwrap();
    agree(&browser, &apps.signup_url).await;
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
    for cookie in browser.page.get_all_cookies().await.unwrap().into_iter().filter(|cookie| cookie.name() != "consent")
    {
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
async fn interface_of_the_tracker() {
    let browser = browser!();
    let sandbox = Sandbox::builder().partner("PARTNER123").partner("abc123").start().await.unwrap();
    // Calls that were queued before the script loaded are made afterwards, in order and after the click.
    let head = "<script>window.logged = []; for (const kind of ['log', 'error']) console[kind] = (...args) => \
                logged.push(args.map((part) => typeof part === 'object' ? JSON.stringify(part) : part).join(' '));\
                window.affitorQueue = [['signup', 'user_7', 'jo@example.com'], ['trackTest', { step_id: 'payments' }]];</script>";
    let port = site(sandbox.url(), head, "data-affitor-debug=true").await;
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
    for line in [
        "[Affitor] /api/v1/track/click 200",
        "[Affitor] Affitor SDK initialized: {\"programId\":42,\"debug\":true}",
        "[Affitor] Using program ID: 42",
        &format!("[Affitor] Click tracked, click_id saved: {}", snapshot.clicks[0].click_id),
        "[Affitor] Signup tracked successfully",
    ] {
        assert!(logged.as_str().unwrap().lines().any(|logged| logged.trim_end() == line), "{line}: {logged}");
    }
    // The functions return nothing, and an object is a customer too.
    let script = "const done = arguments[0]; Promise.all([affitor.signup({ customer_key: 'user_8', email: 'jo@example.com' }), \
                  affitor.trackLead({ email: 'jo@example.com', user_id: 'user_9' }), affitor.trackTest({})]).then((all) => \
                  done(all.map((value) => typeof value)));";
    let returned = browser.page.execute_async(script, vec![]).await.unwrap();
    assert_eq!(returned, json!(vec!["undefined"; 3]));
    let mut sent: Vec<_> = sandbox.requests().into_iter().filter_map(|request| request.customer_key).collect();
    sent.sort_unstable();
    assert_eq!(sent, ["user_7", "user_8", "user_9"]);
    let names: Vec<_> =
        browser.page.get_all_cookies().await.unwrap().iter().map(|cookie| cookie.name().to_owned()).collect();
    assert!(names.len() == 4 && !names.contains(&"affitor_sandbox".to_owned()), "{names:?}");

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
            "hasAffiliateAttribution": true, "debugMode": true, "programId": 42,
            "data": { "clickId": click_id, "programId": 42, "hasAttribution": true, "affiliateUrl": landing },
        })
    );
    // Once the script has loaded, pushing to the queue makes the call.
    browser.page.execute("window.affitorQueue.push(['trackTest'])", vec![]).await.unwrap();
    sandbox.wait_for(|snapshot| snapshot.test_events.len() == 3).await.unwrap();

    // Clicks are reported one after another: the second one contains the id of the first, so it is the same visitor.
    browser.page.delete_all_cookies().await.unwrap();
    let two = "<script>window.affitorQueue = [['trackClick']];</script>";
    let port = site(sandbox.url(), two, "").await;
    land(&browser, &format!("http://127.0.0.1:{port}/?aff=abc123")).await;
    assert_eq!(sandbox.clicks().len(), 2, "a click of the first visitor, and one of the second");
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_of_older_scripts_and_long_histories() {
    let browser = browser!();
    let sandbox = Sandbox::builder().partner("PARTNER123").partner("abc123").start().await.unwrap();
    let port = site(sandbox.url(), "", "").await;
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
        // The script takes over whatever the old cookie contains.
        (vec!["customer_code=other"], json!("other"), json!(null)),
        (vec!["customer_code=a,b'c%20d"], json!("a,b'c%20d"), json!(null)),
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
        assert_eq!(cookie(&browser, "affitor_click_id").await.map(|id| json!(id)), Some(click_id), "{cookies:?}");
    }
    // Without a history, a lead contains the current id alone.
    set_cookies(&["affitor_click_id=cust_2_2"]).await;
    land(&browser, &home).await;
    let script = "const done = arguments[0]; const sent = []; const real = fetch; window.fetch = (url, options) => { \
                  sent.push(JSON.parse(options.body)); return real(url, options); }; affitor.signup('user_7').then(() => \
                  done(sent[0]));";
    let lead = browser.page.execute_async(script, vec![]).await.unwrap();
    assert_eq!((&lead["click_ids"], &lead["program_id"]), (&json!(["cust_2_2"]), &json!(42)), "{lead}");
    assert_eq!(lead.get("email"), None, "left out where there is none");

    // For an unknown or an empty code, the landing URL is that of the page. An empty one is reported all the same.
    for code in ["nobody", ""] {
        set_cookies(&[]).await;
        let landing = format!("{home}?aff={code}");
        land(&browser, &landing).await;
        let data = browser.page.execute("return affitor.getData()", vec![]).await.unwrap();
        assert_eq!((&data["affiliateUrl"], &data["clickId"]), (&json!(landing), &json!(null)), "{code:?}");
        let refused = sandbox.requests().into_iter().rev().find(|request| request.method == "POST").unwrap();
        assert_eq!((refused.path.as_str(), refused.status), ("/api/v1/track/click", Some(400)), "{code:?}");
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
    let port = site(sandbox.url(), "", "").await;
    browser.page.goto(&format!("http://www.shop.example:{port}/?aff=PARTNER123")).await.unwrap();
    browser.wait_until("return window.affitor?.getClickId() != null").await;
    for cookie in browser.page.get_all_cookies().await.unwrap() {
        assert_eq!(cookie.domain().map(|domain| domain.trim_start_matches('.')), Some("shop.example"), "{cookie}");
    }
    let id = sandbox.clicks()[0].click_id.clone();
    land(&browser, &format!("http://app.shop.example:{port}/")).await;
    assert_eq!(browser.page.execute("return affitor.getClickId()", vec![]).await.unwrap(), json!(id));
}
