//! The wire format, as a reviewed snapshot (`tests/snapshots/wire__the_wire.snap`) of a scripted run through every call
//! and every refusal. Each line starts with the row of the service's facts (`affitor-api.md`) that it follows; `ours`
//! marks behaviour that the facts leave open.
//!
//! After an intended change, run `INSTA_UPDATE=always cargo test -p affitor-sandbox --test wire` and review the diff.

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use affitor_sandbox::{
    ApiCall, Commission, DuplicateSale, ExpiredWindow, Fault, Interpretations, LeadAuth, PartnerState, Payout,
    RepeatedLead, Sandbox, SandboxBuilder, SecondRefund, UnknownLead, WindowStart,
};
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
        let url = format!("{}{path}", self.sandbox.url());
        let mut request = reqwest::Client::new().request(method.parse().unwrap(), url);
        if let Some(key) = key {
            request = request.header("authorization", key);
        }
        let shown = body.clone().unwrap_or_default();
        let shown = if shown.len() > 400 { format!("({} bytes)", shown.len()) } else { shown };
        if let Some(body) = body {
            request = request.body(body);
        }
        let key = key.map_or_else(|| "no key".to_owned(), |key| format!("`{key}`"));
        write!(self.run.lines, "{row} | {method} {path} {shown} ({key}) => ").unwrap();
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                writeln!(self.run.lines, "no response").unwrap();
                assert!(!error.is_timeout(), "{error:?}");
                return Value::Null;
            }
        };
        let status = response.status().as_u16();
        self.run.seen.insert((path.split('?').next().unwrap().replace("/42", "/{program}"), status));
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let retry_after = header("retry-after").map_or_else(String::new, |wait| format!(" [retry-after: {wait}]"));
        let content_type = header("content-type").unwrap();
        match response.text().await {
            Ok(text) if content_type.starts_with("application/json") => {
                writeln!(self.run.lines, "{status}{retry_after} {text}").unwrap();
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

    async fn post(&mut self, row: &str, path: &str, key: Option<&str>, body: Value) -> Value {
        self.send(row, "POST", path, key, Some(body.to_string())).await
    }

    async fn raw(&mut self, row: &str, path: &str, key: Option<&str>, body: &str) -> Value {
        self.send(row, "POST", path, key, Some(body.to_owned())).await
    }

    async fn get(&mut self, row: &str, path: &str, key: Option<&str>) -> Value {
        self.send(row, "GET", path, key, None).await
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

fn two_partners() -> SandboxBuilder {
    Sandbox::builder().partner("PARTNER123").partner("abc123").other_program(7, "other_key", "other")
}

fn sale(id: &str, key: &str) -> Value {
    json!({ "transaction_id": id, "amount_cents": 10_000, "customer_key": key })
}

#[tokio::test]
async fn the_wire() {
    let mut run = Run::default();
    clicks(&mut run).await;
    leads(&mut run).await;
    sales(&mut run).await;
    refunds(&mut run).await;
    other_interpretations(&mut run).await;
    test_mode(&mut run).await;
    verification(&mut run).await;
    dashboard(&mut run).await;
    bodies_and_paths(&mut run).await;
    faults(&mut run).await;
    document_matches_run(&run).await;
    insta::assert_snapshot!(run.lines);
}

async fn clicks(run: &mut Run) {
    let mut at = run.of("click", two_partners()).await;
    let first = at.click("2 click 200", "PARTNER123", None).await;
    at.click("1 attribution: the same partner makes no new click", "PARTNER123", Some(&first)).await;
    at.click("1 attribution: another partner replaces it", "abc123", Some(&first)).await;
    at.click("2 click existing_click_id: unknown, so a new customer", "abc123", Some("cust_9_9")).await;
    at.post("2 aliases", "/api/tracking/click", NONE, json!({ "affiliate_url": "https://shop.example/?aff=abc123" }))
        .await;
    let row = "2 click 400";
    for body in [
        json!({}),
        json!({ "affiliate_url": 7 }),
        json!({ "affiliate_url": "shop" }),
        json!({ "affiliate_url": "https://shop.example/" }),
        json!({ "affiliate_url": "https://shop.example/?aff=nobody" }),
    ] {
        at.track(row, "click", NONE, body).await;
    }
    let typed = json!({ "affiliate_url": "https://shop.example/?aff=abc123", "page_title": 7 });
    at.track("ours: a wrong type is named", "click", NONE, typed).await;
    assert!(at.sandbox.set_partner_state("abc123", PartnerState::LinkInactive));
    let link = json!({ "affiliate_url": "https://shop.example/?aff=abc123" });
    at.track("2 click 200, yet no success", "click", NONE, link.clone()).await;
    assert!(at.sandbox.set_partner_state("abc123", PartnerState::LinkInvalid));
    at.track(row, "click", NONE, link).await;
}

async fn leads(run: &mut Run) {
    let mut at = run.of("lead", two_partners()).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    let lead = json!({ "click_id": click_id, "customer_key": "user_7", "email": "jo@example.com" });
    for (key, row) in [("Bearer wrong", "2 lead 401"), ("Bearer ", "2 lead 401"), ("test_key", "2 lead 401")] {
        at.track(row, "lead", Some(key), lead.clone()).await;
    }
    at.track("2 lead 400", "lead", KEY, json!({})).await;
    at.track("2 lead 400", "lead", KEY, json!({ "customer_key": "nobody" })).await;
    let other = json!({ "click_id": click_id, "customer_key": "user_7" });
    at.track("2 lead 400, another program's customer", "lead", Some("Bearer other_key"), other).await;
    at.track("2 lead 200", "lead", KEY, lead.clone()).await;
    at.track("2 lead 400 repeated (first interpretation)", "lead", KEY, lead).await;
    let long = vec!["cust_1_1"; 21];
    let long = json!({ "customer_key": "user_8", "click_ids": long });
    at.track("2 lead click_ids: up to 20", "lead", KEY, long).await;
    let click_id = at.click("2 click 200", "abc123", None).await;
    let browser = json!({
        "click_id": click_id, "customer_key": "user_9", "email": null, "click_ids": [click_id], "session_id": "sess_a_1",
        "page_url": "https://shop.example/", "program_id": "42", "has_attribution": true, "debug_mode": false,
    });
    at.post("2 lead 200, browser mode, alias", "/api/tracking/lead", NONE, browser).await;

    let mut at = run.of("lead, lead_auth: server_required", two_partners().lead_auth(LeadAuth::ServerRequired)).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    let lead = json!({ "click_id": click_id, "customer_key": "user_7" });
    at.track("2 lead 200 provisional", "lead", NONE, lead.clone()).await;
    at.track("2 lead 200, it settles", "lead", KEY, lead).await;
}

async fn sales(run: &mut Run) {
    let mut at = run.of("sale", two_partners().attribution_window_days(60)).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    let lead = json!({ "click_id": click_id, "customer_key": "user_7" });
    at.track("2 lead 200", "lead", KEY, lead).await;
    for key in [NONE, Some("Basic test_key"), Some("Bearer "), Some("Bearer wrong")] {
        at.track("2 sale 401", "sale", key, sale("t_1", "user_7")).await;
    }
    let row = "2 sale 400";
    for body in [
        json!({}),
        json!({ "transaction_id": 7 }),
        json!({ "transaction_id": "t_1" }),
        json!({ "transaction_id": "t_1", "amount_cents": 0 }),
        json!({ "transaction_id": "t_1", "amount_cents": 1.5 }),
        sale("t_1", "nobody"),
    ] {
        at.track(row, "sale", KEY, body).await;
    }
    let dollars = json!({ "transaction_id": "t_1", "amount_cents": 1, "currency": "dollars" });
    at.track("ours: currency", "sale", KEY, dollars).await;
    at.track("2 sale 200", "sale", KEY, sale("t_1", "user_7")).await;
    at.track("2 sale 409 (first body)", "sale", KEY, sale("t_1", "user_7")).await;
    at.track("ours: the duplicate comes before the customer", "sale", KEY, sale("t_1", "nobody")).await;
    let by_click =
        json!({ "transaction_id": "t_2", "amount_cents": 1_200_000, "currency": "VND", "click_id": click_id });
    at.track("2 sale 200, by click", "sale", KEY, by_click).await;
    let renewal = json!({
        "transaction_id": "t_3", "amount_cents": 4_900, "currency": "EUR", "customer_key": "user_7",
        "sale_type": "subscription", "is_recurring": true, "subscription_id": "sub_1", "subscription_interval": "monthly",
        "product_id": "plan", "line_items": [{ "name": "plan", "amount_cents": 4_900, "quantity": 1 }],
    });
    at.post("2 sale 200, a renewal, alias", "/api/tracking/sale", KEY, renewal).await;
    let other = json!({ "transaction_id": "t_4", "amount_cents": 1, "click_id": click_id });
    at.track("2 sale 400, another program's customer", "sale", Some("Bearer other_key"), other).await;
    assert!(at.sandbox.set_partner_state("PARTNER123", PartnerState::LeftProgram));
    at.track(row, "sale", KEY, sale("t_5", "user_7")).await;
    assert!(at.sandbox.set_partner_state("PARTNER123", PartnerState::Deleted));
    at.track(row, "sale", KEY, sale("t_5", "user_7")).await;
    assert!(at.sandbox.set_partner_state("PARTNER123", PartnerState::Active));
    at.sandbox.advance_days(75);
    at.track("2 sale 200, the window is over (first interpretation)", "sale", KEY, sale("t_6", "user_7")).await;

    let mut at = run.of("sale, cps_one_time", two_partners().commission(Commission::one_time(30))).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    for (id, row) in [("t_1", "1 cps_one_time: the first"), ("t_2", "1 cps_one_time: no other")] {
        let sale = json!({ "transaction_id": id, "amount_cents": 100, "click_id": click_id });
        at.track(row, "sale", KEY, sale).await;
    }
}

async fn refunds(run: &mut Run) {
    let mut at = run.of("refund", two_partners()).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    at.track("2 lead 200", "lead", KEY, json!({ "click_id": click_id, "customer_key": "user_7" })).await;
    for id in ["t_1", "t_2"] {
        at.track("2 sale 200", "sale", KEY, sale(id, "user_7")).await;
    }
    at.track("2 refund 401", "refund", NONE, json!({ "transaction_id": "t_1" })).await;
    at.track("2 refund 400", "refund", KEY, json!({})).await;
    at.track("ours: a wrong type", "refund", KEY, json!({ "transaction_id": "t_1", "refund_amount_cents": -1 })).await;
    at.track("2 refund 404", "refund", KEY, json!({ "transaction_id": "t_9" })).await;
    at.track("2 refund 404, another program's", "refund", Some("Bearer other_key"), json!({ "transaction_id": "t_1" }))
        .await;
    at.track("2 refund 200 full", "refund", KEY, json!({ "transaction_id": "t_1" })).await;
    at.track("2 refund 200 skipped", "refund", KEY, json!({ "transaction_id": "t_1" })).await;
    let part = json!({ "transaction_id": "t_2", "refund_amount_cents": 2_550, "refund_reason": "late" });
    at.post("2 refund 200 partial, alias", "/api/tracking/refund", KEY, part.clone()).await;
    at.track("2 refund 200 skipped, after a partial one (first interpretation)", "refund", KEY, part).await;

    let mut at = run.of("refund, without a commission", two_partners().without_commission()).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    let unpaid = json!({ "transaction_id": "t_1", "amount_cents": 100, "click_id": click_id });
    at.track("ours: no policy, no commission", "sale", KEY, unpaid).await;
    at.track("2 refund 200 no_commission", "refund", KEY, json!({ "transaction_id": "t_1" })).await;
}

async fn other_interpretations(run: &mut Run) {
    let mut interpretations = Interpretations::default();
    interpretations.repeated_lead = RepeatedLead::Idempotent;
    interpretations.unknown_lead = UnknownLead::Unattributed;
    interpretations.expired_window = ExpiredWindow::WithoutCommission;
    interpretations.window_start = WindowStart::FirstClick;
    interpretations.duplicate_sale = DuplicateSale::Conflict;
    interpretations.second_refund = SecondRefund::Taken;
    interpretations.reversal_without_status = true;
    let mut at = run.of("the other interpretations", two_partners().interpretations(interpretations)).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    let lead = json!({ "click_id": click_id, "customer_key": "user_7" });
    at.track("2 lead 200", "lead", KEY, lead.clone()).await;
    at.track("2 lead 200 repeated (both)", "lead", KEY, lead).await;
    at.track("2 lead 200 unknown key (both)", "lead", KEY, json!({ "customer_key": "nobody" })).await;
    at.track("2 sale 400, a customer without a click", "sale", KEY, sale("t_0", "nobody")).await;
    at.track("2 sale 200", "sale", KEY, sale("t_1", "user_7")).await;
    at.track("2 sale 409 (both)", "sale", KEY, sale("t_1", "user_7")).await;
    let part = json!({ "transaction_id": "t_1", "refund_amount_cents": 4_000 });
    at.track("2 refund 200 partial", "refund", KEY, part).await;
    at.track(
        "2 refund 200, the rest (both), without a status (both)",
        "refund",
        KEY,
        json!({ "transaction_id": "t_1" }),
    )
    .await;
    at.sandbox.advance_days(50);
    at.click("1 attribution: another partner replaces it", "abc123", Some(&click_id)).await;
    at.sandbox.advance_days(25);
    at.track("2 sale 200, the window is over (both), from the first click (both)", "sale", KEY, sale("t_2", "user_7"))
        .await;
}

async fn test_mode(run: &mut Run) {
    let mut at = run.of("test mode", two_partners()).await;
    for program in [json!("42"), json!(42), json!(null)] {
        let body = json!({ "additional_data": { "test_mode": true, "program_id": program } });
        at.track("2 test mode, program_id", "click", NONE, body).await;
    }
    let body = json!({ "additional_data": { "test_mode": true } });
    at.track("2 test mode, a lead", "lead", KEY, body.clone()).await;
    at.track("2 test mode, a sale", "sale", KEY, body.clone()).await;
    at.track("2 test mode, the key first", "sale", NONE, body).await;
    let body = json!({ "additional_data": { "test_mode": true }, "transaction_id": 7, "amount_cents": "x" });
    at.track("2 test mode, before validation", "sale", KEY, body).await;
    let check = "/api/tracking/check-test-events";
    at.post("2 check-test-events", check, NONE, json!({ "program_id": 42 })).await;
    at.post("2 check-test-events, a step", check, NONE, json!({ "program_id": "42", "step_id": "payments" })).await;
    at.post("ours: 400", check, NONE, json!({})).await;
    at.post("ours: 400", check, NONE, json!({ "program_id": 42, "step_id": "elsewhere" })).await;
    at.post("ours: 404", check, NONE, json!({ "program_id": 43 })).await;
    let test = "/api/tracking/test";
    at.post("2 trackTest", test, NONE, json!({ "program_id": "42", "step_id": "referrals" })).await;
    at.post("ours: 400", test, NONE, json!({ "program_id": [] })).await;
    at.post("ours: 404", test, NONE, json!({ "program_id": "x" })).await;
}

async fn verification(run: &mut Run) {
    let mut at = run.of("chain, readiness, status", two_partners()).await;
    let (test_event, readiness) = ("/api/v1/cli/test-event", "/api/v1/programs/me/readiness");
    at.get("2 readiness 401", readiness, Some("Bearer wrong")).await;
    at.get("2 readiness: before any event", readiness, KEY).await;
    at.get("3 the tracker", "/js/affitor-tracker.js", NONE).await;
    at.get("2 readiness: kept for a minute", readiness, KEY).await;
    at.get("2 readiness force_recheck: tracker_installed", &format!("{readiness}?force_recheck=true"), KEY).await;
    at.post("2 chain 401", test_event, NONE, json!({ "type": "chain" })).await;
    at.post("2 chain 400", test_event, KEY, json!({ "event_type": "refund" })).await;
    for _ in 0..10 {
        at.post("2 chain 200", test_event, KEY, json!({ "type": "chain" })).await;
    }
    at.post("2 chain 429", test_event, KEY, json!({ "type": "chain" })).await;
    at.post("2 chain, the old form", test_event, KEY, json!({ "program_id": "42", "event_type": "lead" })).await;
    at.get("2 readiness: the chain is enough", readiness, KEY).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    let sold = json!({ "transaction_id": "t_1", "amount_cents": 100, "click_id": click_id });
    at.track("2 sale 200", "sale", KEY, sold).await;
    at.get("2 readiness: a real event", readiness, KEY).await;
    at.get("2 status", "/api/v1/cli/status?program_id=42", KEY).await;
    at.get("ours: 400", "/api/v1/cli/status", KEY).await;
    at.get("2 status 401", "/api/v1/cli/status?program_id=42", NONE).await;
    at.get("ours: 404", "/api/v1/cli/status?program_id=7", KEY).await;

    let poor = two_partners().without_commission().profile_complete(false).payout(Payout::Missing);
    let mut at = run.of("chain and readiness of a program that is not set up", poor).await;
    at.post("2 chain: unattributed without a policy", test_event, KEY, json!({ "type": "chain" })).await;
    at.get("2 readiness: next actions", readiness, KEY).await;
}

async fn dashboard(run: &mut Run) {
    let mut at = run.of("dashboard", two_partners()).await;
    let click_id = at.click("2 click 200", "PARTNER123", None).await;
    at.track("2 lead 200", "lead", KEY, json!({ "click_id": click_id, "customer_key": "user_7" })).await;
    at.track("2 sale 200", "sale", KEY, sale("t_1", "user_7")).await;
    at.get("2 events", "/api/tracking/events/42", NONE).await;
    at.get("2 events, filtered", "/api/tracking/events/42?eventType=lead&pageSize=1&dateFrom=2026-11-01", NONE).await;
    at.get("2 events 404", "/api/tracking/events/43", NONE).await;
    at.get("ours: 400", "/api/tracking/events/42?page=0", NONE).await;
    at.get("2 performance", "/api/tracking/performance/42?dateFrom=2026-11-19&dateTo=2026-11-20", NONE).await;
    at.get("ours: 400", "/api/tracking/performance/42?period=1d", NONE).await;
    at.get("ours: 404", "/api/tracking/performance/43", NONE).await;
    at.get("2 status of the steps", "/api/tracking/status/42", NONE).await;
    at.get("ours: 404", "/api/tracking/status/43", NONE).await;
}

async fn bodies_and_paths(run: &mut Run) {
    let mut at = run.of("bodies and paths", two_partners()).await;
    let click = "/api/v1/track/click";
    for body in ["{", "[]", "\u{feff}{}", ""] {
        at.raw("ours: not a JSON object", click, NONE, body).await;
    }
    let long = format!("{{\"page_title\": \"{}\"}}", "x".repeat(1024 * 1024));
    at.raw("ours: over 1 MiB", click, NONE, &long).await;
    at.raw("2 sale: the key first", "/api/v1/track/sale", NONE, "{").await;
    at.get("2 errors: the shape of the CMS", click, NONE).await;
    at.get("2 errors: the shape of the CMS", "/api/elsewhere", NONE).await;
}

async fn faults(run: &mut Run) {
    let mut at = run.of("faults", two_partners()).await;
    let click = || json!({ "affiliate_url": "https://shop.example/?aff=abc123" });
    for fault in [
        Fault::ErrorBeforeWrite,
        Fault::ErrorAfterWrite,
        Fault::RateLimited(Duration::from_secs(30)),
        Fault::BadGateway,
        Fault::ResetBeforeWrite,
        Fault::ResetAfterWrite,
        Fault::TruncatedResponse,
        Fault::Latency(Duration::from_millis(1)),
    ] {
        at.sandbox.inject(fault.times(1));
        at.track(&format!("2 errors: {fault}"), "click", NONE, click()).await;
    }
    for (call, row) in [
        (ApiCall::Lead, "2 errors: 500"),
        (ApiCall::Sale, "2 errors: 500"),
        (ApiCall::Refund, "2 errors: 500"),
        (ApiCall::TestEvent, "ours: 500"),
        (ApiCall::Readiness, "2 readiness 500"),
    ] {
        at.sandbox.inject(Fault::ErrorBeforeWrite.times(1).on(call));
        let (method, path) = match call {
            ApiCall::Readiness => ("GET", "/api/v1/programs/me/readiness".to_owned()),
            ApiCall::TestEvent => ("POST", "/api/v1/cli/test-event".to_owned()),
            _ => ("POST", format!("/api/v1/track/{call}")),
        };
        let body = (method == "POST").then(|| "{}".to_owned());
        at.send(row, method, &path, KEY, body).await;
    }
}

/// Every status that was seen is documented. Every documented status was seen, except those that any call can return
/// (because of a fault, or of a body that is too long) and the refusals of the aliases.
async fn document_matches_run(run: &Run) {
    let sandbox = Sandbox::start().await.unwrap();
    let document: Value = reqwest::get(format!("{}/openapi.json", sandbox.url())).await.unwrap().json().await.unwrap();
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
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
        ["click", "lead", "sale", "refund"].into_iter().any(|call| path == format!("/api/tracking/{call}"))
    };
    for (path, status) in documented.iter().filter(|(path, status)| !by_faults(path, *status) && !alias(path)) {
        let seen = run.seen.contains(&(path.clone(), *status))
            || (*status == 404 && path.ends_with("{program}") && run.lines.contains(&path.replace("{program}", "43")));
        assert!(seen, "{path} never returned the documented status {status}");
    }
}
