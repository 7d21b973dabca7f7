//! The sign-up flows of `examples/flows` in a browser, with each framework.

use flows::oauth::BINDING_COOKIE;
use serde_json::{Value, json};

use super::{
    Chromium, browser,
    flows_apps::{CLERK_SECRET, Framework, webhooks},
    sites::{CLICK_COOKIE, Sites, enter_address, welcomed},
};

#[tokio::test(flavor = "multi_thread")]
async fn oauth_with_a_callback_by_get() {
    let browser = browser!();
    for framework in Framework::ALL {
        let sites = Sites::start(framework).await;
        let click_id = sites.land(&browser).await;
        browser.click("#oauth").await;
        let user_id = welcomed(&browser, "document.body").await;
        sites.assert_lead(&user_id, &click_id, framework).await;
        assert_eq!(sites.to_provider.cookies("GET /authorize"), [""; 0], "another site gets no cookies");
        let cookies = sites.to_app.cookies("GET /oauth/callback");
        assert!(cookies.iter().any(|name| name == BINDING_COOKIE), "{framework:?}: {cookies:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oauth_with_a_callback_by_post_from_another_site() {
    let browser = browser!();
    for framework in Framework::ALL {
        let sites = Sites::start(framework).await;
        let click_id = sites.land(&browser).await;
        browser.click("#form-post").await;
        let user_id = welcomed(&browser, "document.body").await;
        sites.assert_lead(&user_id, &click_id, framework).await;
        // The test proves something only if the browser had the click id, and did not send it.
        assert_eq!(sites.to_app.cookies("GET /oauth/start"), [CLICK_COOKIE], "{framework:?}");
        assert_eq!(sites.to_app.cookies("POST /oauth/callback"), [BINDING_COOKIE], "{framework:?}");
        let kept = browser.page.get_named_cookie(CLICK_COOKIE).await.unwrap();
        assert_eq!(kept.value(), click_id.as_str(), "{framework:?}");
    }
}

/// An attacker starts a sign-up, and sends the visitor to the identity provider with it. The visitor has a pending sign-up too.
#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_another_browser_is_refused() {
    let browser = browser!();
    let attacker = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for framework in Framework::ALL {
        for start in ["/oauth/start", "/oauth/start?response_mode=form_post"] {
            let sites = Sites::start(framework).await;
            sites.land(&browser).await;
            let script =
                "const done = arguments[1]; fetch(arguments[0], { redirect: 'manual' }).then((r) => done(r.type))";
            let started = browser.page.execute_async(script, vec![json!(start)]).await.unwrap();
            assert_eq!(started, json!("opaqueredirect"), "{framework:?} {start}");
            let response = attacker.get(sites.shop.url(start)).send().await.unwrap();
            browser.page.goto(response.headers()["location"].to_str().unwrap()).await.unwrap();
            browser.wait_until("return document.body.innerText.includes('started in another browser')").await;
            assert_eq!(sites.shop.sent_leads().await, [], "{framework:?} {start}");
        }
    }
}

/// Over 10 s: two browsers, in both frameworks.
#[tokio::test(flavor = "multi_thread")]
async fn a_magic_link_in_another_browser() {
    let [computer, phone] = browser!(2);
    for framework in Framework::ALL {
        for keep in ["stored", "carried"] {
            let sites = Sites::start(framework).await;
            let click_id = sites.land(&computer).await;
            let response = sites.send(&computer, "#magic-link", Some(keep)).await;
            assert_eq!(response, "We sent you a link.", "{framework:?} {keep}");
            sites.open(&phone).await;
            let user_id = sites.open_letter(&phone).await;
            sites.assert_lead(&user_id, &click_id, framework).await;
            let cookies = sites.to_app.cookies("POST /magic-link/open");
            assert_eq!(cookies, [""; 0], "{framework:?} {keep}: the phone has no cookie");
        }
    }
}

/// Over 10 s: two browsers, in both frameworks.
#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_in_another_browser() {
    let [computer, phone] = browser!(2);
    for framework in Framework::ALL {
        for (keep, clicks_later) in [("stored", false), ("carried", false), ("stored", true)] {
            let sites = Sites::start(framework).await;
            let mut counts = sites.land(&computer).await;
            sites.send(&computer, "#invitation", Some(keep)).await;
            sites.open(&phone).await;
            if clicks_later {
                counts = sites.land(&phone).await;
            }
            let user_id = sites.open_letter(&phone).await;
            sites.assert_lead(&user_id, &counts, framework).await;
        }
    }
}

/// The browser has a virtual authenticator, which creates a real credential.
#[tokio::test(flavor = "multi_thread")]
async fn a_passkey() {
    let browser = browser!();
    for framework in Framework::ALL {
        let sites = Sites::start(framework).await;
        let click_id = sites.land(&browser).await;
        browser.cdp("WebAuthn.enable", json!({})).await;
        let options = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
            "isUserVerified": true, "automaticPresenceSimulation": true,
        });
        browser.cdp("WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await;
        enter_address(&browser, "#passkey").await;
        browser.wait_until("return document.querySelector('#result').innerText !== ''").await;
        let user_id = welcomed(&browser, "document.querySelector('#result')").await;
        sites.assert_lead(&user_id, &click_id, framework).await;
        browser.cdp("WebAuthn.disable", json!({})).await;
    }
}

/// The page sends the metadata to the identity provider, which delivers it with its webhook.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_webhook() {
    let browser = browser!();
    for framework in Framework::ALL {
        let sites = Sites::start(framework).await;
        let click_id = sites.land(&browser).await;
        let script = "const done = arguments[0]; fetch('/provider/metadata').then((r) => r.json()).then(done)";
        let metadata: Value = browser.page.execute_async(script, vec![]).await.unwrap();
        assert_eq!(webhooks::clerk(&sites.shop, &metadata, CLERK_SECRET).await.status(), 200, "{framework:?}");
        sites.assert_lead("user_clerk", &click_id, framework).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_creates_an_account_in_another_browser() {
    let [computer, phone] = browser!(2);
    for framework in Framework::ALL {
        let sites = Sites::start(framework).await;
        let click_id = sites.land(&computer).await;
        sites.send(&computer, "#guest", None).await;
        sites.open(&phone).await;
        let user_id = sites.open_letter(&phone).await;
        sites.assert_lead(&user_id, &click_id, framework).await;
        let sales = sites.shop.sandbox.wait_for(|snapshot| snapshot.sales.len() == 1).await.unwrap().sales;
        let sale = (sales[0].customer_key.as_deref(), sales[0].click_id.as_str());
        assert_eq!(sale, (Some(user_id.as_str()), click_id.as_str()), "{framework:?}");
    }
}
