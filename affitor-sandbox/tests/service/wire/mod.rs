//! The wire format, as a reviewed snapshot (`snapshots/service__wire__the_wire.snap`) of a scripted run through every call
//! and every refusal. Each line starts with the row of the service's facts (`affitor-api.md`) that it follows; `ours`
//! marks behaviour that the facts leave open.
//!
//! After an intended change, run `INSTA_UPDATE=always cargo test -p affitor-sandbox --test service wire` and review the diff.

mod command_line;
mod edges;
mod management;
mod tracking;
mod verification;

use std::{collections::BTreeSet, fmt::Write as _};

use affitor_sandbox::{Sandbox, SandboxBuilder};
use serde_json::{Value, json};

/// Time at which the clock is stopped, so that ids and times are the same in each run: 2026-11-20T12:00:00Z.
const NOON_MS: i64 = 1_795_176_000_000;

const KEY: Option<&str> = Some("Bearer test_key");
const NONE: Option<&str> = None;

/// The lines of the snapshot, and the statuses that each path has returned.
#[derive(Default)]
struct Run {
    lines: String,
    seen: BTreeSet<(String, u16)>,
}

/// A section of the run, with its sandbox.
struct Section<'r> {
    run: &'r mut Run,
    sandbox: Sandbox,
}

impl Run {
    async fn of(&mut self, title: &str, builder: SandboxBuilder) -> Section<'_> {
        writeln!(self.lines, "\n# {title}\n").unwrap();
        let sandbox = builder.clock_stopped_at_ms(NOON_MS).start().await.unwrap();
        Section { run: self, sandbox }
    }
}

impl Section<'_> {
    async fn send(&mut self, row: &str, method: &str, path: &str, key: Option<&str>, body: Option<String>) -> Value {
        let authorization = key.map(|key| ("authorization", key.to_owned()));
        self.send_with(row, method, path, authorization, body).await
    }

    async fn with_host(&mut self, row: &str, method: &str, path: &str, host: &str, body: Option<String>) -> Value {
        self.send_with(row, method, path, Some(("host", host.to_owned())), body).await
    }

    async fn send_with(
        &mut self,
        row: &str,
        method: &str,
        path: &str,
        header: Option<(&str, String)>,
        body: Option<String>,
    ) -> Value {
        let url = format!("{}{path}", self.sandbox.url());
        let mut request = reqwest::Client::new().request(method.parse().unwrap(), url);
        if let Some((name, value)) = &header {
            request = request.header(*name, value);
        }
        let shown = body.clone().unwrap_or_default();
        let shown = if shown.len() > 400 { format!("({} bytes)", shown.len()) } else { shown };
        if let Some(body) = body {
            request = request.body(body);
        }
        let header = match &header {
            None => "no key".to_owned(),
            Some(("authorization", key)) => format!("`{key}`"),
            Some((name, value)) => format!("{name}: {value}"),
        };
        let line = format!("{row} | {method} {path} {shown} ({header}) => ");
        write!(self.run.lines, "{}", self.masked(&line)).unwrap();
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                writeln!(self.run.lines, "no response").unwrap();
                assert!(!error.is_timeout(), "{error:?}");
                return Value::Null;
            }
        };
        let status = response.status().as_u16();
        let path = path.split('?').next().unwrap().replace("/42", "/{program}").replace("stripe/7", "stripe/{program}");
        let path = path.replace("programs/43", "programs/{program}").replace("keys/1", "keys/{key}");
        let path = path.replace("keys/2", "keys/{key}").replace("keys/3", "keys/{key}");
        self.run.seen.insert((path, status));
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let retry_after = header("retry-after").map_or_else(String::new, |wait| format!(" [retry-after: {wait}]"));
        let hint = header("x-affitor-sandbox-hint").map_or_else(String::new, |hint| format!(" [hint: {hint}]"));
        let content_type = header("content-type").unwrap();
        match response.text().await {
            Ok(text) if content_type.starts_with("application/json") => {
                let masked = self.masked(&text);
                writeln!(self.run.lines, "{status}{retry_after}{hint} {masked}").unwrap();
                serde_json::from_str(&text).unwrap()
            }
            Ok(text) => {
                let text = text.lines().next().unwrap_or_default();
                writeln!(self.run.lines, "{status}{retry_after} {content_type} {text}").unwrap();
                Value::Null
            }
            Err(_) => {
                writeln!(self.run.lines, "{status}, and the response is truncated").unwrap();
                Value::Null
            }
        }
    }

    /// Replaces what differs in each run: random keys and tokens, signatures and the port.
    fn masked(&self, text: &str) -> String {
        let mut masked = text.replace(self.sandbox.url(), "http://sandbox");
        for length in [64, 40] {
            masked = mask_hex(&masked, length);
        }
        for (before, length) in [("aff_", 8), ("affk_", 8), ("****", 4)] {
            masked = mask_after(&masked, before, length);
        }
        match masked.find("t=1").filter(|at| masked[*at..].contains(",v1=")) {
            Some(at) => format!("{}t=SECONDS{}", &masked[..at], &masked[masked[at..].find(',').unwrap() + at..]),
            None => masked,
        }
    }

    async fn post(&mut self, row: &str, path: &str, key: Option<&str>, body: Value) -> Value {
        self.send(row, "POST", path, key, Some(body.to_string())).await
    }

    async fn raw(&mut self, row: &str, path: &str, key: Option<&str>, body: &str) -> Value {
        self.send(row, "POST", path, key, Some(body.to_owned())).await
    }

    async fn get(&mut self, row: &str, path: &str, key: Option<&str>) -> Value {
        self.send(row, "GET", path, key, None).await
    }

    /// Confirms a login, as its page does. Not part of the wire.
    async fn confirm(&self, state: &str) {
        let form = json!({ "state": state, "email": "jo@example.com" });
        let url = format!("{}/_sandbox/consent", self.sandbox.url());
        assert_eq!(reqwest::Client::new().post(url).json(&form).send().await.unwrap().status(), 200);
    }

    async fn track(&mut self, row: &str, call: &str, key: Option<&str>, body: Value) -> Value {
        self.post(row, &format!("/api/v1/track/{call}"), key, body).await
    }

    async fn click(&mut self, row: &str, partner: &str, existing: Option<&str>) -> String {
        let mut body = json!({ "affiliate_url": format!("https://shop.example/?aff={partner}") });
        if let Some(existing) = existing {
            body["existing_click_id"] = json!(existing);
        }
        let response = self.track(row, "click", NONE, body).await;
        response["click_id"].as_str().unwrap().to_owned()
    }
}

/// Replaces this many hexadecimal digits after a text: what is shown of a random key.
fn mask_after(text: &str, before: &str, length: usize) -> String {
    let parts = text.split(before).enumerate().map(|(number, part)| {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        // A key with other digits is the test's own.
        let is_random = number > 0 && digits == length && !part.starts_with("01234567");
        if is_random { format!("HEX{}", &part[digits..]) } else { part.to_owned() }
    });
    parts.collect::<Vec<_>>().join(before)
}

/// Replaces runs of this many hexadecimal digits.
fn mask_hex(text: &str, length: usize) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let digits = rest[start..].bytes().take_while(u8::is_ascii_hexdigit).count();
        masked += &rest[..start];
        masked += if digits == length { "HEX" } else { &rest[start..start + digits] };
        rest = &rest[start + digits..];
    }
    masked + rest
}

fn two_partners() -> SandboxBuilder {
    Sandbox::builder().partner("PARTNER123").partner("abc123").other_program(7, "other_key", "other")
}

fn sale(id: &str, key: &str) -> Value {
    json!({ "transaction_id": id, "amount_cents": 10_000, "customer_key": key })
}

#[tokio::test]
async fn the_wire() {
    let mut run = Run::default();
    tracking::clicks(&mut run).await;
    tracking::leads(&mut run).await;
    tracking::sales(&mut run).await;
    tracking::refunds(&mut run).await;
    tracking::other_interpretations(&mut run).await;
    verification::test_mode(&mut run).await;
    verification::verification(&mut run).await;
    verification::dashboard(&mut run).await;
    command_line::command_line(&mut run).await;
    command_line::stripe(&mut run).await;
    management::management(&mut run).await;
    edges::bodies_and_paths(&mut run).await;
    edges::faults(&mut run).await;
    document_matches_run(&run).await;
    insta::assert_snapshot!(run.lines);
}

/// Every status that was seen is documented. Every documented status was seen, except those that any call can return
/// (because of a fault, or of a body that is too long) and the refusals of the aliases.
async fn document_matches_run(run: &Run) {
    let sandbox = Sandbox::start().await.unwrap();
    let document: Value = reqwest::get(format!("{}/openapi.json", sandbox.url())).await.unwrap().json().await.unwrap();
    let mut documented = BTreeSet::new();
    // The routes under `/_sandbox` have a test of their own.
    let calls = document["paths"].as_object().unwrap().iter().filter(|(path, _)| !path.starts_with("/_sandbox"));
    for (path, operations) in calls {
        for operation in operations.as_object().unwrap().values() {
            for status in operation["responses"].as_object().unwrap().keys() {
                documented.insert((path.clone(), status.parse::<u16>().unwrap()));
            }
        }
    }
    let unlisted = |path: &str, status: u16| status == 405 || path == "/api/elsewhere" || path.ends_with("/43");
    for (path, status) in run.seen.iter().filter(|(path, status)| !unlisted(path, *status)) {
        assert!(documented.contains(&(path.clone(), *status)), "{path} returns {status}, which is not documented");
    }
    let by_faults = |path: &str, status: u16| {
        matches!(status, 408 | 413 | 500 | 502) || (status == 429 && path != "/api/v1/cli/test-event")
    };
    let alias = |path: &str| {
        let calls = ["click", "lead", "sale", "refund"].into_iter().any(|call| path == format!("/api/tracking/{call}"));
        calls || path.starts_with("/js/affitor-tracker-")
    };
    for (path, status) in documented.iter().filter(|(path, status)| !by_faults(path, *status) && !alias(path)) {
        let seen = run.seen.contains(&(path.clone(), *status))
            || (*status == 404 && path.ends_with("{program}") && run.lines.contains(&path.replace("{program}", "43")));
        assert!(seen, "{path} never returned the documented status {status}");
    }
}
