//! The command as a user runs it: the real program, against the sandbox and worse.

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use affitor_sandbox::{ApiCall, Fault, Payout, Sandbox, SandboxBuilder};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    process::{Child, Command},
};

const KEY: &str = "aff_very_secret";

/// The command without what the machine's own environment says.
fn affitor(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_affitor"));
    command.args(arguments).kill_on_drop(true).stdin(Stdio::null());
    for name in ["AFFITOR_API_KEY", "AFFITOR_API_URL", "AFFITOR_PROGRAM_ID"] {
        command.env_remove(name);
    }
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"] {
        command.env_remove(name);
    }
    command
}

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let ran = Self { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) };
        assert!(!ran.out.contains(KEY) && !ran.err.contains(KEY), "the key is shown: {}{}", ran.out, ran.err);
        assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "colours without a terminal");
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        ran
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

async fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Ran {
    let mut command = affitor(arguments);
    command.envs(settings.iter().copied());
    let output = tokio::time::timeout(Duration::from_secs(60), command.output()).await.expect("it ends").unwrap();
    Ran::of(&output)
}

async fn start(builder: SandboxBuilder) -> Sandbox {
    builder.api_key(KEY).start().await.unwrap()
}

fn settings(sandbox: &Sandbox) -> Vec<(&'static str, &str)> {
    vec![("AFFITOR_API_URL", sandbox.url()), ("AFFITOR_API_KEY", KEY)]
}

#[tokio::test]
async fn verify_runs_ten_chains_an_hour() {
    let sandbox = start(Sandbox::builder()).await;
    for _ in 0..10 {
        let ran = run(&["verify"], &settings(&sandbox)).await;
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("chain: click attributed, lead attributed, sale attributed"), "{}", ran.out);
        assert!(ran.out.contains("verified: program 42 is integration_verified"), "{}", ran.out);
    }
    let ran = run(&["verify"], &settings(&sandbox)).await;
    assert_eq!(ran.code, 5);
    assert!(ran.err.contains("come back in 60 min, at "), "{}", ran.err);
    let ran = run(&["verify", "--json"], &settings(&sandbox)).await;
    let wait = ran.json()["error"]["retry_after_seconds"].as_u64().unwrap();
    assert!(ran.code == 5 && (3_500..=3_600).contains(&wait), "{}", ran.out);
    // Without a chain it only asks.
    let ran = run(&["verify", "--no-chain", "--json"], &settings(&sandbox)).await;
    assert_eq!((ran.code, &ran.json()["verified"], &ran.json()["chain"]), (0, &json!(true), &json!(null)));
}

#[tokio::test]
async fn verify_says_what_stands_in_the_way() {
    for (builder, blocker, mend) in [
        (Sandbox::builder().without_commission(), "economics", "set what a sale pays"),
        (Sandbox::builder().profile_complete(false), "profile", "complete the program's profile"),
        (Sandbox::builder().payout(Payout::Missing), "payout", "connect Stripe"),
    ] {
        let sandbox = start(builder).await;
        let ran = run(&["verify"], &settings(&sandbox)).await;
        assert_eq!(ran.code, 1, "{}", ran.out);
        assert!(ran.out.contains(&format!("held up by {blocker}")) && ran.out.contains(mend), "{}", ran.out);
    }
    // What events can open is asked for again, until the time is over.
    let sandbox = start(Sandbox::builder()).await;
    let ran = run(&["verify", "--no-chain", "--timeout", "0"], &settings(&sandbox)).await;
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("held up by tracking") && ran.out.contains("put the tracker script"), "{}", ran.out);
}

#[tokio::test]
async fn failures_have_codes_and_say_what_to_do() {
    let sandbox = start(Sandbox::builder()).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nowhere = format!("http://{closed}");
    let (key, url) = (("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", sandbox.url()));
    let (wrong, empty) = (("AFFITOR_API_KEY", "wrong"), ("AFFITOR_API_KEY", ""));
    let nowhere = ("AFFITOR_API_URL", nowhere.as_str());
    for (arguments, settings, code, said) in [
        (vec!["verify"], vec![], 2, "there is no key"),
        (vec!["verify"], vec![empty], 2, "there is no key"),
        (vec!["verify"], vec![key, ("AFFITOR_API_URL", "shop")], 2, "`affitor doctor`"),
        (vec!["verify"], vec![key, ("AFFITOR_API_URL", "http://shop.example")], 2, "https"),
        (vec!["verify"], vec![key, nowhere], 3, "where on the way it fails"),
        (vec!["verify"], vec![wrong, url], 4, "AFFITOR_API_KEY"),
        (vec!["status"], vec![wrong, url], 4, "AFFITOR_API_KEY"),
        (vec!["test", "sale"], vec![wrong, url], 4, "AFFITOR_API_KEY"),
        (vec!["test", "lead"], vec![key, nowhere], 3, "doctor"),
        (vec!["test", "refund"], vec![], 2, "unrecognized subcommand"),
        (vec![], vec![], 2, "Usage: affitor"),
        (vec!["sandbox", "--commission", "half"], vec![], 2, "is no commission"),
        (vec!["sandbox", "--faults", "boom"], vec![], 2, "is no fault"),
        (vec!["sandbox", "--reading", "x=y"], vec![], 2, "is no reading"),
        (vec!["sandbox", "--attribution-window-days", "366"], vec![], 2, "366 is not in 1..=365"),
        (vec!["sandbox", "--partner", "a", "--partner", "a", "--port", "0"], vec![], 2, "two of the same partner"),
        (vec!["sandbox", "--api-key", "a b"], vec![], 2, "without white space"),
    ] {
        let ran = run(&arguments, &settings).await;
        assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
    }
    let ran = run(&["verify", "--json"], &[wrong, url]).await;
    assert_eq!((ran.code, &ran.json()["error"]["kind"]), (4, &json!("key_refused")));
    assert!(ran.err.is_empty());
}

#[tokio::test]
async fn test_events_have_no_effect() {
    let sandbox = start(Sandbox::builder()).await;
    for (number, arguments) in [
        vec!["test", "click"],
        vec!["test", "lead", "--customer-key", "user_7", "--click-id", "cust_1_1"],
        vec!["test", "sale", "--amount-cents", "4900", "--currency", "EUR"],
    ]
    .into_iter()
    .enumerate()
    {
        let ran = run(&arguments, &settings(&sandbox)).await;
        let said = format!("the service recorded a test {}, as event {}", arguments[1], number + 1);
        assert!(ran.code == 0 && ran.out.contains(&said), "{}{}", ran.out, ran.err);
    }
    let ran = run(&["--json", "test", "sale"], &settings(&sandbox)).await;
    assert_eq!(ran.json(), json!({ "event": "sale", "test_mode": true, "recorded": true, "event_id": 4 }));
    let held = sandbox.snapshot().await;
    assert_eq!((held.test_events.len(), held.leads.len(), held.sales.len()), (4, 0, 0));
    assert_eq!(held.test_events[2].amount_cents, Some(4_900));
    let ran = run(&["test", "sale", "--amount-cents", "0"], &settings(&sandbox)).await;
    assert_eq!(ran.code, 2, "{}", ran.err);
}

#[tokio::test]
async fn status_needs_no_program_id() {
    let sandbox = start(Sandbox::builder()).await;
    let ran = run(&["status"], &settings(&sandbox)).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("Sandbox program 42 (program 42), localhost, configuring"), "{}", ran.out);
    assert!(ran.out.contains("last 24 hours: 0 clicks, 0 leads, 0 sales"), "{}", ran.out);
    let ran = run(&["status", "--json"], &settings(&sandbox)).await;
    assert_eq!(ran.json()["status"]["active_partners"], 1);
}

#[tokio::test]
async fn doctor_finds_what_is_wrong_with_the_settings() {
    let sandbox = start(Sandbox::builder()).await;
    let with = |name: &'static str, value: &'static str| {
        let mut settings = settings(&sandbox);
        settings.retain(|(known, _)| *known != name);
        settings.push((name, value));
        settings
    };
    for (settings, code, said) in [
        (settings(&sandbox), 0, "nothing is wrong"),
        (with("AFFITOR_PROGRAM_ID", "42"), 0, "nothing is wrong"),
        (with("AFFITOR_API_KEY", "wrong"), 4, "✗ service  it refuses the key"),
        (with("AFFITOR_API_KEY", ""), 2, "AFFITOR_API_KEY is empty"),
        (with("AFFITOR_API_KEY", "aff_1 "), 2, "white space around the key"),
        (with("AFFITOR_API_KEY", "\"aff_1\""), 2, "quotes around the key"),
        (with("AFFITOR_API_KEY", "Bearer aff_1"), 2, "begins with \"Bearer\""),
        (with("AFFITOR_API_KEY", "${AFFITOR_KEY}"), 2, "not replaced"),
        (with("AFFITOR_API_KEY", "affk_1"), 2, "management key"),
        (with("AFFITOR_API_KEY", "aff_ü"), 2, "characters in the key"),
        (with("AFFITOR_API_URL", "shop"), 2, "AFFITOR_API_URL is no URL"),
        (with("AFFITOR_API_URL", "ftp://127.0.0.1"), 2, "begins with ftp:"),
        (with("AFFITOR_API_URL", "http://user:word@127.0.0.1"), 2, "a user or a password"),
        (with("AFFITOR_API_URL", "http://127.0.0.1:9/api/v1"), 2, "goes on after the host: /api/v1"),
        (with("AFFITOR_API_URL", "http://shop.example"), 2, "is not encrypted"),
        (with("AFFITOR_PROGRAM_ID", "7"), 1, "the key is for program 42, and AFFITOR_PROGRAM_ID says 7"),
        (with("AFFITOR_PROGRAM_ID", "my-shop"), 1, "AFFITOR_PROGRAM_ID is \"my-shop\""),
    ] {
        let ran = run(&["doctor"], &settings).await;
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains(said), "{said}: {}{}", ran.out, ran.err);
        assert!(code == 0 || ran.out.contains("  → "), "each with its mend: {}", ran.out);
    }
    let ran = run(&["doctor", "--json"], &settings(&sandbox)).await;
    assert_eq!((ran.code, &ran.json()["healthy"]), (0, &json!(true)));
    assert!(sandbox.snapshot().await.test_events.is_empty(), "it changes nothing");
}

/// A server that sends these bytes to whoever asks.
async fn raw_server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut asked = [0; 4096];
                if stream.read(&mut asked).await.is_ok_and(|read| read > 0) {
                    stream.write_all(answer.as_bytes()).await.ok();
                }
            });
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn doctor_finds_what_is_wrong_on_the_way() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let sandbox = start(Sandbox::builder()).await;
    let failing = start(Sandbox::builder().fault(Fault::BadGateway.always().on(ApiCall::Readiness))).await;
    let busy = start(Sandbox::builder().fault(Fault::RateLimited(Duration::from_secs(9)).always())).await;
    let html = raw_server("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\n<html").await;
    let moved = raw_server("HTTP/1.1 302 Found\r\nlocation: https://elsewhere\r\ncontent-length: 0\r\n\r\n").await;
    let nonsense = raw_server("220 mail.example ESMTP\r\n").await;
    let long_ago = "HTTP/1.1 401 Unauthorized\r\ndate: Tue, 15 Nov 1994 08:12:31 GMT\r\ncontent-length: 0\r\n\r\n";
    for (url, code, said) in [
        (format!("http://{closed}"), 3, "start the sandbox with `affitor sandbox`"),
        ("https://no-such-host.invalid".to_owned(), 3, "no-such-host.invalid has no address"),
        (sandbox.url().replace("http:", "https:"), 3, "this port does not speak TLS"),
        (failing.url().to_owned(), 3, "it answers 502"),
        (busy.url().to_owned(), 5, "it asks to come back later"),
        (html, 3, "what answers is not the service"),
        (moved, 3, "it answers 302"),
        (nonsense, 3, "does not speak HTTP"),
        (raw_server(long_ago).await, 1, "✗ clock"),
    ] {
        let ran = run(&["doctor"], &[("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", &url)]).await;
        assert!(ran.out.contains(said), "{said}: {}{}", ran.out, ran.err);
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
    }
}

/// The sandbox in a process of its own, on a free port, with what it says of itself.
async fn serve(arguments: &[&str]) -> (Child, Value) {
    let mut all = vec!["sandbox", "--json", "--port", "0"];
    all.extend(arguments);
    let mut child = affitor(&all).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = String::new();
    while !said.ends_with("\n}\n") {
        said += &lines.next_line().await.unwrap().expect("it says where it is");
        said.push('\n');
    }
    (child, serde_json::from_str(&said).unwrap())
}

async fn post(url: &Value, path: &str, body: Value) -> Value {
    let request = reqwest::Client::new().post(format!("{}{path}", url.as_str().unwrap())).bearer_auth(KEY);
    let answer = request.body(body.to_string()).send().await.unwrap();
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_sandbox_serves_with_its_flags() {
    let file = std::env::temp_dir().join(format!("affitor-cli-{}.jsonl", std::process::id()));
    let data = file.to_str().unwrap();
    #[rustfmt::skip]
    let (mut child, said) = serve(&[
        "--program-id", "7", "--api-key", KEY, "--partner", "one", "--partner", "two",
        "--lead-auth", "server-required", "--attribution-window-days", "30", "--cookie-window-days", "15",
        "--commission", "one-time:50", "--data", data, "--faults", "error-after-write@sale:1x,latency=1ms@lead",
        "--seed", "3", "--reading", "duplicate-sale=conflict",
    ])
    .await;
    let url = &said["url"];
    assert_eq!((&said["program_id"], &said["partners"]), (&json!(7), &json!(["one", "two"])));
    let click = post(url, "/api/v1/track/click", json!({ "affiliate_url": "https://s.example/?aff=two" })).await;
    assert_eq!(click["cookie_window_days"], 15);
    let sale = json!({ "transaction_id": "t_1", "amount_cents": 100, "click_id": click["click_id"] });
    assert_eq!(post(url, "/api/v1/track/sale", sale.clone()).await["error"], "Sale tracking failed");
    assert_eq!(post(url, "/api/v1/track/sale", sale).await["message"], "transaction_id already recorded");
    assert_eq!(reqwest::get(said["click_url"].as_str().unwrap()).await.unwrap().status(), 200);

    // The port and the file are taken.
    let port = url.as_str().unwrap().rsplit(':').next().unwrap();
    let ran = run(&["sandbox", "--port", port], &[]).await;
    assert!(ran.code == 2 && ran.err.contains(&format!("port {port} is taken")), "{}", ran.err);
    let ran = run(&["sandbox", "--port", "0", "--program-id", "7", "--data", data], &[]).await;
    assert!(ran.code == 2 && ran.err.contains("another sandbox has this file open"), "{}", ran.err);

    #[cfg(unix)]
    {
        let id = child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert_eq!(child.wait().await.unwrap().code(), Some(0), "SIGTERM ends it");
    }
    child.kill().await.ok();
    let again = ["--program-id", "7", "--api-key", KEY, "--partner", "one", "--partner", "two", "--data", data];
    let (mut child, said) = serve(&again).await;
    let sale = json!({ "transaction_id": "t_2", "amount_cents": 100, "click_id": click["click_id"] });
    assert_eq!(post(&said["url"], "/api/v1/track/sale", sale.clone()).await["success"], true, "the click is known");
    // What was answered is there, however the process ends.
    child.kill().await.unwrap();
    let (mut child, said) = serve(&again).await;
    let duplicate = post(&said["url"], "/api/v1/track/sale", sale).await["error"].clone();
    assert_eq!(duplicate, "Duplicate transaction_id. This sale has already been recorded.");
    child.kill().await.unwrap();
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn help_says_all_and_shows_no_key() {
    let ran = run(&["--help"], &[("AFFITOR_API_KEY", KEY)]).await;
    assert!(ran.code == 0 && ran.out.contains("Exit codes:"), "{}", ran.out);
    for command in ["sandbox", "test", "verify", "status", "doctor"] {
        assert!(ran.out.contains(command));
        let help = run(&[command, "--help"], &[("AFFITOR_API_KEY", KEY)]).await;
        assert!(help.code == 0 && help.out.contains("--json"), "{}", help.out);
    }
}
