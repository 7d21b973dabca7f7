//! The pages of the example apps.

use demo::{Apps, Options};
use serde_json::json;

use super::{Chromium, agree, browser, cookie};

#[tokio::test(flavor = "multi_thread")]
async fn from_click_to_refund() {
    let browser = browser!();
    let apps = Apps::start(Options::default()).await.unwrap();
    let page = &browser.page;
    page.goto(&format!("{}/?aff=PARTNER123", apps.signup_url)).await.unwrap();
    let tracker = page.execute("return window.affitor ?? document.cookie", vec![]).await.unwrap();
    assert_eq!((tracker, apps.sandbox.clicks().len()), (json!(""), 0), "nobody has agreed");
    browser.screenshot("banner").await;
    browser.click("#agree").await;
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
    // The checkout knows the visitor, so there is nothing to type.
    browser.click("form button").await;
    browser.wait_until("return document.title === 'Pay'").await;
    browser.screenshot("pay").await;
    browser.click("form button").await;
    browser.wait_until("return document.title === 'Paid'").await;
    let sale = apps.sandbox.sales().remove(0);
    assert_eq!((sale.customer_key.as_deref(), sale.partner_code.as_str()), (Some(user.as_str()), "PARTNER123"));

    // The sandbox's page shows the chain, and updates while it is open.
    page.goto(apps.sandbox.url()).await.unwrap();
    // In one script, because the page replaces the card when it updates.
    let card = page.execute("return document.querySelector('details.card').innerText", vec![]).await.unwrap();
    let card = card.as_str().unwrap();
    for text in [&user, "Clicked a link of PARTNER123", "Signed up", "Paid, ", "49.00 USD", "9.80 USD commission"] {
        assert!(card.contains(text), "{text}: {card}");
    }
    // The next update removes the class, so it is noticed when it appears.
    let notice =
        "new MutationObserver(() => { window.wasFresh ||= document.querySelector('details.card.fresh') !== null })
        .observe(document.body, { subtree: true, childList: true, attributes: true })";
    page.execute(notice, vec![]).await.unwrap();
    let form = [("payment_intent", sale.transaction_id.as_str())];
    let refunded = reqwest::Client::new().post(format!("{}/v1/refunds", apps.provider_url)).form(&form).send().await;
    assert_eq!(refunded.unwrap().status(), 200);
    browser.wait_until("return document.querySelector('details.card').innerText.includes('Refunded in full')").await;
    browser.wait_until("return window.wasFresh === true").await;
    assert_eq!(apps.sandbox.commissions()[0].deducted_cents, 980);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_up_without_scripts() {
    let browser = browser!();
    let apps = Apps::start(Options::default()).await.unwrap();
    agree(&browser, &apps.signup_url).await;
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
