//! Every request of the tracker and of the sandbox's pages, replayed to a mock of the service's contract.

use std::io::{self, Write as _};

use affitor_sandbox::Sandbox;
use serde_json::{Value, json};

use super::{Chromium, browser, contract_mock::ContractMock, land, recorder::Recorder, site};

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_accepts_every_request_of_the_tracker_and_the_pages() {
    let Some(mock) = ContractMock::start().await else { return };
    let browser = browser!();
    let sandbox = Sandbox::builder().partner("PARTNER123").partner("abc123").start().await.unwrap();
    let recorder = Recorder::start(sandbox.url()).await;
    let port = site(&recorder.url, "", "").await;
    let page = format!("http://127.0.0.1:{port}");
    let execute = async |script: &str| {
        let script = format!("const done = arguments[0]; Promise.resolve({script}).then(() => done(true));");
        browser.page.execute_async(&script, vec![]).await.unwrap();
    };
    // Clicks: the first, one of another partner, one of an unknown and one of an empty code; with a referrer.
    for path in ["?aff=PARTNER123", "?aff=abc123&plan=pro", "?aff=nobody", "?aff="] {
        land(&browser, &format!("{page}/{path}")).await;
    }
    browser.page.execute("location.href = '/?aff=PARTNER123#from-a-link'", vec![]).await.unwrap();
    browser.wait_until("return location.hash === '#from-a-link' && window.affitor?.loaded === true").await;
    execute("affitor.settled()").await;
    // Sign-ups, with and without an e-mail address, and under the old name.
    execute("affitor.signup('user_7', 'jo@example.com')").await;
    execute("affitor.trackLead({ customer_key: 'user_8', email: 'al@example.com' })").await;
    execute("affitor.trackTest({ step_id: 'referrals' })").await;
    // The shop as another visitor: its page, and the calls that its server made.
    browser.page.delete_all_cookies().await.unwrap();
    browser.page.goto(&format!("{}/_sandbox/shop?aff=abc123", recorder.url)).await.unwrap();
    browser.wait_until("return document.querySelector('#click-id').textContent.startsWith('cust_')").await;
    // The first entry is the click.
    for (place, form) in ["signup", "pay", "refund"].iter().enumerate() {
        browser.click(&format!("#{form} button")).await;
        browser.wait_until(&format!("return document.querySelectorAll('#log li.ok').length === {}", place + 2)).await;
    }
    browser.click("#pay button[value=renewal]").await;
    browser.wait_until("return document.querySelectorAll('#log li.ok').length === 5").await;

    let mut requests = Vec::new();
    for exchange in recorder.exchanges() {
        match exchange.path.as_str() {
            path if path.starts_with("/api/v1/") && exchange.method == http::Method::POST => {
                requests.push((path.to_owned(), exchange.sent));
            }
            path if path.starts_with("/_sandbox/shop/") && exchange.method == http::Method::POST => {
                for call in exchange.received["calls"].as_array().unwrap() {
                    requests.push((call["path"].as_str().unwrap().to_owned(), call["sent"].clone()));
                }
            }
            // The contract does not contain the script, the pages and the tracker's test.
            _ => {}
        }
    }
    let rejected = async |path: &str, body: &Value| {
        let request = reqwest::Client::new().post(format!("{}{path}", mock.url)).bearer_auth("aff_test").json(body);
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (!status.is_success()).then(|| format!("{path} {body}: {status} {text}"))
    };
    let mut all_rejected = Vec::new();
    for (path, body) in &requests {
        all_rejected.extend(rejected(path, body).await);
    }
    let count = |path: &str| requests.iter().filter(|(sent, _)| sent == path).count();
    let [clicks, leads, sales, refunds] =
        ["click", "lead", "sale", "refund"].map(|call| count(&format!("/api/v1/track/{call}")));
    writeln!(
        io::stderr(),
        "contract: {} requests of the tracker and the pages ({clicks} clicks, {leads} leads, {sales} sales, {refunds} refunds), \
         {} rejected",
        requests.len(),
        all_rejected.len()
    )
    .unwrap();
    assert!(all_rejected.is_empty(), "{}", all_rejected.join("\n"));
    assert!(clicks >= 5 && leads >= 3 && sales >= 2 && refunds >= 1, "{requests:?}");
    // As the service documents, the tracker's lead contains null for what it lacks, which the contract does not allow.
    let lead = json!({ "click_id": null, "customer_key": "user_7" });
    assert!(rejected("/api/v1/track/lead", &lead).await.is_some(), "the mock rejects what violates the contract");
}
