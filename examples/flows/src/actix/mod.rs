//! The flows on actix-web: the same routes as in `axum`.

mod guest;
mod links;
mod oauth;
mod passkey;
mod provider;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header::ContentType},
    web::{ServiceConfig, get, post, resource},
};

use crate::{CONFIRM, PAGE, Refusal};

/// Adds the routes. The app needs `AffitorLayer`, and `web::Data<Flows>`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .route("/", get().to(async || html(PAGE)))
        .route("/oauth/start", get().to(oauth::start))
        .service(resource("/oauth/callback").route(get().to(oauth::callback)).route(post().to(oauth::callback_by_post)))
        .route("/magic-link", post().to(links::request_magic_link))
        .service(resource("/magic-link/open").route(get().to(confirm)).route(post().to(links::open_magic_link)))
        .route("/invitation", post().to(links::request_invitation))
        .service(resource("/invitation/open").route(get().to(confirm)).route(post().to(links::accept_invitation)))
        .route("/passkey/start", post().to(passkey::start))
        .route("/passkey/finish", post().to(passkey::finish))
        .route("/provider/metadata", get().to(provider::metadata))
        .route("/webhooks/clerk", post().to(provider::clerk))
        .route("/webhooks/supabase", post().to(provider::supabase))
        .route("/webhooks/auth0", post().to(provider::auth0))
        .route("/guest/checkout", post().to(guest::check_out))
        .service(resource("/guest/account").route(get().to(confirm)).route(post().to(guest::create_account)));
}

async fn confirm() -> HttpResponse {
    html(CONFIRM)
}

fn html(page: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::html()).body(page)
}

/// The response after a sign-up. Your app starts a session and redirects.
fn welcome(user_id: &str) -> String {
    format!("Welcome, {user_id}")
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
