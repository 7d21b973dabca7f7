//! `affitor doctor`: the key's age, the clock, who reports payments, and the checklist for going live.

use std::time::{Duration, SystemTime};

use affitor_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::common::{environment, readiness, run, server, site, start};

fn status(connected: bool) -> Value {
    json!({ "program_id": "42", "name": "Shop", "domain": "shop.example", "dns_verified": true,
        "stripe_connected": connected, "active_partners": 1, "pending_commissions": 0 })
}

/// The checks of a run.
struct Checks(Value);

impl Checks {
    fn get(&self, name: &str) -> &Value {
        let found = self.0.as_array().unwrap().iter().find(|check| check["name"] == name);
        found.unwrap_or_else(|| panic!("no check {name}: {}", self.0))
    }
}

/// Runs `doctor --json`. Returns the exit code and the checks.
async fn doctor(settings: &[(&str, &str)]) -> (i32, Checks) {
    let result = run(&["doctor", "--json"], settings).await;
    (result.code, Checks(result.json()["checks"].clone()))
}

#[tokio::test]
async fn an_old_key_is_a_warning() {
    for (rotated, status, part) in [
        (Value::Null, "passed", "names no date"),
        (json!("2020-01-01T00:00:00.000Z"), "warning", "created on 2020-01-01, "),
        (json!("2999-01-01T00:00:00Z"), "passed", "0 days ago"),
        (json!("yesterday"), "skipped", "can't be read"),
    ] {
        let url = server(move |path, _| {
            let mut readiness = readiness(true);
            readiness["key_rotated_at"] = rotated.clone();
            ("200 OK", if path.contains("status") { self::status(false) } else { readiness })
        })
        .await;
        let (code, checks) = doctor(&environment(&url)).await;
        let check = checks.get("key-age");
        assert!(check["status"] == status && check["message"].as_str().unwrap().contains(part), "{check}");
        assert_eq!(code, 0);
    }
}

#[tokio::test]
async fn clocks_that_differ() {
    for (ahead, seconds, expected) in [
        (false, 0, "passed"),
        (false, 25, "passed"),
        (true, 25, "passed"),
        (false, 45, "warning"),
        (true, 45, "warning"),
        (false, 290, "warning"),
        (true, 290, "warning"),
        (false, 310, "failed"),
        (true, 310, "failed"),
    ] {
        let url = site(move |_, _| {
            let (now, by) = (SystemTime::now(), Duration::from_secs(seconds));
            let date = httpdate::fmt_http_date(if ahead { now - by } else { now + by });
            (format!("200 OK\r\ndate: {date}"), readiness(true).to_string())
        })
        .await;
        let (code, checks) = doctor(&environment(&url)).await;
        let check = checks.get("clock");
        assert_eq!(check["status"], expected, "{ahead} {seconds}: {check}");
        assert_eq!(code, i32::from(expected == "failed"));
    }
}

#[tokio::test]
async fn payments_that_two_may_report() {
    const SECRET: &str = "whsec_secret";
    for (connected, mode, secret, reporter, payments, webhooks) in [
        (false, Some("manual"), "", "", "passed", "passed"),
        (false, None, SECRET, "", "passed", "passed"),
        (false, Some("stripe"), "", "", "warning", "passed"),
        (true, Some("stripe"), "", "", "warning", "passed"),
        (true, Some("manual"), " ", "app", "warning", "passed"),
        (true, Some("manual"), SECRET, "", "warning", "warning"),
        (true, Some("manual"), SECRET, "app", "warning", "failed"),
        (true, Some("manual"), SECRET, "app-even-if-connected", "warning", "warning"),
        (true, Some("manual"), SECRET, "affitor", "warning", "passed"),
        (false, Some("manual"), SECRET, "affitor", "passed", "failed"),
        (false, Some("manual"), SECRET, "app", "passed", "passed"),
        (false, Some("manual"), SECRET, "stripe", "passed", "failed"),
    ] {
        let url = server(move |path, _| {
            let mut readiness = readiness(true);
            readiness["gates"]["payout"]["mode"] = json!(mode);
            ("200 OK", if path.contains("status") { status(connected) } else { readiness })
        })
        .await;
        let mut settings = environment(&url);
        settings.extend([("STRIPE_WEBHOOK_SECRET", secret), ("AFFITOR_STRIPE_REPORTER", reporter)]);
        let (code, checks) = doctor(&settings).await;
        for (name, expected) in [("payments", payments), ("webhooks", webhooks)] {
            let check = checks.get(name);
            assert_eq!(check["status"], expected, "{connected} {mode:?} {reporter}: {check}");
            assert!(!check.to_string().contains("whsec_"), "{check}");
        }
        assert_eq!(code, i32::from(webhooks == "failed"), "{connected} {reporter}: what is unusual may be right");
    }
    // A service that does not say is no problem of the settings.
    let url = server(|path, _| {
        if path.contains("status") { ("403 Forbidden", json!({ "error": "no" })) } else { ("200 OK", readiness(true)) }
    })
    .await;
    let (code, checks) = doctor(&environment(&url)).await;
    assert_eq!((code, &checks.get("payments")["status"]), (0, &json!("skipped")));
}

#[tokio::test]
async fn the_checklist_for_going_live() {
    const README: &str = include_str!("../../README.md");
    let sandbox = start(Sandbox::builder()).await;
    let result = run(&["doctor", "--live", "--json"], &environment(sandbox.url())).await;
    let checks = result.json()["checks"].as_array().unwrap().clone();
    let names: Vec<&str> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    let mut expected =
        vec!["key", "app-tls", "URL", "program", "address", "clock", "service", "real-service", "key-age", "payments"];
    expected.extend(["webhooks", "profile", "economics", "payout", "tracking", "live", "domain", "partners"]);
    expected.extend(cfg!(feature = "outbox").then_some("ledger"));
    expected.push("landing");
    assert_eq!(names, expected);
    for name in &names {
        assert!(README.contains(&format!("| `{name}` |")), "the README does not explain {name}");
    }
    let of = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap();
    assert_eq!((of("real-service")["status"].as_str(), result.code), (Some("failed"), 1));
    assert_eq!(of("tracking")["status"], "failed", "{checks:?}");
    assert_eq!(of("landing")["status"], "warning", "{checks:?}");
    let plain = run(&["doctor"], &environment(sandbox.url())).await;
    assert!(plain.code == 0 && !plain.out.contains("tracking"), "{}", plain.out);
}
