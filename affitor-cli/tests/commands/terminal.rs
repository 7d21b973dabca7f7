//! What a terminal shows: colors and progress. `script` from util-linux provides the terminal.

use std::process::{Command, Stdio};

use affitor_sandbox::Sandbox;

use crate::common::{affitor, environment, is_installed, start};

/// Runs the command on a terminal. Returns what it shows.
fn on_a_terminal(arguments: &str, url: &str) -> String {
    let command = format!("{} {arguments}", affitor(&[]).as_std().get_program().display());
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).stdin(Stdio::null()).env("TERM", "xterm");
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        script.env_remove(name);
    }
    let output = script.envs(environment(url)).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_shown_on_a_terminal_only() {
    if !is_installed("script", &["--version"]) {
        return;
    }
    let sandbox = start(Sandbox::builder()).await;
    let text = on_a_terminal("test chain --no-run --timeout 2", sandbox.url());
    assert!(text.contains("querying readiness") && text.contains("\u{1b}["), "{text:?}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.contains("not verified"), "the progress is removed before the result: {text:?}");
    for arguments in
        ["test chain --no-run --timeout 2 --json", "test chain --no-run --timeout 2 2>/dev/null --color never"]
    {
        let text = on_a_terminal(arguments, sandbox.url());
        assert!(!text.contains("querying readiness") && !text.contains('\u{1b}'), "{arguments}: {text:?}");
    }
}
