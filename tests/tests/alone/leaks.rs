//! No key, no secret and no e-mail address in what the examples log at TRACE, in the sandbox's journal and on its page, and no key or
//! secret in a database, while the service fails in all ways.

use std::{
    collections::HashMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use affitor::{Click, Client, Currency};
use affitor_payments::{Stripe, StripeReporter, Webhook, test_util::TestPayment};
use affitor_sandbox::{Fault, Sandbox};
use affitor_tests::programs;

use super::examples::{App, SECRET, SESSION_KEY, session, stripe_api};

const KEY: &str = "aff_leak_0123456789abcdef0123456789abcdef";
const STRIPE_KEY: &str = "sk_live_leak_0123456789abcdef";
const PASSWORD: &str = "leak-correct-horse";

/// What must not be found in any case.
const SECRETS: [&str; 6] =
    ["leak_0123456789abcdef", "0123456789abcdef0123456789abcdef", SECRET, SESSION_KEY, STRIPE_KEY, PASSWORD];
/// All addresses begin with this.
const ADDRESS: &str = "leak.";

fn address(number: usize) -> String {
    format!("{ADDRESS}{number}@example.com")
}

/// One after the other, for one call each.
fn inject_faults(sandbox: &Sandbox) {
    for fault in [
        Fault::ErrorBeforeWrite,
        Fault::ErrorAfterWrite,
        Fault::BadGateway,
        Fault::ResetBeforeWrite,
        Fault::ResetAfterWrite,
        Fault::TruncatedResponse,
        Fault::Latency(Duration::from_millis(200)),
    ] {
        sandbox.inject(fault.times(1));
    }
}

/// Starts an example that logs all it can to a file.
async fn start(program: &Path, sandbox: &Sandbox, stripe_url: &str, log: &Path) -> App {
    let file = File::create(log).unwrap();
    App::start_with(program, sandbox, stripe_url, |command| {
        command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").env("STRIPE_SECRET_KEY", STRIPE_KEY);
        command.stdout(file.try_clone().unwrap()).stderr(file);
    })
    .await
}

/// Delivers a payment and a refund, each twice, and what is wrong.
async fn pay(app: &App, user: &str, number: usize) {
    let webhook = Webhook::<Stripe>::new(SECRET, StripeReporter::App).unwrap();
    let mut payment =
        TestPayment::<Stripe>::new(4_900, Currency::USD).customer_key(user).customer_email(address(number));
    payment = payment.metadata("email", address(number)).client_reference_id(address(number));
    let mut bodies: Vec<String> = payment.paid().iter().map(|webhook| webhook.body().to_owned()).collect();
    bodies.extend(payment.refunded_in_full().iter().map(|webhook| webhook.body().to_owned()));
    bodies.push(format!("{{\"email\":\"{}\"", address(number)));
    for body in bodies.iter().chain(&bodies) {
        for secret in [SECRET, "whsec_another"] {
            let other = Webhook::<Stripe>::new(secret, StripeReporter::App).unwrap();
            let signed = if secret == SECRET { &webhook } else { &other };
            let mut request = app.http.post(format!("{}/webhooks/stripe", app.url)).body(body.clone());
            for (name, value) in signed.sign("evt_1", body.as_bytes(), SystemTime::now()) {
                request = request.header(name, value);
            }
            request.send().await.unwrap();
        }
    }
}

/// What was searched, and what was found, by kind.
#[derive(Debug, Default)]
struct Search {
    bytes: HashMap<&'static str, usize>,
    hits: Vec<String>,
}

impl Search {
    fn text(&mut self, kind: &'static str, name: &str, bytes: &[u8], needles: &[&str]) {
        *self.bytes.entry(kind).or_default() += bytes.len();
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        for needle in needles {
            let needle = needle.to_lowercase();
            if let Some(at) = text.find(&needle) {
                let start = text.floor_char_boundary(at.saturating_sub(300));
                let end = text.ceil_char_boundary((at + 100).min(text.len()));
                let count = text.matches(&needle).count();
                self.hits.push(format!("{needle} in {kind} {name}, {count} times: …{}…", &text[start..end]));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_show_no_key_and_no_address() {
    const NAMES: [&str; 7] = ["signup", "signup-actix", "checkout", "checkout-actix", "payments", "outbox", "demo"];
    let programs = tokio::task::spawn_blocking(|| programs::build(&NAMES)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let sandbox = Sandbox::builder().api_key(KEY).data(&journal).start().await.unwrap();
    let (stripe_url, _) = stripe_api().await;
    let client = Client::builder().api_key(KEY).api_url(sandbox.url()).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    let mut search = Search::default();
    let secrets: Vec<&str> = SECRETS.into_iter().collect();
    let all: Vec<&str> = SECRETS.into_iter().chain([ADDRESS]).collect();
    let mut databases: Vec<PathBuf> = Vec::new();
    let mut folders = Vec::new();
    let mut number = 0;

    for (sign_up, shop) in [("signup", "checkout"), ("signup-actix", "checkout-actix"), ("outbox", "payments")] {
        let logs = [sign_up, shop].map(|name| folder.path().join(format!("{name}.log")));
        let sign_up_app = start(&programs[sign_up], &sandbox, &stripe_url, &logs[0]).await;
        let shop_app = start(&programs[shop], &sandbox, &stripe_url, &logs[1]).await;
        inject_faults(&sandbox);
        for _ in 0..4 {
            number += 1;
            let click = client.track_click(Click::landing(&landing)).await.ok();
            let click = click.and_then(|click| click.click_id().map(ToString::to_string)).unwrap_or_default();
            let address = address(number);
            // In the URL as well, as some links have it.
            let page = format!("{}/?aff={}&email={address}", sign_up_app.url, sandbox.partner_code());
            sign_up_app.http.get(&page).header("referer", &page).send().await.unwrap();
            let path = if sign_up == "outbox" { "/users" } else { "/api/signup" };
            let form = [("email", address.as_str()), ("password", PASSWORD)];
            let response = sign_up_app.post(path, &format!("affitor_click_id={click}"), &form).await;
            let cookies =
                if response.headers().contains_key("set-cookie") { session(&response) } else { String::new() };
            if sign_up == "outbox" {
                let order = sign_up_app.post("/orders", &cookies, &[("note", &address)]).await.text().await.unwrap();
                sign_up_app.post(&format!("/orders/{order}/refund"), &cookies, &[]).await;
            }
            // The same address again, and what is no form.
            sign_up_app.post(path, "", &form).await;
            sign_up_app.post(path, &format!("affitor_click_id={address}; email={address}"), &[("x", &address)]).await;
            shop_app.post("/api/checkout", &cookies, &[("email", &address)]).await;
            pay(&shop_app, &format!("user_{number}"), number).await;
        }
        folders.extend([sign_up_app.folder.clone(), shop_app.folder.clone()]);
        databases.extend([&sign_up_app, &shop_app].map(|app| app.folder.path().to_owned()));
        sign_up_app.terminate().await;
        shop_app.terminate().await;
        for log in &logs {
            let bytes = fs::read(log).unwrap();
            let lines = String::from_utf8_lossy(&bytes).matches("TRACE").count();
            assert!(lines > 0, "{} has {lines} lines at TRACE, so RUST_LOG is not honoured", log.display());
            search.text("log", &log.display().to_string(), &bytes, &all);
        }
    }

    let demo = Command::new(&programs["demo"])
        .args(["--once", "--capture", "--signup-port", "0", "--checkout-port", "0", "--sandbox-port", "0"])
        .env("RUST_LOG", "trace")
        .output()
        .unwrap();
    assert!(demo.status.success() && demo.stderr.len() > 10_000, "{}", String::from_utf8_lossy(&demo.stderr));
    search.text("log", "demo", &demo.stderr, &["@example.com", "correct horse"]);

    search.text("journal", "", &fs::read(&journal).unwrap(), &all);
    let page = reqwest::get(sandbox.url()).await.unwrap().bytes().await.unwrap();
    search.text("page", "", &page, &all);
    for folder in databases {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            // A shop stores the addresses of its users, and an event has one until it is delivered.
            search.text("database", &path.display().to_string(), &fs::read(&path).unwrap(), &secrets);
        }
    }
    // The search can fail: the logs name the webhooks, and the databases contain the users.
    let mut control = Search::default();
    let log = fs::read(folder.path().join("payments.log")).unwrap();
    control.text("log", "", &log, &["evt_"]);
    for file in folders.iter().flat_map(|folder| fs::read_dir(folder.path()).unwrap()) {
        control.text("database", "", &fs::read(file.unwrap().path()).unwrap(), &[ADDRESS]);
    }
    assert!(control.hits.len() >= 2, "{:?}", control.hits);
    println!("bytes searched: {:?}; hits: {}", search.bytes, search.hits.len());
    assert!(search.hits.is_empty(), "{:#?}", search.hits);
    assert!(search.bytes.values().all(|bytes| *bytes > 10_000) && search.bytes.len() == 4, "{:?}", search.bytes);
}
