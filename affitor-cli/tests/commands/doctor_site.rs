//! `affitor doctor --site`, against small sites. Their host names are reached through a stand-in of a proxy.

use std::sync::{Arc, Mutex};

use affitor_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::common::{closed_url, environment, run, site, start};

/// A cookie as `ClickCaptureLayer` sets it.
const COOKIE: &str = "affitor_click_id=cust_1; Path=/; Max-Age=5184000; SameSite=Lax";

/// Every check must be explained in the README.
const README: &str = include_str!("../../README.md");

fn page(headers: &str, body: &str) -> (String, String) {
    let separator = if headers.is_empty() { "" } else { "\r\n" };
    (format!("200 OK\r\ncontent-type: text/html; charset=utf-8{separator}{headers}"), body.to_owned())
}

fn redirect(location: &str, headers: &str) -> (String, String) {
    let separator = if headers.is_empty() { "" } else { "\r\n" };
    (format!("302 Found\r\nlocation: {location}{separator}{headers}"), String::new())
}

fn tag(api: &str, program: &str) -> String {
    format!(
        r#"<html><script src="{api}/js/affitor-tracker.js" data-affitor-program-id="{program}" defer></script></html>"#
    )
}

/// Runs `doctor --site --json`. Returns the exit code and the checks.
async fn doctor(url: &str, more: &[&str], settings: &[(&str, &str)]) -> (i32, Value) {
    let arguments = [&["doctor", "--json", "--site", url], more].concat();
    let result = run(&arguments, settings).await;
    let checks = result.json()["checks"].clone();
    for check in checks.as_array().unwrap() {
        let name = check["name"].as_str().unwrap();
        assert!(README.contains(&format!("| `{name}` |")), "the README does not explain {name}");
        assert_eq!(
            check["hint"].is_string(),
            ["warning", "failed"].contains(&check["status"].as_str().unwrap()),
            "{check}"
        );
    }
    (result.code, checks)
}

/// The status and the message of a check.
fn check<'c>(checks: &'c Value, name: &str) -> (&'c str, &'c str) {
    let found = checks.as_array().unwrap().iter().find(|check| check["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no check {name}: {checks}"));
    (found["status"].as_str().unwrap(), found["message"].as_str().unwrap())
}

#[track_caller]
fn assert_check(checks: &Value, name: &str, status: &str, part: &str) {
    let found = check(checks, name);
    assert!(found.0 == status && found.1.contains(part), "{name} should be {status} with {part:?}: {found:?}");
}

#[tokio::test]
async fn a_site_with_the_tag() {
    let sandbox = start(Sandbox::builder()).await;
    let html = tag(sandbox.url(), "42");
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let url = site(move |_, request| {
        seen.lock().unwrap().push(request.to_owned());
        page("", &html)
    })
    .await;
    let (code, checks) = doctor(&format!("{url}/?aff=PARTNER123"), &[], &environment(sandbox.url())).await;
    assert_eq!(code, 0, "{checks}");
    for name in ["landing", "https", "aff", "tracker", "cookie", "cache"] {
        assert_eq!(check(&checks, name).0, "passed", "{checks}");
    }
    assert_check(&checks, "tracker", "passed", &format!("of program 42 reports to {}", sandbox.url()));
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 1, "only the page is requested: {requests:?}");
    assert!(requests[0].starts_with("GET /?aff=PARTNER123 "), "{requests:?}");
    assert!(!requests[0].to_lowercase().contains("authorization"), "the key is not sent to the site");
    assert!(sandbox.clicks().is_empty());
}

#[tokio::test]
async fn problems_with_the_tag() {
    let sandbox = start(Sandbox::builder()).await;
    let (own, other) = (sandbox.url().to_owned(), "https://other.example");
    let good = tag(&own, "42");
    for (body, code, status, part) in [
        (String::new(), 0, "warning", "no tag"),
        (format!("<!-- {good} -->"), 0, "warning", "no tag"),
        (tag(&own, "7"), 1, "failed", "the tag is of program 7, but the key of program 42"),
        (tag(&own, "my-shop"), 1, "failed", "which is not a number"),
        (good.repeat(2), 0, "warning", "2 tags"),
        (tag(other, "42"), 0, "warning", "reports to https://other.example, but the settings are those of"),
        // What follows the first MiB is not read.
        (format!("{}{good}", " ".repeat(1024 * 1024)), 0, "warning", "no tag"),
    ] {
        let url = site(move |_, _| page("", &body)).await;
        let (exit_code, checks) = doctor(&format!("{url}/?aff=A"), &[], &environment(sandbox.url())).await;
        assert_check(&checks, "tracker", status, part);
        assert_eq!(exit_code, code, "{checks}");
    }
}

#[tokio::test]
async fn redirects_that_drop_the_code() {
    let sandbox = start(Sandbox::builder()).await;
    let good = tag(sandbox.url(), "42");
    let settings = environment(sandbox.url());
    let url = site(move |target, request| match target.split('?').next().unwrap_or_default() {
        "/keeps" => redirect("/page?aff=A&lang=en", ""),
        "/drops" => redirect("/page", ""),
        "/changes" => redirect("/page?aff=B", ""),
        // Captures the click, and then removes the code from the address.
        "/captures" => redirect("/page", &format!("set-cookie: {COOKIE}\r\ncache-control: no-store")),
        "/needs-cookie" if !request.contains("cookie: seen=1") => {
            redirect("/needs-cookie?aff=A", "set-cookie: seen=1; Path=/")
        }
        "/loop" => redirect("/loop?aff=A", ""),
        "/elsewhere" => redirect("https://other.example/?aff=A", ""),
        "/elsewhere-without" => redirect("https://other.example/", ""),
        "/nowhere" => ("302 Found".to_owned(), String::new()),
        "/missing" => ("404 Not Found\r\ncontent-type: text/html".to_owned(), String::new()),
        "/image" => ("200 OK\r\ncontent-type: image/png".to_owned(), String::new()),
        _ => page("", &good),
    })
    .await;
    for (path, code, landing, aff, part) in [
        ("/keeps", 0, "passed", "passed", "reaches"),
        ("/drops", 1, "passed", "failed", "/drops to http://127.0.0.1"),
        ("/changes", 1, "passed", "failed", "changes the code"),
        ("/captures", 0, "passed", "passed", "captures the click before"),
        ("/needs-cookie", 0, "passed", "passed", "reaches"),
        ("/loop", 1, "failed", "passed", "reaches"),
        ("/elsewhere", 0, "warning", "passed", "reaches"),
        ("/elsewhere-without", 1, "warning", "failed", "drops the code"),
        ("/nowhere", 1, "failed", "passed", "reaches"),
        ("/missing", 1, "failed", "passed", "reaches"),
        ("/image", 0, "warning", "passed", "reaches"),
    ] {
        let (exit_code, checks) = doctor(&format!("{url}{path}?aff=A"), &[], &settings).await;
        assert_eq!(check(&checks, "landing").0, landing, "{path}: {checks}");
        assert_check(&checks, "aff", aff, part);
        assert_eq!(exit_code, code, "{path}: {checks}");
    }
    let (code, checks) = doctor(&url, &[], &settings).await;
    assert_check(&checks, "aff", "warning", "has no aff parameter");
    assert_eq!(code, 0);
}

#[tokio::test]
async fn cookies_of_the_server() {
    let sandbox = start(Sandbox::builder()).await;
    let headers = Arc::new(Mutex::new(String::new()));
    let sent = Arc::clone(&headers);
    // A proxy: the targets are whole URLs.
    let proxy = site(move |target, _| {
        assert_eq!(target, "http://www.shop.example/?aff=A");
        page(&sent.lock().unwrap(), "")
    })
    .await;
    let mut settings = environment(sandbox.url());
    settings.push(("HTTP_PROXY", &proxy));
    let private = "\r\ncache-control: private";
    let wide = format!("set-cookie: {COOKIE}; Domain=shop.example");
    let narrow = format!("set-cookie: {COOKIE}");
    for (sent, name, status, part) in [
        (format!("{wide}{private}"), "cookie", "passed", "the server sets affitor_click_id"),
        (format!("{wide}{private}"), "tracker", "passed", "the server captures clicks"),
        (format!("{wide}{private}"), "cookie-domain", "passed", "shop.example and all hosts below it"),
        (format!("{wide}{private}"), "cookie-path", "passed", "/"),
        (format!("{wide}{private}"), "cookie-same-site", "passed", "Lax"),
        (format!("{wide}{private}"), "cookie-lifetime", "passed", "60 days"),
        (format!("{wide}{private}"), "app-host", "passed", "app.shop.example gets the click id"),
        (format!("{wide}{private}"), "cache", "passed", "no shared cache"),
        (format!("{wide}{private}"), "https", "failed", "is not encrypted"),
        (format!("{wide}; Secure{private}"), "cookie-secure", "failed", "over http"),
        (format!("{narrow}{private}"), "cookie-domain", "passed", "only www.shop.example"),
        (format!("{narrow}{private}"), "app-host", "failed", "the cookie is for www.shop.example only"),
        (format!("{narrow}; Domain=example{private}"), "cookie-domain", "failed", "browsers reject"),
        (format!("{narrow}; Domain=other.example{private}"), "cookie-domain", "failed", "browsers reject"),
        (wide.replace("cust_1", "cust 1"), "cookie", "failed", "not a valid click id"),
        (wide.clone(), "cache", "warning", "does not say"),
        (format!("{wide}\r\ncache-control: public, max-age=60"), "cache", "failed", "public, max-age=60"),
        (format!("{wide}\r\ncache-control: private\r\nage: 5"), "cache", "failed", "Age: 5"),
        ("cache-control: public, max-age=60".to_owned(), "cache", "passed", "sets no cookie"),
        ("x-none: 1".to_owned(), "cookie", "skipped", "neither"),
        ("x-none: 1".to_owned(), "app-host", "skipped", "neither"),
    ] {
        headers.lock().unwrap().clone_from(&sent);
        let (code, checks) =
            doctor("http://www.shop.example/?aff=A", &["--app-host", "app.shop.example"], &settings).await;
        assert_check(&checks, name, status, part);
        assert_eq!(code, 1, "the site is not encrypted: {checks}");
    }
    // The tracker takes the widest domain.
    let html = tag(sandbox.url(), "42");
    let proxy = site(move |_, _| page("", &html)).await;
    settings.retain(|(name, _)| *name != "HTTP_PROXY");
    settings.push(("HTTP_PROXY", &proxy));
    for (host, status) in [("app.shop.example", "passed"), ("app.other.example", "failed")] {
        let (_, checks) = doctor("http://www.shop.example/?aff=A", &["--app-host", host], &settings).await;
        assert_check(&checks, "app-host", status, host);
        assert_check(&checks, "tracker", "failed", "which browsers of visitors can't reach");
    }
}

/// 10 s: the limit of a site that accepts connections and says nothing.
#[tokio::test]
async fn sites_that_do_not_respond() {
    let sandbox = start(Sandbox::builder()).await;
    let settings = environment(sandbox.url());
    let (code, checks) = doctor(&format!("{}/?aff=A", closed_url()), &[], &settings).await;
    assert_check(&checks, "landing", "failed", "connection refused");
    assert_check(&checks, "tracker", "skipped", "can't be opened");
    assert_eq!(code, 1);
    // Accepts connections, but never responds.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/?aff=A", silent.local_addr().unwrap());
    let (code, checks) = doctor(&url, &[], &settings).await;
    assert_check(&checks, "landing", "failed", "did not respond within 10 s");
    assert_eq!(code, 1);
    // The site is checked without a usable key too.
    let url = site(|_, _| page("", "")).await;
    let (code, checks) = doctor(&format!("{url}/?aff=A"), &[], &[]).await;
    assert_check(&checks, "landing", "passed", "opens");
    assert_eq!(code, 2, "there is no key: {checks}");
    for arguments in [&["--site", "www.shop.example"][..], &["--app-host", "app.shop.example"]] {
        let result = run(&[&["doctor", "--json"], arguments].concat(), &settings).await;
        assert_eq!((result.code, &result.json()["error"]["kind"]), (2, &json!("usage")), "{arguments:?}");
    }
}
