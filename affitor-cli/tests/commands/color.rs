//! `--color`, and the variables that it overrides.

use affitor_sandbox::Sandbox;

use crate::common::{affitor, environment, start};

const RED: &str = "\u{1b}[31m";

/// Runs the command without a terminal. Returns whether standard output and standard error are colored.
async fn colored(arguments: &[&str], environment: &[(&str, &str)]) -> [bool; 2] {
    let output = affitor(arguments).envs(environment.iter().copied()).output().await.unwrap();
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap().contains('\u{1b}'))
}

#[tokio::test]
async fn colors_are_used_as_requested() {
    let sandbox = start(Sandbox::builder()).await;
    let environment = environment(sandbox.url());
    let with = |name, value| [environment.clone(), vec![(name, value)]].concat();
    for (arguments, variables, expected) in [
        (&["status"][..], environment.clone(), false),
        (&["status", "--color", "auto"], environment.clone(), false),
        (&["status", "--color", "always"], environment.clone(), true),
        (&["--color=always", "status"], environment.clone(), true),
        (&["status", "--color", "never"], with("CLICOLOR_FORCE", "1"), false),
        (&["status"], with("CLICOLOR_FORCE", "1"), true),
        (&["status", "--color", "always"], with("NO_COLOR", "1"), true),
        (&["status"], with("NO_COLOR", "1"), false),
        (&["status", "--json", "--color", "always"], environment.clone(), false),
        (&["--help"], vec![], false),
        (&["--help", "--color", "always"], vec![], true),
        (&["doctor", "--help"], vec![("CLICOLOR_FORCE", "1")], true),
    ] {
        let [out, _] = colored(arguments, &variables).await;
        assert_eq!(out, expected, "{arguments:?} {variables:?}");
    }
    for (arguments, expected) in [
        (&["no-such-command"][..], false),
        (&["no-such-command", "--color", "always"], true),
        (&["--color=always", "test", "chain"], true),
        (&["status", "--color", "never", "--color", "always"], true),
        // What follows `--` is not a flag of this command.
        (&["no-such-command", "--", "--color=always"], false),
    ] {
        let [_, err] = colored(arguments, &[]).await;
        assert_eq!(err, expected, "{arguments:?}");
    }
    let output = affitor(&["status", "--color", "always"]).output().await.unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().starts_with(RED));
    let output = affitor(&["status", "--color", "pink"]).output().await.unwrap();
    assert!(
        output.status.code() == Some(2) && String::from_utf8(output.stderr).unwrap().contains("auto, always, never")
    );
}
