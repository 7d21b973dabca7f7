//! Help, and invalid arguments.

use serde_json::json;

use crate::common::{KEY, run};

#[tokio::test]
async fn help_lists_exit_codes_and_variables_but_shows_no_key() {
    let help = run(&["--help"], &[("AFFITOR_API_KEY", KEY)]).await;
    assert!(help.code == 0 && help.out.contains("Exit codes:"), "{}", help.out);
    for command in ["sandbox", "test", "status", "doctor"] {
        assert!(help.out.contains(command));
        let help = run(&[command, "--help"], &[("AFFITOR_API_KEY", KEY)]).await;
        assert!(help.code == 0 && help.out.contains("--json"), "{}", help.out);
        let codes = help.out.split("Exit codes").nth(1).unwrap_or_default();
        assert!(codes.contains("\n  0  "), "{command}: {}", help.out);
    }
    let help = run(&["test", "lead", "--help", "--json"], &[]).await;
    assert!(help.code == 0 && help.out.contains("AFFITOR_API_TOKEN"), "help is never JSON: {}", help.out);
}

#[tokio::test]
async fn invalid_arguments_are_reported_as_json_on_request() {
    for (arguments, expected) in [
        (&["--json"][..], "'affitor' requires a subcommand"),
        (&["test", "--json"], "'affitor test' requires a subcommand"),
        (&["test", "chain", "--json", "--timeout", "-1"], "-1 is not in 1..=3600"),
        (&["test", "refund", "--json"], "unrecognized subcommand 'refund'"),
        (&["status", "--json", "--shop", "1"], "unexpected argument '--shop' found"),
        (&["sandbox", "--json", "--commission", "half"], "is not a commission"),
        (&["sandbox", "--json", "--api-key", "a b"], "without white space"),
    ] {
        let result = run(arguments, &[]).await;
        let error = result.json()["error"].clone();
        assert_eq!((result.code, &error["kind"], result.err.as_str()), (2, &json!("usage"), ""), "{arguments:?}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(expected) && !message.contains('\n') && !message.starts_with("error"), "{message}");
        assert!(error["hint"].is_string(), "{error}");
    }
}
