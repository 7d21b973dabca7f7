//! `affitor prove` with apps that are already running, with persons, and with settings that are wrong. `tests/tests/prove` has the
//! shops with mistakes.

mod broken_shop;
mod findings;
mod hostile;
mod settings;
mod shop;

use std::{process::Stdio, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Child,
    task::JoinSet,
};

use crate::common::{affitor, is_installed};
use shop::{SECRET, Shop};

/// How long a proof may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A proof that has printed its instructions.
struct Running {
    child: Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStderr>>,
    /// The variables for the app.
    variables: Vec<(String, String)>,
}

impl Running {
    /// Starts a proof of a shop that is already running.
    fn start(shop: &Shop, arguments: &[&str]) -> Self {
        let config = shop.config.path().join("affitor.toml");
        let mut command = affitor(&["prove", "--json", "--sandbox-port", "0", "--config", config.to_str().unwrap()]);
        command.args(arguments).env("SHOP_WEBHOOK_SECRET", SECRET);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines, variables: Vec::new() }
    }

    /// Reads the variables that the app needs.
    async fn read_variables(&mut self) {
        // An empty line follows the variables.
        loop {
            let line = self.lines.next_line().await.unwrap().expect("the variables are printed");
            assert!(!line.contains(SECRET));
            if line.trim().is_empty() && !self.variables.is_empty() {
                return;
            }
            let is_name = |name: &str| name.chars().all(|char| char == '_' || char.is_ascii_uppercase());
            let variable = line.trim().split_once('=').filter(|(name, _)| is_name(name));
            self.variables.extend(variable.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
    }

    /// Reads lines until one contains this text, and returns it.
    async fn line_with(&mut self, text: &str) -> String {
        loop {
            let line = tokio::time::timeout(LIMIT, self.lines.next_line()).await.expect(text).unwrap().expect(text);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Returns the exit code and the report.
    async fn finish(mut self) -> (i32, Value) {
        let mut out = String::new();
        let mut stdout = self.child.stdout.take().unwrap();
        tokio::time::timeout(LIMIT, stdout.read_to_string(&mut out)).await.expect("the proof ends").unwrap();
        let status = self.child.wait().await.unwrap();
        let report = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
        (status.code().unwrap(), report)
    }
}

fn ids(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().filter_map(|finding| finding["id"].as_str()).collect()
}

/// The names of the checks with this status.
fn with_status<'r>(report: &'r Value, status: &str) -> Vec<&'r str> {
    let checks = report["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["status"] == status).filter_map(|check| check["name"].as_str()).collect()
}

/// Over 10 s: `prove` waits for events that must not come. The four proofs run at the same time.
#[tokio::test]
async fn running_apps_are_proved_with_each_provider() {
    let mut proofs = JoinSet::new();
    for provider in ["stripe", "polar", "lemon-squeezy", "paddle"] {
        proofs.spawn(async move {
            let shop = Shop::bind(provider).await;
            let mut proof = Running::start(&shop, &["--wait", "5", "--quick"]);
            proof.read_variables().await;
            shop.serve(&proof.variables).readiness().await.unwrap();
            (provider, proof.finish().await)
        });
    }
    for (provider, (code, report)) in proofs.join_all().await {
        assert_eq!((code, ids(&report).len()), (0, 0), "{provider}: {report:#}");
        let mut skipped = vec!["sign-up, outage", "checkout", "session metadata", "subscription metadata"];
        skipped.extend(["sale, outage", "sign-up, crash", "sale, crash"]);
        // Who reports the payments is a question of Stripe's.
        skipped.extend((provider == "stripe").then_some("sale, connected"));
        assert_eq!(with_status(&report, "skipped"), skipped, "{provider}: {report:#}");
        let payments = ["sale", "redelivery", "renewal", "partial refund", "refund"];
        for name in ["landing", "sign-up, cookie"].iter().chain(&payments) {
            assert!(with_status(&report, "passed").contains(name), "{provider} {name}: {report:#}");
        }
    }
}

/// Without `[landing]`, header, cookie and body have the click id.
#[tokio::test]
async fn an_app_without_pages_is_proved() {
    let settings = "[signup]\nsteps = [{ post = '/signup', form = { email = '{email}' } }]\n";
    let shop = Shop::with_settings("127.0.0.1:0", "polar", settings).await;
    let mut proof = Running::start(&shop, &["--wait", "5", "--quick"]);
    proof.read_variables().await;
    shop.serve(&proof.variables).readiness().await.unwrap();
    let (code, report) = proof.finish().await;
    assert_eq!((code, ids(&report).len()), (0, 0), "{report:#}");
    assert_eq!(with_status(&report, "skipped")[0], "landing", "{report:#}");
    assert!(with_status(&report, "passed").contains(&"sign-up, cookie"), "{report:#}");
}

/// A finding is explained by the command itself.
#[tokio::test]
async fn findings_are_explained() {
    let result = crate::common::run(&["prove", "--explain", "webhook-blocked", "--color", "never"], &[]).await;
    assert_eq!(result.code, 0);
    assert!(result.out.starts_with("webhook-blocked: ") && result.out.contains("Fix. "), "{}", result.out);
    assert_ne!(crate::common::run(&["prove", "--explain", "nothing"], &[]).await.code, 0);
}

#[tokio::test]
async fn a_running_app_that_uses_another_service_is_not_driven() {
    let shop = Shop::bind("stripe").await;
    let proof = Running::start(&shop, &["--start-timeout", "1"]);
    let other = affitor_sandbox::Sandbox::start().await.unwrap();
    shop.serve(&[
        ("AFFITOR_API_URL".to_owned(), other.url().to_owned()),
        ("AFFITOR_API_KEY".to_owned(), "test_key".to_owned()),
    ]);
    let (code, report) = proof.finish().await;
    assert_eq!((code, ids(&report)), (2, vec!["points-elsewhere"]), "{report:#}");
    assert_eq!((shop.requests(), other.requests().len()), (0, 0), "nothing may be sent");
}

/// Over 10 s: `prove` waits for events that must not come.
#[tokio::test]
async fn a_command_can_sign_up() {
    if !is_installed("curl", &["--version"]) {
        return;
    }
    let sign_up = r#"command = ["sh", "-c", "curl -sf --cookie affitor_click_id=$AFFITOR_CLICK_ID -d email=$EMAIL ${APP_URL}signup"]"#;
    let shop = Shop::with_sign_up("stripe", sign_up).await;
    let mut proof = Running::start(&shop, &["--wait", "5", "--quick"]);
    proof.read_variables().await;
    shop.serve(&proof.variables).readiness().await.unwrap();
    let (code, report) = proof.finish().await;
    assert_eq!((code, ids(&report).len()), (0, 0), "{report:#}");
    assert!(with_status(&report, "skipped").contains(&"sign-up, header"));
    assert!(with_status(&report, "passed").contains(&"sign-up, cookie"));
}

/// Over 10 s: `prove` waits for events that must not come.
#[tokio::test]
async fn a_person_can_sign_up() {
    let shop = Shop::bind("stripe").await;
    let mut proof = Running::start(&shop, &["--manual", "--wait", "5"]);
    proof.read_variables().await;
    let client = shop.serve(&proof.variables);
    client.readiness().await.unwrap();
    let landing = proof.line_with("in your browser").await;
    let landing = landing.split_whitespace().find(|word| word.starts_with("http")).unwrap().to_owned();
    assert!(landing.starts_with(&shop.url) && landing.ends_with("?aff=PARTNER123"), "{landing}");
    shop.visit(&client, &landing).await;
    let (code, report) = proof.finish().await;
    assert_eq!((code, ids(&report).len()), (0, 0), "{report:#}");
    assert_eq!(with_status(&report, "passed")[..3], ["app", "landing", "sign-up"]);
}

// Reads `/proc`.
/// 10 s: how long `prove` waits for the app.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn nothing_keeps_running_after_an_app_that_does_not_listen() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    // None ends when it is asked to. The second leaves the group, and loses its parent.
    let script = format!(
        "trap '' TERM; (trap '' TERM; sleep 300) & echo $! $$ > {0}; (setsid sleep 300 & echo $! >> {0}); wait",
        pids.display()
    );
    let config = folder.path().join("affitor.toml");
    std::fs::write(
        &config,
        "app = { url = 'http://127.0.0.1:{port}', port = 'PORT' }\nsignup = { steps = [{ get = '/' }] }\n",
    )
    .unwrap();
    let config = config.to_str().unwrap();
    let arguments = ["prove", "--json", "--config", config, "--start-timeout", "5", "--", "sh", "-c", &script];
    let result = crate::common::run(&arguments, &[]).await;
    let report = result.json();
    assert_eq!((result.code, ids(&report)), (1, vec!["app-not-reachable"]), "{report:#}");
    let pids = std::fs::read_to_string(pids).unwrap();
    assert_eq!(pids.split_whitespace().count(), 3);
    for pid in pids.split_whitespace() {
        // A process that was killed is gone once its parent, or the system, has noticed.
        let is_gone = async {
            while std::path::Path::new("/proc").join(pid).join("cwd").exists() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), is_gone).await.expect("the process ends");
    }
}

#[tokio::test]
async fn an_app_that_ends_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("affitor.toml");
    std::fs::write(
        &config,
        "app = { url = 'http://127.0.0.1:{port}', port = 'PORT' }\nsignup = { steps = [{ get = '/' }] }\n",
    )
    .unwrap();
    let arguments = [
        "prove",
        "--json",
        "--config",
        config.to_str().unwrap(),
        "--",
        "sh",
        "-c",
        "echo DATABASE_URL is not set >&2; exit 3",
    ];
    let result = crate::common::run(&arguments, &[]).await;
    let report = result.json();
    assert_eq!((result.code, ids(&report)), (1, vec!["app-not-reachable"]));
    let message = report["findings"][0]["message"].as_str().unwrap();
    assert!(message.contains("exit status: 3"), "{message}");
    // The output may contain secrets, so the report does not repeat it.
    assert!(result.err.contains("DATABASE_URL is not set") && !result.out.contains("DATABASE_URL"));
}
