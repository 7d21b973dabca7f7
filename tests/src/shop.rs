//! The same small shop in each framework: its payment webhook reports what it is told.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use actix_web::{App, HttpServer, Responder, web};
use affitor_axum::{
    AffitorClient, AffitorLayer, Client, PaymentEvent, Redeliver,
    webhook::{Provider, Stripe, Webhook, WebhookEvent},
};
use axum::{
    Router,
    extract::{FromRef, State},
    routing::post,
};
use serde_json::Value;
use tokio::net::TcpListener;

/// A framework that the shop is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShopIn {
    /// axum.
    Axum,
    /// actix-web.
    Actix,
}

impl ShopIn {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Axum, Self::Actix];
}

/// A running shop with a webhook of one provider at `/webhook`. Its server ends with the test's runtime.
#[derive(Debug)]
pub struct Shop<P: Provider> {
    /// Where it listens.
    pub address: SocketAddr,
    webhook: Webhook<P>,
    http: reqwest::Client,
}

impl<P: Provider> Shop<P> {
    /// Starts a shop whose handler is one line.
    pub async fn start(framework: ShopIn, client: Client, webhook: Webhook<P>) -> Self {
        let address = match framework {
            ShopIn::Axum => {
                let app = Router::new()
                    .route("/webhook", post(plain_axum::<P>))
                    .with_state(webhook.clone())
                    .layer(AffitorLayer::new(client));
                serve_axum(app).await
            }
            ShopIn::Actix => {
                let webhook = webhook.clone();
                serve_actix(client, move |config| {
                    config.app_data(webhook.clone()).route("/webhook", web::post().to(plain_actix::<P>));
                })
            }
        };
        Self { address, webhook, http: reqwest::Client::new() }
    }

    /// Delivers a webhook as the provider does, and says the status of the answer.
    pub async fn deliver(&self, body: &Value) -> u16 {
        let body = body.to_string();
        let headers = self.webhook.sign("msg_1", body.as_bytes(), SystemTime::now());
        self.post(body.into_bytes(), headers).await.0
    }

    /// Sends anything to the webhook; the status and the text of the answer.
    pub async fn post(&self, body: Vec<u8>, headers: HashMap<&'static str, String>) -> (u16, String) {
        let mut request = self.http.post(format!("http://{}/webhook", self.address)).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.expect("the shop answers");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    }

    /// Its webhook.
    pub fn webhook(&self) -> &Webhook<P> {
        &self.webhook
    }
}

impl Shop<Stripe> {
    /// Starts a shop with subscriptions, which keeps which payment paid which invoice.
    pub async fn with_subscriptions(framework: ShopIn, client: Client, webhook: Webhook<Stripe>) -> Self {
        let books = Books { webhook: webhook.clone(), invoices: Arc::default() };
        let address = match framework {
            ShopIn::Axum => {
                let app = Router::new().route("/webhook", post(subscriptions_axum)).with_state(books);
                serve_axum(app.layer(AffitorLayer::new(client))).await
            }
            ShopIn::Actix => serve_actix(client, move |config| {
                config
                    .app_data(web::Data::new(books.webhook.clone()))
                    .app_data(web::Data::new(books.clone()))
                    .route("/webhook", web::post().to(subscriptions_actix));
            }),
        };
        Self { address, webhook, http: reqwest::Client::new() }
    }
}

async fn serve_axum(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn serve_actix(client: Client, routes: impl Fn(&mut web::ServiceConfig) + Send + Clone + 'static) -> SocketAddr {
    let server = HttpServer::new(move || {
        App::new().wrap(affitor_actix::AffitorLayer::new(client.clone())).configure(routes.clone())
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).expect("a free port");
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    address
}

async fn plain_axum<P: Provider>(affitor: AffitorClient, event: PaymentEvent<P>) -> Result<(), Redeliver> {
    affitor.track_payment(&event).await?;
    Ok(())
}

async fn plain_actix<P: Provider>(
    affitor: affitor_actix::AffitorClient,
    event: affitor_actix::PaymentEvent<P>,
) -> Result<impl Responder, affitor_actix::Redeliver> {
    affitor.track_payment(&event).await?;
    Ok("")
}

/// Which payment paid which invoice: what Stripe's refunds of subscriptions don't say.
#[derive(Clone)]
struct Books {
    webhook: Webhook<Stripe>,
    invoices: Arc<Mutex<HashMap<String, String>>>,
}

impl FromRef<Books> for Webhook<Stripe> {
    fn from_ref(books: &Books) -> Self {
        books.webhook.clone()
    }
}

impl Books {
    /// Keeps what the event says, and says which invoice it is about.
    fn invoice(&self, event: &WebhookEvent<Stripe>) -> Option<String> {
        let mut invoices = self.invoices.lock().expect("no panic while it is locked");
        if let Some(paid) = event.invoice_payment() {
            invoices.insert(paid.payment_intent.to_owned(), paid.invoice.to_owned());
        }
        invoices.get(event.payment_intent()?).cloned()
    }
}

async fn subscriptions_axum(
    State(books): State<Books>,
    affitor: AffitorClient,
    event: PaymentEvent<Stripe>,
) -> Result<(), Redeliver> {
    affitor.track_payment(&event).refund_of(books.invoice(&event)).await?;
    Ok(())
}

async fn subscriptions_actix(
    books: web::Data<Books>,
    affitor: affitor_actix::AffitorClient,
    event: affitor_actix::PaymentEvent<Stripe>,
) -> Result<impl Responder, affitor_actix::Redeliver> {
    affitor.track_payment(&event).refund_of(books.invoice(&event)).await?;
    Ok("")
}
