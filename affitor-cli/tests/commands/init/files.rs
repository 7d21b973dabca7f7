//! Files of the project that exist already.

use std::fs;

use affitor_sandbox::Sandbox;
use serde_json::json;

use super::{NEW, actions, assert_private, init, shop, source};
use crate::common::{KEY, server, start};

#[tokio::test]
async fn files_that_exist_are_completed_or_left_alone() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    home.project(".env.example", "MINE=1\nAFFITOR_API_KEY=ask Jo\n");
    home.project("affitor.toml", "# mine\n");
    home.project(".gitignore", "/target\n");
    home.project(".affitor/.env", "MINE=1\nAFFITOR_API_KEY=aff_old\nAFFITOR_PROGRAM_ID=9\n");
    let source = source();
    let arguments = init(&[&["--write", &source, "--json"][..], &NEW].concat());
    let run = home.run(&arguments).await;
    let document = run.json();
    assert_eq!(run.code, 0, "{}", run.out);
    let left: Vec<_> = actions(&document).into_iter().filter(|(_, action)| *action == "left_alone").collect();
    let left: Vec<_> = left.iter().map(|(path, _)| *path).collect();
    assert_eq!(left, ["affitor.toml", ".affitor/config.json", ".affitor/.env"]);
    assert!(run.out.contains(".affitor/.env is for program 9; --force changes it"), "{}", run.out);
    assert_eq!(home.read("shop/.gitignore"), "/target\n.affitor/\n");
    assert_eq!(home.read("shop/affitor.toml"), "# mine\n");
    let example = home.read("shop/.env.example");
    assert!(example.starts_with("MINE=1\nAFFITOR_API_KEY=ask Jo\n\n# Affitor"), "{example}");
    assert!(example.contains("AFFITOR_PROGRAM_ID=43\n") && example.contains("STRIPE_WEBHOOK_SECRET=\n"), "{example}");
    assert_eq!(example.matches("AFFITOR_API_KEY=").count(), 1);
    // The new key is not lost.
    assert_eq!(document["key"]["state"], "kept");
    assert!(home.read("shop/.affitor/.env").contains("aff_old"));

    // With --force, only Affitor's variables change, and the other program's key is kept.
    let run = home.run(&init(&["--write", "--force", "--program-id", "43", "--json"])).await;
    let document = run.json();
    assert_eq!((run.code, &document["key"]["state"]), (0, &json!("in_project")), "{}", run.out);
    let env = home.read("shop/.affitor/.env");
    assert!(env.starts_with("MINE=1\nAFFITOR_API_KEY=aff_") && env.contains("AFFITOR_PROGRAM_ID=43\n"), "{env}");
    assert!(!env.contains("aff_old"));
    let files = document["files"].as_array().unwrap();
    let note = files.iter().find(|file| file["path"] == ".affitor/.env").unwrap()["note"].as_str().unwrap();
    let path = note.strip_prefix("the key of program 9 was moved to ").unwrap();
    let kept: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!((&kept["api_key"], &kept["program_id"]), (&json!("aff_old"), &json!("9")));
    assert!(home.read("shop/affitor.toml").contains("[signup]"));
    assert_eq!(home.read("shop/.env.example"), example);
    assert_private(&home);
}

/// Over 10 s: the command runs 14 times.
#[tokio::test]
async fn both_files_in_affitor_change_together() {
    let sandbox = start(Sandbox::builder()).await;
    let url = sandbox.url();
    let config = |id: &str| json!({ "program_id": id, "api_url": url }).to_string();
    let env = |key: &str, id: &str| format!("AFFITOR_API_KEY={key}\nAFFITOR_PROGRAM_ID={id}\n");
    let with_url = |text: String| format!("{text}AFFITOR_API_URL={url}\n");
    let elsewhere = |text: String| format!("{text}AFFITOR_API_URL=http://127.0.0.1:9\n");
    for (config, env, force, code, expected) in [
        // Nothing is missing, but other users can read it.
        (config("42"), Some(with_url(env(KEY, "42"))), false, 0, ["unchanged", "updated"]),
        // The configuration says which service the key is for, so only a variable is missing.
        (config("42"), Some(env(KEY, "42")), false, 0, ["unchanged", "updated"]),
        (config("42"), Some(with_url(format!("AFFITOR_API_KEY={KEY}\n"))), false, 0, ["unchanged", "updated"]),
        (config("42"), None, false, 0, ["unchanged", "created"]),
        (config("42"), Some(elsewhere(env(KEY, "42"))), false, 2, ["", ""]),
        (config("42"), Some(elsewhere(env(KEY, "42"))), true, 0, ["unchanged", "updated"]),
        // Another program in one of them.
        (config("7"), None, false, 0, ["left_alone", "left_alone"]),
        (config("7"), None, true, 0, ["updated", "created"]),
        (config("42"), Some(with_url(env("aff_7", "7"))), false, 0, ["unchanged", "left_alone"]),
        (config("42"), Some(with_url(env("aff_7", "7"))), true, 0, ["unchanged", "updated"]),
        ("{}".to_owned(), None, false, 0, ["left_alone", "left_alone"]),
        ("{}".to_owned(), None, true, 0, ["updated", "created"]),
        // It is not known which program this key is for.
        ("{}".to_owned(), Some("AFFITOR_API_KEY=aff_lost\n".to_owned()), true, 2, ["left_alone", "failed"]),
        (config("42"), Some(with_url(env("$(id)", "7"))), true, 2, ["left_alone", "failed"]),
    ] {
        let home = shop(&sandbox).await;
        home.project(".affitor/config.json", &config);
        if let Some(env) = &env {
            home.project(".affitor/.env", env);
        }
        let source = source();
        let arguments = ["--write", "--json", &source, "--program-id", "42", if force { "--force" } else { "--json" }];
        let arguments: Vec<&str> = if force { arguments.to_vec() } else { arguments[..5].to_vec() };
        let run = home.run_with(&init(&arguments), &[("AFFITOR_API_KEY", KEY)]).await;
        assert_eq!(run.code, code, "{config} {env:?}: {}{}", run.out, run.err);
        if expected[0].is_empty() {
            assert!(run.out.contains(".affitor/.env is for the service"), "{}", run.out);
            continue;
        }
        let document = run.json();
        let found: Vec<_> = actions(&document).into_iter().skip(4).map(|(_, action)| action).collect();
        assert_eq!(found, expected, "{config} {env:?}: {}", run.out);
        if matches!(expected[1], "updated" | "created") {
            let new = home.read("shop/.affitor/.env");
            for line in [&format!("AFFITOR_API_KEY={KEY}"), "AFFITOR_PROGRAM_ID=42", &format!("AFFITOR_API_URL={url}")]
            {
                assert_eq!(new.lines().filter(|found| *found == line).count(), 1, "{new}");
            }
            assert!(home.read("shop/.affitor/config.json").contains("\"42\""));
        }
    }
}

#[tokio::test]
async fn without_the_new_key_the_other_program_stays() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    let env = format!("AFFITOR_API_KEY=aff_9\nAFFITOR_PROGRAM_ID=9\nAFFITOR_API_URL={}\n", sandbox.url());
    home.project(".affitor/.env", &env);
    let config = json!({ "program_id": "9", "api_url": sandbox.url() }).to_string();
    home.project(".affitor/config.json", &config);
    let run = home.run(&init(&["--write", "--force", &source(), "--program-id", "42"])).await;
    assert!(run.code == 0 && run.out.contains("left alone: the new program's key is not known"), "{}", run.out);
    assert_eq!(home.read("shop/.affitor/.env"), env);
    assert_eq!(home.read("shop/.affitor/config.json"), config);
}

#[tokio::test]
async fn the_service_is_asked_about_the_key_of_the_project() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    let url = sandbox.url();
    let config = |id: &str| json!({ "program_id": id, "api_url": url }).to_string();
    let nameless = json!({ "program_id": "42" }).to_string();
    for (config, key, id, code, expected) in [
        (config("42"), KEY, "42", 0, "✓ program 42"),
        (config("42"), "aff_wrong", "42", 4, "the service rejected the key in .affitor/.env"),
        (config("7"), KEY, "7", 1, "the key in .affitor/.env belongs to program 42, not to 7"),
        (nameless, "aff_wrong", "42", 0, "the key was not checked: the files in .affitor do not say that it is for"),
        (config("4 2"), "aff_wrong", "4 2", 2, "the program id in .affitor/config.json is malformed"),
        (config("42"), "a`id`", "42", 2, "the key in .affitor/.env has characters that no key has"),
        (config("42"), "$(id)", "42", 2, "the key in .affitor/.env has characters that no key has"),
    ] {
        home.project(".affitor/config.json", &config);
        home.project(".affitor/.env", &format!("AFFITOR_API_KEY={key}\nAFFITOR_PROGRAM_ID={id}\n"));
        let run = home.run(&init(&[])).await;
        let text = format!("{}{}", run.out, run.err);
        assert!(run.code == code && text.contains(expected), "{config} {key}: {} {text}", run.code);
    }
    // A service that can't be reached now is no reason to stop.
    home.project(".affitor/config.json", &config("42"));
    home.project(".affitor/.env", &format!("AFFITOR_API_KEY={KEY}\nAFFITOR_PROGRAM_ID=42\n"));
    drop(sandbox);
    let run = home.run(&init(&[])).await;
    assert!(run.code == 0 && run.out.contains("the key was not checked: "), "{}{}", run.out, run.err);
}

#[tokio::test]
async fn a_key_that_a_shell_would_execute_is_not_written() {
    for key in ["aff_1$(id)", "aff_1;id", "a b", "aff_1`id`", "'aff_1'"] {
        let url = server(move |path, _| match path.rsplit('/').next() {
            Some("start") => ("200 OK", json!({ "state": "s", "auth_url": "https://shop.example/" })),
            Some("programs") => ("200 OK", json!([])),
            Some("init") => ("200 OK", json!({ "program_id": 49, "api_key": key })),
            _ => ("200 OK", json!({ "status": "complete", "token": "affs_secret_token" })),
        })
        .await;
        let home = crate::common::Home::new(&url);
        home.project("Cargo.toml", super::MANIFEST);
        home.run(&["login", "--no-browser"]).await;
        let source = source();
        let run = home.run(&init(&[&["--write", &source][..], &NEW].concat())).await;
        assert!(run.code == 3 && run.err.contains("unusable program id or key"), "{key}: {}{}", run.out, run.err);
        assert!(!home.path("shop/.affitor").exists());
    }
}
