//! `affitor sandbox`.

use std::process::Stdio;

use affitor_sandbox::Sandbox;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
};

use crate::common::{KEY, affitor, post, post_click, run};

/// Starts the command with these flags, on a free port. Returns its process, and what it prints up to `end`.
async fn spawn(arguments: &[&str], end: &str) -> (Child, String) {
    let mut all = vec!["sandbox", "--port", "0"];
    all.extend(arguments);
    let mut child = affitor(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut printed = String::new();
    while !printed.ends_with(end) {
        printed += &lines.next_line().await.unwrap().expect("the sandbox exited before it was ready");
        printed.push('\n');
    }
    (child, printed)
}

/// Starts the command, and returns its JSON document.
async fn spawn_json(arguments: &[&str]) -> (Child, Value) {
    let (child, printed) = spawn(&[&["--json"], arguments].concat(), "\n}\n").await;
    (child, serde_json::from_str(&printed).unwrap())
}

/// Starts the command, and returns the text that it prints.
async fn spawn_text(arguments: &[&str]) -> (Child, String) {
    spawn(arguments, "Press Ctrl-C to stop.\n").await
}

/// A path in a folder that is deleted with the returned guard.
fn data_file() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sandbox.jsonl").to_str().unwrap().to_owned();
    (folder, path)
}

#[tokio::test]
async fn flags_configure_the_sandbox_and_data_survives_a_restart() {
    let (_folder, data) = data_file();
    #[rustfmt::skip]
    let (mut child, document) = spawn_json(&[
        "--program-id", "7", "--api-key", KEY, "--partner", "one", "--partner", "two",
        "--lead-auth", "server-required", "--attribution-window-days", "30", "--cookie-window-days", "15",
        "--commission", "one-time:50", "--data", &data, "--faults", "error-after-write@sale:1x,latency=1ms@lead",
        "--seed", "3", "--interpretation", "duplicate-sale=conflict",
    ])
    .await;
    let url = document["url"].as_str().unwrap();
    assert_eq!((&document["program_id"], &document["partners"]), (&json!(7), &json!(["one", "two"])));
    let click = post_click(url, "two").await;
    assert_eq!(click["cookie_window_days"], 15);
    let sale = json!({ "transaction_id": "t_1", "amount_cents": 100, "click_id": click["click_id"] });
    assert_eq!(post(url, "/api/v1/track/sale", sale.clone()).await["error"], "Sale tracking failed");
    assert_eq!(post(url, "/api/v1/track/sale", sale).await["message"], "transaction_id already recorded");
    assert_eq!(reqwest::get(document["shop_url"].as_str().unwrap()).await.unwrap().status(), 200);

    assert_eq!((&document["commission"], &document["lead_auth"]), (&json!("one-time:50"), &json!("server-required")));
    assert_eq!(document["faults"], json!(["error-after-write@sale:1x", "latency=1ms@lead"]));
    assert_eq!(
        (&document["interpretations"], &document["attribution_window_days"]),
        (&json!(["duplicate-sale=conflict"]), &json!(30))
    );
    let empty = json!({ "file": data, "clicks": 0, "leads": 0, "sales": 0, "clock_ahead_seconds": 0 });
    assert_eq!(document["data"], empty);

    // A second sandbox can use neither the port nor the file.
    let port = url.rsplit(':').next().unwrap();
    let result = run(&["sandbox", "--port", port], &[]).await;
    assert!(result.code == 2 && result.err.contains(&format!("port {port} is already in use")), "{}", result.err);
    let result = run(&["sandbox", "--port", "0", "--program-id", "7", "--data", &data], &[]).await;
    assert!(result.code == 2 && result.err.contains("another sandbox has this file open"), "{}", result.err);

    #[cfg(unix)]
    {
        let id = child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert_eq!(child.wait().await.unwrap().code(), Some(0), "exit code after SIGTERM");
    }
    child.kill().await.ok();
    let again = ["--program-id", "7", "--api-key", KEY, "--partner", "one", "--partner", "two", "--data", &data];
    let (mut child, document) = spawn_json(&again).await;
    let url = document["url"].as_str().unwrap();
    let sale = json!({ "transaction_id": "t_2", "amount_cents": 100, "click_id": click["click_id"] });
    assert_eq!(post(url, "/api/v1/track/sale", sale.clone()).await["success"], true, "the click was not restored");
    // Acknowledged events survive even if the process is killed.
    child.kill().await.unwrap();
    let (mut child, document) = spawn_json(&again).await;
    let duplicate = post(document["url"].as_str().unwrap(), "/api/v1/track/sale", sale).await["error"].clone();
    assert_eq!(duplicate, "Duplicate transaction_id. This sale has already been recorded.");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn the_banner_shows_settings_that_are_not_default() {
    let (mut child, banner) = spawn_text(&[]).await;
    for name in ["  commission", "  lead auth", "  windows", "  faults", "  interpretations", "  data"] {
        assert!(!banner.contains(name), "{banner}");
    }
    child.kill().await.unwrap();
    let (_folder, data) = data_file();
    let sandbox = Sandbox::builder().data(&data).start().await.unwrap();
    post_click(sandbox.url(), "PARTNER123").await;
    sandbox.advance_days(16);
    drop(sandbox);
    #[rustfmt::skip]
    let (mut child, banner) = spawn_text(&[
        "--commission", "none", "--lead-auth", "server-required", "--cookie-window-days", "15", "--faults", "stall@sale",
        "--interpretation", "duplicate-sale=conflict", "--interpretation", "unknown-lead=refused", "--data", &data,
    ])
    .await;
    for line in [
        "  commission      none\n",
        "  lead auth       server-required\n",
        "  windows         attribution 60 days, cookie 15 days\n",
        "  faults          stall@sale\n",
        "  interpretations duplicate-sale=conflict\n",
        &format!("  data            {data}: 1 click, 0 leads, 0 sales; clock 16 days ahead\n"),
    ] {
        assert!(banner.contains(line), "{line}: {banner}");
    }
    child.kill().await.unwrap();
}

#[tokio::test]
async fn a_torn_line_in_the_data_file_is_a_warning() {
    let (_folder, data) = data_file();
    drop(Sandbox::builder().data(&data).start().await.unwrap());
    let whole = std::fs::read_to_string(&data).unwrap();
    std::fs::write(&data, whole + "{\"sum\":\"01234567\",\"request\":nu").unwrap();
    let (mut child, _) = spawn_text(&["--data", &data]).await;
    let mut warning = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut warning).await.unwrap();
    assert!(warning.contains("WARN") && warning.contains("incomplete last line"), "{warning}");
    assert!(!warning.contains('\u{1b}'), "{warning:?}");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn unusable_data_files_are_reported_with_a_hint() {
    let ((_other, not_a_journal), (_damaged, damaged), (_seven, program_seven)) =
        (data_file(), data_file(), data_file());
    std::fs::write(&not_a_journal, "a shopping list\n").unwrap();
    drop(Sandbox::builder().data(&damaged).start().await.unwrap());
    let whole = std::fs::read_to_string(&damaged).unwrap();
    std::fs::write(&damaged, whole + "{]\n").unwrap();
    let sandbox = Sandbox::builder().program_id(7).data(&program_seven).start().await.unwrap();
    post_click(sandbox.url(), "PARTNER123").await;
    drop(sandbox);
    let folder = std::env::temp_dir();
    for (data, expected) in [
        (not_a_journal.as_str(), "→ move or delete the file, or choose another with --data"),
        (
            &damaged,
            "→ leave the line out with --skip-damaged-lines; or move or delete the file, or choose another with --data",
        ),
        (&program_seven, "→ use the program and the partners that the file was written with"),
        (folder.to_str().unwrap(), "→ choose another file with --data"),
    ] {
        let result = run(&["sandbox", "--port", "0", "--data", data], &[]).await;
        assert!(result.code == 2 && result.err.contains(expected), "{data}: {}{}", result.out, result.err);
    }
    let (mut child, _) = spawn_text(&["--data", &damaged, "--skip-damaged-lines"]).await;
    let mut warning = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut warning).await.unwrap();
    assert!(warning.contains("a line of the journal is left out") && warning.contains("line=2"), "{warning}");
    child.kill().await.unwrap();
}

/// Reads lines until one satisfies the condition.
async fn line_with(lines: &mut tokio::io::Lines<BufReader<tokio::process::ChildStdout>>, text: &str) -> String {
    let reading = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("the sandbox exited");
            if line.contains(text) {
                return line;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), reading)
        .await
        .unwrap_or_else(|_| panic!("no line with {text}"))
}

#[tokio::test]
async fn a_line_per_call() {
    let mut child = affitor(&["sandbox", "--port", "0", "--api-key", KEY, "--faults", "reset-after-write@refund:1x"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let banner = line_with(&mut lines, "Affitor sandbox").await;
    let url = banner.split_whitespace().last().unwrap().to_owned();
    line_with(&mut lines, "Ctrl-C").await;
    let click = post_click(&url, "PARTNER123").await;
    let click_id = click["click_id"].as_str().unwrap();
    assert_eq!(line_with(&mut lines, "click").await, format!("click     {click_id} ← PARTNER123  recorded"));
    let lead = json!({ "click_id": click_id, "customer_key": "user_7", "email": "jo@example.com" });
    post(&url, "/api/v1/track/lead", lead.clone()).await;
    assert_eq!(line_with(&mut lines, "lead").await, "lead      user_7 ← PARTNER123  recorded");
    post(&url, "/api/v1/track/lead", lead).await;
    let refused = "lead      user_7  400 Customer status cannot be updated to lead. Current status: lead";
    assert_eq!(line_with(&mut lines, "lead").await, refused);
    let sale = json!({ "transaction_id": "in_1", "amount_cents": 4_900, "customer_key": "user_7" });
    for expected in
        ["sale      in_1 user_7 ← PARTNER123  49.00 USD  recorded", "sale      in_1 user_7  409 already recorded"]
    {
        post(&url, "/api/v1/track/sale", sale.clone()).await;
        assert_eq!(line_with(&mut lines, "sale").await, expected);
    }
    let refund = json!({ "transaction_id": "in_1", "refund_amount_cents": 900 });
    let http =
        reqwest::Client::new().post(format!("{url}/api/v1/track/refund")).bearer_auth(KEY).body(refund.to_string());
    http.send().await.unwrap_err();
    let reset = "refund    in_1 ← PARTNER123  9.00 USD  no response, fault reset-after-write, recorded";
    assert_eq!(line_with(&mut lines, "refund").await, reset);
    // An unknown click: the line below says why. A hostile id can't control the terminal.
    post(&url, "/api/v1/track/lead", json!({ "click_id": "cust_9_9\u{1b}[2J" })).await;
    assert_eq!(
        line_with(&mut lines, "lead").await,
        "lead      cust_9_9\u{fffd}[2J  400 Customer not found. Provide a valid click_id or customer_key."
    );
    assert!(line_with(&mut lines, "→").await.contains("The click id is unknown here"));
    child.kill().await.unwrap();

    // With --quiet, only the banner is printed.
    let quiet = spawn(&["--quiet"], "Press Ctrl-C to stop.\n").await;
    let (mut child, banner) = quiet;
    let url = banner.lines().next().unwrap().split_whitespace().last().unwrap().to_owned();
    post_click(&url, "PARTNER123").await;
    #[cfg(unix)]
    {
        let id = child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }
    #[cfg(not(unix))]
    child.kill().await.unwrap();
    child.wait().await.unwrap();
}

/// Under load, `kill -9`: every acknowledged event is there after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_sandbox_keeps_what_it_acknowledged() {
    let (_folder, data) = data_file();
    let arguments = ["--api-key", KEY, "--data", data.as_str()];
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let (mut child, document) = spawn_json(&arguments).await;
        let url = document["url"].as_str().unwrap().to_owned();
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let url = url.clone();
                tokio::spawn(async move {
                    let http = reqwest::Client::new();
                    let send = async |call: &str, body: Value| {
                        let request =
                            http.post(format!("{url}/api/v1/track/{call}")).bearer_auth(KEY).body(body.to_string());
                        let response = request.send().await.ok()?;
                        let body: Value = serde_json::from_slice(&response.bytes().await.ok()?).ok()?;
                        (body["success"] == true).then_some(body)
                    };
                    let landing = json!({ "affiliate_url": "https://shop.example/?aff=PARTNER123" });
                    let mut kept = Vec::new();
                    // Ends when the process is killed.
                    while let Some(click) = send("click", landing.clone()).await {
                        let id = format!("t_{round}_{worker}_{}", kept.len());
                        let sale = json!({ "transaction_id": id, "amount_cents": 100, "click_id": click["click_id"] });
                        if send("sale", sale).await.is_none() {
                            break;
                        }
                        kept.push(id);
                    }
                    kept
                })
            })
            .collect();
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        // On Unix, this is SIGKILL.
        child.kill().await.unwrap();
        for worker in workers {
            acknowledged.extend(worker.await.unwrap());
        }
    }
    let (mut child, document) = spawn_json(&arguments).await;
    let snapshot = reqwest::get(format!("{}/_sandbox/snapshot", document["url"].as_str().unwrap())).await.unwrap();
    let snapshot: Value = serde_json::from_slice(&snapshot.bytes().await.unwrap()).unwrap();
    let kept: std::collections::HashSet<&str> =
        snapshot["sales"].as_array().unwrap().iter().map(|sale| sale["transaction_id"].as_str().unwrap()).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|id| !kept.contains(id.as_str())).collect();
    eprintln!(
        "kill -9: {} sales acknowledged in 3 rounds, {} kept, {} lost",
        acknowledged.len(),
        kept.len(),
        lost.len()
    );
    assert!(lost.is_empty(), "{lost:?}");
    assert!(acknowledged.len() > 100, "only {} sales were acknowledged", acknowledged.len());
    child.kill().await.unwrap();
}
