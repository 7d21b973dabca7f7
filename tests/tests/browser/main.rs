//! The tracker script, the demo's pages and the sandbox's page in a real browser.
//!
//! Requires `chromedriver` and Chromium (Debian: `apt install chromium-driver`). Without them, the tests print that they are
//! skipped, or fail if `AFFITOR_TESTS_FORBID_SKIP` is set. Screenshots are saved to `target/screenshots`.

//!
//! The accessibility checks need axe (`npm install axe-core`): `AXE` is the path of its `axe.min.js`. The checks against the
//! service's contract need what `contract_mock` describes.

mod apps;
mod axe;
mod capture;
mod chromium;
#[path = "../frameworks/contract_mock.rs"]
mod contract_mock;
mod cross_site;
mod flows;
#[path = "../frameworks/flows_apps/mod.rs"]
mod flows_apps;
mod page;
mod recorder;
mod restarts;
mod shop;
mod sites;
mod tls;
mod tracker;
mod tracker_contract;

use axum::{Router, response::Html, routing::get};
use chromium::Chromium;

/// Starts a browser, or two, or skips the test.
macro_rules! browser {
    () => {
        match Chromium::start::<1>().await {
            Some([browser]) => browser,
            None => return,
        }
    };
    (2) => {
        match Chromium::start::<2>().await {
            Some(browsers) => browsers,
            None => return,
        }
    };
}

pub(crate) use browser;

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

/// Agrees to the banner of the example app at this URL.
async fn agree(browser: &Chromium, url: &str) {
    browser.cdp("Network.setCookie", serde_json::json!({ "name": "consent", "value": "yes", "url": url })).await;
}

/// Starts a site with the same page at every path. `head` is inserted before the tracker script. Returns the port.
async fn site(tracker_url: &str, head: &str, attributes: &str) -> u16 {
    let page = format!(
        "<!doctype html><title>A site</title>{head}\
         <script src=\"{tracker_url}/js/affitor-tracker.js\" data-affitor-program-id=42 {attributes}></script>"
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = Router::new().fallback(get(async move || Html(page)));
    tokio::spawn(async move { axum::serve(listener, app).await });
    port
}
