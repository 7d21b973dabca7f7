//! `affitor status`.

use affitor_sandbox::Sandbox;

use crate::common::{environment, post_click, run, start};

#[tokio::test]
async fn status_takes_the_program_id_from_the_key() {
    let sandbox = start(Sandbox::builder()).await;
    let environment = environment(sandbox.url());
    let result = run(&["status"], &environment).await;
    assert_eq!(result.code, 0, "{}", result.err);
    assert!(result.out.contains("Sandbox program 42 (program 42), localhost, configuring"), "{}", result.out);
    assert!(result.out.contains("last 24 hours: 0 clicks, 0 leads, 0 sales (without test events)"), "{}", result.out);
    assert!(result.out.lines().all(|line| line.trim_end() == line), "{:?}", result.out);
    post_click(sandbox.url(), "PARTNER123").await;
    let result = run(&["status"], &environment).await;
    assert!(result.out.contains("last 24 hours: 1 click, 0 leads, 0 sales"), "{}", result.out);
    let result = run(&["status", "--json"], &environment).await;
    assert_eq!(result.json()["status"]["active_partners"], 1);
}
