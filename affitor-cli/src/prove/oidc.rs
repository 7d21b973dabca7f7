//! A stand-in of an identity provider: OpenID Connect with one user per log-in, who agrees at once.

mod key;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use self::key::Key;
use super::stand_in::{Server, json_response, lock, now, random_id};
use crate::url::is_loopback;

/// Log-ins that are kept.
const LIMIT: usize = 1_000;
/// How long a token is valid, in seconds.
const LIFETIME: u64 = 600;

/// A log-in, under its code and later under its access token.
#[derive(Clone, Debug)]
struct LogIn {
    subject: String,
    email: String,
    client_id: String,
    redirect_uri: String,
    nonce: Option<String>,
    /// PKCE, with the method `S256`.
    challenge: Option<String>,
}

struct Issuer {
    url: String,
    key: Key,
    /// The oldest first.
    log_ins: Mutex<VecDeque<(String, LogIn)>>,
}

/// Starts the stand-in. Its URL is that of the issuer.
pub(super) async fn start() -> io::Result<Server> {
    let key = Key::generate()?;
    let routes = |url: &str| {
        Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/userinfo", get(user_info).post(user_info))
            .with_state(Arc::new(Issuer { url: url.to_owned(), key, log_ins: Mutex::default() }))
    };
    Server::start(routes).await
}

type Shared = State<Arc<Issuer>>;

/// OpenID Connect Discovery 1.0, section 3.
async fn configuration(State(issuer): Shared) -> Response {
    let url = &issuer.url;
    json_response(
        StatusCode::OK,
        &json!({
            "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"), "jwks_uri": format!("{url}/keys"),
            "response_types_supported": ["code"], "response_modes_supported": ["query"], "subject_types_supported": ["public"],
            "grant_types_supported": ["authorization_code"], "scopes_supported": ["openid", "email", "profile"],
            "id_token_signing_alg_values_supported": ["ES256"], "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "email", "email_verified", "name"],
        }),
    )
}

async fn keys(State(issuer): Shared) -> Response {
    json_response(StatusCode::OK, &json!({ "keys": [issuer.key.public()] }))
}

/// A user agrees at once, and is sent back with a code.
async fn authorize(State(issuer): Shared, RawQuery(query): RawQuery) -> Response {
    let parameters = parse(query.unwrap_or_default().as_bytes());
    let get = |name: &str| parameters.get(name).cloned();
    let Some(mut target) = get("redirect_uri").and_then(|uri| Url::parse(&uri).ok()).filter(is_loopback) else {
        return error(StatusCode::BAD_REQUEST, "invalid_request", "redirect_uri must be a URL of this machine");
    };
    let Some(client_id) = get("client_id") else {
        return error(StatusCode::BAD_REQUEST, "invalid_request", "client_id is missing");
    };
    if get("response_type").as_deref() != Some("code") {
        return error(StatusCode::BAD_REQUEST, "unsupported_response_type", "only `code` is supported");
    }
    let subject = random_id();
    let log_in = LogIn {
        email: format!("prove-{}@example.com", subject.to_lowercase()),
        subject,
        client_id,
        redirect_uri: get("redirect_uri").unwrap_or_default(),
        nonce: get("nonce"),
        challenge: get("code_challenge"),
    };
    let code = random_id();
    issuer.keep(&code, log_in);
    let mut pairs = target.query_pairs_mut();
    pairs.append_pair("code", &code);
    if let Some(state) = get("state") {
        pairs.append_pair("state", &state);
    }
    drop(pairs);
    (StatusCode::SEE_OTHER, [(header::LOCATION, target.to_string())]).into_response()
}

/// Exchanges a code, once.
async fn token(State(issuer): Shared, body: Bytes) -> Response {
    let parameters = parse(&body);
    let get = |name: &str| parameters.get(name).map(String::as_str);
    if get("grant_type") != Some("authorization_code") {
        return error(StatusCode::BAD_REQUEST, "unsupported_grant_type", "only `authorization_code` is supported");
    }
    let log_in = get("code").and_then(|code| issuer.take(code));
    let Some(log_in) = log_in.filter(|log_in| get("redirect_uri").is_none_or(|uri| uri == log_in.redirect_uri)) else {
        return error(StatusCode::BAD_REQUEST, "invalid_grant", "the code is unknown, or was used");
    };
    let verifies = |challenge: &String| get("code_verifier").is_some_and(|verifier| s256(verifier) == *challenge);
    if log_in.challenge.as_ref().is_some_and(|challenge| !verifies(challenge)) {
        return error(StatusCode::BAD_REQUEST, "invalid_grant", "code_verifier does not fit");
    }
    let Ok(id_token) = issuer.id_token(&log_in) else {
        return error(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "the token can't be signed");
    };
    let access_token = random_id();
    issuer.keep(&access_token, log_in);
    json_response(
        StatusCode::OK,
        &json!({ "access_token": access_token, "token_type": "Bearer", "expires_in": LIFETIME, "id_token": id_token,
            "scope": "openid email profile" }),
    )
}

async fn user_info(State(issuer): Shared, headers: HeaderMap) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match token.and_then(|token| issuer.find(token)) {
        Some(log_in) => json_response(StatusCode::OK, &log_in.claims()),
        None => error(StatusCode::UNAUTHORIZED, "invalid_token", "the access token is unknown"),
    }
}

impl Issuer {
    fn keep(&self, key: &str, log_in: LogIn) {
        let mut log_ins = lock(&self.log_ins);
        if log_ins.len() >= LIMIT {
            log_ins.pop_front();
        }
        log_ins.push_back((key.to_owned(), log_in));
    }

    fn find(&self, key: &str) -> Option<LogIn> {
        lock(&self.log_ins).iter().find(|(known, _)| known == key).map(|(_, log_in)| log_in.clone())
    }

    fn take(&self, key: &str) -> Option<LogIn> {
        let mut log_ins = lock(&self.log_ins);
        let position = log_ins.iter().position(|(known, _)| known == key)?;
        log_ins.remove(position).map(|(_, log_in)| log_in)
    }

    fn id_token(&self, log_in: &LogIn) -> io::Result<String> {
        let now = now();
        let mut claims = log_in.claims();
        claims["iss"] = json!(self.url);
        claims["aud"] = json!(log_in.client_id);
        claims["iat"] = json!(now);
        claims["exp"] = json!(now + LIFETIME);
        if let Some(nonce) = &log_in.nonce {
            claims["nonce"] = json!(nonce);
        }
        self.key.sign(&claims)
    }
}

impl LogIn {
    fn claims(&self) -> Value {
        json!({ "sub": self.subject, "email": self.email, "email_verified": true, "name": "A visitor" })
    }
}

/// PKCE (RFC 7636, section 4.2).
fn s256(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn parse(text: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(text).into_owned().collect()
}

fn error(status: StatusCode, code: &str, description: &str) -> Response {
    json_response(status, &json!({ "error": code, "error_description": description }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn the_challenge_of_a_verifier() {
        assert_eq!(s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[tokio::test]
    async fn a_log_in() {
        let provider = start().await.unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let json = async |request: reqwest::RequestBuilder| -> (u16, Value) {
            let response = request.send().await.unwrap();
            (response.status().as_u16(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
        };
        let known = json(http.get(format!("{}/.well-known/openid-configuration", provider.url))).await.1;
        assert_eq!(known["issuer"], json!(provider.url));

        let query = format!("response_type=code&client_id=shop&state=s&nonce=n&code_challenge={}", s256("verifier"));
        let authorize = |uri: &str| http.get(format!("{}/authorize?{query}&redirect_uri={uri}", provider.url));
        let elsewhere = authorize("https://shop.example/callback").send().await.unwrap();
        assert_eq!(elsewhere.status(), 400, "only this machine");
        let response = authorize("http://127.0.0.1:3000/callback").send().await.unwrap();
        let target = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
        let code = target.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        assert!(target.query().unwrap().ends_with("&state=s"), "{target}");

        let exchange = |verifier: &str| {
            let form = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", verifier)];
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            http.post(format!("{}/token", provider.url)).body(body)
        };
        let (status, tokens) = json(exchange("verifier")).await;
        assert_eq!(status, 200, "{tokens}");
        assert_eq!(json(exchange("verifier")).await.1["error"], "invalid_grant", "a code is for one exchange");
        let keys = json(http.get(format!("{}/keys", provider.url))).await.1;
        let claims = key::verified(tokens["id_token"].as_str().unwrap(), &keys["keys"][0]).unwrap();
        assert_eq!((&claims["aud"], &claims["nonce"], &claims["iss"]), (&json!("shop"), &json!("n"), &known["issuer"]));
        let user = http.get(format!("{}/userinfo", provider.url)).bearer_auth(tokens["access_token"].as_str().unwrap());
        let user = json(user).await.1;
        assert_eq!((&user["sub"], &user["email"]), (&claims["sub"], &claims["email"]));
    }
}
