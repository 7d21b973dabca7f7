//! The app on axum.

use affitor_axum::{AffitorClient, AffitorLayer, ClickCaptureLayer, Client, Lead, capture::ClickCapture};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use session::Sessions;

use crate::{input::Input, page, users};

/// Builds the app. With `capture`, the server reports clicks itself, also of browsers that run no scripts.
pub fn app(client: Client, capture: Option<ClickCapture>, sessions: Sessions) -> Router {
    let app = Router::new()
        .route("/", get(page_with_form))
        .route("/api/signup", post(sign_up))
        .with_state(sessions)
        .layer(AffitorLayer::new(client));
    // Added last, so it is the outermost layer.
    match capture {
        Some(capture) => app.layer(ClickCaptureLayer::new(capture)),
        None => app,
    }
}

async fn page_with_form(affitor: AffitorClient, headers: HeaderMap) -> Html<String> {
    let cookies = headers.get(header::COOKIE).and_then(|cookies| cookies.to_str().ok());
    // Empty if the server has reported the click of this visitor.
    Html(page::form(&affitor.script_tag(), cookies))
}

async fn sign_up(State(sessions): State<Sessions>, affitor: AffitorClient, input: Input<users::SignUp>) -> Response {
    let (form, sent_by_script) = input.into_parts();
    let Some(user_id) = users::create(&form) else {
        return (StatusCode::UNPROCESSABLE_ENTITY, "an e-mail address and a password are required").into_response();
    };

    // Returns at once. A problem with the service never becomes the visitor's problem.
    affitor.enqueue(Lead::new(&user_id).email(&form.email));

    let session = [(header::SET_COOKIE, sessions.start(&user_id))];
    if sent_by_script {
        (session, Json(users::Created { user_id })).into_response()
    } else {
        (session, Html(page::welcome(&user_id))).into_response()
    }
}
