//! Runs the command and checks what every run must satisfy.

mod home;
mod servers;

use std::{
    net::Ipv4Addr,
    process::{Output, Stdio},
    time::Duration,
};

use affitor_sandbox::{Sandbox, SandboxBuilder};
use serde_json::{Value, json};
use tokio::{net::TcpSocket, process::Command};

pub(crate) use home::Home;
pub(crate) use servers::{raw_server, server, site};

pub(crate) const KEY: &str = "aff_very_secret";

/// The command, without the settings of this machine's environment.
pub(crate) fn affitor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_affitor"));
    command.args(arguments).kill_on_drop(true).stdin(Stdio::null());
    for name in [
        "AFFITOR_API_KEY",
        "AFFITOR_API_TOKEN",
        "AFFITOR_API_KEY_FILE",
        "AFFITOR_API_URL",
        "AFFITOR_API_BASE",
        "AFFITOR_PROGRAM_ID",
    ] {
        command.env_remove(name);
    }
    for name in
        ["AFFITOR_SANDBOX_API_KEY", "AFFITOR_SANDBOX_STRIPE_WEBHOOK_SECRET", "AFFITOR_API_KEY_FILE", "AFFITOR_API_BASE"]
    {
        command.env_remove(name);
    }
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "DATABASE_URL", "STRIPE_WEBHOOK_SECRET"] {
        command.env_remove(name);
    }
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
        "REQUEST_METHOD",
    ] {
        command.env_remove(name);
    }
    for name in ["STRIPE", "POLAR", "LEMON_SQUEEZY", "PADDLE"] {
        command.env_remove(format!("{name}_WEBHOOK_SECRET"));
    }
    command
}

/// The result of a run.
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Finished {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let run = Self { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) };
        assert!(!run.out.contains(KEY) && !run.err.contains(KEY), "the key is shown: {}{}", run.out, run.err);
        assert!(!run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'), "colors without a terminal");
        assert!(!run.err.contains("panicked"), "{}", run.err);
        run
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

pub(crate) async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Finished {
    let mut command = affitor(arguments);
    command.envs(environment.iter().copied());
    let output = tokio::time::timeout(Duration::from_secs(60), command.output()).await.expect("the run hangs").unwrap();
    Finished::new(&output)
}

/// Returns whether a program is installed. If not, the test is skipped, which a machine that must run all tests forbids.
pub(crate) fn is_installed(program: &str, arguments: &[&str]) -> bool {
    let mut command = std::process::Command::new(program);
    let found =
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        assert!(std::env::var_os("AFFITOR_TESTS_FORBID_SKIP").is_none(), "{program} is not installed");
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}

/// The settings of a service at this URL.
pub(crate) fn environment(url: &str) -> Vec<(&'static str, &str)> {
    vec![("AFFITOR_API_URL", url), ("AFFITOR_API_KEY", KEY)]
}

pub(crate) async fn start(builder: SandboxBuilder) -> Sandbox {
    builder.api_key(KEY).start().await.unwrap()
}

/// A loopback address that accepts no connection. No other server gets it while the tests run.
pub(crate) fn closed_url() -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    std::mem::forget(socket);
    url
}

pub(crate) async fn post(url: &str, path: &str, body: Value) -> Value {
    let request = reqwest::Client::new().post(format!("{url}{path}")).bearer_auth(KEY);
    let response = request.body(body.to_string()).send().await.unwrap();
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// Records a click on a partner's link.
pub(crate) async fn post_click(url: &str, partner: &str) -> Value {
    let landing = format!("https://shop.example/?aff={partner}");
    post(url, "/api/v1/track/click", json!({ "affiliate_url": landing })).await
}

/// The readiness of a program whose gates all pass, except possibly the last.
pub(crate) fn readiness(verified: bool) -> Value {
    let live = if verified { json!({ "status": "pass" }) } else { json!({ "status": "fail" }) };
    let pass = json!({ "status": "pass" });
    json!({
        "program_id": 42,
        "state": if verified { "integration_verified" } else { "ready" },
        "integration_verified": verified,
        "blocker": if verified { json!(null) } else { json!("live") },
        "gates": { "profile": pass, "economics": pass, "payout": pass, "tracking": pass, "live": live },
        "poll": { "retry_after_seconds": 1 },
    })
}

/// The result of a test chain with this verdict for its sale.
pub(crate) fn chain(sale: &str) -> Value {
    let verdict = json!({ "click": "attributed", "lead": "attributed", "sale": sale });
    json!({ "data": { "verdict": verdict, "attributed": sale == "attributed" } })
}
