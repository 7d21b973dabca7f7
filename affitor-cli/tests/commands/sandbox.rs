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
    std::fs::write(&data, "{\"affitor_sandbox_journal\":1}\n{\"request\":nu").unwrap();
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
    std::fs::write(&damaged, "{\"affitor_sandbox_journal\":1}\n{]\n").unwrap();
    let sandbox = Sandbox::builder().program_id(7).data(&program_seven).start().await.unwrap();
    post_click(sandbox.url(), "PARTNER123").await;
    drop(sandbox);
    let folder = std::env::temp_dir();
    for (data, expected) in [
        (not_a_journal.as_str(), "→ move or delete the file, or choose another with --data"),
        (&damaged, "→ move or delete the file, or choose another with --data"),
        (&program_seven, "→ use the program and the partners that the file was written with"),
        (folder.to_str().unwrap(), "→ choose another file with --data"),
    ] {
        let result = run(&["sandbox", "--port", "0", "--data", data], &[]).await;
        assert!(result.code == 2 && result.err.contains(expected), "{data}: {}{}", result.out, result.err);
    }
}
