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
    for name in ["AFFITOR_API_KEY", "AFFITOR_API_TOKEN", "AFFITOR_API_URL", "AFFITOR_PROGRAM_ID"] {
        command.env_remove(name);
    }
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
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
    assert!(ran.err.contains("→ come back in 60 min, at "), "{}", ran.err);
    assert!(ran.err.contains("`affitor verify --no-chain` asks without a chain"), "{}", ran.err);
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
        assert!(!ran.out.contains("→ run a chain"), "it would go round in a circle: {}", ran.out);
    }
    // What events can open is asked for again, until the time is over.
    let sandbox = start(Sandbox::builder()).await;
    let ran = run(&["verify", "--no-chain", "--timeout", "1"], &settings(&sandbox)).await;
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
        (vec!["verify"], vec![key, ("AFFITOR_API_URL", "shop")], 2, "AFFITOR_API_URL \"shop\" is no URL"),
        (vec!["status"], vec![key, ("AFFITOR_API_URL", "127.0.0.1:4101")], 2, "→ did you mean http://127.0.0.1:4101?"),
        (vec!["status"], vec![key, ("AFFITOR_API_URL", "localhost:4101")], 2, "→ did you mean http://localhost:4101?"),
        (vec!["verify"], vec![key, ("AFFITOR_API_URL", "http://shop.example")], 2, "→ begin it with https:"),
        (vec!["verify", "--api-url", "http://shop.example"], vec![key], 2, "--api-url \"http://shop.example\" is not"),
        (vec!["verify"], vec![("AFFITOR_API_KEY", "\"aff_1\"")], 2, "quotes around the key in AFFITOR_API_KEY"),
        (vec!["verify"], vec![key, nowhere], 3, "connection refused\n  → start the sandbox with `affitor sandbox`"),
        (vec!["verify"], vec![wrong, url], 4, "AFFITOR_API_KEY"),
        (vec!["status"], vec![wrong, url], 4, "AFFITOR_API_KEY"),
        (vec!["test", "sale"], vec![wrong, url], 4, "AFFITOR_API_KEY"),
        (vec!["status", "--api-key", "wrong"], vec![key, url], 4, "check --api-key"),
        (vec!["test", "lead"], vec![key, nowhere], 3, "or check AFFITOR_API_URL"),
        (vec!["test", "refund"], vec![], 2, "unrecognized subcommand"),
        (vec![], vec![], 2, "Usage: affitor"),
        (vec!["sandbox", "--commission", "half"], vec![], 2, "is not a commission"),
        (vec!["sandbox", "--faults", "boom"], vec![], 2, "is not a fault"),
        (vec!["sandbox", "--interpretation", "x=y"], vec![], 2, "is not an interpretation"),
        (vec!["sandbox", "--attribution-window-days", "366"], vec![], 2, "366 is not in 1..=365"),
        (vec!["sandbox", "--partner", "a", "--partner", "a", "--port", "0"], vec![], 2, "duplicate partner code"),
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
    let held = sandbox.snapshot();
    assert_eq!((held.test_events.len(), held.leads.len(), held.sales.len()), (4, 0, 0));
    assert_eq!(held.test_events[2].amount_cents, Some(4_900));
    for amount in ["0", "-5"] {
        let ran = run(&["test", "sale", "--amount-cents", amount], &settings(&sandbox)).await;
        assert!(ran.code == 2 && ran.err.contains(&format!("{amount} is not in 1..")), "{}", ran.err);
    }
}

#[tokio::test]
async fn test_events_that_are_not_recorded_say_why() {
    let odd = server(|path, number| match (path, number) {
        ("/api/v1/track/click", 0) => ("200 OK", json!({ "success": false, "error": "Referral link is inactive" })),
        ("/api/v1/track/click", _) => ("200 OK", json!({ "success": true, "click_id": "cust_1_1" })),
        ("/api/v1/track/lead", _) => ("400 Bad Request", json!({ "error": "Customer not found." })),
        _ => ("409 Conflict", json!({ "error": "Duplicate transaction_id." })),
    })
    .await;
    for (event, said) in [
        ("click", "no test click was recorded: the partner's link is switched off"),
        ("click", "no test click was recorded: the service took it for a real one"),
        ("lead", "no test lead was recorded: the service looked for a real customer"),
        ("sale", "no test sale was recorded: the service has this transaction id already"),
    ] {
        let ran = run(&["test", event], &[("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", &odd)]).await;
        assert!(ran.code == 1 && ran.out.contains(said), "{} {}", ran.out, ran.err);
    }
    let ran = run(&["test", "sale", "--json"], &[("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", &odd)]).await;
    assert_eq!((ran.code, ran.json()["why"].is_string()), (1, true), "{}", ran.out);
}

#[tokio::test]
async fn status_needs_no_program_id() {
    let sandbox = start(Sandbox::builder()).await;
    let ran = run(&["status"], &settings(&sandbox)).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("Sandbox program 42 (program 42), localhost, configuring"), "{}", ran.out);
    assert!(ran.out.contains("last 24 hours: 0 clicks, 0 leads, 0 sales (test events don't count)"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.trim_end() == line), "{:?}", ran.out);
    let landing = json!({ "affiliate_url": "https://s.example/?aff=PARTNER123" });
    post(&json!(sandbox.url()), "/api/v1/track/click", landing).await;
    let ran = run(&["status"], &settings(&sandbox)).await;
    assert!(ran.out.contains("last 24 hours: 1 click, 0 leads, 0 sales"), "{}", ran.out);
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
        (with("AFFITOR_API_KEY", " aff_very_secret\n"), 0, "! key      there is white space around the key"),
        (with("AFFITOR_API_KEY", "\"aff_1\""), 2, "quotes around the key"),
        (with("AFFITOR_API_KEY", "\"aff_1\""), 2, "· service  not looked at: there is no usable key"),
        (with("AFFITOR_API_KEY", "Bearer aff_1"), 2, "begins with \"Bearer\""),
        (with("AFFITOR_API_KEY", "${AFFITOR_KEY}"), 2, "not replaced"),
        (with("AFFITOR_API_KEY", "affk_1"), 2, "management key"),
        (with("AFFITOR_API_KEY", "aff_ü"), 2, "characters in AFFITOR_API_KEY that no key has"),
        (with("AFFITOR_API_URL", "shop"), 2, "AFFITOR_API_URL \"shop\" is no URL"),
        (with("AFFITOR_API_URL", "127.0.0.1:4101"), 2, "→ did you mean http://127.0.0.1:4101?"),
        (with("AFFITOR_API_URL", "api.affitor.com"), 2, "→ did you mean https://api.affitor.com?"),
        (with("AFFITOR_API_URL", KEY), 2, "AFFITOR_API_URL (not shown) is no URL"),
        (with("AFFITOR_API_URL", "ftp://127.0.0.1"), 2, "begins with ftp:"),
        (with("AFFITOR_API_URL", "http://user:word@127.0.0.1"), 2, "a user or a password"),
        (with("AFFITOR_API_URL", "http://shop.example"), 2, "is not encrypted"),
        (with("AFFITOR_PROGRAM_ID", "7"), 1, "the key is for program 42, and AFFITOR_PROGRAM_ID says \"7\""),
        (with("AFFITOR_PROGRAM_ID", "my-shop"), 1, "AFFITOR_PROGRAM_ID is \"my-shop\""),
    ] {
        let ran = run(&["doctor"], &settings).await;
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains(said), "{said}: {}{}", ran.out, ran.err);
        assert!(code == 0 || ran.out.contains("  → "), "each with its mend: {}", ran.out);
    }
    let ran = run(&["doctor", "--json"], &settings(&sandbox)).await;
    assert_eq!((ran.code, &ran.json()["healthy"]), (0, &json!(true)));
    // A flag is named where it has said the value.
    let ran = run(&["doctor", "--program-id", "7"], &settings(&sandbox)).await;
    assert!(ran.out.contains("the key is for program 42, and --program-id says \"7\""), "{}", ran.out);
    let ran = run(&["doctor", "--api-key", "wrong"], &settings(&sandbox)).await;
    assert!(ran.out.contains("it refuses the key in --api-key"), "{}", ran.out);
    assert!(sandbox.snapshot().test_events.is_empty(), "it changes nothing");
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
    let resetting = start(Sandbox::builder().fault(Fault::ResetBeforeWrite.always())).await;
    let cutting = start(Sandbox::builder().fault(Fault::TruncatedResponse.always())).await;
    let html = raw_server("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\n<html").await;
    let moved = raw_server("HTTP/1.1 302 Found\r\nlocation: https://elsewhere\r\ncontent-length: 0\r\n\r\n").await;
    let nonsense = raw_server("220 mail.example ESMTP\r\n").await;
    let long_ago = "HTTP/1.1 401 Unauthorized\r\ndate: Tue, 15 Nov 1994 08:12:31 GMT\r\ncontent-length: 0\r\n\r\n";
    for (url, code, said) in [
        (format!("http://{closed}"), 3, "start the sandbox with `affitor sandbox`"),
        ("https://no-such-host.invalid".to_owned(), 3, "no-such-host.invalid has no address"),
        (sandbox.url().replace("http:", "https:"), 3, "→ begin the URL with http:"),
        (failing.url().to_owned(), 3, "it answers 502"),
        (busy.url().to_owned(), 5, "it asks to come back later"),
        (busy.url().to_owned(), 5, "→ come back in 9 s, at "),
        (busy.url().to_owned(), 5, "not all could be checked"),
        (format!("{}/api/v1", sandbox.url()), 3, "! URL      AFFITOR_API_URL \"http://127.0.0.1:"),
        (format!("{}/api/v1", sandbox.url()), 3, "✗ service  it answers 404"),
        (html, 3, "what answers is not the service"),
        (moved, 3, "it answers 302"),
        (resetting.url().to_owned(), 3, "was cut: by a proxy or the service\n  → try again"),
        (cutting.url().to_owned(), 3, "was cut: by a proxy or the service\n  → try again"),
        (nonsense, 3, "does not speak HTTP"),
        (raw_server(long_ago).await, 1, "✗ clock"),
    ] {
        let ran = run(&["doctor"], &[("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", &url)]).await;
        assert!(ran.out.contains(said), "{said}: {}{}", ran.out, ran.err);
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
    }
}

/// A server that answers by path and by how often it was asked: a status and a body.
async fn server(answer: impl Fn(&str, usize) -> (&'static str, Value) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 16 * 1024];
            let read = stream.read(&mut asked).await.unwrap_or_default();
            let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
            let (status, body) = answer(asked.split(' ').nth(1).unwrap_or_default(), number);
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.to_string().len());
            stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).await.ok();
            // Whoever leaves before all is read resets the connection, and the answer may be lost.
            tokio::spawn(async move {
                stream.shutdown().await.ok();
                stream.read_to_end(&mut Vec::new()).await.ok();
            });
        }
    });
    format!("http://{address}")
}

/// Readiness of a program of which all gates pass but the last.
fn readiness(verified: bool) -> Value {
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

fn chain(sale: &str) -> Value {
    let verdict = json!({ "click": "attributed", "lead": "attributed", "sale": sale });
    json!({ "data": { "verdict": verdict, "attributed": sale == "attributed" } })
}

#[tokio::test]
async fn verify_refuses_another_programs_id_before_it_runs_a_chain() {
    let sandbox = start(Sandbox::builder()).await;
    let ran = run(&["verify", "--program-id", "7"], &settings(&sandbox)).await;
    let said = "the key is for program 42, and --program-id says \"7\"\n  → take key and id from the same program";
    assert!(ran.code == 1 && ran.err.contains(said), "{} {}", ran.code, ran.err);
    let mut settings = settings(&sandbox);
    settings.push(("AFFITOR_PROGRAM_ID", "7"));
    let ran = run(&["verify", "--json"], &settings).await;
    let message = ran.json()["error"]["message"].clone();
    assert!(ran.code == 1 && message.as_str().unwrap().contains("AFFITOR_PROGRAM_ID says"), "{message}");
    assert!(sandbox.chains().is_empty());
}

#[tokio::test]
async fn verify_is_about_the_chain_that_was_just_run() {
    for (sale, shown) in [("pending", "! chain: "), ("unattributed", "✗ chain: "), ("wrong_partner", "✗ chain: ")] {
        let service = server(move |path, _| {
            ("200 OK", if path.ends_with("/test-event") { chain(sale) } else { readiness(true) })
        })
        .await;
        let settings = [("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", service.as_str())];
        let ran = run(&["verify"], &settings).await;
        assert!(ran.code == 1 && ran.out.contains(shown), "{} {}", ran.out, ran.err);
        assert!(ran.out.contains("but this chain was not attributed"), "{}", ran.out);
        let ran = run(&["verify", "--json"], &settings).await;
        assert_eq!((ran.code, &ran.json()["verified"]), (1, &json!(false)));
        assert_eq!(run(&["verify", "--no-chain"], &settings).await.code, 0);
    }
}

#[tokio::test]
async fn verify_asks_again_when_a_question_fails() {
    // The client itself tries three times.
    let service = server(|path, number| match number {
        _ if path.ends_with("/test-event") => ("200 OK", chain("attributed")),
        1..=3 => ("502 Bad Gateway", json!("busy")),
        4 => ("200 OK", readiness(false)),
        _ => ("200 OK", readiness(true)),
    })
    .await;
    let ran = run(&["verify"], &[("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", &service)]).await;
    assert!(ran.code == 0 && ran.out.contains("verified: program 42"), "{} {}", ran.out, ran.err);
    for seconds in ["0", "-1", "3601"] {
        let ran = run(&["verify", "--timeout", seconds], &[]).await;
        assert!(ran.code == 2 && ran.err.contains(&format!("{seconds} is not in 1..=3600")), "{}", ran.err);
    }
}

#[tokio::test]
async fn settings_are_read_as_the_library_reads_them() {
    let sandbox = start(Sandbox::builder()).await;
    let (key, url) = (format!(" {KEY}\n"), format!(" {} ", sandbox.url()));
    let padded = [("AFFITOR_API_KEY", key.as_str()), ("AFFITOR_API_URL", url.as_str()), ("AFFITOR_PROGRAM_ID", " 42 ")];
    let token = [("AFFITOR_API_TOKEN", KEY), ("AFFITOR_API_KEY", " "), ("AFFITOR_API_URL", sandbox.url())];
    let empty = [("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", sandbox.url()), ("AFFITOR_PROGRAM_ID", "")];
    for settings in [padded, token, empty] {
        for arguments in [&["doctor"][..], &["status"], &["test", "lead"], &["verify"]] {
            let ran = run(arguments, &settings).await;
            assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.out, ran.err);
        }
    }
}

#[tokio::test]
async fn who_is_not_the_service_is_told_apart() {
    let sandbox = start(Sandbox::builder()).await;
    let elsewhere = format!("{}/elsewhere", sandbox.url());
    let method = server(|_, _| ("405 Method Not Allowed", json!({ "error": "Method Not Allowed" }))).await;
    let unknown = server(|_, _| ("501 Not Implemented", json!("no"))).await;
    let html = raw_server("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\n<html").await;
    for url in [&elsewhere, &method, &unknown, &html] {
        let settings = [("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", url.as_str())];
        for arguments in [&["status"][..], &["verify"], &["test", "click"], &["test", "sale"]] {
            let ran = run(arguments, &settings).await;
            let said = format!("→ check AFFITOR_API_URL ({url:?}): ");
            assert!(ran.code == 3 && ran.err.contains(&said), "{arguments:?}: {} {}", ran.code, ran.err);
            assert!(ran.err.contains("`affitor doctor` says more"), "{}", ran.err);
        }
    }
    let ran = run(&["status", "--program-id", "7"], &settings(&sandbox)).await;
    let said = "→ the program id is \"7\": take key and id from the same program";
    assert!(ran.code == 1 && ran.err.contains(said), "{}", ran.err);
}

#[tokio::test]
async fn what_fails_on_the_way_is_said_at_once() {
    let sandbox = start(Sandbox::builder()).await;
    let with = |fault: Fault| start(Sandbox::builder().fault(fault.always()));
    let (reset, gateway) = (with(Fault::ResetBeforeWrite).await, with(Fault::BadGateway).await);
    let busy = with(Fault::RateLimited(Duration::from_secs(9))).await;
    let nonsense = raw_server("220 mail.example ESMTP\r\n").await;
    for (url, code, said) in [
        (sandbox.url().replace("http:", "https:"), 3, "→ begin the URL with http:"),
        (reset.url().to_owned(), 3, "was cut: by a proxy or the service\n  → try again"),
        (gateway.url().to_owned(), 3, "→ try again later"),
        (nonsense, 3, "does not speak HTTP\n  → check the port in AFFITOR_API_URL"),
        (busy.url().to_owned(), 5, "→ come back in 9 s, at "),
    ] {
        let settings = [("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", url.as_str())];
        let ran = run(&["status"], &settings).await;
        assert!(ran.code == code && ran.err.contains(said), "{said}: {} {}", ran.code, ran.err);
        assert!(!ran.err.contains("error sending request") && !ran.err.contains("os error"), "{}", ran.err);
        let error = run(&["status", "--json"], &settings).await.json()["error"].clone();
        assert!(error["mend"].is_string(), "{error}");
    }
}

#[tokio::test]
async fn a_proxy_is_named_where_it_is_used() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let dead = format!("http://{closed}");
    let sandbox = start(Sandbox::builder()).await;
    let far = "https://no-such-host.invalid";
    for (url, proxy, except, arguments, named) in [
        (far, "HTTPS_PROXY", "", "doctor", true),
        (far, "all_proxy", "", "doctor", true),
        (far, "HTTPS_PROXY", "", "status", true),
        (far, "HTTPS_PROXY", "no-such-host.invalid", "doctor", false),
        (far, "HTTPS_PROXY", "no-such-host.invalid", "status", false),
        (sandbox.url(), "HTTPS_PROXY", "", "doctor", false),
    ] {
        let settings = [("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", url), (proxy, &dead), ("NO_PROXY", except)];
        let ran = run(&[arguments], &settings).await;
        let all = format!("{}{}", ran.out, ran.err);
        let said = format!("through the proxy that {proxy} names: connection refused\n  → check {proxy}");
        assert_eq!(all.contains(&said), named, "{url} {except}: {all}");
        assert_eq!(all.contains("_proxy") || all.contains("_PROXY"), named, "{all}");
        assert_eq!(ran.code, if url == far { 3 } else { 0 }, "{all}");
    }
}

#[tokio::test]
async fn the_service_may_be_below_a_path() {
    let proxied = server(|path, _| match path.strip_prefix("/affitor/api/v1/") {
        Some(path) if path.ends_with("/test-event") => ("200 OK", chain("attributed")),
        Some(_) => ("200 OK", readiness(true)),
        None => ("404 Not Found", json!("no")),
    })
    .await;
    for url in [format!("{proxied}/affitor"), format!("{proxied}/affitor/")] {
        let settings = [("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", url.as_str())];
        let ran = run(&["doctor"], &settings).await;
        assert!(ran.code == 0 && ran.out.contains("! URL ") && !ran.out.contains('✗'), "{}", ran.out);
        assert_eq!(run(&["verify"], &settings).await.code, 0);
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
        "--seed", "3", "--interpretation", "duplicate-sale=conflict",
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

    assert_eq!((&said["commission"], &said["lead_auth"]), (&json!("one-time:50"), &json!("server-required")));
    assert_eq!(said["faults"], json!(["error-after-write@sale:1x", "latency=1ms@lead"]));
    assert_eq!(
        (&said["interpretations"], &said["attribution_window_days"]),
        (&json!(["duplicate-sale=conflict"]), &json!(30))
    );
    let empty = json!({ "file": data, "clicks": 0, "leads": 0, "sales": 0, "clock_ahead_seconds": 0 });
    assert_eq!(said["data"], empty);

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

/// What a sandbox prints for people until it has started, and its process.
async fn banner(arguments: &[&str]) -> (Child, String) {
    let mut all = vec!["sandbox", "--port", "0"];
    all.extend(arguments);
    let mut child = affitor(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = String::new();
    while !said.contains("Ctrl-C ends it.") {
        said += &lines.next_line().await.unwrap().expect("it says where it is");
        said.push('\n');
    }
    (child, said)
}

/// A file of this test's own, which goes with it.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("affitor-cli-{name}-{}", std::process::id())))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).ok();
    }
}

#[tokio::test]
async fn the_sandbox_says_what_is_not_as_always() {
    let (mut child, said) = banner(&[]).await;
    for name in ["  pays", "  leads", "  windows", "  faults", "  interpretations", "  data"] {
        assert!(!said.contains(name), "{said}");
    }
    child.kill().await.unwrap();
    let file = File::new("banner");
    let held = Sandbox::builder().data(file.path()).start().await.unwrap();
    let landing = json!({ "affiliate_url": "https://s.example/?aff=PARTNER123" });
    post(&json!(held.url()), "/api/v1/track/click", landing).await;
    held.advance_days(16);
    drop(held);
    #[rustfmt::skip]
    let (mut child, said) = banner(&[
        "--commission", "none", "--lead-auth", "server-required", "--cookie-window-days", "15", "--faults", "stall@sale",
        "--interpretation", "duplicate-sale=conflict", "--interpretation", "unknown-lead=refused", "--data", file.path(),
    ])
    .await;
    for line in [
        "  pays     none\n",
        "  leads    server-required\n",
        "  windows  attribution 60 days, cookie 15 days\n",
        "  faults   stall@sale\n",
        "  interpretations duplicate-sale=conflict\n",
        &format!("  data     {}: 1 click, 0 leads, 0 sales; clock 16 days ahead\n", file.path()),
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    child.kill().await.unwrap();
}

#[tokio::test]
async fn the_sandbox_warns_of_a_torn_line() {
    let file = File::new("torn");
    std::fs::write(file.path(), "{\"affitor_sandbox_journal\":1}\n{\"request\":nu").unwrap();
    let (mut child, _) = banner(&["--data", file.path()]).await;
    let mut warning = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut warning).await.unwrap();
    assert!(warning.contains("WARN") && warning.contains("incomplete last line"), "{warning}");
    assert!(!warning.contains('\u{1b}'), "{warning:?}");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn the_sandbox_says_what_to_do_about_its_file() {
    let (other, damaged, sevens) = (File::new("other"), File::new("damaged"), File::new("sevens"));
    std::fs::write(other.path(), "a shopping list\n").unwrap();
    std::fs::write(damaged.path(), "{\"affitor_sandbox_journal\":1}\n{]\n").unwrap();
    let held = Sandbox::builder().program_id(7).data(sevens.path()).start().await.unwrap();
    let landing = json!({ "affiliate_url": "https://s.example/?aff=PARTNER123" });
    post(&json!(held.url()), "/api/v1/track/click", landing).await;
    drop(held);
    let folder = std::env::temp_dir();
    for (data, said) in [
        (other.path(), "→ move or delete the file, or choose another with --data"),
        (damaged.path(), "→ move or delete the file, or choose another with --data"),
        (sevens.path(), "→ start it with the program and the partners that the file was written with"),
        (folder.to_str().unwrap(), "→ choose another file with --data"),
    ] {
        let ran = run(&["sandbox", "--port", "0", "--data", data], &[]).await;
        assert!(ran.code == 2 && ran.err.contains(said), "{data}: {}{}", ran.out, ran.err);
    }
}

#[tokio::test]
async fn help_says_all_and_shows_no_key() {
    let ran = run(&["--help"], &[("AFFITOR_API_KEY", KEY)]).await;
    assert!(ran.code == 0 && ran.out.contains("Exit codes:"), "{}", ran.out);
    for command in ["sandbox", "test", "verify", "status", "doctor"] {
        assert!(ran.out.contains(command));
        let help = run(&[command, "--help"], &[("AFFITOR_API_KEY", KEY)]).await;
        assert!(help.code == 0 && help.out.contains("--json"), "{}", help.out);
        let codes = help.out.split("Exit codes").nth(1).unwrap_or_default();
        assert!(codes.contains("\n  0  "), "{command}: {}", help.out);
    }
    let ran = run(&["test", "lead", "--help", "--json"], &[]).await;
    assert!(ran.code == 0 && ran.out.contains("AFFITOR_API_TOKEN"), "help stays help: {}", ran.out);
}

#[tokio::test]
async fn arguments_that_are_wrong_are_said_in_json_too() {
    for (arguments, said) in [
        (&["--json"][..], "'affitor' requires a subcommand"),
        (&["test", "--json"], "'affitor test' requires a subcommand"),
        (&["verify", "--json", "--timeout", "-1"], "-1 is not in 1..=3600"),
        (&["test", "refund", "--json"], "unrecognized subcommand 'refund'"),
        (&["status", "--json", "--shop", "1"], "unexpected argument '--shop' found"),
        (&["sandbox", "--json", "--commission", "half"], "is not a commission"),
        (&["sandbox", "--json", "--api-key", "a b"], "without white space"),
    ] {
        let ran = run(arguments, &[]).await;
        let error = ran.json()["error"].clone();
        assert_eq!((ran.code, &error["kind"], ran.err.as_str()), (2, &json!("usage"), ""), "{arguments:?}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(said) && !message.contains('\n') && !message.starts_with("error"), "{message}");
        assert!(error["mend"].is_string(), "{error}");
    }
}

/// What a server says moves no cursor, forges no line, and is not the key.
#[tokio::test]
async fn a_hostile_server() {
    const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\nverified: all fine\r\u{202e}";
    let url = server(|path, _| {
        let mut readiness = readiness(true);
        readiness["state"] = json!(format!("{HOSTILE} {KEY}"));
        readiness["gates"]["profile"] = json!({ "status": "fail", "next_action": HOSTILE });
        let status = json!({ "program_id": HOSTILE, "name": HOSTILE, "domain": HOSTILE, "dns_verified": true,
            "stripe_connected": false, "recent_events": { "clicks_24h": 0, "leads_24h": 0, "sales_24h": 0 },
            "active_partners": 0, "pending_commissions": 0 });
        (
            "200 OK",
            if path.contains("status") {
                status
            } else if path.contains("test-event") {
                chain(HOSTILE)
            } else {
                readiness
            },
        )
    })
    .await;
    let settings = [("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", &*url)];
    for command in [&["status"][..], &["verify"], &["doctor"], &["status", "--json"], &["verify", "--json"]] {
        let ran = run(command, &settings).await;
        for line in ran.out.lines() {
            assert!(
                !line.starts_with("verified: all") && !line.contains(['\u{7}', '\u{202e}', '\r']),
                "{command:?} {line:?}"
            );
        }
    }

    // A wait that no clock can say.
    let url =
        raw_server("HTTP/1.1 429 Too Many\r\nretry-after: 18446744073709551615\r\ncontent-length: 0\r\n\r\n").await;
    for command in ["status", "verify", "doctor"] {
        let ran = run(&[command], &[("AFFITOR_API_KEY", KEY), ("AFFITOR_API_URL", &url)]).await;
        assert_eq!(ran.code, 5, "{command}: {}{}", ran.out, ran.err);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_answer_that_is_lost_is_no_success() {
    let sandbox = start(Sandbox::builder()).await;
    for flags in [&["status"][..], &["status", "--json"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = affitor(flags);
        let status = command.envs(settings(&sandbox)).stdout(full).stderr(Stdio::null()).status().await.unwrap();
        assert_eq!(status.code(), Some(1), "{flags:?}");
    }
}
