//! Output that a terminal or a full disk could spoil.

use serde_json::json;

use crate::common::{KEY, chain, environment, raw_server, readiness, run, server};

/// Text from a server must not move the cursor, forge lines or show the key.
#[tokio::test]
async fn hostile_responses_are_sanitized() {
    const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\nverified: all fine\r\u{202e}";
    let url = server(|path, _| {
        let mut readiness = readiness(true);
        readiness["state"] = json!(format!("{HOSTILE} {KEY}"));
        readiness["gates"]["profile"] = json!({ "status": "fail", "next_action": HOSTILE });
        let status = json!({ "program_id": HOSTILE, "name": HOSTILE, "domain": HOSTILE, "dns_verified": true,
            "stripe_connected": false, "recent_events": { "clicks_24h": 0, "leads_24h": 0, "sales_24h": 0 },
            "active_partners": 0, "pending_commissions": 0 });
        let body = match path {
            path if path.contains("status") => status,
            path if path.contains("test-event") => chain(HOSTILE),
            _ => readiness,
        };
        ("200 OK", body)
    })
    .await;
    for command in
        [&["status"][..], &["test", "chain"], &["doctor"], &["status", "--json"], &["test", "chain", "--json"]]
    {
        let result = run(command, &environment(&url)).await;
        for line in result.out.lines() {
            let is_safe = !line.starts_with("verified: all") && !line.contains(['\u{7}', '\u{202e}', '\r']);
            assert!(is_safe, "{command:?} {line:?}");
        }
    }
}

#[tokio::test]
async fn an_extreme_delay_does_not_overflow() {
    let busy = "HTTP/1.1 429 Too Many\r\nretry-after: 18446744073709551615\r\ncontent-length: 0\r\n\r\n";
    let url = raw_server(busy).await;
    for command in [&["status"][..], &["test", "chain"], &["doctor"]] {
        let result = run(command, &environment(&url)).await;
        assert_eq!(result.code, 5, "{command:?}: {}{}", result.out, result.err);
    }
    // The delay arrives while polling.
    let url = server(|path, _| {
        if path.ends_with("/test-event") {
            ("200 OK", chain("attributed"))
        } else {
            ("503 Busy\r\nretry-after: 18446744073709551615", json!({ "error": "busy" }))
        }
    })
    .await;
    let result = run(&["test", "chain"], &environment(&url)).await;
    assert_eq!(result.code, 3, "{}{}", result.out, result.err);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn lost_output_is_a_failure() {
    use std::process::Stdio;

    use affitor_sandbox::Sandbox;

    use crate::common::{affitor, start};

    let sandbox = start(Sandbox::builder()).await;
    for arguments in [&["status"][..], &["status", "--json"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = affitor(arguments);
        let command = command.envs(environment(sandbox.url())).stdout(full).stderr(Stdio::null());
        assert_eq!(command.status().await.unwrap().code(), Some(1), "{arguments:?}");
    }
}
