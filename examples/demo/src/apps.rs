//! The servers of the demo: the sandbox, both apps and the payment provider.

use std::{net::TcpListener, sync::Arc};

use actix_web::{App, HttpServer, web};
use affitor_actix::{
    payments::{Stripe, StripeReporter, Webhook},
    reqwest,
};
use affitor_axum::{Client, capture::ClickCapture};
use affitor_sandbox::Sandbox;
use axum::Router;
use checkout::{Shop, provider::Provider, stripe::Api};
use session::Sessions;
use signup::consent;

use crate::{BoxError, Step, listen_error};

const KEY: &str = "test_key";
const WRONG_KEY: &str = "wrong_key";
const PROGRAM_ID: u64 = 42;
const WEBHOOK_SECRET: &str = "whsec_shared_by_the_provider_and_the_shop";

/// The ports of the apps, and which app is broken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Step whose app has a wrong API key.
    pub broken: Option<Step>,
    /// Port of the sign-up app; 0 for any free port.
    pub signup_port: u16,
    /// Port of the checkout app; 0 for any free port.
    pub checkout_port: u16,
    /// Port of the sandbox; 0 for any free port.
    pub sandbox_port: u16,
    /// Whether the server of the sign-up app reports clicks. Otherwise the tracker does.
    pub captures: bool,
}

/// The running servers. The sandbox stops when it is dropped; the apps stop with the runtime.
#[derive(Debug)]
#[must_use = "the sandbox stops when it is dropped"]
pub struct Apps {
    /// The sandbox, with program 42, the key `test_key` and the partners `PARTNER123` and `abc123`.
    pub sandbox: Sandbox,
    /// URL of the sign-up app, written with axum.
    pub signup_url: String,
    /// URL of the checkout app, written with actix-web.
    pub checkout_url: String,
    /// URL of the payment provider.
    pub provider_url: String,
    /// State of the payment provider.
    pub provider: web::Data<Provider>,
}

impl Apps {
    /// Starts all servers.
    ///
    /// # Errors
    ///
    /// Returns an error if a port is in use. The message says how to choose another.
    pub async fn start(options: Options) -> Result<Self, BoxError> {
        let sandbox = Sandbox::builder()
            .port(options.sandbox_port)
            .program_id(PROGRAM_ID)
            .api_key(KEY)
            .partner("PARTNER123")
            .partner("abc123")
            .start()
            .await
            .map_err(|error| listen_error("sandbox", "--sandbox-port", options.sandbox_port, &error))?;
        let client = |step| client(&sandbox, if options.broken == Some(step) { WRONG_KEY } else { KEY });

        let signup = listen("sign-up app", "--signup-port", options.signup_port)?;
        let signup_url = url(&signup)?;
        let signup_client = client(Step::Lead)?;
        let capture = ClickCapture::builder(signup_client.clone()).host_only().consent(consent::of_request).build()?;
        // Both apps know the same sessions.
        let sessions = Sessions::generate();
        serve(signup, signup::axum::app(signup_client, options.captures.then_some(capture), sessions.clone()))?;

        let provider = listen("payment provider", "another port", 0)?;
        let provider_url = url(&provider)?;
        let checkout = listen("checkout app", "--checkout-port", options.checkout_port)?;
        let checkout_url = url(&checkout)?;
        serve_checkout(checkout, client(Step::Sale)?, &provider_url, sessions.clone())?;
        let refunds_url = if options.broken == Some(Step::Refund) {
            // A second app with a wrong key, so that the sale is recorded and the refund is not.
            let checkout = listen("checkout app", "another port", 0)?;
            let checkout_url = url(&checkout)?;
            serve_checkout(checkout, client(Step::Refund)?, &provider_url, sessions)?;
            checkout_url
        } else {
            checkout_url.clone()
        };
        let provider = serve_provider(provider, &checkout_url, &refunds_url)?;
        Ok(Self { sandbox, signup_url, checkout_url, provider_url, provider })
    }
}

fn client(sandbox: &Sandbox, key: &str) -> Result<Client, affitor_axum::Error> {
    Client::builder().api_key(key).api_url(sandbox.url()).program_id(PROGRAM_ID).build()
}

fn listen(app: &str, flag: &str, port: u16) -> Result<TcpListener, BoxError> {
    let listener = TcpListener::bind(("127.0.0.1", port)).map_err(|error| listen_error(app, flag, port, &error))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn url(listener: &TcpListener) -> Result<String, BoxError> {
    Ok(format!("http://{}", listener.local_addr()?))
}

fn serve(listener: TcpListener, app: Router) -> Result<(), BoxError> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(())
}

fn serve_checkout(
    listener: TcpListener,
    client: Client,
    provider_url: &str,
    sessions: Sessions,
) -> Result<(), BoxError> {
    let shop = Shop {
        sessions,
        stripe: Arc::new(Api { url: provider_url.parse()?, key: "sk_test_0".to_owned(), http: http()? }),
        webhook: Webhook::<Stripe>::new(WEBHOOK_SECRET, StripeReporter::App)?,
        orders: Arc::default(),
    };
    let server = HttpServer::new(move || {
        App::new()
            .wrap(affitor_actix::AffitorLayer::new(client.clone()))
            .configure(checkout::actix::configure(shop.clone()))
    });
    tokio::spawn(server.workers(1).disable_signals().listen(listener)?.run());
    Ok(())
}

fn serve_provider(
    listener: TcpListener,
    payments_shop: &str,
    refunds_shop: &str,
) -> Result<web::Data<Provider>, BoxError> {
    let webhook = Webhook::<Stripe>::new(WEBHOOK_SECRET, StripeReporter::App)?;
    let provider = web::Data::new(Provider::new(webhook, http()?, payments_shop, refunds_shop));
    let data = provider.clone();
    let server = HttpServer::new(move || App::new().app_data(data.clone()).configure(checkout::provider::routes));
    tokio::spawn(server.workers(1).disable_signals().listen(listener)?.run());
    Ok(provider)
}

fn http() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().no_proxy().build()
}
