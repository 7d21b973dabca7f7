//! Commands that need the feature `outbox`, in a build without it.

use serde_json::json;

use crate::common::run;

#[tokio::test]
async fn a_command_whose_feature_is_missing_says_how_to_install_it() {
    const INSTALL: &str = "cargo install affitor-cli --features outbox";
    for command in ["outbox", "payments"] {
        for arguments in
            [&[][..], &["status"], &["replay", "4711", "--confirm"], &["--database-url", "sqlite::memory:"]]
        {
            let arguments = [&[command], arguments].concat();
            let result = run(&arguments, &[]).await;
            assert!(result.code == 2 && result.err.contains(INSTALL), "{arguments:?}: {}", result.err);
            assert!(result.err.contains("feature `outbox`"), "{}", result.err);
        }
        for arguments in [vec!["--json", command, "status"], vec![command, "status", "--json"], vec![command, "--json"]]
        {
            let result = run(&arguments, &[]).await;
            let error = result.json()["error"].clone();
            assert_eq!((result.code, &error["kind"], result.err.as_str()), (2, &json!("usage"), ""), "{arguments:?}");
            assert!(error["hint"].as_str().unwrap().contains(INSTALL), "{error}");
        }
        let help = run(&["help", command], &[]).await;
        assert!(help.code == 0 && help.out.contains(INSTALL), "{}", help.out);
    }
}
