//! The example apps as processes, in both frameworks: who buys is said by the session alone, an order is fulfilled once, and what was
//! accepted before SIGTERM is delivered.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use affitor::{Click, Client, Lead};
use affitor_outbox::Outbox;
use affitor_payments::{Stripe, StripeReporter, Webhook};
use affitor_sandbox::{Fault, Interpretations, Sandbox, UnknownLead};
use affitor_tests::{databases::open_sqlite, programs};
use reqwest::{Response, redirect::Policy};
use serde_json::json;

pub(crate) const SECRET: &str = "whsec_0123456789";
pub(crate) const SESSION_KEY: &str = "0123456789012345678901234567890123456789012345678901234567890123";

pub(crate) struct App {
    process: Child,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    pub(crate) folder: Arc<tempfile::TempDir>,
}

impl App {
    async fn start(program: &Path, sandbox: &Sandbox, stripe_url: &str) -> Self {
        let configure = |command: &mut Command| {
            command.stdout(Stdio::null());
        };
        Self::start_with(program, sandbox, stripe_url, configure).await
    }

    pub(crate) async fn start_with(
        program: &Path,
        sandbox: &Sandbox,
        stripe_url: &str,
        configure: impl FnOnce(&mut Command),
    ) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let mut command = Command::new(program);
        command
            .current_dir(folder.path())
            .env("PORT", port.to_string())
            .env("AFFITOR_API_URL", sandbox.url())
            .env("AFFITOR_API_KEY", sandbox.api_key())
            .env("AFFITOR_PROGRAM_ID", "42")
            .env("AFFITOR_STRIPE_REPORTER", "app")
            .env("STRIPE_WEBHOOK_SECRET", SECRET)
            .env("STRIPE_API_URL", stripe_url)
            .env("SESSION_KEY", SESSION_KEY);
        configure(&mut command);
        let process = command.spawn().unwrap();
        let http = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
        let mut app = Self { process, url: format!("http://127.0.0.1:{port}"), http, folder };
        let deadline = Instant::now() + Duration::from_secs(60);
        while app.http.get(&app.url).send().await.is_err() {
            assert!(app.process.try_wait().unwrap().is_none(), "{} has ended", program.display());
            assert!(Instant::now() < deadline, "{} does not respond", program.display());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        app
    }

    pub(crate) async fn post(&self, path: &str, cookies: &str, form: &[(&str, &str)]) -> Response {
        self.http.post(format!("{}{path}", self.url)).header("cookie", cookies).form(form).send().await.unwrap()
    }

    async fn webhook(&self, body: &str) -> u16 {
        let webhook = Webhook::<Stripe>::new(SECRET, StripeReporter::App).unwrap();
        let mut request = self.http.post(format!("{}/webhooks/stripe", self.url)).body(body.to_owned());
        for (name, value) in webhook.sign("evt_1", body.as_bytes(), SystemTime::now()) {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status().as_u16()
    }

    /// Sends SIGTERM, and waits for the end.
    pub(crate) async fn terminate(mut self) {
        assert!(Command::new("kill").arg(self.process.id().to_string()).status().unwrap().success());
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for App {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

pub(crate) fn session(response: &Response) -> String {
    response.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

/// A server that creates a checkout session for every request. Returns its URL, and what it received.
pub(crate) async fn stripe_api() -> (String, Arc<Mutex<Vec<String>>>) {
    let received = Arc::new(Mutex::new(Vec::new()));
    let log = received.clone();
    let handler = move |body: String| {
        log.lock().unwrap().push(body);
        async { axum::Json(json!({ "id": "cs_1", "url": "https://checkout.stripe.example/cs_1" })) }
    };
    let app = axum::Router::new().route("/v1/checkout/sessions", axum::routing::post(handler));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, received)
}

fn payment(user: &str) -> String {
    let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let session = json!({ "id": "cs_1", "mode": "payment", "payment_status": "paid", "payment_intent": "pi_1",
        "amount_total": 4_900, "currency": "usd", "metadata": { "affitor_customer_key": user } });
    json!({ "id": "evt_1", "type": "checkout.session.completed", "created": created, "livemode": true,
        "data": { "object": session } })
    .to_string()
}

const NAMES: [&str; 6] = ["signup", "signup-actix", "checkout", "checkout-actix", "payments", "outbox"];

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_does_not_choose_who_buys() {
    let programs = tokio::task::spawn_blocking(|| programs::build(&NAMES)).await.unwrap();
    for (sign_up, checkout) in [("signup", "checkout"), ("signup-actix", "checkout-actix"), ("signup", "payments")] {
        let sandbox = Sandbox::start().await.unwrap();
        let (stripe_url, sessions) = stripe_api().await;
        let sign_up = App::start(&programs[sign_up], &sandbox, &stripe_url).await;
        let shop = App::start(&programs[checkout], &sandbox, &stripe_url).await;

        // Signs up, and buys with the session.
        let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
        let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
        let click = client.track_click(Click::landing(landing)).await.unwrap().click_id().unwrap().to_string();
        let form = [("email", "jo@example.com"), ("password", "correct horse")];
        let response = sign_up.post("/api/signup", &format!("affitor_click_id={click}"), &form).await;
        let cookies = session(&response);
        let lead = sandbox.wait_for(|state| state.leads.len() == 1).await.unwrap().leads.remove(0);
        assert_eq!(lead.click_id, Some(click), "{checkout}");
        let user = lead.customer_key.unwrap();
        for forged in ["", &format!("session={user}"), &cookies.replace("user_", "user_1")] {
            let response = shop.post("/api/checkout", forged, &[("userId", &user)]).await;
            assert_eq!(response.status(), 401, "{checkout}: {forged}");
        }
        let response = shop.post("/api/checkout", &cookies, &[("userId", "user_2"), ("user_id", "user_2")]).await;
        assert_eq!(response.status(), 303, "{checkout}");
        let sent = sessions.lock().unwrap().pop().unwrap();
        assert!(sent.contains(&format!("affitor_customer_key%5D={user}")) && !sent.contains("user_2&"), "{sent}");

        // Stripe delivers the payment three times.
        for _ in 0..3 {
            assert_eq!(shop.webhook(&payment(&user)).await, 200, "{checkout}");
        }
        sandbox.wait_for(|state| state.sales.len() == 1).await.unwrap();
        shop.terminate().await;
        sign_up.terminate().await;
        assert_eq!((sandbox.sales().len(), sandbox.commissions().len()), (1, 1), "{checkout}");
    }
}

/// What was accepted while the service was slow is delivered after SIGTERM.
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_loses_nothing() {
    let programs = tokio::task::spawn_blocking(|| programs::build(&NAMES)).await.unwrap();
    for (name, path) in [("signup", "/api/signup"), ("signup-actix", "/api/signup"), ("outbox", "/users")] {
        let mut interpretations = Interpretations::default();
        interpretations.unknown_lead = UnknownLead::Unattributed;
        let sandbox = Sandbox::builder().interpretations(interpretations).start().await.unwrap();
        let app = App::start(&programs[name], &sandbox, sandbox.url()).await;
        sandbox.inject(Fault::Latency(Duration::from_millis(300)).always());
        for number in 0..40 {
            let email = format!("jo{number}@example.com");
            let response = app.post(path, "", &[("email", &email), ("password", "x")]).await;
            assert_eq!(response.status(), 200, "{name}");
        }
        let folder = Arc::clone(&app.folder);
        app.terminate().await;
        if name == "outbox" {
            // What is not delivered yet stays in its database.
            let outbox = Outbox::sqlite(open_sqlite(&folder.path().join("shop.sqlite3")).await);
            let stats = outbox.stats().await.unwrap();
            assert_eq!((stats.total(), stats.dead), (40, 0), "{stats:?}");
        } else {
            assert_eq!(sandbox.leads().len(), 40, "{name}");
        }
    }
    // A payment that is being reported is finished. The response says so.
    for name in ["checkout", "checkout-actix"] {
        let sandbox = Sandbox::start().await.unwrap();
        let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
        let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
        let click = client.track_click(Click::landing(landing)).await.unwrap();
        client.track_lead(Lead::new("user_7").click_id(click.click_id().cloned())).await.unwrap();
        let app = App::start(&programs[name], &sandbox, sandbox.url()).await;
        sandbox.inject(Fault::Latency(Duration::from_millis(800)).always());
        let body = payment("user_7");
        let before = sandbox.requests().len();
        let (status, ()) = tokio::join!(app.webhook(&body), async {
            while sandbox.requests().len() == before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert!(Command::new("kill").arg(app.process.id().to_string()).status().unwrap().success());
        });
        assert_eq!((status, sandbox.sales().len()), (200, 1), "{name}");
    }
}
