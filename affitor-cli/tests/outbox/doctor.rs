//! `affitor doctor` says what the ledger does with Stripe's payments.

use affitor_sandbox::Sandbox;
use serde_json::Value;
use shop_lives::Provider;
use tokio::process::Command;

use crate::shop::{Database, Shop};

/// Runs `affitor doctor --json`. Returns the exit code and the check of the ledger, if there is one.
async fn ledger(sandbox: &Sandbox, database: Option<&str>) -> (i32, Option<Value>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_affitor"));
    command.args(["doctor", "--json", "--api-url", sandbox.url(), "--api-key", sandbox.api_key()]);
    for name in ["AFFITOR_API_KEY_FILE", "AFFITOR_PROGRAM_ID", "DATABASE_URL", "STRIPE_WEBHOOK_SECRET"] {
        command.env_remove(name);
    }
    let output = command.envs(database.map(|url| ("DATABASE_URL", url))).output().await.unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = document["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == "ledger").cloned();
    (output.status.code().unwrap(), found)
}

/// Checks the status and a part of the message.
async fn assert_ledger(sandbox: &Sandbox, database: &str, status: &str, part: &str) {
    let (code, check) = ledger(sandbox, Some(database)).await;
    let check = check.unwrap_or_else(|| panic!("the ledger is not checked"));
    assert!(code == 0 && check["status"] == status, "{code} {check}");
    assert!(check["message"].as_str().unwrap().contains(part), "{part}: {check}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_whether_the_ledger_holds_or_reports() {
    let own = Sandbox::start().await.unwrap();
    let connected = Sandbox::builder().stripe_webhook_secret("whsec_0123456789").start().await.unwrap();
    let shop = Shop::new(Provider::Stripe, Database::sqlite().await, 6, 21).await;
    let url = shop.database.url();
    assert_eq!(ledger(&own, None).await, (0, None), "no database is set");
    assert_ledger(&own, &url, "passed", "it keeps payments for 550 days and delivered events for 30 days").await;

    shop.database.start_ledger(2 * 24 * 60 * 60).await;
    shop.database.execute("UPDATE {}affitor_ledgers SET stripe_connected = true").await;
    assert_eq!(shop.reconcile(&[]).await.code, 1);
    for sandbox in [&own, &connected] {
        assert_ledger(sandbox, &url, "warning", "it is unknown whether Affitor reports them itself").await;
    }

    // Nothing delivers the events, so the payments are as the release left them.
    assert_eq!(shop.payments(&["reporter", "app"]).await.code, 0);
    assert_eq!(shop.reconcile(&[]).await.code, 0);
    assert_ledger(&own, &url, "passed", "holds nothing; of the last 7 days, it reported ").await;
    assert_ledger(&connected, &url, "warning", "which Affitor may read itself").await;

    shop.database.execute("UPDATE {}affitor_payments SET status = 'read_by_affitor' WHERE status = 'reported'").await;
    assert_ledger(&connected, &url, "passed", "to Affitor").await;
    assert_ledger(&own, &url, "warning", "but Stripe is not connected").await;
}

#[tokio::test]
async fn other_databases_are_no_problem_of_the_app() {
    let sandbox = Sandbox::start().await.unwrap();
    for database in ["sqlite::memory:", "mysql://root:secret@localhost/shop", "postgres://jo:secret@127.0.0.1:1/shop"] {
        assert_ledger(&sandbox, database, "warning", "not checked: ").await;
        assert!(!format!("{:?}", ledger(&sandbox, Some(database)).await).contains("secret"));
    }
}
