//! Exit codes and messages of commands that fail.

use std::time::Duration;

use affitor_sandbox::{Fault, Sandbox};
use serde_json::json;

use crate::common::{KEY, closed_url, environment, raw_server, run, server, start};

#[tokio::test]
async fn failures_have_exit_codes_and_hints() {
    let sandbox = start(Sandbox::builder()).await;
    let closed = closed_url();
    let (key, url) = (("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", sandbox.url()));
    let (wrong, empty) = (("AFFITOR_API_KEY", "wrong"), ("AFFITOR_API_KEY", ""));
    let closed = ("AFFITOR_API_URL", closed.as_str());
    let other = |url| ("AFFITOR_API_URL", url);
    for (arguments, settings, code, expected) in [
        (vec!["test", "chain"], vec![], 2, "no API key"),
        (vec!["test", "chain"], vec![empty], 2, "no API key"),
        (vec!["test", "chain"], vec![key, other("shop")], 2, "AFFITOR_API_URL \"shop\" does not begin with http"),
        (vec!["status"], vec![key, other("127.0.0.1:4101")], 2, "→ did you mean http://127.0.0.1:4101?"),
        (vec!["status"], vec![key, other("localhost:4101")], 2, "→ did you mean http://localhost:4101?"),
        (vec!["test", "chain"], vec![key, other("http://shop.example")], 2, "→ use https://"),
        (
            vec!["test", "chain", "--api-url", "http://shop.example"],
            vec![key],
            2,
            "--api-url \"http://shop.example\" is not",
        ),
        (
            vec!["test", "chain"],
            vec![("AFFITOR_API_KEY", "\"aff_1\"")],
            2,
            "the key in AFFITOR_API_KEY begins or ends with a",
        ),
        (
            vec!["test", "chain"],
            vec![key, closed],
            3,
            "connection refused\n  → start the sandbox with `affitor sandbox`",
        ),
        (vec!["test", "chain"], vec![wrong, url], 4, "AFFITOR_API_KEY"),
        (vec!["status"], vec![wrong, url], 4, "AFFITOR_API_KEY"),
        (vec!["test", "sale"], vec![wrong, url], 4, "AFFITOR_API_KEY"),
        (vec!["status", "--api-key", "wrong"], vec![key, url], 4, "check --api-key"),
        (vec!["test", "lead"], vec![key, closed], 3, "or check AFFITOR_API_URL"),
        (vec!["test", "refund"], vec![], 2, "unrecognized subcommand"),
        (vec![], vec![], 2, "Usage: affitor"),
        (vec!["sandbox", "--commission", "half"], vec![], 2, "is not a commission"),
        (vec!["sandbox", "--faults", "boom"], vec![], 2, "is not a fault"),
        (vec!["sandbox", "--interpretation", "x=y"], vec![], 2, "is not an interpretation"),
        (vec!["sandbox", "--attribution-window-days", "366"], vec![], 2, "366 is not in 1..=365"),
        (vec!["sandbox", "--partner", "a", "--partner", "a", "--port", "0"], vec![], 2, "duplicate partner code"),
        (vec!["sandbox", "--api-key", "a b"], vec![], 2, "without white space"),
    ] {
        let result = run(&arguments, &settings).await;
        assert_eq!(result.code, code, "{arguments:?}: {}{}", result.out, result.err);
        assert!(result.err.contains(expected), "{arguments:?}: {}", result.err);
    }
    let result = run(&["test", "chain", "--json"], &[wrong, url]).await;
    assert_eq!((result.code, &result.json()["error"]["kind"]), (4, &json!("key_rejected")));
    assert!(result.err.is_empty());
}

#[tokio::test]
async fn responses_of_other_servers_are_recognized() {
    let sandbox = start(Sandbox::builder()).await;
    let wrong_path = format!("{}/elsewhere", sandbox.url());
    let method = server(|_, _| ("405 Method Not Allowed", json!({ "error": "Method Not Allowed" }))).await;
    let unknown = server(|_, _| ("501 Not Implemented", json!("no"))).await;
    let html = raw_server("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\n<html").await;
    let html_error = raw_server("HTTP/1.1 400 Bad Request\r\ncontent-length: 5\r\n\r\n<html").await;
    let empty_error = raw_server("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    for url in [&wrong_path, &method, &unknown, &html, &html_error, &empty_error] {
        for arguments in [&["status"][..], &["test", "chain"], &["test", "click"], &["test", "sale"]] {
            let result = run(arguments, &environment(url)).await;
            let expected = format!("→ check AFFITOR_API_URL ({url:?}): ");
            assert!(
                result.code == 3 && result.err.contains(&expected),
                "{arguments:?}: {} {}",
                result.code,
                result.err
            );
            assert!(result.err.contains("for details run `affitor doctor`"), "{}", result.err);
        }
    }
    let result = run(&["status", "--program-id", "7"], &environment(sandbox.url())).await;
    let expected = "→ the program id is \"7\": use a key and a program id of the same program";
    assert!(result.code == 1 && result.err.contains(expected), "{}", result.err);
}

#[tokio::test]
async fn network_errors_are_explained() {
    let sandbox = start(Sandbox::builder()).await;
    let with = |fault: Fault| start(Sandbox::builder().fault(fault.always()));
    let (reset, gateway) = (with(Fault::ResetBeforeWrite).await, with(Fault::BadGateway).await);
    let busy = with(Fault::RateLimited(Duration::from_secs(9))).await;
    let not_http = raw_server("220 mail.example ESMTP\r\n").await;
    for (url, code, expected) in [
        (sandbox.url().replace("http:", "https:"), 3, "→ use http:// if this is the sandbox"),
        (reset.url().to_owned(), 3, "was closed early, by a proxy or the service\n  → retry"),
        (gateway.url().to_owned(), 3, "→ retry later"),
        (not_http, 3, "does not speak HTTP\n  → check the port in AFFITOR_API_URL"),
        (busy.url().to_owned(), 5, "→ retry in 9 s, at "),
    ] {
        let environment = environment(&url);
        let result = run(&["status"], &environment).await;
        assert!(result.code == code && result.err.contains(expected), "{expected}: {} {}", result.code, result.err);
        assert!(!result.err.contains("error sending request") && !result.err.contains("os error"), "{}", result.err);
        let error = run(&["status", "--json"], &environment).await.json()["error"].clone();
        assert!(error["hint"].is_string(), "{error}");
    }
}
