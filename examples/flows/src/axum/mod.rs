//! The flows on axum.

mod guest;
mod links;
mod oauth;
mod passkey;
mod provider;

use std::sync::Arc;

use affitor_axum::AffitorLayer;
use axum::{
    Router,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};

use crate::{CONFIRM, Flows, PAGE, Refusal};

/// Builds the app.
pub fn app(flows: Arc<Flows>) -> Router {
    Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/oauth/start", get(oauth::start))
        .route("/oauth/callback", get(oauth::callback).post(oauth::callback_by_post))
        .route("/magic-link", post(links::request_magic_link))
        .route("/magic-link/open", get(confirm).post(links::open_magic_link))
        .route("/invitation", post(links::request_invitation))
        .route("/invitation/open", get(confirm).post(links::accept_invitation))
        .route("/passkey/start", post(passkey::start))
        .route("/passkey/finish", post(passkey::finish))
        .route("/provider/metadata", get(provider::metadata))
        .route("/webhooks/clerk", post(provider::clerk))
        .route("/webhooks/supabase", post(provider::supabase))
        .route("/webhooks/auth0", post(provider::auth0))
        .route("/guest/checkout", post(guest::check_out))
        .route("/guest/account", get(confirm).post(guest::create_account))
        .layer(AffitorLayer::new(flows.client.clone()))
        .with_state(flows)
}

async fn confirm() -> Html<&'static str> {
    Html(CONFIRM)
}

/// The response after a sign-up. Your app starts a session and redirects.
fn welcome(user_id: &str) -> String {
    format!("Welcome, {user_id}")
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, self.to_string()).into_response()
    }
}
