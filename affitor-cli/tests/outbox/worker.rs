//! Runs `affitor outbox` on a SQLite file.

use std::{process::Stdio, time::Duration};

use affitor_sandbox::Sandbox;
use serde_json::Value;
use tokio::process::Command;

const REJECTED: &str = r#"{"event": {"type": "sale", "transaction_id": "in_1", "amount_cents": 18446744073709551615, "currency": "USD",
    "customer_key": "jo@example.com"}}"#;

const LEAD: &str = r#"{"event": {"type": "lead", "customer_key": "user_7", "click_id": "CLICK"}}"#;

fn affitor(database: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_affitor"));
    command
        .args(["outbox", "--json", "--database-url", database])
        .args(arguments)
        .kill_on_drop(true)
        .stdin(Stdio::null());
    command
}

async fn run(database: &str, arguments: &[&str]) -> (i32, Value) {
    let output = affitor(database, arguments).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"));
    (output.status.code().unwrap(), json)
}

#[tokio::test]
async fn an_outbox_from_migration_to_resolved_dead_letters() {
    let folder = crate::databases::folder();
    let database = format!("sqlite://{}?mode=rwc", folder.path().join("shop.sqlite3").display());
    assert_eq!(run(&database, &["status"]).await.0, 3, "there are no tables");
    let (_, printed) = run(&database, &["migrate", "--print"]).await;
    assert!(printed["sql"].as_str().unwrap().contains("EXISTS affitor_totals"));
    assert_eq!(run(&database, &["status"]).await.0, 3, "--print created tables");
    assert_eq!(run(&database, &["migrate"]).await.0, 0);
    assert_eq!(run(&database, &["migrate", "--print"]).await.1["sql"], "");
    assert_eq!(run(&database, &["status"]).await.1["total"], 0);

    let sandbox = Sandbox::start().await.unwrap();
    let url = format!("{}/api/v1/track/click", sandbox.url());
    let landing = format!(r#"{{"affiliate_url": "https://shop.example/?aff={}"}}"#, sandbox.partner_code());
    reqwest::Client::new().post(url).body(landing).send().await.unwrap();
    let click_id = sandbox.clicks()[0].click_id.clone();
    let pool = affitor_outbox::sqlx::SqlitePool::connect(&database).await.unwrap();
    let lead = LEAD.replace("CLICK", &click_id);
    for args in [&lead, "{}", REJECTED, REJECTED] {
        let sql =
            "INSERT INTO river_job (kind, queue, args, max_attempts) VALUES ('affitor_event', 'affitor', jsonb($1), 9)";
        affitor_outbox::sqlx::query(sql).bind(args).execute(&pool).await.unwrap();
    }
    pool.close().await;

    let arguments = ["work", "--api-url", sandbox.url(), "--api-key", sandbox.api_key(), "--keep-completed", "40"];
    let mut work = affitor(&database, &arguments);
    let worker = work.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    sandbox.wait_for(|state| state.leads.len() == 1).await.unwrap();
    let drained = async {
        while run(&database, &["status"]).await.1["pending"] != 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), drained).await.unwrap();
    let id = worker.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    let stopped = tokio::time::timeout(Duration::from_secs(30), worker.wait_with_output()).await.unwrap().unwrap();
    assert!(stopped.status.success(), "exit code after SIGTERM");
    let log = String::from_utf8(stopped.stderr).unwrap();
    assert!(log.contains("an event is a dead letter") && !log.contains("jo@"), "{log}");

    let (_, status) = run(&database, &["status"]).await;
    assert_eq!((&status["recorded"], &status["dead"], &status["total"]), (&1.into(), &3.into(), &4.into()), "{status}");
    let (_, dead) = run(&database, &["dead"]).await;
    assert_eq!(dead["dead"].as_array().unwrap().len(), 3);
    assert_eq!(dead["dead"][1]["event"]["customer_key"], "[redacted]", "the output goes into logs");
    assert!(!dead.to_string().contains("jo@"), "{dead}");
    assert_eq!(
        run(&database, &["dead", "--limit", "1", "--after", &dead["dead"][0]["id"].to_string()]).await.1["dead"][0],
        dead["dead"][1]
    );
    assert_eq!(run(&database, &["dead", "--limit", "0"]).await.0, 2);
    assert_eq!(run(&database, &["uncertain"]).await, (0, serde_json::json!({ "uncertain": [] })));
    assert_eq!(run(&database, &["settle", "1"]).await.0, 1);
    let pool = affitor_outbox::sqlx::SqlitePool::connect(&database).await.unwrap();
    let kept = affitor_outbox::Outbox::sqlite(pool.clone()).retention().await.unwrap().completed;
    assert_eq!(kept, Duration::from_secs(40 * 24 * 60 * 60));
    let uncertain = r#"UPDATE river_job SET metadata = jsonb('{"output": {"outcome": "already_recorded", "uncertain": true}}') WHERE id = 1"#;
    affitor_outbox::sqlx::query(uncertain).execute(&pool).await.unwrap();
    pool.close().await;
    let (_, listed) = run(&database, &["uncertain"]).await;
    assert!(listed["uncertain"][0]["reason"].as_str().unwrap().contains("an attempt that failed half-way"), "{listed}");
    assert_eq!(run(&database, &["settle", "1"]).await.0, 0);
    let letter = dead["dead"][0].clone();
    assert_eq!(letter["reason"], "unreadable", "{dead}");
    let id = letter["id"].to_string();
    assert_eq!(
        run(&database, &["discard", &id, "99"]).await,
        (1, serde_json::json!({ "done": [letter["id"]], "not_found": [99] }))
    );
    assert_eq!(run(&database, &["status"]).await.1["discarded"], 1);
    assert_eq!(run(&database, &["replay", "--reason", "uncertain"]).await.0, 2, "uncertain events are replayed by id");
    assert_eq!(run(&database, &["replay", "--reason", "other"]).await.1["done"], serde_json::json!([]));
    let rejected = serde_json::json!([dead["dead"][1]["id"], dead["dead"][2]["id"]]);
    assert_eq!(run(&database, &["replay", "--reason", "rejected", "--reason", "too_old"]).await.1["done"], rejected);
    assert_eq!(run(&database, &["status"]).await.1["pending"], 2);
    for invalid in [&["replay"][..], &["replay", "7", "--reason", "rejected"], &["discard", "--reason", "moon"]] {
        assert_eq!(run(&database, invalid).await.0, 2, "{invalid:?}");
    }
    assert_eq!(run(&database, &["replay", &id]).await.0, 1, "a discarded event was replayed");
}

#[tokio::test]
async fn unusable_databases_are_reported_without_their_password() {
    for (database, code) in
        [("mysql://x", 2), ("sqlite:///nowhere/at/all.sqlite3", 3), ("postgres://secret:word@127.0.0.1:1/x", 3)]
    {
        let (exit_code, document) = run(database, &["status"]).await;
        assert_eq!(exit_code, code, "{document}");
        assert!(!document.to_string().contains("word@"), "{document}");
    }
}
