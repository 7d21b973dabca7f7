//! Settings: white space, precedence, proxies and paths.

use affitor_sandbox::Sandbox;
use serde_json::json;

use crate::common::{KEY, chain, closed_url, environment, readiness, run, server, start};

#[tokio::test]
async fn settings_are_read_like_the_library_reads_them() {
    let sandbox = start(Sandbox::builder()).await;
    let (key, url) = (format!(" {KEY}\n"), format!(" {} ", sandbox.url()));
    let padded = [("AFFITOR_API_KEY", key.as_str()), ("AFFITOR_API_URL", url.as_str()), ("AFFITOR_PROGRAM_ID", " 42 ")];
    let token = [("AFFITOR_API_TOKEN", KEY), ("AFFITOR_API_KEY", " "), ("AFFITOR_API_URL", sandbox.url())];
    let empty = [("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", sandbox.url()), ("AFFITOR_PROGRAM_ID", "")];
    for settings in [padded, token, empty] {
        for arguments in [&["doctor"][..], &["status"], &["test", "lead"], &["test", "chain"]] {
            let result = run(arguments, &settings).await;
            assert_eq!(result.code, 0, "{arguments:?}: {}{}", result.out, result.err);
        }
    }
}

#[tokio::test]
async fn two_names_of_a_setting_must_agree() {
    let sandbox = start(Sandbox::builder()).await;
    let url = sandbox.url();
    let same = [("AFFITOR_API_TOKEN", KEY), ("AFFITOR_API_BASE", url), ("AFFITOR_API_URL", url)];
    let blank = [("AFFITOR_API_KEY", KEY), ("AFFITOR_API_BASE", url), ("AFFITOR_API_URL", " ")];
    for settings in [same, blank] {
        for command in ["doctor", "status"] {
            let result = run(&[command], &settings).await;
            assert_eq!(result.code, 0, "{}{}", result.out, result.err);
        }
    }
    let urls = vec![("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", "https://secret.example"), ("AFFITOR_API_BASE", url)];
    let keys = vec![("AFFITOR_API_URL", url), ("AFFITOR_API_KEY", "aff_secret"), ("AFFITOR_API_TOKEN", KEY)];
    for (settings, named, flag, value) in [
        (urls, "AFFITOR_API_URL and AFFITOR_API_BASE have different values", "--api-url", url),
        (keys, "AFFITOR_API_KEY and AFFITOR_API_TOKEN have different values", "--api-key", KEY),
    ] {
        for command in [&["doctor"][..], &["status"], &["test", "chain"]] {
            let result = run(command, &settings).await;
            let output = format!("{}{}", result.out, result.err);
            assert!(result.code == 2 && output.contains(named), "{output}");
            assert!(!output.contains("secret"), "{output}");
        }
        let result = run(&["status", flag, value], &settings).await;
        assert_eq!(result.code, 0, "a flag overrides both: {}{}", result.out, result.err);
    }
}

#[tokio::test]
async fn a_proxy_is_named_only_if_it_is_used() {
    let proxy_url = closed_url();
    let sandbox = start(Sandbox::builder()).await;
    let remote = "https://no-such-host.invalid";
    for (url, proxy, no_proxy, command, used) in [
        (remote, "HTTPS_PROXY", "", "doctor", true),
        (remote, "all_proxy", "", "doctor", true),
        (remote, "HTTPS_PROXY", "", "status", true),
        (remote, "HTTPS_PROXY", "no-such-host.invalid", "doctor", false),
        (remote, "HTTPS_PROXY", "no-such-host.invalid", "status", false),
        (sandbox.url(), "HTTPS_PROXY", "", "doctor", false),
    ] {
        let mut environment = environment(url);
        environment.extend([(proxy, &*proxy_url), ("NO_PROXY", no_proxy)]);
        let result = run(&[command], &environment).await;
        let output = format!("{}{}", result.out, result.err);
        let expected = format!("through the proxy set in {proxy}: connection refused\n  → check {proxy}");
        assert_eq!(output.contains(&expected), used, "{url} {no_proxy}: {output}");
        assert_eq!(output.contains("_proxy") || output.contains("_PROXY"), used, "{output}");
        assert_eq!(result.code, if url == remote { 3 } else { 0 }, "{output}");
    }
}

#[tokio::test]
async fn the_url_may_have_a_path() {
    let origin = server(|path, _| match path.strip_prefix("/affitor/api/v1/") {
        Some(path) if path.ends_with("/test-event") => ("200 OK", chain("attributed")),
        Some(_) => ("200 OK", readiness(true)),
        None => ("404 Not Found", json!("no")),
    })
    .await;
    for url in [format!("{origin}/affitor"), format!("{origin}/affitor/")] {
        let environment = environment(&url);
        let result = run(&["doctor"], &environment).await;
        assert!(result.code == 0 && result.out.contains("! URL ") && !result.out.contains('✗'), "{}", result.out);
        assert_eq!(run(&["test", "chain"], &environment).await.code, 0);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn variables_that_are_not_utf_8_are_not_ignored() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    for variable in ["AFFITOR_API_KEY", "AFFITOR_API_URL", "AFFITOR_API_BASE", "AFFITOR_PROGRAM_ID"] {
        let mut command = crate::common::affitor(&["status"]);
        command.env("AFFITOR_API_KEY", KEY).env(variable, OsStr::from_bytes(b"aff_secret\xff"));
        let output = command.output().await.unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && err.contains(&format!("{variable} is not valid UTF-8")), "{err}");
        assert!(!err.contains("aff_secret"), "{err}");
    }
}
