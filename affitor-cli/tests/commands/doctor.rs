//! `affitor doctor`.

use std::time::Duration;

use affitor_sandbox::{ApiCall, Fault, Sandbox};
use serde_json::json;

use crate::common::{KEY, closed_url, environment, raw_server, run, start};

#[tokio::test]
async fn doctor_finds_problems_with_the_settings() {
    let sandbox = start(Sandbox::builder()).await;
    let correct = environment(sandbox.url());
    let with = |name: &'static str, value: &'static str| {
        let mut settings = correct.clone();
        settings.retain(|(known, _)| *known != name);
        settings.push((name, value));
        settings
    };
    for (settings, code, expected) in [
        (correct.clone(), 0, "no problem found"),
        (with("AFFITOR_PROGRAM_ID", "42"), 0, "no problem found"),
        (with("AFFITOR_API_KEY", "wrong"), 4, "✗ service  rejected the key"),
        (with("AFFITOR_API_KEY", ""), 2, "AFFITOR_API_KEY is empty"),
        (with("AFFITOR_API_KEY", " aff_very_secret\n"), 0, "! key      the key in AFFITOR_API_KEY has surrounding"),
        (with("AFFITOR_API_KEY", "\"aff_1\""), 2, "begins or ends with a quote"),
        (with("AFFITOR_API_KEY", "\"aff_1\""), 2, "· service  skipped: there is no usable key"),
        (with("AFFITOR_API_KEY", "Bearer aff_1"), 2, "begins with \"Bearer\""),
        (with("AFFITOR_API_KEY", "${AFFITOR_KEY}"), 2, "contains a variable that was not expanded"),
        (with("AFFITOR_API_KEY", "affk_1"), 2, "management key"),
        (with("AFFITOR_API_KEY", "aff_ü"), 2, "the key in AFFITOR_API_KEY contains characters that are not visible"),
        (with("AFFITOR_API_URL", "shop"), 2, "AFFITOR_API_URL \"shop\" does not begin with http"),
        (with("AFFITOR_API_URL", "127.0.0.1:4101"), 2, "→ did you mean http://127.0.0.1:4101?"),
        (with("AFFITOR_API_URL", "api.affitor.com"), 2, "→ did you mean https://api.affitor.com?"),
        (with("AFFITOR_API_URL", KEY), 2, "AFFITOR_API_URL (not shown) does not begin with http"),
        (with("AFFITOR_API_URL", "ftp://127.0.0.1"), 2, "begins with ftp:"),
        (with("AFFITOR_API_URL", "http://user:word@127.0.0.1"), 2, "a user name or a password"),
        (with("AFFITOR_API_URL", "http://shop.example"), 2, "is not encrypted"),
        (with("AFFITOR_PROGRAM_ID", "7"), 1, "the key belongs to program 42, but AFFITOR_PROGRAM_ID is \"7\""),
        (with("AFFITOR_PROGRAM_ID", "my-shop"), 1, "AFFITOR_PROGRAM_ID is \"my-shop\", which is not a number"),
    ] {
        let result = run(&["doctor"], &settings).await;
        assert_eq!(result.code, code, "{}{}", result.out, result.err);
        assert!(result.out.contains(expected), "{expected}: {}{}", result.out, result.err);
        assert!(code == 0 || result.out.contains("  → "), "no hint: {}", result.out);
    }
    let result = run(&["doctor", "--json"], &correct).await;
    assert_eq!((result.code, &result.json()["healthy"]), (0, &json!(true)));
    let checks = result.json()["checks"].clone();
    assert_eq!((&checks[0]["name"], &checks[0]["status"]), (&json!("key"), &json!("passed")), "{checks}");
    // A flag that overrides a variable is named instead of it.
    let result = run(&["doctor", "--program-id", "7"], &correct).await;
    assert!(result.out.contains("the key belongs to program 42, but --program-id is \"7\""), "{}", result.out);
    let result = run(&["doctor", "--api-key", "wrong"], &correct).await;
    assert!(result.out.contains("rejected the key in --api-key"), "{}", result.out);
    assert!(sandbox.snapshot().test_events.is_empty(), "doctor recorded an event");
}

#[tokio::test]
async fn doctor_reads_the_key_from_its_file() {
    let sandbox = start(Sandbox::builder()).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let file = path.to_str().unwrap().to_owned();
    let mut settings = environment(sandbox.url());
    settings.push(("AFFITOR_API_KEY_FILE", &file));
    let result = run(&["doctor"], &settings).await;
    assert!(result.code == 2 && result.out.contains("both AFFITOR_API_KEY and AFFITOR_API_KEY_FILE"), "{}", result.out);
    settings.retain(|(name, _)| *name != "AFFITOR_API_KEY");
    let result = run(&["doctor"], &settings).await;
    assert!(result.code == 2 && result.out.contains("can't be read"), "{}", result.out);
    std::fs::write(&path, format!("{}\n", sandbox.rotate_key().unwrap())).unwrap();
    let result = run(&["doctor"], &settings).await;
    assert!(result.code == 0 && result.out.contains("✓ key-age  the key was created on 20"), "{}", result.out);
    std::fs::write(&path, "affk_1").unwrap();
    let result = run(&["doctor"], &settings).await;
    assert!(result.code == 2 && result.out.contains("AFFITOR_API_KEY_FILE is a management key"), "{}", result.out);
}

#[tokio::test]
async fn doctor_finds_problems_with_the_network_and_the_service() {
    let closed = closed_url();
    let sandbox = start(Sandbox::builder()).await;
    let failing = start(Sandbox::builder().fault(Fault::BadGateway.always().on(ApiCall::Readiness))).await;
    let busy = start(Sandbox::builder().fault(Fault::RateLimited(Duration::from_secs(9)).always())).await;
    let resetting = start(Sandbox::builder().fault(Fault::ResetBeforeWrite.always())).await;
    let cutting = start(Sandbox::builder().fault(Fault::TruncatedResponse.always())).await;
    let html = raw_server("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\n<html").await;
    let moved = raw_server("HTTP/1.1 302 Found\r\nlocation: https://elsewhere\r\ncontent-length: 0\r\n\r\n").await;
    let not_http = raw_server("220 mail.example ESMTP\r\n").await;
    let long_ago = "HTTP/1.1 401 Unauthorized\r\ndate: Tue, 15 Nov 1994 08:12:31 GMT\r\ncontent-length: 0\r\n\r\n";
    for (url, code, expected) in [
        (closed, 3, "start the sandbox with `affitor sandbox`"),
        ("https://no-such-host.invalid".to_owned(), 3, "cannot resolve no-such-host.invalid"),
        (sandbox.url().replace("http:", "https:"), 3, "→ use http:// if this is the sandbox"),
        (failing.url().to_owned(), 3, "responded with status 502"),
        (busy.url().to_owned(), 5, "it asked to retry later"),
        (busy.url().to_owned(), 5, "→ retry in 9 s, at "),
        (busy.url().to_owned(), 5, "some checks could not be completed"),
        (format!("{}/api/v1", sandbox.url()), 3, "! URL      AFFITOR_API_URL \"http://127.0.0.1:"),
        (format!("{}/api/v1", sandbox.url()), 3, "✗ service  responded with status 404"),
        (html, 3, "not an Affitor service"),
        (moved, 3, "responded with status 302"),
        (resetting.url().to_owned(), 3, "was closed early, by a proxy or the service\n  → retry"),
        (cutting.url().to_owned(), 3, "was closed early, by a proxy or the service\n  → retry"),
        (not_http, 3, "does not speak HTTP"),
        (raw_server(long_ago).await, 1, "✗ clock"),
    ] {
        let result = run(&["doctor"], &environment(&url)).await;
        assert!(result.out.contains(expected), "{expected}: {}{}", result.out, result.err);
        assert_eq!(result.code, code, "{}{}", result.out, result.err);
    }
}
