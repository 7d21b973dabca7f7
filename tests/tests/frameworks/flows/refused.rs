//! What is refused, and what is treated as missing.

use std::time::{Duration, SystemTime};

use affitor::{Visitor, carry::VisitorKey};
use flows::oauth::BINDING_COOKIE;
use serde_json::json;

use super::{
    flows_apps::{Framework, Shop, passkeys},
    steps::{Callback, Flow, landed, start_passkey, to_provider},
    visitor::{Browser, welcomed, with_parameter},
};

/// Sends the callback of a mode.
async fn call_back(browser: &mut Browser, mode: &str, callback: &Callback) -> reqwest::Response {
    if mode == "query" {
        browser.get(&callback.url).await
    } else {
        browser.post_from_elsewhere(&callback.url, &callback.form()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn states_are_secret_and_used_once() {
    for framework in Framework::ALL {
        for mode in ["query", "form_post"] {
            let shop = Shop::start(framework).await;
            let (mut browser, click_id) = landed(&shop).await;

            // A state that nobody has started.
            let mut callback = to_provider(&shop, &mut browser, mode).await;
            callback.url = callback.url.replace(&callback.state, "forged");
            callback.state = "forged".to_owned();
            assert_eq!(call_back(&mut browser, mode, &callback).await.status(), 400, "{framework:?} {mode}");

            // A click id instead of a state.
            callback.url = callback.url.replace("forged", click_id.as_str());
            callback.state = click_id.to_string();
            assert_eq!(call_back(&mut browser, mode, &callback).await.status(), 400, "{framework:?} {mode}");

            // The state of another browser: an attacker's sign-up in the visitor's browser.
            let (mut attacker, _) = landed(&shop).await;
            let callback = to_provider(&shop, &mut attacker, mode).await;
            assert_eq!(call_back(&mut browser, mode, &callback).await.status(), 400, "{framework:?} {mode}");
            assert_eq!(call_back(&mut attacker, mode, &callback).await.status(), 400, "used up");

            // A browser that lost the cookie.
            let callback = to_provider(&shop, &mut browser, mode).await;
            browser.forget(BINDING_COOKIE);
            assert_eq!(call_back(&mut browser, mode, &callback).await.status(), 400, "{framework:?} {mode}");

            // A code that the provider does not know.
            let mut callback = to_provider(&shop, &mut browser, mode).await;
            callback.url = callback.url.replace(&callback.code, "stolen");
            callback.code = "stolen".to_owned();
            assert_eq!(call_back(&mut browser, mode, &callback).await.status(), 502, "{framework:?} {mode}");

            // A replayed callback. The first one is the only sign-up.
            let callback = to_provider(&shop, &mut browser, mode).await;
            let user_id = welcomed(call_back(&mut browser, mode, &callback).await).await;
            assert_eq!(call_back(&mut browser, mode, &callback).await.status(), 400, "{framework:?} {mode}");
            let expected = [(Some(click_id.to_string()), Some(user_id))];
            assert_eq!(shop.sent_leads().await, expected, "{framework:?} {mode}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_sign_up_is_no_error_of_the_app() {
    for framework in Framework::ALL {
        let shop = Shop::start(framework).await;
        let (mut browser, _) = landed(&shop).await;
        let Callback { state, .. } = to_provider(&shop, &mut browser, "query").await;
        let url = shop.url(&format!("/oauth/callback?error=access_denied&state={state}"));
        assert_eq!(browser.get(&url).await.text().await.unwrap(), "The sign-up was cancelled.");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_used_once_and_only_by_the_button() {
    for framework in Framework::ALL {
        for flow in [Flow::MagicLink, Flow::CarriedMagicLink, Flow::Invitation, Flow::CarriedInvitation] {
            let shop = Shop::start(framework).await;
            let (mut browser, click_id) = landed(&shop).await;
            let link = flow.request_link(&shop, &mut browser).await;
            let mut other = Browser::new();
            let forged = with_parameter(&link, "token", "forged");
            assert_eq!(other.post(&forged, &[]).await.status(), 400, "{framework:?} {flow:?}");
            // A program that checks e-mails opens the link.
            assert_eq!(other.get(&link).await.status(), 200);
            let user_id = welcomed(other.post(&link, &[]).await).await;
            assert_eq!(other.post(&link, &[]).await.status(), 400, "{framework:?} {flow:?}");
            let expected = [(Some(click_id.to_string()), Some(user_id))];
            assert_eq!(shop.sent_leads().await, expected, "{framework:?} {flow:?}");
        }
    }
}

/// The sign-up succeeds, without a click.
#[tokio::test(flavor = "multi_thread")]
async fn a_carried_visitor_that_is_not_valid_is_missing() {
    let now = SystemTime::now();
    for framework in Framework::ALL {
        for flow in [Flow::CarriedMagicLink, Flow::CarriedInvitation] {
            for row in ["expired", "another secret", "changed", "not signed", "too long"] {
                let shop = Shop::start(framework).await;
                let (mut browser, click_id) = landed(&shop).await;
                let link = flow.request_link(&shop, &mut browser).await;
                let visitor = Visitor::from(click_id.clone());
                let hour = Duration::from_secs(3_600);
                let text = match row {
                    "expired" => shop.key().sign(&visitor, now - 2 * hour, hour).unwrap(),
                    "another secret" => VisitorKey::new(42, "00112233445566778899aabbccddeeff")
                        .unwrap()
                        .sign(&visitor, now, hour)
                        .unwrap(),
                    "changed" => shop.key().sign(&visitor, now, hour).unwrap().replacen('.', ".A", 1),
                    "not signed" => click_id.to_string(),
                    _ => "1.".repeat(5_000),
                };
                let link = with_parameter(&link, "affitor_visitor", &text);
                let user_id = welcomed(Browser::new().post(&link, &[]).await).await;
                let sent = shop.sent_leads().await;
                assert_eq!(sent, [(None, Some(user_id))], "{framework:?} {flow:?} {row}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passkeys_are_for_one_challenge_and_one_origin() {
    for framework in Framework::ALL {
        let shop = Shop::start(framework).await;
        let (mut browser, click_id) = landed(&shop).await;
        let origin = shop.url("");
        for row in ["challenge", "origin", "domain"] {
            let (registration, challenge) = start_passkey(&shop, &mut browser).await;
            let credential = match row {
                "challenge" => passkeys::credential("another", &origin, "127.0.0.1"),
                "origin" => passkeys::credential(&challenge, "https://phishing.example", "127.0.0.1"),
                _ => passkeys::credential(&challenge, &origin, "phishing.example"),
            };
            let body = json!({ "registration": registration, "credential": credential });
            let response = browser.post_json(&shop.url("/passkey/finish"), &body).await;
            assert_eq!(response.status(), 400, "{framework:?} {row}");
        }
        let (registration, challenge) = start_passkey(&shop, &mut browser).await;
        let credential = passkeys::credential(&challenge, &origin, "127.0.0.1");
        let body = json!({ "registration": registration, "credential": credential });
        let user_id = welcomed(browser.post_json(&shop.url("/passkey/finish"), &body).await).await;
        let replayed = browser.post_json(&shop.url("/passkey/finish"), &body).await;
        assert_eq!(replayed.status(), 400, "{framework:?}");
        assert_eq!(shop.sent_leads().await, [(Some(click_id.to_string()), Some(user_id))], "{framework:?}");
    }
}
