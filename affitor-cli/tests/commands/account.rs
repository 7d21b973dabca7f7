//! `affitor login`, `logout`, `whoami` and `programs`.

use std::fs;

use affitor_sandbox::{Fault, Sandbox};
use serde_json::json;

use crate::common::{Home, raw_server, server, start};

#[tokio::test]
async fn a_person_logs_in_lists_programs_and_logs_out() {
    let sandbox = start(Sandbox::builder()).await;
    let home = Home::new(sandbox.url());
    for command in ["whoami", "programs"] {
        let run = home.run(&[command]).await;
        assert!(run.code == 4 && run.err.contains("not logged in at http://127.0.0.1:"), "{}", run.err);
    }

    let run = home.login(&sandbox).await;
    assert!(run.code == 0 && run.out.contains("logged in at http://127.0.0.1:"), "{}{}", run.out, run.err);
    assert!(run.out.contains("as jo@example.com"), "{}", run.out);
    let run = home.run(&["whoami"]).await;
    assert_eq!(run.out, format!("jo@example.com at {}\n", sandbox.url()));
    let who = home.run(&["whoami", "--json"]).await.json();
    assert_eq!(who, json!({ "email": "jo@example.com", "service": sandbox.url() }));
    let run = home.run(&["programs"]).await;
    assert!(run.out.contains("42  Sandbox program 42  localhost  active"), "{}{}", run.out, run.err);
    let programs = home.run(&["programs", "--json"]).await.json();
    assert_eq!((&programs["programs"][0]["id"], &programs["service"]), (&json!("42"), &json!(sandbox.url())));

    let run = home.run(&["logout"]).await;
    assert!(run.code == 0 && run.out.starts_with("logged out at "), "{}", run.out);
    assert_eq!(home.run(&["logout", "--json"]).await.json()["was_logged_in"], false);
    assert_eq!(home.run(&["whoami", "--json"]).await.code, 4);
    assert!(home.secrets().is_empty());
}

#[tokio::test]
async fn a_login_needs_a_person() {
    let sandbox = start(Sandbox::builder()).await;
    let home = Home::new(sandbox.url());
    let run = home.run(&["login"]).await;
    assert!(
        run.code == 2 && run.err.contains("this is not a terminal") && run.err.contains("--no-browser"),
        "{}",
        run.err
    );
    assert_eq!(home.run(&["login", "--json"]).await.code, 2);
    // Nobody confirms it.
    let run = home.run(&["login", "--no-browser", "--timeout", "2", "--json"]).await;
    assert_eq!((run.code, &run.json()["error"]["kind"]), (1, &json!("failed")), "{}", run.out);
    assert!(run.err.contains("/_sandbox/consent?state="), "the page is named on standard error: {}", run.err);
    assert!(home.secrets().is_empty());
}

#[tokio::test]
async fn logins_end_with_the_reason() {
    for (status, code, expected) in [
        ("expired", 1, "the login has expired"),
        ("consumed", 1, "used already"),
        ("\u{1b}[2Jodd", 1, "unknown status: \u{fffd}[2Jodd"),
        ("complete", 3, "without a token"),
    ] {
        let url = server(move |path, _| {
            let start = json!({ "data": { "state": "s", "auth_url": "https://shop.example/login", "poll_url": "https://evil.example/" } });
            ("200 OK", if path.ends_with("/start") { start } else { json!({ "status": status }) })
        })
        .await;
        let home = Home::new(&url);
        let run = home.run(&["login", "--no-browser"]).await;
        assert!(run.code == code && run.err.contains(expected), "{status}: {} {}", run.code, run.err);
        assert!(run.out.contains("https://shop.example/login"), "{}", run.out);
    }
}

#[tokio::test]
async fn only_web_pages_are_opened() {
    for page in ["file:///etc/passwd", "http://shop.example/", "javascript:alert(1)", "-x", ""] {
        let url = server(move |_, _| ("200 OK", json!({ "state": "s", "auth_url": page, "poll_url": "" }))).await;
        let run = Home::new(&url).run(&["login", "--no-browser"]).await;
        assert!(run.code == 3 && run.err.contains("is not an https: URL"), "{page}: {}{}", run.out, run.err);
    }
}

#[tokio::test]
async fn polling_survives_a_service_that_fails_for_a_moment() {
    let url = server(|path, number| match (path.ends_with("/start"), number) {
        (true, _) => ("200 OK", json!({ "state": "s", "auth_url": "https://shop.example/", "poll_url": "" })),
        (_, 1) => ("503 Busy\r\nretry-after: 1", json!({ "error": "busy" })),
        (_, 2) => ("200 OK", json!({ "status": "pending" })),
        _ => ("200 OK", json!({ "status": "complete", "token": "affs_secret_token", "email": "jo@example.com" })),
    })
    .await;
    let home = Home::new(&url);
    let run = home.run(&["login", "--no-browser"]).await;
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(!run.out.contains("affs_secret_token") && home.secrets() == ["affs_secret_token"], "{}", run.out);
}

#[tokio::test]
async fn an_absurd_delay_ends_the_login_at_its_timeout() {
    for retry_after in
        ["429 Busy\r\nretry-after: 18446744073709551615", "503 Busy\r\nretry-after: Fri, 31 Dec 9999 23:59:59 GMT"]
    {
        let url = server(move |path, _| match path.ends_with("/start") {
            true => ("200 OK", json!({ "state": "s", "auth_url": "https://shop.example/" })),
            false => (retry_after, json!({ "error": "busy" })),
        })
        .await;
        let run = Home::new(&url).run(&["login", "--no-browser", "--timeout", "30"]).await;
        assert!(run.code == 1 && run.err.contains("not confirmed in time"), "{} {}", run.code, run.err);
    }
}

#[tokio::test]
async fn other_servers_and_faults_are_explained() {
    let html = raw_server("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\n<html").await;
    let redirect = raw_server("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n").await;
    let gateway = start(Sandbox::builder().fault(Fault::BadGateway.always())).await;
    for (url, code, expected) in [
        (html.as_str(), 3, "not from an Affitor service"),
        (redirect.as_str(), 3, "not from an Affitor service (status 302)"),
        (gateway.url(), 3, "the service failed (status 502)"),
        ("http://shop.example", 2, "is not encrypted"),
    ] {
        let run = Home::new(url).run(&["login", "--no-browser"]).await;
        assert!(run.code == code && run.err.contains(expected), "{url}: {} {}", run.code, run.err);
    }
}

#[tokio::test]
async fn the_token_goes_only_to_the_service_that_issued_it() {
    let sandbox = start(Sandbox::builder()).await;
    let home = Home::new(sandbox.url());
    home.login(&sandbox).await;
    let other = server(|path, _| panic!("a request arrived: {path}")).await;
    for arguments in [&["programs"][..], &["programs", "--api-url", &other], &["whoami", "--api-url", &other]] {
        let environment = if arguments.len() == 1 { vec![("AFFITOR_API_URL", other.as_str())] } else { vec![] };
        let run = home.run_with(arguments, &environment).await;
        assert_eq!(run.code, 4, "{arguments:?}: {}{}", run.out, run.err);
        assert!(run.err.contains("logged in at another service"), "{}", run.err);
    }
    // A copied file does not help.
    let sessions = home.path("config/affitor/sessions");
    let name = |url: &str| format!("{}.json", url.replace("://", "_").replace(':', "_"));
    fs::copy(sessions.join(name(sandbox.url())), sessions.join(name(&other))).unwrap();
    let run = home.run(&["programs", "--api-url", &other]).await;
    assert!(run.code == 2 && run.err.contains("is damaged"), "{} {}", run.code, run.err);
    assert_eq!(home.run(&["programs"]).await.code, 0);
}

#[tokio::test]
async fn an_expired_session_says_what_to_do() {
    let sandbox = start(Sandbox::builder()).await;
    let home = Home::new(sandbox.url());
    home.login(&sandbox).await;
    sandbox.advance(std::time::Duration::from_secs(91 * 24 * 3600));
    let run = home.run(&["programs"]).await;
    assert!(run.code == 4 && run.err.contains("→ run `affitor login`"), "{}", run.err);
    home.login(&sandbox).await;
    assert_eq!(home.run(&["programs"]).await.code, 0);
}

#[tokio::test]
async fn a_service_that_repeats_the_token_does_not_reveal_it() {
    let url = server(|path, _| match path.rsplit('/').next() {
        Some("start") => ("200 OK", json!({ "state": "s", "auth_url": "https://shop.example/" })),
        Some("programs") => ("400 Bad", json!({ "error": "bad token affs_secret_token" })),
        _ => ("200 OK", json!({ "status": "complete", "token": "affs_secret_token" })),
    })
    .await;
    let home = Home::new(&url);
    home.run(&["login", "--no-browser"]).await;
    let run = home.run(&["programs"]).await;
    assert!(run.code == 1 && run.err.contains("bad token (not shown)"), "{}", run.err);
}

#[cfg(unix)]
#[tokio::test]
async fn session_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;

    let sandbox = start(Sandbox::builder()).await;
    let home = Home::new(sandbox.url());
    // A folder that exists already is closed.
    fs::create_dir_all(home.path("config/affitor")).unwrap();
    let set = |path: &str, mode| fs::set_permissions(home.path(path), fs::Permissions::from_mode(mode)).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    set("config/affitor", 0o755);
    home.login(&sandbox).await;
    let sessions = home.path("config/affitor/sessions");
    let files: Vec<_> = fs::read_dir(&sessions).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!((mode(&home.path("config/affitor")), mode(&sessions), mode(&files[0])), (0o700, 0o700, 0o600));

    let file = files[0].strip_prefix(home.path("")).unwrap().to_str().unwrap().to_owned();
    for open in [0o640, 0o604, 0o620, 0o666] {
        set(&file, open);
        for command in ["whoami", "programs"] {
            let run = home.run(&[command]).await;
            assert!(run.code == 2 && run.err.contains("run `chmod 600 '"), "{open:o}: {}", run.err);
        }
    }
    set(&file, 0o600);
    set("config/affitor/sessions", 0o777);
    let run = home.run(&["programs"]).await;
    assert!(run.code == 2 && run.err.contains("run `chmod 700 '"), "{}", run.err);
    set("config/affitor/sessions", 0o700);
    assert_eq!(home.run(&["programs"]).await.code, 0);

    // Neither a symbolic link nor a named pipe is read.
    fs::rename(&files[0], home.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(home.path("elsewhere"), &files[0]).unwrap();
    let run = home.run(&["whoami"]).await;
    assert!(run.code == 2 && run.err.contains("is not a regular file"), "{}", run.err);
    fs::remove_file(&files[0]).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&files[0]).status().unwrap().success());
    assert_eq!(home.run(&["whoami"]).await.code, 2);
    assert_eq!(home.run(&["logout"]).await.code, 0);

    // A folder that can't be used is noticed before the login starts.
    fs::remove_dir_all(home.path("config")).unwrap();
    fs::write(home.path("config"), "").unwrap();
    let run = home.run(&["login", "--no-browser"]).await;
    assert!(run.code == 2 && run.err.contains("cannot use ") && !run.out.contains("http"), "{}{}", run.out, run.err);
}

/// Only the administrator can give files to other users.
#[cfg(unix)]
#[tokio::test]
async fn files_of_other_users_are_not_used() {
    let sandbox = start(Sandbox::builder()).await;
    let home = Home::new(sandbox.url());
    home.login(&sandbox).await;
    for path in ["config/affitor/sessions", "config/affitor"] {
        if std::os::unix::fs::chown(home.path(path), Some(12_345), None).is_err() {
            return;
        }
        let run = home.run(&["programs"]).await;
        assert!(run.code == 2 && run.err.contains("belongs to another user"), "{path}: {}", run.err);
        std::os::unix::fs::chown(home.path(path), Some(0), None).unwrap();
        assert_eq!(home.run(&["programs"]).await.code, 0);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_relative_home_is_not_used() {
    let sandbox = start(Sandbox::builder()).await;
    let home = Home::new(sandbox.url());
    for folders in [[("HOME", "."), ("XDG_CONFIG_HOME", "")], [("HOME", "x"), ("XDG_CONFIG_HOME", "config")]] {
        let run = home.run_with(&["whoami"], &folders).await;
        assert!(run.code == 2 && run.err.contains("to an absolute path"), "{folders:?}: {}", run.err);
    }
}

#[tokio::test]
async fn what_the_service_leaves_out_or_garbles_is_shown_as_such() {
    let url = server(|path, _| match path.rsplit('/').next() {
        Some("start") => ("200 OK", json!({ "state": "s", "auth_url": "https://shop.example/" })),
        Some("programs") => ("200 OK", json!([{ "name": "no id" }, { "id": 42, "name": "Shop" }, 7])),
        _ => ("200 OK", json!({ "status": "complete", "token": "affs_secret_token" })),
    })
    .await;
    let home = Home::new(&url);
    let login = home.run(&["login", "--no-browser", "--json"]).await.json();
    assert_eq!(login["email"], json!(null));
    assert_eq!(home.run(&["whoami", "--json"]).await.json()["email"], json!(null));
    assert!(home.run(&["whoami"]).await.out.starts_with("(no e-mail address) at "));
    let programs = home.run(&["programs", "--json"]).await.json();
    assert_eq!((&programs["programs"][0]["id"], &programs["unreadable"]), (&json!("42"), &json!(2)));
    let run = home.run(&["programs"]).await;
    assert!(run.out.contains("! 2 programs could not be read") && run.out.contains("42  Shop"), "{}", run.out);
}

#[cfg(unix)]
#[tokio::test]
async fn a_login_can_be_cancelled() {
    use std::process::Stdio;

    use tokio::io::{AsyncBufReadExt as _, BufReader};

    let sandbox = start(Sandbox::builder()).await;
    let home = Home::new(sandbox.url());
    let mut child =
        home.command(&["login", "--no-browser"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.next_line().await.unwrap().expect("the command waits").starts_with("Waiting") {}
    let id = child.id().unwrap().to_string();
    // The handler is installed right after that line; until then, the signal ends the process as well.
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let output = child.wait_with_output().await.unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code().is_none_or(|code| code == 1 && err.contains("the login was cancelled")), "{err}");
    let left = fs::read_dir(home.path("config/affitor/sessions")).unwrap().flatten();
    assert!(left.map(|entry| entry.path()).all(|path| path.extension().is_none()), "no session is stored");
}
