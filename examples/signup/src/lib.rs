//! A sign-up app: a page with a form, and the handler that reports the lead.

use std::time::{SystemTime, UNIX_EPOCH};

use affitor_axum::{AffitorClient, AffitorLayer, ClickCaptureLayer, Client, Lead, capture::ClickCapture};
use axum::{
    Form, Json, RequestExt, Router,
    extract::{FromRequest, Request},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};

/// Builds the app. The client should have a queue, so that sign-ups do not wait for the service. With `capture`, the server reports
/// clicks itself, also of browsers that run no scripts.
pub fn app(client: Client, capture: Option<ClickCapture>) -> Router {
    let app = Router::new()
        .route("/", get(page_with_form))
        .route("/api/signup", post(sign_up))
        .layer(AffitorLayer::new(client));
    // Added last, so it is the outermost layer.
    match capture {
        Some(capture) => app.layer(ClickCaptureLayer::new(capture)),
        None => app,
    }
}

/// The page with the tracker's script, unless the server reports the click of this visitor.
async fn page_with_form(affitor: AffitorClient) -> Html<String> {
    let tag = affitor.script_tag().to_string();
    Html([include_str!("head.html"), &tag, include_str!("body.html")].concat())
}

#[derive(Deserialize)]
struct SignUp {
    email: String,
    password: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    user_id: String,
}

/// Creates a user and reports the lead. The layer has already found the click id, in the body (`affitorClickId`) or in the
/// cookie.
async fn sign_up(affitor: AffitorClient, input: Input<SignUp>) -> Response {
    let (form, sent_by_script) = match input {
        Input::Json(form) => (form, true),
        Input::Form(form) => (form, false),
    };
    if !form.email.contains('@') || form.password.is_empty() {
        return (StatusCode::UNPROCESSABLE_ENTITY, "an e-mail address and a password are required").into_response();
    }
    // A real app would insert the user into its database here.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let user_id = format!("user_{}", now.as_micros());

    // Returns at once. A problem with the service never becomes the visitor's problem.
    affitor.enqueue(Lead::new(&user_id).email(&form.email));

    // Tells the checkout app who the visitor is. A real app would start a session.
    let cookie = [(header::SET_COOKIE, format!("demo_user={user_id}; Path=/; HttpOnly; SameSite=Lax"))];
    if sent_by_script {
        (cookie, Json(User { user_id })).into_response()
    } else {
        (cookie, Html(format!("<!doctype html><title>Welcome</title><p>Welcome, <b>{user_id}</b>."))).into_response()
    }
}

/// A body that is either JSON (sent by the page's script) or a form (sent by a browser without scripts).
enum Input<T> {
    Json(T),
    Form(T),
}

impl<T, S> FromRequest<S> for Input<T>
where
    T: serde::de::DeserializeOwned + 'static,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let content_type = request.headers().get(header::CONTENT_TYPE).map(header::HeaderValue::as_bytes);
        if content_type.is_some_and(|content_type| content_type.starts_with(b"application/json")) {
            let Json(input) = request.extract().await.map_err(IntoResponse::into_response)?;
            Ok(Self::Json(input))
        } else {
            let Form(input) = request.extract().await.map_err(IntoResponse::into_response)?;
            Ok(Self::Form(input))
        }
    }
}
