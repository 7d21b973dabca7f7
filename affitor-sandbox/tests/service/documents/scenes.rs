//! What to do for each documented response.

use affitor_sandbox::{
    ApiCall, DuplicateSale, ExpiredWindow, Fault, Interpretations, LeadAuth, PartnerState, RepeatedLead, Sandbox,
    UnknownLead,
};
use serde_json::{Value, json};

use crate::support::{Visitor, builder, sale, start};

type Response = (u16, Value);

const CHAIN: &str = "/api/v1/cli/test-event";
const READINESS: &str = "/api/v1/programs/me/readiness";

fn landing(code: &str) -> Value {
    json!({ "affiliate_url": format!("https://shop.example/?aff={code}") })
}

fn test_mode(program_id: Option<u64>) -> Value {
    json!({ "additional_data": { "test_mode": true, "program_id": program_id } })
}

async fn interpreted(set: impl FnOnce(&mut Interpretations)) -> Sandbox {
    let mut interpretations = Interpretations::default();
    set(&mut interpretations);
    start(builder().interpretations(interpretations)).await
}

async fn get(sandbox: &Sandbox, path: &str, key: &str) -> Response {
    let request = reqwest::Client::new().get(format!("{}{path}", sandbox.url())).bearer_auth(key);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// A call that fails because of a fault.
async fn failing(call: ApiCall, fault: Fault) -> Response {
    let sandbox = start(builder()).await;
    let server = Visitor::server(&sandbox);
    server.lead("user_7").await;
    sandbox.inject(fault.times(1));
    match call {
        ApiCall::Readiness => get(&sandbox, READINESS, "test_key").await,
        _ => server.track(call.as_str(), sale("t_1", "user_7")).await,
    }
}

/// Returns the sandbox's response to the request of a row.
pub(crate) async fn response(row: &str) -> Response {
    match row.split([' ', ':']).next().unwrap() {
        "click" => click(row).await,
        "lead" | "provisional" => lead(row).await,
        "sale" => sold(row).await,
        "refund" | "partial" => refund(row).await,
        "test" if !row.contains("old form") => test_event(row).await,
        "login" | "poll" | "init" | "programs" | "stripe-connect" => command_line(row).await,
        "events" | "performance" | "status" | "an" | "a" => dashboard(row).await,
        _ => verification(row).await,
    }
}

async fn click(row: &str) -> Response {
    let sandbox = start(builder()).await;
    let browser = Visitor::browser(&sandbox);
    let set = |state| assert!(sandbox.set_partner_state("abc123", state));
    let body = match row {
        "click" => landing("abc123"),
        "click on a link that is switched off" => {
            set(PartnerState::LinkInactive);
            landing("abc123")
        }
        "click on a misconfigured link" => {
            set(PartnerState::LinkInvalid);
            landing("abc123")
        }
        "click without a URL" => json!({}),
        "click with an invalid URL" => json!({ "affiliate_url": "shop" }),
        "click without a code" => json!({ "affiliate_url": "https://shop.example/" }),
        "click with an unknown code" => landing("nobody"),
        "click that fails" => return failing(ApiCall::Click, Fault::ErrorBeforeWrite).await,
        _ => panic!("{row}"),
    };
    browser.track("click", body).await
}

async fn lead(row: &str) -> Response {
    let sandbox = match row {
        "provisional lead" => start(builder().lead_auth(LeadAuth::ServerRequired)).await,
        "lead again, where that is idempotent" => interpreted(|i| i.repeated_lead = RepeatedLead::Idempotent).await,
        "lead of nobody, where that is unattributed" => {
            interpreted(|i| i.unknown_lead = UnknownLead::Unattributed).await
        }
        _ => start(builder()).await,
    };
    let server = Visitor::server(&sandbox);
    let browser = Visitor::browser(&sandbox);
    let click_id = browser.click("abc123", None).await;
    let lead = json!({ "click_id": click_id, "customer_key": "user_7", "email": "jo@example.com" });
    match row {
        "lead" => server.track("lead", lead).await,
        "provisional lead" => browser.track("lead", lead).await,
        "lead without ids" => server.track("lead", json!({})).await,
        "lead of nobody" | "lead of nobody, where that is unattributed" => {
            server.track("lead", json!({ "customer_key": "nobody" })).await
        }
        "lead of another program" => {
            let other = Visitor::with(&sandbox, Some("Bearer other_key".to_owned()));
            other.track("lead", lead).await
        }
        "lead again" | "lead again, where that is idempotent" => {
            assert_eq!(server.track("lead", lead.clone()).await.0, 200);
            server.track("lead", lead).await
        }
        "lead with a wrong key" => {
            let wrong = Visitor::with(&sandbox, Some("Bearer wrong".to_owned()));
            wrong.track("lead", lead).await
        }
        "lead that fails" => failing(ApiCall::Lead, Fault::ErrorBeforeWrite).await,
        _ => panic!("{row}"),
    }
}

async fn sold(row: &str) -> Response {
    let sandbox = match row {
        "sale after the window, recorded" => interpreted(|i| i.expired_window = ExpiredWindow::WithoutCommission).await,
        "sale again, the other body" => interpreted(|i| i.duplicate_sale = DuplicateSale::Conflict).await,
        "sale without a click" => interpreted(|i| i.unknown_lead = UnknownLead::Unattributed).await,
        _ => start(builder()).await,
    };
    let server = Visitor::server(&sandbox);
    server.lead("user_7").await;
    let set = |state| assert!(sandbox.set_partner_state("PARTNER123", state));
    let mut body = sale("t_1", "user_7");
    match row {
        "sale" => {}
        "sale after the window" | "sale after the window, recorded" => sandbox.advance_days(75),
        "sale again" | "sale again, the other body" => {
            assert_eq!(server.track("sale", body.clone()).await.0, 200);
        }
        "sale without a transaction id" => body["transaction_id"] = Value::Null,
        "sale without an amount" => body["amount_cents"] = json!(0),
        "sale of nobody" => body["customer_key"] = json!("nobody"),
        "sale without a click" => {
            assert_eq!(server.track("lead", json!({ "customer_key": "user_8" })).await.0, 200);
            body["customer_key"] = json!("user_8");
        }
        "sale of a partner who left" => set(PartnerState::LeftProgram),
        "sale of a deleted partner" => set(PartnerState::Deleted),
        "sale without a key" => return Visitor::browser(&sandbox).track("sale", body).await,
        "sale that fails" => return failing(ApiCall::Sale, Fault::ErrorBeforeWrite).await,
        "sale whose commission fails" => return failing(ApiCall::Sale, Fault::CommissionLost).await,
        _ => panic!("{row}"),
    }
    server.track("sale", body).await
}

async fn refund(row: &str) -> Response {
    let sandbox = match row {
        "refund without a status" => interpreted(|i| i.reversal_without_status = true).await,
        "refund of a sale without a commission" => start(builder().without_commission()).await,
        _ => start(builder()).await,
    };
    let server = Visitor::server(&sandbox);
    server.bought("user_7", "t_1").await;
    let refund = json!({ "transaction_id": "t_1" });
    match row {
        "refund" | "refund without a status" | "refund of a sale without a commission" => {
            server.track("refund", refund).await
        }
        "partial refund" => {
            server.track("refund", json!({ "transaction_id": "t_1", "refund_amount_cents": 2_500 })).await
        }
        "refund again" => {
            assert_eq!(server.track("refund", refund.clone()).await.0, 200);
            server.track("refund", refund).await
        }
        "refund without a transaction id" => server.track("refund", json!({})).await,
        "refund with a wrong key" => Visitor::browser(&sandbox).track("refund", refund).await,
        "refund of an unknown sale" => server.track("refund", json!({ "transaction_id": "t_2" })).await,
        "refund that fails" => failing(ApiCall::Refund, Fault::ErrorBeforeWrite).await,
        _ => panic!("{row}"),
    }
}

async fn test_event(row: &str) -> Response {
    let sandbox = start(builder()).await;
    let (server, browser) = (Visitor::server(&sandbox), Visitor::browser(&sandbox));
    match row {
        "test click" => browser.track("click", test_mode(Some(1))).await,
        "test click without a program" => browser.track("click", test_mode(None)).await,
        "test lead" => server.track("lead", test_mode(None)).await,
        "test sale" => server.track("sale", test_mode(None)).await,
        _ => panic!("{row}"),
    }
}

async fn verification(row: &str) -> Response {
    let sandbox = start(builder()).await;
    let (server, browser) = (Visitor::server(&sandbox), Visitor::browser(&sandbox));
    let chain = json!({ "type": "chain" }).to_string();
    let step = json!({ "program_id": "42", "step_id": "pageview" }).to_string();
    match row {
        "check-test-events" => {
            assert_eq!(browser.post("/api/tracking/test", step.clone()).await.0, 200);
            browser.post("/api/tracking/check-test-events", step).await
        }
        "tracker's test" => browser.post("/api/tracking/test", step).await,
        "chain" => server.post(CHAIN, chain).await,
        "eleventh chain of an hour" => {
            for _ in 0..10 {
                assert_eq!(server.post(CHAIN, chain.clone()).await.0, 200);
            }
            server.post(CHAIN, chain).await
        }
        "test event of the old form" => server.post(CHAIN, json!({ "event_type": "sale" }).to_string()).await,
        "chain without a key" => browser.post(CHAIN, chain).await,
        "readiness before any event" => get(&sandbox, READINESS, "test_key").await,
        "readiness after a chain" => {
            assert_eq!(server.post(CHAIN, chain).await.0, 200);
            get(&sandbox, READINESS, "test_key").await
        }
        "readiness with a wrong key" => get(&sandbox, READINESS, "wrong").await,
        "readiness that fails" => failing(ApiCall::Readiness, Fault::ErrorBeforeWrite).await,
        _ => panic!("{row}"),
    }
}

async fn dashboard(row: &str) -> Response {
    let sandbox = start(builder()).await;
    let (server, browser) = (Visitor::server(&sandbox), Visitor::browser(&sandbox));
    let click = json!({
        "affiliate_url": "https://shop.example/?aff=PARTNER123", "session_id": "sess_a_1",
        "page_url": "https://shop.example/?aff=PARTNER123", "referrer_url": "https://blog.example/", "timezone": "Europe/Berlin",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    });
    let click_id = browser.track("click", click).await.1["click_id"].clone();
    let lead = json!({
        "click_id": click_id, "customer_key": "user_7", "session_id": "sess_a_1", "page_url": "https://shop.example/",
    });
    assert_eq!(server.track("lead", lead).await.0, 200);
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 200);
    let path = match row {
        "events: a click" => "/api/tracking/events/42?eventType=click",
        "events: a lead" => "/api/tracking/events/42?eventType=lead",
        "events: a conversion" => "/api/tracking/events/42?eventType=conversion",
        "events of an unknown program" => "/api/tracking/events/43",
        "performance" => {
            server.lead("user_8").await;
            for id in ["t_2", "t_3"] {
                assert_eq!(server.track("sale", sale(id, "user_7")).await.0, 200);
            }
            "/api/tracking/performance/42"
        }
        "status of the steps" => {
            assert_eq!(browser.track("click", test_mode(Some(42))).await.0, 200);
            "/api/tracking/status/42"
        }
        "status" => "/api/v1/cli/status?program_id=42",
        "an unknown path" => "/api/elsewhere",
        "a wrong method" => "/api/v1/track/click",
        _ => panic!("{row}"),
    };
    get(&sandbox, path, "test_key").await
}

async fn command_line(row: &str) -> Response {
    let sandbox = start(builder()).await;
    let browser = Visitor::browser(&sandbox);
    let (status, login) = browser.post("/api/v1/cli/auth/start", "").await;
    let state = login["state"].as_str().unwrap().to_owned();
    let poll = format!("/api/v1/cli/auth/poll?state={state}");
    let confirm = async || {
        let form = json!({ "state": state, "email": "jo@example.com" }).to_string();
        assert_eq!(browser.post("/_sandbox/consent", form).await.0, 200);
        get(&sandbox, &poll, "").await
    };
    let server = async || {
        let token = confirm().await.1["token"].as_str().unwrap().to_owned();
        (Visitor::with(&sandbox, Some(format!("Bearer {token}"))), token)
    };
    match row {
        "login" => (status, login),
        "poll of a login" => get(&sandbox, &poll, "").await,
        "poll of a confirmed login" => confirm().await,
        "poll of an exchanged login" => {
            confirm().await;
            get(&sandbox, &poll, "").await
        }
        "poll of an expired login" => {
            sandbox.advance(std::time::Duration::from_secs(601));
            get(&sandbox, &poll, "").await
        }
        "init" => {
            let new = json!({
                "name": "My shop", "domain": "shop.example", "commission_type": "percent", "commission_rate": 20,
                "cookie_duration": 90,
            });
            server().await.0.post("/api/v1/cli/init", new.to_string()).await
        }
        "programs" => get(&sandbox, "/api/v1/cli/programs", &server().await.1).await,
        "stripe-connect" => {
            let account = json!({
                "program_id": "42", "stripe_user_id": "acct_1", "webhook_endpoint_id": "we_1", "webhook_secret": "whsec_1",
            });
            Visitor::server(&sandbox).post("/api/v1/cli/stripe-connect", account.to_string()).await
        }
        _ => panic!("{row}"),
    }
}
