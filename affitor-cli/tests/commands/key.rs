//! `affitor key rotate`.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use affitor_sandbox::{ApiCall, Fault, Sandbox};
use serde_json::{Value, json};

use crate::common::{Finished, Home, run};

const MANAGEMENT: (&str, &str) = ("AFFITOR_MANAGEMENT_KEY", "affk_0123456789abcdef0123456789abcdef01234567");
const PROGRAM: (&str, &str) = ("AFFITOR_PROGRAM_ID", "42");

async fn sandbox() -> Sandbox {
    Sandbox::builder().api_key("aff_present").management_key(MANAGEMENT.1).start().await.unwrap()
}

/// A user whose app reads its key from the file `key`.
fn home(sandbox: &Sandbox) -> Home {
    let home = Home::new(sandbox.url());
    write_private(&home.path("key"), "aff_present\n");
    home
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

async fn rotate(home: &Home, environment: &[(&str, &str)], command: &[&str]) -> Finished {
    let arguments: Vec<&str> = ["key", "rotate"].iter().chain(command).copied().collect();
    let file = home.path("key");
    let file = ("AFFITOR_API_KEY_FILE", file.to_str().unwrap());
    let environment: Vec<_> = [MANAGEMENT, PROGRAM, file].iter().chain(environment).copied().collect();
    home.run_with(&arguments, &environment).await
}

/// The status of a call with the key in a file.
async fn status(sandbox: &Sandbox, key: &str) -> u16 {
    let url = format!("{}/api/v1/programs/me/readiness", sandbox.url());
    reqwest::Client::new().get(url).bearer_auth(key.trim()).send().await.unwrap().status().as_u16()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_file_gets_the_new_key() {
    let sandbox = sandbox().await;
    let home = home(&sandbox);
    let run = rotate(&home, &[], &[]).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let key = home.read("key");
    assert!(key.starts_with("aff_") && key.ends_with('\n') && key != "aff_present\n");
    assert!(!run.out.contains(key.trim()) && run.out.contains(&format!("{}****", &key[..12])), "{}", run.out);
    assert_eq!((status(&sandbox, &key).await, status(&sandbox, "aff_present").await), (200, 401));
    assert_eq!(mode(&home.path("key")), 0o600);
    assert!(home.secrets().is_empty(), "no copy is left");

    // A link stays a link, and a file that is not there yet is made.
    std::os::unix::fs::symlink(home.path("there"), home.path("link")).unwrap();
    write_private(&home.path("there"), "aff_old");
    let link = home.path("link");
    let run = rotate(&home, &[("AFFITOR_API_KEY_FILE", link.to_str().unwrap())], &["--json"]).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(status(&sandbox, &home.read("there")).await, 200);
    assert_eq!(run.json()["program_id"], "42");
    let new = home.path("new");
    let run = rotate(&home, &[("AFFITOR_API_KEY_FILE", new.to_str().unwrap())], &[]).await;
    assert_eq!((run.code, mode(&new)), (0, 0o600), "{}{}", run.out, run.err);
    assert_eq!(status(&sandbox, &home.read("new")).await, 200);
}

#[tokio::test]
async fn nothing_changes_if_the_target_or_the_key_is_wrong() {
    let sandbox = sandbox().await;
    let home = home(&sandbox);
    fs::create_dir(home.path("folder")).unwrap();
    write_private(&home.path("open"), "aff_present");
    fs::set_permissions(home.path("open"), fs::Permissions::from_mode(0o644)).unwrap();
    let path = |name: &str| home.path(name).to_str().unwrap().to_owned();
    for (name, value, code, message) in [
        ("AFFITOR_API_KEY_FILE", path("no/such/folder"), 2, "can't be written"),
        ("AFFITOR_API_KEY_FILE", path("folder"), 2, "is not a file with a key"),
        ("AFFITOR_API_KEY_FILE", path("open"), 2, "has mode 644"),
        ("AFFITOR_API_KEY_FILE", String::new(), 2, "AFFITOR_API_KEY_FILE is not set"),
        ("AFFITOR_MANAGEMENT_KEY", String::new(), 2, "AFFITOR_MANAGEMENT_KEY is not set"),
        ("AFFITOR_MANAGEMENT_KEY", "aff_present".to_owned(), 2, "is not a management key"),
        ("AFFITOR_MANAGEMENT_KEY", "affk_moon".to_owned(), 4, "does not accept the management key (status 401)"),
        ("AFFITOR_PROGRAM_ID", String::new(), 2, "no program id"),
        ("AFFITOR_PROGRAM_ID", "8".to_owned(), 2, "the service has no such program"),
        ("AFFITOR_PROGRAM_ID", "../42".to_owned(), 2, "the program id is invalid"),
    ] {
        let run = rotate(&home, &[(name, &value)], &[]).await;
        assert!(run.code == code && run.err.contains(message), "{name}={value}: {} {}{}", run.code, run.out, run.err);
        assert!(!run.err.contains("affk_moon") && !run.err.contains("aff_present"), "{}", run.err);
    }
    for command in [&["--", "false"][..], &["--", "/no/such/program"]] {
        let run = rotate(&home, &[], command).await;
        assert!(run.code == 1 && run.err.contains("the command "), "{} {}", run.code, run.err);
    }
    assert_eq!(status(&sandbox, "aff_present").await, 200, "the key is still valid");
    assert!(sandbox.requests().iter().all(|request| request.call != Some(ApiCall::RegenerateKey)));
    assert_eq!(home.read("key"), "aff_present\n");
}

#[tokio::test]
async fn a_key_that_may_not_do_it_changes_nothing() {
    let sandbox = sandbox().await;
    let home = home(&sandbox);
    let body = json!({ "name": "reader", "scopes": ["program:read"] }).to_string();
    let made =
        reqwest::Client::new().post(format!("{}/api/advertiser/api-keys", sandbox.url())).bearer_auth(MANAGEMENT.1);
    let made: Value = serde_json::from_str(&made.body(body).send().await.unwrap().text().await.unwrap()).unwrap();
    let reader = made["data"]["key"].as_str().unwrap();
    let run = rotate(&home, &[("AFFITOR_MANAGEMENT_KEY", reader)], &[]).await;
    assert!(run.code == 4 && run.err.contains("(status 403)"), "{} {}", run.code, run.err);
    assert_eq!((status(&sandbox, "aff_present").await, home.read("key").as_str()), (200, "aff_present\n"));
}

/// It gets the present key first, and then the new one.
#[tokio::test]
async fn a_command_gets_the_key() {
    let sandbox = sandbox().await;
    let home = home(&sandbox);
    let script = r#"read -r key; echo "$key" >> "$HOME_OF_TEST/got"; test -z "$AFFITOR_MANAGEMENT_KEY"; echo "done""#;
    let folder = home.path("");
    let folder = ("HOME_OF_TEST", folder.to_str().unwrap());
    let run = rotate(&home, &[folder], &["--", "sh", "-c", script]).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let got = home.read("got");
    let keys: Vec<_> = got.lines().collect();
    assert_eq!((keys.len(), keys[0]), (2, "aff_present"));
    assert_eq!(status(&sandbox, keys[1]).await, 200);
    assert!(!run.out.contains("done\n") && run.err.contains("done\n"), "its output is no result");
    assert_eq!(home.read("key"), "aff_present\n", "the command is the target");

    // It works with the present key, and fails with the new one.
    let script = r#"read -r key; test "$key" = "$(tail -n 1 "$HOME_OF_TEST/got")" "#;
    write_private(&home.path("key"), keys[1]);
    let run = rotate(&home, &[folder], &["--", "sh", "-c", script]).await;
    assert!(run.code == 1 && run.err.contains("ended with exit status: 1. The old key is invalid"), "{}", run.err);
    let kept = home.secrets();
    assert_eq!((kept.len(), status(&sandbox, &kept[0]).await), (1, 200), "the key is kept");
}

#[tokio::test]
async fn a_target_that_turns_unwritable_loses_nothing() {
    let sandbox = sandbox().await;
    let home = home(&sandbox);
    fs::create_dir(home.path("run")).unwrap();
    write_private(&home.path("run/key"), "aff_present\n");
    sandbox.inject(Fault::Latency(Duration::from_secs(1)).times(1).on(ApiCall::RegenerateKey));
    let file = home.path("run/key");
    let environment = [("AFFITOR_API_KEY_FILE", file.to_str().unwrap())];
    let (run, ()) = tokio::join!(rotate(&home, &environment, &[]), async {
        let is_made = |request: &affitor_sandbox::RequestRecord| request.call == Some(ApiCall::RegenerateKey);
        while !sandbox.requests().iter().any(is_made) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        fs::rename(home.path("run"), home.path("gone")).unwrap();
    });
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    let kept = home.secrets();
    assert_eq!((kept.len(), status(&sandbox, &kept[0]).await), (1, 200), "{}", run.err);
    let path = fs::read_dir(home.path("config/affitor/keys")).unwrap().next().unwrap().unwrap().path();
    assert!(run.err.contains(path.to_str().unwrap()), "its place is said: {}", run.err);
    assert_eq!(mode(&path), 0o600);
    // Once the target is right, another key is made, and the copy is removed.
    fs::rename(home.path("gone"), home.path("run")).unwrap();
    let run = rotate(&home, &environment, &[]).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(status(&sandbox, &home.read("run/key")).await, 200);
    assert!(home.secrets().is_empty());
}

/// A response that is lost means another key; Ctrl-C does not lose one.
#[tokio::test]
async fn lost_responses_and_signals() {
    let sandbox = sandbox().await;
    let home = home(&sandbox);
    sandbox.inject(Fault::ErrorAfterWrite.times(1).on(ApiCall::RegenerateKey));
    sandbox.inject(Fault::TruncatedResponse.times(1).on(ApiCall::RegenerateKey));
    let run = rotate(&home, &[], &[]).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(status(&sandbox, &home.read("key")).await, 200);

    sandbox.inject(Fault::Latency(Duration::from_secs(1)).times(1).on(ApiCall::RegenerateKey));
    let before = sandbox.requests().len();
    let mut command = home.command(&["key", "rotate"]);
    command.envs([MANAGEMENT, PROGRAM]).env("AFFITOR_API_KEY_FILE", home.path("key"));
    let child = command.spawn().unwrap();
    let id = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    while !sandbox.requests()[before..].iter().any(|request| request.call == Some(ApiCall::RegenerateKey)) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM, rustix::process::Signal::HUP] {
        rustix::process::kill_process(id, signal).unwrap();
    }
    assert!(child.wait_with_output().await.unwrap().status.success());
    assert_eq!(status(&sandbox, &home.read("key")).await, 200);
}

#[tokio::test]
async fn without_a_verb() {
    let help = run(&["key"], &[]).await;
    assert!(help.code == 2 && help.err.contains("rotate"), "{}{}", help.out, help.err);
}
