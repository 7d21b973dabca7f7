//! A stand-in identity provider with codes, PKCE and callbacks by GET and by POST. It knows one user.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const SECRET: &str = "client_secret";

type Parameters = HashMap<String, String>;

/// The running identity provider.
pub(crate) struct IdentityProvider {
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
}

/// Grants by code, and the last number used.
#[derive(Default)]
struct Grants {
    by_code: HashMap<String, Parameters>,
    last: u32,
}

type Shared = Arc<Mutex<Grants>>;

impl IdentityProvider {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(Shared::default());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url: format!("http://{address}"), address }
    }

    /// Returns the registration of an app. Browsers see the provider's pages at another URL than the app's server.
    pub(crate) fn registration(&self, pages: &str) -> flows::oauth::Provider {
        flows::oauth::Provider {
            authorize_url: format!("{pages}/authorize"),
            token_url: format!("{}/token", self.url),
            userinfo_url: format!("{}/userinfo", self.url),
            client_id: "shop".to_owned(),
            client_secret: SECRET.to_owned(),
        }
    }
}

/// Signs the user in at once, and sends them back.
async fn authorize(State(grants): State<Shared>, Query(asked): Query<Parameters>) -> Response {
    let (state, back) = (asked["state"].clone(), asked["redirect_uri"].clone());
    let by_post = asked.get("response_mode").is_some_and(|mode| mode == "form_post");
    assert_eq!((asked["client_id"].as_str(), asked["code_challenge_method"].as_str()), ("shop", "S256"));
    let code = {
        let mut grants = grants.lock().unwrap();
        grants.last += 1;
        let code = format!("code_{}", grants.last);
        grants.by_code.insert(code.clone(), asked);
        code
    };
    if !by_post {
        return Redirect::to(&format!("{back}?code={code}&state={state}")).into_response();
    }
    let page = format!(
        "<!doctype html><title>Signing in</title><form method=post action=\"{back}\"><input type=hidden name=code value={code}>\
         <input type=hidden name=state value={state}></form><script>document.forms[0].submit()</script>"
    );
    Html(page).into_response()
}

async fn token(
    State(grants): State<Shared>,
    headers: HeaderMap,
    Form(sent): Form<Parameters>,
) -> Result<Json<Value>, (StatusCode, Json<Value>)> {
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error })));
    let credentials = format!("Basic {}", BASE64_STANDARD.encode(format!("shop:{SECRET}")));
    if headers.get("authorization").is_none_or(|given| *given != *credentials) {
        return Err(refused("invalid_client"));
    }
    let grant = grants.lock().unwrap().by_code.remove(&sent["code"]).ok_or_else(|| refused("invalid_grant"))?;
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&sent["code_verifier"]));
    if grant["code_challenge"] != challenge || grant["redirect_uri"] != sent["redirect_uri"] {
        return Err(refused("invalid_grant"));
    }
    Ok(Json(json!({ "access_token": "access_1", "token_type": "Bearer", "expires_in": 60 })))
}

async fn userinfo(headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    if headers.get("authorization").is_none_or(|given| given != "Bearer access_1") {
        return Err(StatusCode::UNAUTHORIZED);
    }
    Ok(Json(json!({ "sub": "248289761001", "email": "jo@idp.example" })))
}
