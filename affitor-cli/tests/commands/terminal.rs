//! What a terminal shows: colors and progress. `script` from util-linux provides the terminal.

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};

use affitor_sandbox::Sandbox;

use crate::common::{affitor, environment, is_installed, start};

/// Runs the command on a terminal. Returns what it shows.
fn on_a_terminal(arguments: &str, url: &str) -> String {
    on_a_terminal_with(arguments, url, &[])
}

fn on_a_terminal_with(arguments: &str, url: &str, variables: &[(&str, &OsStr)]) -> String {
    let command = format!("{} {arguments}", affitor(&[]).as_std().get_program().display());
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).stdin(Stdio::null()).env("TERM", "xterm");
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        script.env_remove(name);
    }
    let output = script.envs(environment(url)).envs(variables.iter().copied()).output().unwrap();
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

/// Other users see the arguments of a program. With the page of the login, they could fetch its token.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_arguments_of_the_browser_name_no_login() {
    use std::os::unix::fs::PermissionsExt as _;

    if !is_installed("script", &["--version"]) {
        return;
    }
    let sandbox = start(Sandbox::builder()).await;
    let folder = tempfile::tempdir().unwrap();
    let [arguments, page, mode] = ["arguments", "page", "mode"].map(|name| folder.path().join(name));
    let browser = folder.path().join("xdg-open");
    let script = format!(
        "#!/bin/sh\ncat \"$1\" > '{}'\nstat -c %a \"$1\" > '{}'\necho \"$@\" > '{}'\n",
        page.display(),
        mode.display(),
        arguments.display()
    );
    std::fs::write(&browser, script).unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let url = sandbox.url().to_owned();
    let home = folder.path().to_owned();
    let text = tokio::task::spawn_blocking(move || {
        on_a_terminal_with("login --timeout 3", &url, &[("PATH", path.as_ref()), ("HOME", home.as_os_str())])
    });
    let text = text.await.unwrap();
    assert!(text.contains("/_sandbox/consent?state="), "the person sees it: {text}");
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}: {text}"));
    let (opened, page) = (read(&arguments), read(&page));
    assert!(!opened.contains("state=") && opened.trim().ends_with(".html"), "{opened}");
    assert!(page.contains("/_sandbox/consent?state="), "{page}");
    assert_eq!(read(&mode).trim(), "600");
    assert!(!std::path::Path::new(opened.trim()).exists(), "it is removed with the login");
}
