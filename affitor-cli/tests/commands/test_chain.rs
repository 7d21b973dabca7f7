//! `affitor test chain`.

use affitor_sandbox::{Payout, Sandbox};
use serde_json::json;

use crate::common::{chain, environment, readiness, run, server, start};

#[tokio::test]
async fn verify_is_limited_to_ten_chains_an_hour() {
    let sandbox = start(Sandbox::builder()).await;
    let environment = environment(sandbox.url());
    for _ in 0..10 {
        let result = run(&["test", "chain"], &environment).await;
        assert_eq!(result.code, 0, "{}{}", result.out, result.err);
        let chain = "chain: click attributed, lead attributed, sale attributed";
        assert!(result.out.contains(chain), "{}", result.out);
        assert!(result.out.contains("verified: program 42 is integration_verified"), "{}", result.out);
    }
    let result = run(&["test", "chain"], &environment).await;
    assert_eq!(result.code, 5);
    assert!(result.err.contains("→ retry in 60 min, at "), "{}", result.err);
    assert!(result.err.contains("`affitor test chain --no-run` queries readiness without a chain"), "{}", result.err);
    let result = run(&["test", "chain", "--json"], &environment).await;
    let wait = result.json()["error"]["retry_after_seconds"].as_u64().unwrap();
    assert!(result.code == 5 && (3_500..=3_600).contains(&wait), "{}", result.out);
    let result = run(&["test", "chain", "--no-run", "--json"], &environment).await;
    assert_eq!((result.code, &result.json()["verified"], &result.json()["chain"]), (0, &json!(true), &json!(null)));
}

#[tokio::test]
async fn verify_names_the_blocker() {
    for (builder, blocker, hint) in [
        (Sandbox::builder().without_commission(), "economics", "set the commission policy"),
        (Sandbox::builder().profile_complete(false), "profile", "complete the program's profile"),
        (Sandbox::builder().payout(Payout::Missing), "payout", "connect Stripe"),
    ] {
        let sandbox = start(builder).await;
        let result = run(&["test", "chain"], &environment(sandbox.url())).await;
        assert_eq!(result.code, 1, "{}", result.out);
        let expected = format!("blocked by {blocker}");
        assert!(result.out.contains(&expected) && result.out.contains(hint), "{}", result.out);
        assert!(!result.out.contains("→ run a test chain"), "a chain cannot pass yet: {}", result.out);
    }
    // Events can pass the tracking gate, so it is polled until the timeout.
    let sandbox = start(Sandbox::builder()).await;
    let result = run(&["test", "chain", "--no-run", "--timeout", "1"], &environment(sandbox.url())).await;
    assert_eq!(result.code, 1);
    assert!(result.out.contains("blocked by tracking"), "{}", result.out);
    assert!(result.out.contains("install the tracker script"), "{}", result.out);
}

#[tokio::test]
async fn verify_runs_no_chain_for_another_program() {
    let sandbox = start(Sandbox::builder()).await;
    let mut environment = environment(sandbox.url());
    let result = run(&["test", "chain", "--program-id", "7"], &environment).await;
    let expected =
        "the key belongs to program 42, but --program-id is \"7\"\n  → use a key and a program id of the same program";
    assert!(result.code == 1 && result.err.contains(expected), "{} {}", result.code, result.err);
    environment.push(("AFFITOR_PROGRAM_ID", "7"));
    let result = run(&["test", "chain", "--json"], &environment).await;
    let error = result.json()["error"].clone();
    let message = error["message"].as_str().unwrap();
    assert!(result.code == 1 && message.contains("AFFITOR_PROGRAM_ID is \"7\""), "{error}");
    assert_eq!(error["kind"], "failed");
    assert!(sandbox.chains().is_empty());
}

#[tokio::test]
async fn verify_requires_its_own_chain_to_be_attributed() {
    for (sale, expected) in [("pending", "! chain: "), ("unattributed", "✗ chain: "), ("wrong_partner", "✗ chain: ")]
    {
        let url = server(move |path, _| {
            ("200 OK", if path.ends_with("/test-event") { chain(sale) } else { readiness(true) })
        })
        .await;
        let environment = environment(&url);
        let result = run(&["test", "chain"], &environment).await;
        assert!(result.code == 1 && result.out.contains(expected), "{} {}", result.out, result.err);
        assert!(result.out.contains("but this chain was not attributed"), "{}", result.out);
        let result = run(&["test", "chain", "--json"], &environment).await;
        assert_eq!((result.code, &result.json()["verified"]), (1, &json!(false)));
        assert_eq!(run(&["test", "chain", "--no-run"], &environment).await.code, 0);
    }
}

#[tokio::test]
async fn verify_retries_failed_queries() {
    // Requests 1 to 3 are the attempts of the client's first call.
    let url = server(|path, number| match number {
        _ if path.ends_with("/test-event") => ("200 OK", chain("attributed")),
        1..=3 => ("502 Bad Gateway", json!("busy")),
        4 => ("200 OK", readiness(false)),
        _ => ("200 OK", readiness(true)),
    })
    .await;
    let result = run(&["test", "chain"], &environment(&url)).await;
    assert!(result.code == 0 && result.out.contains("verified: program 42"), "{} {}", result.out, result.err);
    for seconds in ["0", "-1", "3601"] {
        let result = run(&["test", "chain", "--timeout", seconds], &[]).await;
        assert!(result.code == 2 && result.err.contains(&format!("{seconds} is not in 1..=3600")), "{}", result.err);
    }
}
