//! The app of `examples/flows` in each framework, with an identity provider and a sandbox.

#![allow(dead_code, reason = "each of the tests uses a part")]

mod identity_provider;
pub(crate) mod passkeys;
pub(crate) mod webhooks;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use affitor::{Click, ClickId, Client, carry::VisitorKey};
use affitor_sandbox::Sandbox;
use flows::{Flows, Settings, provider::Secrets};
pub(crate) use identity_provider::IdentityProvider;
use passkeys::Verifier;

pub(crate) const CLERK_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMVb5sSYspob7oDx";
pub(crate) const SUPABASE_SECRET: &str = "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(crate) const AUTH0_SECRET: &str = "d1f2c3b4a5968778695a4b3c2d1e0f00";

/// The framework of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framework {
    Axum,
    Actix,
}

impl Framework {
    pub(crate) const ALL: [Self; 2] = [Self::Axum, Self::Actix];
}

/// The running app. It stops with the test's runtime.
pub(crate) struct Shop {
    pub(crate) flows: Arc<Flows>,
    pub(crate) sandbox: Sandbox,
    pub(crate) provider: IdentityProvider,
    pub(crate) address: SocketAddr,
    client: Client,
    key: VisitorKey,
}

impl Shop {
    /// Starts the app and everything that it needs.
    pub(crate) async fn start(framework: Framework) -> Self {
        let provider = IdentityProvider::start().await;
        let authorize = provider.url.clone();
        Self::behind(framework, None, provider, &authorize).await
    }

    /// Starts the app for a domain and origin, with an identity provider whose pages browsers see at another URL.
    pub(crate) async fn behind(
        framework: Framework,
        public: Option<(&str, String)>,
        provider: IdentityProvider,
        pages: &str,
    ) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (domain, origin) = public.unwrap_or(("127.0.0.1", format!("http://{address}")));
        let key = VisitorKey::new(42, "0f1e2d3c4b5a69788796a5b4c3d2e1f0").unwrap();
        let flows = Flows::new(Settings {
            client: client.clone(),
            domain: domain.to_owned(),
            origin: origin.clone(),
            key: key.clone(),
            provider: provider.registration(pages),
            http: reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap(),
            verifier: Box::new(Verifier { domain: domain.to_owned(), origin }),
            secrets: Secrets {
                clerk: CLERK_SECRET.to_owned(),
                supabase: SUPABASE_SECRET.to_owned(),
                auth0: AUTH0_SECRET.to_owned(),
            },
        });
        let flows = Arc::new(flows.unwrap());
        serve(framework, listener, Arc::clone(&flows));
        Self { flows, sandbox, provider, address, client, key }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Makes a click, as the tracker does when a visitor lands. Returns the id that it puts into the cookie.
    pub(crate) async fn click(&self) -> ClickId {
        let landing = format!("https://app.shop.example/?aff={}", self.sandbox.partner_code());
        self.flows.client.track_click(Click::landing(landing)).await.unwrap().click_id().unwrap().clone()
    }

    /// Waits for the lead of a user.
    pub(crate) async fn lead(&self, user_id: &str) -> affitor_sandbox::LeadRecord {
        let is_theirs = |lead: &affitor_sandbox::LeadRecord| lead.customer_key.as_deref() == Some(user_id);
        let found = self.sandbox.wait_for(|snapshot| snapshot.leads.iter().any(is_theirs)).await;
        found.unwrap().leads.into_iter().find(is_theirs).unwrap()
    }

    /// Waits until everything is delivered. Returns the click ids and customer keys of all leads that the app sent.
    pub(crate) async fn sent_leads(&self) -> Vec<(Option<String>, Option<String>)> {
        assert_eq!(self.client.flush(Duration::from_secs(20)).await, 0, "everything is delivered");
        let requests = self.sandbox.requests().into_iter();
        let leads = requests.filter(|request| request.call == Some(affitor_sandbox::ApiCall::Lead));
        leads.map(|lead| (lead.click_id, lead.customer_key)).collect()
    }

    /// The key that signs carried visitors.
    pub(crate) fn key(&self) -> &VisitorKey {
        &self.key
    }
}

fn serve(framework: Framework, listener: std::net::TcpListener, flows: Arc<Flows>) {
    match framework {
        Framework::Axum => {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            tokio::spawn(async move { axum::serve(listener, flows::axum::app(flows)).await });
        }
        Framework::Actix => {
            let server = actix_web::HttpServer::new(move || {
                actix_web::App::new()
                    .wrap(affitor_actix::AffitorLayer::new(flows.client.clone()))
                    .app_data(actix_web::web::Data::from(Arc::clone(&flows)))
                    .configure(flows::actix::routes)
            });
            tokio::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        }
    }
}
