//! A small shop in each framework, whose webhook handler reports payments.

use std::{collections::HashMap, net::SocketAddr, time::SystemTime};

use actix_web::{App, HttpServer, Responder, web};
use affitor_axum::{
    AffitorClient, AffitorLayer, Client, PaymentEvent, Redeliver,
    payments::{Provider, Webhook},
};
use affitor_outbox::{Database, Outbox};
use axum::{
    Router,
    extract::{FromRef, State},
    routing::{MethodRouter, post},
};
use serde_json::Value;
use tokio::net::TcpListener;

/// The framework of a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShopFramework {
    /// axum.
    Axum,
    /// actix-web.
    Actix,
}

impl ShopFramework {
    /// Both frameworks.
    pub const ALL: [Self; 2] = [Self::Axum, Self::Actix];
}

/// A running shop with the webhook of one provider at `/webhook`. The server stops with the test's runtime.
#[derive(Debug)]
pub struct Shop<P: Provider> {
    /// Address of the server.
    pub address: SocketAddr,
    webhook: Webhook<P>,
    http: reqwest::Client,
}

impl<P: Provider> Shop<P> {
    /// Starts a shop whose handler calls `event.track`.
    pub async fn start(framework: ShopFramework, client: Client, webhook: Webhook<P>) -> Self {
        let address = match framework {
            ShopFramework::Axum => serve_axum(post(track_axum::<P>), client, webhook.clone()).await,
            ShopFramework::Actix => serve_actix(client, webhook.clone(), |config| {
                config.route("/webhook", web::post().to(track_actix::<P>));
            }),
        };
        Self { address, webhook, http: reqwest::Client::new() }
    }

    /// Starts a shop whose handler calls `event.enqueue`.
    pub async fn start_enqueueing(framework: ShopFramework, client: Client, webhook: Webhook<P>) -> Self {
        let address = match framework {
            ShopFramework::Axum => serve_axum(post(enqueue_axum::<P>), client, webhook.clone()).await,
            ShopFramework::Actix => serve_actix(client, webhook.clone(), |config| {
                config.route("/webhook", web::post().to(enqueue_actix::<P>));
            }),
        };
        Self { address, webhook, http: reqwest::Client::new() }
    }

    /// Delivers a webhook, signed as the provider signs it. Returns the status of the response.
    pub async fn deliver(&self, body: &Value) -> u16 {
        let body = body.to_string();
        let headers = self.webhook.sign("msg_1", body.as_bytes(), SystemTime::now());
        self.post(body.into_bytes(), headers).await.0
    }

    /// Sends any body and headers to the webhook. Returns the status and the text of the response.
    pub async fn post(&self, body: Vec<u8>, headers: HashMap<&'static str, String>) -> (u16, String) {
        let mut request = self.http.post(format!("http://{}/webhook", self.address)).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = request.send().await.expect("a response");
        (response.status().as_u16(), response.text().await.expect("a text"))
    }

    /// Returns the webhook endpoint.
    pub fn webhook(&self) -> &Webhook<P> {
        &self.webhook
    }
}

impl<P: Provider> Shop<P> {
    /// Starts a shop whose handler records payments in a ledger.
    pub async fn start_with_ledger<DB: Database>(
        framework: ShopFramework,
        outbox: Outbox<DB>,
        webhook: Webhook<P>,
    ) -> Self {
        let client = Client::disabled();
        let ledger = Ledger { webhook: webhook.clone(), outbox };
        let address = match framework {
            ShopFramework::Axum => serve_axum(post(record_axum::<P, DB>), client, ledger).await,
            ShopFramework::Actix => serve_actix(client, webhook.clone(), move |config| {
                config
                    .app_data(web::Data::new(ledger.outbox.clone()))
                    .route("/webhook", web::post().to(record_actix::<P, DB>));
            }),
        };
        Self { address, webhook, http: reqwest::Client::new() }
    }
}

/// The state of a shop with a ledger.
struct Ledger<P, DB: Database> {
    webhook: Webhook<P>,
    outbox: Outbox<DB>,
}

impl<P, DB: Database> Clone for Ledger<P, DB> {
    fn clone(&self) -> Self {
        Self { webhook: self.webhook.clone(), outbox: self.outbox.clone() }
    }
}

impl<P, DB: Database> FromRef<Ledger<P, DB>> for Webhook<P> {
    fn from_ref(ledger: &Ledger<P, DB>) -> Self {
        ledger.webhook.clone()
    }
}

async fn record_axum<P: Provider, DB: Database>(
    State(ledger): State<Ledger<P, DB>>,
    event: PaymentEvent<P>,
) -> Result<(), Redeliver> {
    ledger.outbox.record_payment_alone(&event).await?;
    Ok(())
}

async fn record_actix<P: Provider, DB: Database>(
    outbox: web::Data<Outbox<DB>>,
    event: affitor_actix::PaymentEvent<P>,
) -> Result<impl Responder, affitor_actix::Redeliver> {
    outbox.record_payment_alone(&event).await?;
    Ok("")
}

async fn serve_axum<S: Clone + Send + Sync + 'static>(route: MethodRouter<S>, client: Client, state: S) -> SocketAddr {
    let app = Router::new().route("/webhook", route).with_state(state).layer(AffitorLayer::new(client));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn serve_actix<P: Provider>(
    client: Client,
    webhook: Webhook<P>,
    routes: impl Fn(&mut web::ServiceConfig) + Send + Clone + 'static,
) -> SocketAddr {
    let server = HttpServer::new(move || {
        let layer = affitor_actix::AffitorLayer::new(client.clone());
        App::new().wrap(layer).app_data(webhook.clone()).configure(routes.clone())
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).expect("a free port");
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    address
}

async fn track_axum<P: Provider>(affitor: AffitorClient, event: PaymentEvent<P>) -> Result<(), Redeliver> {
    event.track(&affitor).await?;
    Ok(())
}

async fn track_actix<P: Provider>(
    affitor: affitor_actix::AffitorClient,
    event: affitor_actix::PaymentEvent<P>,
) -> Result<impl Responder, affitor_actix::Redeliver> {
    event.track(&affitor).await?;
    Ok("")
}

async fn enqueue_axum<P: Provider>(affitor: AffitorClient, event: PaymentEvent<P>) -> Result<(), Redeliver> {
    event.enqueue(&affitor).await?;
    Ok(())
}

async fn enqueue_actix<P: Provider>(
    affitor: affitor_actix::AffitorClient,
    event: affitor_actix::PaymentEvent<P>,
) -> Result<impl Responder, affitor_actix::Redeliver> {
    event.enqueue(&affitor).await?;
    Ok("")
}
