//! The requests of the service's Node command line, in order and with its headers: `login`, `init`, `programs`,
//! `setup stripe`, `status`, `test` and `onboard`. What the command reads from each response is checked.

use crate::support::{Visitor, builder, logged_in, start};
use affitor_sandbox::{LeadAuth, Sandbox};
use serde_json::{Value, json};

/// The HTTP client of the command.
struct Command<'s> {
    sandbox: &'s Sandbox,
    /// The program's key or the session token.
    credential: Option<String>,
}

impl Command<'_> {
    /// Like the command, unpacks `data`.
    async fn request(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, (u16, String)> {
        let mut request = reqwest::Client::new()
            .request(method.parse().unwrap(), format!("{}{path}", self.sandbox.url()))
            .header("content-type", "application/json")
            .header("user-agent", "affitor-cli/0.2.0");
        if let Some(credential) = &self.credential {
            request = request.bearer_auth(credential);
        }
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        if !status.is_success() {
            let error = &body["error"];
            return Err((status.as_u16(), error.as_str().or(error["message"].as_str()).unwrap().to_owned()));
        }
        Ok(body.get("data").unwrap_or(&body).clone())
    }

    async fn get(&self, path: &str) -> Value {
        self.request("GET", path, None).await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.request("POST", path, Some(body)).await.unwrap()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

#[tokio::test]
async fn login_init_programs_stripe_status_test_onboard() {
    let sandbox = start(builder()).await;

    // login: starts without a credential and a body, opens a page, and polls.
    let anonymous = Command { sandbox: &sandbox, credential: None };
    let login = anonymous.request("POST", "/api/v1/cli/auth/start", None).await.unwrap();
    let expires_at = text(&login["expires_at"]);
    assert!(expires_at.ends_with('Z') && text(&login["poll_url"]).starts_with(sandbox.url()), "{login}");
    let poll = format!("/api/v1/cli/auth/poll?state={}", text(&login["state"]));
    assert_eq!(anonymous.get(&poll).await["status"], "pending");
    let page = reqwest::get(text(&login["auth_url"])).await.unwrap().text().await.unwrap();
    assert!(page.contains("Log in to the command line?") && page.contains(&text(&login["state"])), "{page}");
    // The browser submits the page's form.
    let form = format!("state={}&email=jo%40example.com", text(&login["state"]));
    let confirmed = reqwest::Client::new()
        .post(format!("{}/_sandbox/consent", sandbox.url()))
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    assert!(confirmed.text().await.unwrap().contains("You are logged in"));
    let complete = anonymous.get(&poll).await;
    assert_eq!((&complete["status"], &complete["email"]), (&json!("complete"), &json!("jo@example.com")));
    assert!(complete["advertiser_id"].is_u64());
    assert_eq!(anonymous.get(&poll).await["status"], "consumed", "the token is returned once");
    let person = Command { sandbox: &sandbox, credential: Some(text(&complete["token"])) };

    // init
    let new = json!({
        "name": "My shop", "domain": "shop.example", "commission_type": "recurring_percent", "commission_rate": 25,
        "cookie_duration": 30, "duration_months": 12,
    });
    let created = person.post("/api/v1/cli/init", new.clone()).await;
    let (program, key) = (text(&created["program_id"]), text(&created["api_key"]));
    assert_eq!((&created["domain"], &created["program_slug"]), (&json!("shop.example"), &json!("my-shop")));
    assert!(key.starts_with("aff_"));
    let refused = anonymous.request("POST", "/api/v1/cli/init", Some(new)).await;
    assert_eq!(refused.unwrap_err(), (401, "Invalid API token".to_owned()));

    // programs
    let programs = person.get("/api/v1/cli/programs").await;
    let created =
        programs.as_array().unwrap().iter().find(|listed| listed["id"].as_u64() == program.parse().ok()).unwrap();
    assert_eq!(
        (&created["name"], &created["status"], &created["partners"]),
        (&json!("My shop"), &json!("active"), &json!(1))
    );
    assert_eq!(text(&created["commission"]), "25% of every sale for 12 months");

    // setup stripe
    let server = Command { sandbox: &sandbox, credential: Some(key.clone()) };
    let connected = server
        .post("/api/v1/cli/stripe-connect", json!({
            "program_id": program, "stripe_user_id": "acct_1", "webhook_endpoint_id": "we_1", "webhook_secret": "whsec_1",
        }))
        .await;
    assert_eq!((&connected["connected"], &connected["stripe_account_id"]), (&json!(true), &json!("acct_1")));
    assert_eq!((&connected["charges_enabled"], &connected["payouts_enabled"]), (&json!(true), &json!(true)));

    // status
    let status = server.get(&format!("/api/v1/cli/status?program_id={program}")).await;
    assert_eq!((&status["program_id"], &status["name"]), (&json!(program), &json!("My shop")));
    assert_eq!((&status["stripe_connected"], &status["stripe_charges_enabled"]), (&json!(true), &json!(true)));
    assert_eq!(status["recent_events"], json!({ "clicks_24h": 0, "leads_24h": 0, "sales_24h": 0 }));

    // test
    for event_type in ["click", "lead", "sale"] {
        let sent = json!({ "program_id": program, "event_type": event_type });
        let result = server.post("/api/v1/cli/test-event", sent).await;
        assert_eq!((&result["event_type"], &result["received"]), (&json!(event_type), &json!(true)));
        assert!(!text(&result["event_id"]).is_empty() && result["attributed"] == false, "{result}");
    }

    // onboard: runs a chain, then polls readiness until it is verified.
    let chain = server.post("/api/v1/cli/test-event", json!({ "type": "chain" })).await;
    assert_eq!((&chain["verdict"]["sale"], &chain["attributed"]), (&json!("attributed"), &json!(true)));
    let readiness = server.get("/api/v1/programs/me/readiness").await;
    assert_eq!((&readiness["blocker"], &status["dns_verified"]), (&json!("profile"), &json!(false)), "it is new");
    let profile = json!({ "program_id": program.parse::<u64>().unwrap(), "logo": "https://shop.example/logo.svg",
        "web_page": "https://shop.example", "category": "Software", "short_description": "A shop", "description": "It sells." });
    let url = format!("{}/_sandbox/profile", sandbox.url());
    assert_eq!(reqwest::Client::new().post(url).json(&profile).send().await.unwrap().status(), 200);
    let readiness = server.get("/api/v1/programs/me/readiness").await;
    assert_eq!((&readiness["integration_verified"], &readiness["blocker"]), (&json!(true), &json!(null)));
    for gate in ["profile", "economics", "payout", "tracking", "live"] {
        assert_eq!(readiness["gates"][gate]["status"], "pass", "{gate}");
    }

    // The new program works like any other.
    let visitor = Visitor::with(&sandbox, Some(format!("Bearer {key}")));
    let click_id = visitor.click(&format!("PARTNER{program}"), None).await;
    let sale = json!({ "transaction_id": "t_1", "amount_cents": 10_000, "click_id": click_id });
    assert_eq!(visitor.track("sale", sale).await.0, 200);
    assert_eq!(sandbox.commissions()[0].amount_cents, 2_500);
}

#[tokio::test]
async fn commission_types() {
    let sandbox = start(builder()).await;
    let (token, _) = logged_in(&sandbox).await;
    let person = Visitor::with(&sandbox, Some(format!("Bearer {token}")));
    for (kind, rate, months, first, second) in [
        ("cps_one_time", 30.0, None, Some(3_000), None),
        ("cps_recurring", 30.0, Some(12), Some(3_000), Some(3_000)),
        ("cps_lifetime", 10.0, None, Some(1_000), Some(1_000)),
        ("percent", 30.0, None, Some(3_000), None),
        ("fixed", 4.5, None, Some(450), None),
        ("recurring_percent", 5.0, Some(0), Some(500), Some(500)),
        ("recurring_fixed", 4.5, Some(12), Some(450), Some(450)),
        ("cpc", 0.1, None, None, None),
        ("cpl", 5.0, None, None, None),
    ] {
        let new = json!({
            "name": kind, "domain": "shop.example", "commission_type": kind, "commission_rate": rate,
            "cookie_duration": 30, "duration_months": months,
        });
        let (status, created) = person.post("/api/v1/cli/init", new.to_string()).await;
        assert_eq!(status, 200, "{created}");
        let key = format!("Bearer {}", text(&created["api_key"]));
        let shop = Visitor::with(&sandbox, Some(key));
        let click_id = shop.click(&format!("PARTNER{}", text(&created["program_id"])), None).await;
        for (id, expected) in [("a", first), ("b", second)] {
            let id = format!("{kind}_{id}");
            let sale = json!({ "transaction_id": id, "amount_cents": 10_000, "click_id": click_id });
            assert_eq!(shop.track("sale", sale).await.0, 200);
            let number = sandbox.sales().pop().unwrap().commission_id;
            let commissions = sandbox.commissions();
            let paid = commissions.iter().find(|paid| Some(paid.commission_id) == number).map(|paid| paid.amount_cents);
            assert_eq!(paid, expected, "{id}");
        }
    }
    for (field, value) in [
        ("commission_type", json!("moon")),
        ("commission_rate", json!(101)),
        ("commission_rate", json!(-1)),
        ("cookie_duration", json!(366)),
        ("duration_months", json!("many")),
        ("name", json!("")),
        ("domain", json!("x".repeat(513))),
    ] {
        let mut new = json!({
            "name": "x", "domain": "shop.example", "commission_type": "percent", "commission_rate": 20, "cookie_duration": 30,
        });
        new[field] = value.clone();
        let (status, refused) = person.post("/api/v1/cli/init", new.to_string()).await;
        assert!(status == 400 && text(&refused["error"]).contains(field), "{field}: {value}: {refused}");
    }
}

#[tokio::test]
async fn a_login_is_confirmed_once_and_in_time_and_from_the_page_only() {
    let sandbox = start(builder()).await;
    let (token, state) = logged_in(&sandbox).await;
    let browser = Visitor::browser(&sandbox);
    let form = json!({ "state": state, "email": "jo@example.com" }).to_string();
    assert_eq!(browser.post("/_sandbox/consent", form).await.0, 409, "it is already confirmed");
    let state = text(&browser.post("/api/v1/cli/auth/start", "").await.1["state"]);
    let form = |email: &str| json!({ "state": state, "email": email }).to_string();
    assert_eq!(browser.post("/_sandbox/consent", form("nobody")).await.0, 400);
    let foreign = reqwest::Client::new()
        .post(format!("{}/_sandbox/consent", sandbox.url()))
        .header("origin", "https://evil.example")
        .body(form("jo@example.com"));
    assert_eq!(foreign.send().await.unwrap().status(), 403, "another origin can't confirm a login");
    sandbox.advance(std::time::Duration::from_secs(601));
    assert_eq!(browser.post("/_sandbox/consent", form("jo@example.com")).await.0, 409, "it has expired");

    // HEAD does not use up the token.
    let state = text(&browser.post("/api/v1/cli/auth/start", "").await.1["state"]);
    let form = json!({ "state": state, "email": "jo@example.com" }).to_string();
    assert_eq!(browser.post("/_sandbox/consent", form).await.0, 200);
    let poll = format!("{}/api/v1/cli/auth/poll?state={state}", sandbox.url());
    assert_eq!(reqwest::Client::new().head(&poll).send().await.unwrap().status(), 405);
    let complete: Value = reqwest::get(&poll).await.unwrap().json().await.unwrap();
    assert_eq!(complete["status"], "complete");

    // A session token is no program key, and lasts 90 days.
    let person = Visitor::with(&sandbox, Some(format!("Bearer {token}")));
    assert_eq!(person.track("sale", json!({})).await.0, 401);
    let programs = async || {
        let request = reqwest::Client::new().get(format!("{}/api/v1/cli/programs", sandbox.url())).bearer_auth(&token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(programs().await, 200);
    sandbox.advance_days(90);
    assert_eq!(programs().await, 401);
}

/// Programs, sessions and keys survive a restart; secrets are not in the file.
#[tokio::test]
async fn with_a_data_file() {
    let file = std::env::temp_dir().join(format!("affitor-command-line-{}", std::process::id()));
    let settings = || builder().lead_auth(LeadAuth::ServerRequired).data(&file);
    let sandbox = start(settings()).await;
    let (token, _) = logged_in(&sandbox).await;
    let person = Visitor::with(&sandbox, Some(format!("Bearer {token}")));
    let new = json!({
        "name": "My shop", "domain": "shop.example", "commission_type": "percent", "commission_rate": 20,
        "cookie_duration": 30,
    });
    let key = text(&person.post("/api/v1/cli/init", new.to_string()).await.1["api_key"]);
    let rotated = sandbox.rotate_key().unwrap();
    drop(sandbox);

    let sandbox = start(settings()).await;
    for (key, status) in [(&key, 400), (&rotated, 400), (&"test_key".to_owned(), 401)] {
        let server = Visitor::with(&sandbox, Some(format!("Bearer {key}")));
        assert_eq!(server.track("sale", json!({})).await.0, status);
    }
    let person = Visitor::with(&sandbox, Some(format!("Bearer {token}")));
    assert_eq!(person.post("/api/v1/cli/init", new.to_string()).await.1["program_id"], "44");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    for secret in [&key, &rotated, &token] {
        assert!(!text.contains(secret.as_str()), "the file contains a secret");
    }
}
