//! The page and the control routes, over HTTP. The workspace's `tests` cover the page in a browser.

use std::time::Duration;

use crate::support::{Visitor, builder, sale, start};
use affitor_sandbox::{Fault, Sandbox};
use reqwest::{Client, Response};
use serde_json::{Value, json};

const HOSTILE: &str = "<script>alert(1)</script>\"'&";

async fn text(url: String) -> String {
    let response = reqwest::get(url).await.unwrap();
    assert_eq!(response.status(), 200);
    response.text().await.unwrap()
}

/// Escapes a text for HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[tokio::test]
async fn received_data_is_escaped() {
    let sandbox = start(builder().partner(HOSTILE).api_key("secret_key")).await;
    let server = Visitor::server(&sandbox);
    let mut landing = String::from("https://shop.example/?aff=");
    landing.extend(url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()));
    let click = json!({ "affiliate_url": format!("{landing}&q={HOSTILE}"), "page_title": HOSTILE });
    let (_, response) = server.track("click", click).await;
    let lead = json!({ "click_id": response["click_id"], "customer_key": HOSTILE, "email": "secret@example.com" });
    assert_eq!(server.track("lead", lead).await.0, 200);
    assert_eq!(server.track("sale", sale(HOSTILE, HOSTILE)).await.0, 200);
    let refund = json!({ "transaction_id": HOSTILE, "refund_reason": HOSTILE, "refund_amount_cents": 7 });
    assert_eq!(server.track("refund", refund).await.0, 200);
    assert_eq!(server.track("sale", sale(HOSTILE, HOSTILE)).await.0, 409);
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("q", HOSTILE)
        .append_pair("partner", HOSTILE)
        .append_pair("stage", "refund")
        .finish();
    for path in ["/".to_owned(), format!("/?{query}"), "/_sandbox/story".to_owned(), "/_sandbox/shop".to_owned()] {
        let page = text(format!("{}{path}", sandbox.url())).await;
        assert!(page.contains(&escaped(HOSTILE)), "{path}");
        assert!(!page.contains("<script>alert") && !page.contains("&amp;amp;"), "{path}: {page}");
        assert!(!page.contains("secret_key") && !page.contains("secret@example.com"), "{path}");
    }
    let strict = reqwest::get(sandbox.url()).await.unwrap().headers()["content-security-policy"].clone();
    assert!(strict.to_str().unwrap().starts_with("default-src 'none'; style-src 'self'; script-src 'self';"));
}

#[tokio::test]
async fn page_without_visitors() {
    let sandbox = start(Sandbox::builder()).await;
    let page = text(sandbox.url().to_owned()).await;
    let begin = format!("AFFITOR_API_URL={}\nAFFITOR_API_KEY=test_key\nAFFITOR_PROGRAM_ID=42", sandbox.url());
    assert!(page.contains(&begin), "{page}");
    assert!(text(format!("{}/?q=unknown", sandbox.url())).await.contains("No visitor matches"));
    let shop = text(sandbox.shop_url()).await;
    assert!(shop.contains("affitor-tracker.js") && shop.contains("data-affitor-program-id=\"42\""));
}

#[tokio::test]
async fn filters_with_ten_thousand_customers() {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    server.bought("the_first", "t_first").await;
    let http = Client::new();
    for number in 0..10_000 {
        let partner = if number == 5_000 { "abc123" } else { "PARTNER123" };
        let click = json!({ "affiliate_url": format!("https://shop.example/p{number}?aff={partner}") });
        let url = format!("{}/api/v1/track/click", sandbox.url());
        assert_eq!(http.post(url).json(&click).send().await.unwrap().status(), 200);
    }
    let cards = |page: &str| page.matches("<details class=\"card\"").count();
    let page = text(sandbox.url().to_owned()).await;
    assert_eq!(cards(&page), 25);
    assert!(page.contains("<small>10,001</small>") && page.contains("visitor 10001") && !page.contains("the_first"));
    for (query, found, visitor) in [
        ("q=the_first", 1, "the_first"),
        ("q=t_first", 1, "the_first"),
        ("q=/p77?", 1, "visitor 79"),
        ("partner=abc123", 1, "visitor 5002"),
        ("stage=conversion", 1, "the_first"),
        ("stage=click&skip=9990", 10, "visitor 2"),
        ("stage=lead", 0, "No visitor matches"),
        ("skip=99999999999999", 0, "No visitor matches"),
        ("stage=nonsense&partner=", 25, "visitor 10001"),
    ] {
        let page = text(format!("{}/_sandbox/story?{query}", sandbox.url())).await;
        assert_eq!(cards(&page), found, "{query}");
        assert!(page.contains(visitor), "{query}");
    }
    let refused = reqwest::get(format!("{}/?skip=-1", sandbox.url())).await.unwrap();
    assert_eq!(refused.status(), 400);
}

async fn post(sandbox: &Sandbox, path: &str, body: Value) -> (u16, Value) {
    let request = Client::new().post(format!("{}/_sandbox{path}", sandbox.url())).json(&body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn the_clock() {
    let sandbox = start(builder().clock_stopped_at_ms(0)).await;
    let (status, response) = post(&sandbox, "/clock", json!({ "days": 61, "seconds": 1 })).await;
    assert_eq!((status, &response["now"]), (200, &json!("1970-03-03T00:00:01.000Z")));
    for (body, why) in [
        (json!({ "days": -1 }), "the clock can't go back"),
        (json!({ "seconds": -1, "days": 2 }), "the clock can't go back"),
        (json!({}), "give a number of seconds or days"),
        (json!({ "days": 0 }), "give a number of seconds or days"),
        (json!({ "days": "many" }), "the body can't be read"),
        (json!({ "days": 1.5 }), "the body can't be read"),
        (json!("61"), "the body can't be read"),
        (json!({ "days": i64::MAX }), "give a number of seconds or days"),
    ] {
        let (status, response) = post(&sandbox, "/clock", body.clone()).await;
        assert!(matches!(status, 400 | 422), "{body}: {status}");
        assert!(response["error"].as_str().unwrap().starts_with(why), "{body}: {response}");
    }
    assert_eq!(post(&sandbox, "/clock", json!({ "days": 4_000_000 })).await.0, 200);
    let page = text(sandbox.url().to_owned()).await;
    assert!(page.contains("365000 days ahead"), "a thousand years at most");
}

#[tokio::test]
async fn faults_chain_and_reset() {
    let sandbox = start(builder()).await;
    let (status, response) = post(&sandbox, "/faults", json!({ "rule": "error-after-write@sale:1x" })).await;
    assert_eq!((status, &response["rule"]), (200, &json!("error-after-write@sale:1x")));
    let (status, response) = post(&sandbox, "/faults", json!({ "fault": "stall", "call": "", "chance": "0.5" })).await;
    assert_eq!((status, &response["rule"]), (200, &json!("stall:0.5")));
    let listed: Value = reqwest::get(format!("{}/_sandbox/faults", sandbox.url())).await.unwrap().json().await.unwrap();
    assert_eq!(listed, json!({ "rules": ["error-after-write@sale:1x", "stall:0.5"] }));
    assert!(text(sandbox.url().to_owned()).await.contains("<code>stall:0.5</code>"));
    let (status, response) = post(&sandbox, "/faults", json!({ "rule": HOSTILE })).await;
    assert_eq!(status, 400);
    assert!(response["error"].as_str().unwrap().contains("is not a fault: expected one of latency"));
    assert_eq!(post(&sandbox, "/faults", json!({})).await.0, 400);
    let cleared = Client::new().delete(format!("{}/_sandbox/faults", sandbox.url())).send().await.unwrap();
    assert_eq!((cleared.status().as_u16(), sandbox.faults()), (200, vec![]));

    for _ in 0..10 {
        assert_eq!(post(&sandbox, "/chain", json!({})).await.0, 200);
    }
    let (status, response) = post(&sandbox, "/chain", json!({})).await;
    let message = "Too many synthetic chains (max 10/program/hour). Retry in 60 min.";
    assert_eq!((status, &response["error"]), (429, &json!(message)));
    assert_eq!(sandbox.chains().len(), 10);

    Visitor::server(&sandbox).bought("user_7", "t_1").await;
    sandbox.inject(Fault::Stall.times(1));
    assert_eq!(post(&sandbox, "/reset", json!({})).await.0, 200);
    let snapshot: Value =
        reqwest::get(format!("{}/_sandbox/snapshot", sandbox.url())).await.unwrap().json().await.unwrap();
    assert_eq!(snapshot["clicks"], json!([]));
    assert_eq!(snapshot["chains"], json!([]));
    assert_eq!(sandbox.faults().len(), 1, "fault rules are kept");
}

/// The page's forms also work without its script.
#[tokio::test]
async fn a_plain_form_redirects_to_the_page() {
    let sandbox = start(builder()).await;
    let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let form = |path: &str, body: &'static str| {
        http.post(format!("{}/_sandbox{path}", sandbox.url()))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "text/html,application/xhtml+xml")
            .body(body)
            .send()
    };
    for (path, body) in
        [("/clock", "days=61"), ("/faults", "fault=stall&call=sale&chance=1x"), ("/chain", ""), ("/reset", "")]
    {
        let response = form(path, body).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["location"].to_str().unwrap()),
            (303, "/"),
            "{path}"
        );
    }
    assert_eq!(form("/clock", "days=-1").await.unwrap().status(), 400);
}

/// Another site in the developer's browser can neither read nor change anything, even if its host name resolves to this
/// machine.
#[tokio::test]
async fn only_from_this_machine() {
    let sandbox = start(builder()).await;
    let host = sandbox.address().to_string();
    let own = format!("http://{host}");
    let ask = async |path: &str, headers: &[(&'static str, &str)]| -> u16 {
        let mut request = Client::new().post(format!("{}{path}", sandbox.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body("{}").header("content-type", "application/json").send().await.unwrap().status().as_u16()
    };
    for (headers, status) in [
        (vec![], 200),
        (vec![("origin", own.as_str())], 200),
        (vec![("sec-fetch-site", "same-origin"), ("origin", own.as_str())], 200),
        (vec![("host", "localhost:4010")], 200),
        (vec![("host", "app.localhost")], 200),
        (vec![("origin", "https://evil.example")], 403),
        (vec![("origin", "null")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site")], 403),
        (vec![("host", "evil.example")], 403),
        (vec![("host", "127.0.0.1.evil.example")], 403),
    ] {
        assert_eq!(ask("/_sandbox/reset", &headers).await, status, "{headers:?}");
    }
    let get = async |path: &str, name: &'static str, value: &str| -> Response {
        Client::new().get(format!("{}{path}", sandbox.url())).header(name, value).send().await.unwrap()
    };
    for path in ["/_sandbox/snapshot", "/_sandbox/requests", "/_sandbox/story", "/_sandbox/changes", "/"] {
        assert_eq!(get(path, "host", "evil.example").await.status(), 403, "{path}");
    }
    assert_eq!(get("/_sandbox/snapshot", "sec-fetch-site", "cross-site").await.status(), 403);
    for page in ["/", "/_sandbox/shop"] {
        assert_eq!(get(page, "sec-fetch-site", "cross-site").await.status(), 200, "a link from another site to {page}");
    }
    // The service's own paths accept any host and origin.
    assert_eq!(ask("/api/v1/track/click", &[("origin", "https://shop.example"), ("host", "api.test")]).await, 400);
}

#[tokio::test]
async fn change_notifications() {
    let sandbox = start(builder()).await;
    let mut stream = reqwest::get(format!("{}/_sandbox/changes", sandbox.url())).await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut next = async || tokio::time::timeout(Duration::from_secs(5), stream.chunk()).await.unwrap().unwrap();
    let first = String::from_utf8(next().await.unwrap().to_vec()).unwrap();
    assert_eq!(first, "event: change\ndata: 0\n\n");
    Visitor::server(&sandbox).click("abc123", None).await;
    let second = String::from_utf8(next().await.unwrap().to_vec()).unwrap();
    assert_eq!(second, "event: change\ndata: 1\n\n");
}

#[tokio::test]
async fn wait_for_background_events() {
    let sandbox = start(builder()).await;
    let waiting = sandbox.wait_for(|snapshot| snapshot.clicks.len() == 2);
    let clicking = async {
        let server = Visitor::server(&sandbox);
        server.click("abc123", None).await;
        server.click("abc123", None).await;
    };
    let (snapshot, ()) = tokio::join!(waiting, clicking);
    assert_eq!(snapshot.unwrap().clicks.len(), 2);
}

/// `curl -d` declares every body to be a form.
#[tokio::test]
async fn body_format_is_detected_from_its_content() {
    let sandbox = start(builder()).await;
    let http = reqwest::Client::new();
    let send = async |path: &str, body: &'static str| {
        let request = http.post(format!("{}/_sandbox{path}", sandbox.url())).body(body);
        let response = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        (response.status().as_u16(), response.json::<serde_json::Value>().await.unwrap())
    };
    assert_eq!(send("/faults", "{\"rule\": \"stall@sale:1x\"}").await.0, 200);
    assert_eq!(send("/faults", "rule=bad-gateway@lead").await.0, 200);
    assert_eq!(sandbox.faults().len(), 2);
    let before = sandbox.now_ms();
    assert_eq!(send("/clock", "{\"days\": 61}").await.0, 200);
    assert_eq!(send("/clock", "days=1").await.0, 200);
    assert!(sandbox.now_ms() - before >= 62 * 86_400_000);
    for (path, body) in [("/clock", ""), ("/clock", "{\"days\": "), ("/clock", "days=x"), ("/faults", "\"stall\"")] {
        let (status, response) = send(path, body).await;
        assert!(status == 400 && response["error"].is_string(), "{path} {body}: {status} {response}");
    }
    assert_eq!(send("/partners", "partner=nobody&state=deleted").await.0, 404);
    assert_eq!(send("/partners", "partner=abc123&state=moon").await.0, 400);
    assert_eq!(send("/partners", "{\"partner\": \"abc123\", \"state\": \"link_inactive\"}").await.0, 200);
    let click = json!({ "affiliate_url": "https://shop.example/?aff=abc123" });
    assert_eq!(Visitor::browser(&sandbox).track("click", click).await.1["success"], false);
    let chain = send("/chain", "").await.1;
    assert_eq!(chain["chain"]["attributed"], true);
}
