//! `affitor init`.

mod files;
mod git;
mod hostile;

use std::{fs, path::Path};

use affitor_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::common::{Home, KEY, server, start};

const MANIFEST: &str = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n# The web.\naxum = \"0.8\"\nsqlx = { version = \"0.9\", features = [\"sqlite\"] }\nasync-stripe-checkout = \"1\"\n";
const NEW: [&str; 8] =
    ["--name", "My shop", "--domain", "shop.example", "--commission-type", "percent", "--commission-rate", "20"];

/// A logged-in user with an axum app.
async fn shop(sandbox: &Sandbox) -> Home {
    let home = Home::new(sandbox.url());
    home.project("Cargo.toml", MANIFEST);
    home.project("src/main.rs", "fn main() {}\n");
    assert_eq!(home.login(sandbox).await.code, 0);
    home
}

/// The flag `--source` with this checkout.
fn source() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    format!("--source=path={}", root.display())
}

fn init<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["init"], arguments].concat()
}

fn actions(document: &Value) -> Vec<(&str, &str)> {
    let files = document["files"].as_array().unwrap().iter();
    files.map(|file| (file["path"].as_str().unwrap(), file["action"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn from_login_to_written_files() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    let source = source();
    let arguments = init(&[&["--write", &source, "--json"][..], &NEW].concat());
    let run = home.run(&arguments).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let document = run.json();
    assert_eq!(
        document["program"],
        json!({ "id": "43", "name": "My shop", "domain": "shop.example", "created": true })
    );
    assert_eq!(document["detected"]["framework"], "axum");
    assert_eq!(document["detected"]["database"], "sqlite");
    assert_eq!(document["detected"]["providers"], json!(["stripe"]));
    assert_eq!(document["key"], json!({ "state": "in_project", "path": ".affitor/.env", "not_checked": null }));
    assert_eq!(document["next"], "affitor prove -- cargo run");
    let expected = [
        ("Cargo.toml", "updated"),
        (".env.example", "created"),
        ("affitor.toml", "created"),
        (".gitignore", "created"),
        (".affitor/config.json", "created"),
        (".affitor/.env", "created"),
    ];
    assert_eq!(actions(&document), expected);

    // The key is the program's, and nowhere else.
    let env = home.read("shop/.affitor/.env");
    let key = env.lines().find_map(|line| line.strip_prefix("AFFITOR_API_KEY=")).unwrap();
    assert!(key.starts_with("aff_") && env.contains("AFFITOR_PROGRAM_ID=43\n"), "{env}");
    assert!(env.ends_with(&format!("\nAFFITOR_API_URL={}\n", sandbox.url())), "{env}");
    let status = home.run_with(&["status", "--json"], &[("AFFITOR_API_KEY", key)]).await;
    assert_eq!(status.json()["status"]["program_id"], "43", "{}", status.err);
    assert_eq!(fs::read_dir(home.path("config/affitor/keys")).unwrap().count(), 0);
    for file in [".env.example", "affitor.toml", ".affitor/config.json", "Cargo.toml"] {
        assert!(!home.read(&format!("shop/{file}")).contains(key), "{file}");
    }
    let config: Value = serde_json::from_str(&home.read("shop/.affitor/config.json")).unwrap();
    let expected = json!({ "version": 2, "program_id": "43", "domain": "shop.example", "api_url": sandbox.url() });
    assert_eq!(config, expected);
    assert_eq!(home.read("shop/.gitignore"), ".affitor/\n");
    let manifest = home.read("shop/Cargo.toml");
    let added = "affitor-axum\", features = [\"ring\", \"webhooks\"] }\n";
    assert!(manifest.starts_with(MANIFEST) && manifest.ends_with(added), "{manifest}");
    assert!(home.read("shop/.env.example").contains("\nSTRIPE_WEBHOOK_SECRET=\n"));
    assert!(home.read("shop/affitor.toml").contains("secret = \"STRIPE_WEBHOOK_SECRET\""));
    assert_eq!(home.read("shop/src/main.rs"), "fn main() {}\n");
    assert_private(&home);

    // A second run changes nothing, with the same arguments or without any.
    for again in [&arguments[..], &["init", "--write", "--json"], &["init", "--write", "--program-id", "43", "--json"]]
    {
        let before = snapshot(&home.path("shop"));
        let run = home.run(again).await;
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        let document = run.json();
        assert_eq!((&document["program"]["id"], &document["program"]["created"]), (&json!("43"), &json!(false)));
        for (path, action) in actions(&document) {
            assert_eq!(action, "unchanged", "{path}: {}", run.out);
        }
        assert_eq!(snapshot(&home.path("shop")), before);
    }
    assert_eq!(home.run(&["programs", "--json"]).await.json()["programs"].as_array().unwrap().len(), 2);
}

#[cfg(unix)]
fn assert_private(home: &Home) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &str| fs::metadata(home.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("shop/.affitor/.env"), 0o600);
    assert_eq!(mode("shop/affitor.toml"), mode("shop/src/main.rs"), "other files follow the user's mask");
    assert_eq!(mode("shop/Cargo.toml"), mode("shop/src/main.rs"));
}

#[cfg(not(unix))]
fn assert_private(_: &Home) {}

/// All files of a folder, with their texts.
fn snapshot(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else {
            files.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn without_write_nothing_changes_and_the_key_is_kept() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    let before = snapshot(&home.path("shop"));
    let run = home.run(&init(&NEW)).await;
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(snapshot(&home.path("shop")), before);
    for expected in [
        "✓ program 43 (My shop, shop.example) at http://127.0.0.1:",
        "✓ shop: axum, SQLx with SQLite, Stripe",
        "affitor-axum = { path = \"../affitor/affitor-axum\", features = [\"ring\", \"webhooks\"] } # not published yet",
        "AffitorLayer::new(client.clone())",
        "affitor.enqueue(Lead::new(user.id)",
        "data-affitor-program-id=\"43\"",
        "PaymentEvent<Stripe>",
        "affitor_outbox::Outbox::sqlite",
        "nothing in the project was changed",
        "(only you can read it)",
        "next: affitor init --write --program-id 43 --source path=DIR",
    ] {
        assert!(run.out.contains(expected), "{expected}: {}", run.out);
    }
    let kept: Vec<_> = fs::read_dir(home.path("config/affitor/keys")).unwrap().flatten().collect();
    assert_eq!(kept.len(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(kept[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    // The next command moves it into the project.
    let run = home.run(&init(&["--write", "--program-id", "43", &source()])).await;
    assert!(run.code == 0 && run.out.contains("next: affitor prove -- cargo run"), "{}{}", run.out, run.err);
    assert!(home.read("shop/.affitor/.env").contains("AFFITOR_API_KEY=aff_"));
    assert_eq!(fs::read_dir(home.path("config/affitor/keys")).unwrap().count(), 0);
}

#[tokio::test]
async fn the_next_command_can_be_copied() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    let url = sandbox.url();
    home.project("my app/Cargo.toml", MANIFEST);
    let source = source();
    for (arguments, next) in [
        (vec!["--api-url", url], format!("init --write --program-id 42 --source path=DIR --api-url {url}")),
        (vec!["my app"], "init --write --program-id 42 --source path=DIR 'my app'".to_owned()),
        (
            vec!["--source", "git=https://x.example/?a&b"],
            "init --write --program-id 42 --source 'git=https://x.example/?a&b'".to_owned(),
        ),
        (vec!["--write", &source, "my app"], "cd 'my app' && affitor prove -- cargo run".to_owned()),
    ] {
        let document = home.run(&init(&[&arguments[..], &["--json"]].concat())).await.json();
        let found = document["next"].as_str().unwrap();
        assert_eq!(found.strip_prefix("affitor ").unwrap_or(found), next);
    }
    // After a failure, it is the same command.
    fs::create_dir(home.path("shop/affitor.toml")).unwrap();
    let run = home.run(&init(&["--write", "--force", "--source", "registry"])).await;
    assert!(
        run.code == 2 && run.out.contains("next: affitor init --write --force --program-id 42 --source registry\n")
    );
    assert!(run.out.contains("! nothing is published yet"), "{}", run.out);
}

#[tokio::test]
async fn the_key_of_an_existing_program_must_be_given() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    let source = source();
    // The only program is chosen.
    let run = home.run(&init(&["--write", &source])).await;
    assert!(
        run.code == 0 && run.out.contains("✓ program 42 (Sandbox program 42, localhost)"),
        "{}{}",
        run.out,
        run.err
    );
    assert!(run.out.contains("the program's key is not known") && run.out.contains("AFFITOR_API_KEY"), "{}", run.out);
    assert!(!home.path("shop/.affitor/.env").exists());
    // With the key, no login is needed.
    home.run(&["logout"]).await;
    let run = home.run_with(&init(&["--write", "--json"]), &[("AFFITOR_API_KEY", KEY)]).await;
    assert_eq!((run.code, &run.json()["program"]["id"]), (0, &json!("42")), "{}", run.out);
    assert!(home.read("shop/.affitor/.env").contains(&format!("AFFITOR_API_KEY={KEY}\n")));
    // The key of another program is not written.
    let run = home.run_with(&init(&["--program-id", "7"]), &[("AFFITOR_API_KEY", KEY)]).await;
    assert!(run.code == 1 && run.err.contains("belongs to program 42, not to \"7\""), "{}", run.err);
    let run = home.run_with(&init(&[]), &[("AFFITOR_API_KEY", "aff_wrong")]).await;
    assert_eq!(run.code, 4, "{}", run.err);
}

#[tokio::test]
async fn a_cloned_configuration_does_not_get_the_token() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    let evil = server(|path, _| panic!("a request arrived: {path}")).await;
    home.project(".affitor/config.json", &json!({ "program_id": "42", "api_url": evil }).to_string());
    home.project(".affitor/.env", "AFFITOR_API_KEY=aff_theirs\nAFFITOR_PROGRAM_ID=42\n");
    let source = source();
    for arguments in [vec![], vec!["--write", &source], vec!["--program-id", "42"]] {
        let run = home.run(&init(&arguments)).await;
        assert!(run.code == 2 && run.err.contains("is for the service \"http://127.0.0.1:"), "{}{}", run.out, run.err);
        assert!(run.err.contains("--api-url") && !run.err.contains("aff_theirs"), "{}", run.err);
        // Nor does the key of the environment go there.
        assert_eq!(home.run_with(&init(&arguments), &[("AFFITOR_API_KEY", KEY)]).await.code, 2);
    }
    // Nor if the URL is named.
    let run = home.run(&init(&["--api-url", &evil, "--name", "x", "--domain", "x.example"])).await;
    assert!(run.code == 4 && run.err.contains("not logged in at"), "{}", run.err);
    // With --force, the file does not count.
    let run = home.run(&init(&["--write", "--force", &source, "--program-id", "42"])).await;
    assert!(run.code == 0, "{}{}", run.out, run.err);
    assert!(home.read("shop/.affitor/config.json").contains(sandbox.url()));
}

#[tokio::test]
async fn without_a_login_or_a_choice_nothing_hangs() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    home.run(&init(&NEW)).await;
    for (arguments, code, expected) in [
        (vec![], 2, "you have several programs"),
        (vec!["--program-id", "7"], 1, "you have no program \"7\""),
        (vec!["--write"], 2, "add --source path=DIR"),
        (vec!["--source", "path=/nowhere"], 2, "does not contain affitor-axum"),
        (vec!["--source", "../affitor"], 2, "expected path=DIR, git=URL or registry"),
        (vec!["--name", "x"], 2, "a new program needs --domain"),
        (vec!["--domain", "x.example"], 2, "a new program needs --name"),
        (vec!["--name", "x", "--domain", "x.example"], 2, "needs --commission-type"),
        (
            vec!["--name", "x", "--domain", "a b", "--commission-type", "fixed", "--commission-rate", "1"],
            2,
            "not usable",
        ),
        (
            vec!["--name", "x", "--domain", "x.example", "--commission-type", "percent", "--commission-rate", "101"],
            2,
            "range",
        ),
        (vec!["--program-id", "42", "--name", "x"], 2, "cannot be used with"),
        (vec!["--force"], 2, "--write"),
        (vec!["no-such-folder"], 2, "has no Cargo.toml"),
    ] {
        let run = home.run(&init(&arguments)).await;
        assert_eq!(run.code, code, "{arguments:?}: {}{}", run.out, run.err);
        assert!(run.err.contains(expected), "{arguments:?}: {}", run.err);
    }
    home.run(&["logout"]).await;
    let run = home.run(&init(&["--json"])).await;
    let hint = run.json()["error"]["hint"].as_str().unwrap_or_default().to_owned();
    assert_eq!(run.code, 4, "{}", run.out);
    assert!(hint.starts_with("run `affitor login`;") && hint.contains("`affitor sandbox`"), "{hint}");
}

#[tokio::test]
async fn the_lines_are_for_the_framework() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    let tls = |name: &str| format!("{name} = {{ version = \"0.2\", features = [\"ring\"] }}");
    for (dependencies, crates, expected) in [
        ("actix-web = '4'", vec![tls("affitor-actix")], "App::new().wrap(layer.clone())"),
        ("hyper = '1'", vec![tls("affitor-tower")], "request.affitor()"),
        (
            "tonic = '0.14'\npaddle-rust-sdk = '1'",
            vec![tls("affitor-tower"), "affitor-payments = \"0.2\"".to_owned()],
            "Webhook::<Paddle>::from_env_or_disabled",
        ),
        ("axum = '0.8'\ntokio-postgres = '0.7'", vec![tls("affitor-axum")], "Statements::postgres()"),
        ("rocket = '0.5'", vec![], "no supported framework found"),
    ] {
        home.project("Cargo.toml", &format!("[package]\nname = 'shop'\n[dependencies]\n{dependencies}\n"));
        let run = home.run(&init(&["--program-id", "42", "--source", "registry"])).await;
        assert!(run.code == 0 && run.out.contains(expected), "{dependencies}: {}{}", run.out, run.err);
        let document = home.run(&init(&["--program-id", "42", "--source", "registry", "--json"])).await.json();
        assert_eq!(document["dependencies"], json!(crates));
        assert_eq!(document["files"], json!(null));
    }
}
