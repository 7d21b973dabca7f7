//! A small shop in this process, and the settings that describe it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use affitor::{Click, Client, Lead};
use affitor_axum::{AffitorClient, AffitorLayer, PaymentEvent, Redeliver};
use affitor_payments::{LemonSqueezy, Paddle, Polar, Provider, Stripe, Webhook};
use axum::{
    Router,
    body::Bytes,
    middleware::{Next, from_fn},
    response::Html,
    routing::{get, post},
};
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(super) const SECRET: &str = "whsec_a_very_secret_one";

const STEPS: &str = r#"steps = [{ post = "/signup", form = { email = "{email}" } }]"#;

pub(super) struct Shop {
    pub(super) url: String,
    /// The folder with `affitor.toml`.
    pub(super) config: TempDir,
    provider: &'static str,
    listener: Mutex<Option<TcpListener>>,
    requests: Arc<AtomicUsize>,
}

async fn page(affitor: AffitorClient) -> Html<String> {
    Html(affitor.script_tag().to_string())
}

/// Another user for each e-mail address.
async fn sign_up(affitor: AffitorClient, form: Bytes) -> &'static str {
    let user_id = form_urlencoded::parse(&form)
        .find(|(name, _)| name == "email")
        .map_or(0, |(_, email)| email.len() + hash(&email));
    affitor.track_lead(Lead::new(format!("user_{user_id}"))).await.ok();
    "welcome"
}

fn hash(text: &str) -> usize {
    text.bytes().fold(7, |hash: usize, byte| hash.wrapping_mul(31).wrapping_add(byte.into()))
}

async fn report<P: Provider>(affitor: AffitorClient, event: PaymentEvent<P>) -> Result<(), Redeliver> {
    event.track(&affitor).await?;
    Ok(())
}

fn webhooks<P: Provider>() -> Router {
    Router::new().route("/webhooks", post(report::<P>)).with_state(Webhook::<P>::disabled().or_secret(SECRET).unwrap())
}

/// The client of a shop with these variables.
pub(super) fn client(variables: &[(String, String)]) -> Client {
    let variable = |name: &str| variables.iter().find(|(known, _)| known == name).map_or("42", |(_, value)| value);
    let builder = Client::builder().api_url(variable("AFFITOR_API_URL")).api_key(variable("AFFITOR_API_KEY"));
    builder.program_id(variable("AFFITOR_PROGRAM_ID")).build().unwrap()
}

/// Like [`client`], but as one without TLS calls.
pub(super) fn client_without_tls(variables: &[(String, String)]) -> Client {
    let variable = |name: &str| variables.iter().find(|(known, _)| known == name).map_or("42", |(_, value)| value);
    let http = affitor::reqwest::Client::builder().user_agent("affitor-rust/0.2.0 (no TLS)").build().unwrap();
    let builder = Client::builder().api_url(variable("AFFITOR_API_URL")).api_key(variable("AFFITOR_API_KEY"));
    builder.program_id(variable("AFFITOR_PROGRAM_ID")).http_client(http).build().unwrap()
}

impl Shop {
    /// A shop whose port is open, although nobody serves it yet.
    pub(super) async fn bind(provider: &'static str) -> Self {
        Self::with_sign_up(provider, STEPS).await
    }

    pub(super) async fn with_sign_up(provider: &'static str, sign_up: &str) -> Self {
        let webhook = format!("provider = '{provider}'\npath = '/webhooks'\nsecret = 'SHOP_WEBHOOK_SECRET'");
        Self::with_settings(
            "127.0.0.1:0",
            provider,
            &format!("[landing]\npath = '/'\n[signup]\n{sign_up}\n[webhook]\n{webhook}\n"),
        )
        .await
    }

    /// A shop at another address, with the settings that follow `app`.
    pub(super) async fn with_settings(address: &str, provider: &'static str, settings: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = tempfile::tempdir().unwrap();
        std::fs::write(config.path().join("affitor.toml"), format!("app = {{ url = '{url}' }}\n{settings}")).unwrap();
        Self { url, config, provider, listener: Mutex::new(Some(listener)), requests: Arc::default() }
    }

    /// Serves the shop with these variables. Returns its client.
    pub(super) fn serve(&self, variables: &[(String, String)]) -> Client {
        let client = client(variables);
        let webhooks = match self.provider {
            "stripe" => webhooks::<Stripe>(),
            "polar" => webhooks::<Polar>(),
            "lemon-squeezy" => webhooks::<LemonSqueezy>(),
            _ => webhooks::<Paddle>(),
        };
        let app = Router::new().route("/", get(page)).route("/signup", post(sign_up)).merge(webhooks);
        self.serve_app(app.layer(AffitorLayer::new(client.clone())));
        client
    }

    /// Serves another app instead.
    pub(super) fn serve_app(&self, app: Router) {
        let requests = self.requests.clone();
        let app = app.layer(from_fn(move |request, next: Next| {
            requests.fetch_add(1, Ordering::Relaxed);
            next.run(request)
        }));
        let listener = self.listener.lock().unwrap().take().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    }

    /// How many requests the shop has served.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Does what a person does in a browser with the tracker.
    pub(super) async fn visit(&self, client: &Client, landing: &str) {
        let click = client.track_click(Click::landing(landing)).await.unwrap();
        let cookie = format!("affitor_click_id={}", click.click_id().unwrap());
        let request = reqwest::Client::new().post(format!("{}/signup", self.url)).header("cookie", cookie);
        assert!(request.body("email=jo@example.com").send().await.unwrap().status().is_success());
    }
}
