//! The extractors and their rejections.

use affitor_axum::{
    AffitorClickId, AffitorClient, AffitorLayer, AffitorRequestExt as _, ClickId, Client, MissingLayer, Source,
    Sources, affitor_tower,
};
use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts as _, Request},
    http::StatusCode,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http_body_util::BodyExt as _;
use tower::{Layer as _, ServiceExt as _};

const ID: &str = "cust_42_1714000000000";

fn request(path: &str) -> Request {
    Request::get(path).header("cookie", format!("affitor_click_id={ID}")).body(Body::empty()).unwrap()
}

async fn text(response: Response) -> (StatusCode, String) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn send(app: &Router, request: Request) -> (StatusCode, String) {
    text(app.clone().oneshot(request).await.unwrap()).await
}

fn routes() -> Router {
    Router::new()
        .route("/id", get(async |AffitorClickId(id): AffitorClickId| format!("{id:?}")))
        .route("/client", get(async |affitor: AffitorClient| format!("{:?}", affitor.click_id())))
        .route("/optional-client", get(async |client: Option<AffitorClient>| client.is_some().to_string()))
}

fn layer() -> AffitorLayer {
    AffitorLayer::new(Client::disabled())
}

#[tokio::test]
async fn extractors_behind_the_layer() {
    let app = routes().layer(layer());
    let found = format!("Some(ClickId({ID:?}))");
    for (path, expected) in
        [("/id", found.clone()), ("/client", found.clone()), ("/optional-client", "true".to_owned())]
    {
        assert_eq!(send(&app, request(path)).await, (StatusCode::OK, expected), "{path}");
    }
    let without = Request::get("/id").body(Body::empty()).unwrap();
    assert_eq!(send(&app, without).await, (StatusCode::OK, "None".to_owned()));
}

#[tokio::test]
async fn extractors_without_the_layer() {
    let app = routes();
    for path in ["/id", "/client"] {
        let (status, body) = send(&app, request(path)).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(body.contains("found no `AffitorLayer`"), "{path}: {body}");
    }
    assert_eq!(send(&app, request("/optional-client")).await, (StatusCode::OK, "false".to_owned()));
}

#[tokio::test]
async fn the_missing_layer_has_status_body_and_source() {
    // The text says that there is one elsewhere. Other tests have layers too, at any moment.
    drop(routes().layer(AffitorLayer::new(Client::disabled())));
    let (mut parts, ()) = axum::http::Request::new(()).into_parts();
    let rejection: MissingLayer = AffitorClient::from_request_parts(&mut parts, &()).await.unwrap_err();
    assert_eq!(rejection.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(rejection.body_text().contains("found no `AffitorLayer`"));
    assert_eq!(rejection.to_string(), rejection.body_text());
    assert!(std::error::Error::source(&rejection).is_none());
    assert_eq!(text(rejection.into_response()).await, (rejection.status(), rejection.body_text()));
}

#[test]
fn wrappers_convert() {
    let id = ClickId::new(ID).unwrap();
    let extracted = AffitorClickId(Some(id.clone()));
    assert_eq!(extracted.as_ref(), Some(&id)); // by Deref
    assert_eq!(extracted.into_inner(), Some(id));
}

#[tokio::test]
async fn a_middleware_reads_the_request() {
    let middleware = from_fn(async |request: Request, next: Next| {
        let (id, client) = (request.click_id(), request.affitor());
        let mut response = next.run(request).await;
        let seen = format!("{} {}", id.unwrap(), client.unwrap().visitor().click_ids.len());
        response.headers_mut().insert("x-seen", seen.parse().unwrap());
        response
    });
    let app = routes().layer(middleware).layer(layer());
    let cookies = format!("affitor_click_id={ID}; affitor_click_ids=cust_1_1%7C{ID}");
    let request = Request::get("/id").header("cookie", cookies).body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.headers()["x-seen"], format!("{ID} 2"));
}

/// The layer works at every level of a nested router. Inside `nest` the predicate sees the path without its prefix.
#[tokio::test]
async fn nested_routers() {
    let sign_up = || {
        let handler = async |AffitorClickId(id): AffitorClickId, body: String| format!("{id:?} {}", body.len());
        Router::new().route("/sign-up", post(handler))
    };
    let body = format!(r#"{{"affitorClickId":"{ID}"}}"#);
    let request = || {
        Request::post("/api/sign-up").header("content-type", "application/json").body(Body::from(body.clone())).unwrap()
    };
    let found = format!("Some(ClickId({ID:?})) {}", body.len());
    let missed = format!("None {}", body.len());
    let only = |path: &'static str| layer().body_when(move |request| request.uri.path() == path);
    for (name, app, expected) in [
        ("outside", Router::new().nest("/api", sign_up()).layer(layer()), &found),
        ("inside", Router::new().nest("/api", sign_up().layer(layer())), &found),
        ("outside, whole path", Router::new().nest("/api", sign_up()).layer(only("/api/sign-up")), &found),
        ("inside, whole path", Router::new().nest("/api", sign_up().layer(only("/api/sign-up"))), &missed),
        ("inside, rest of the path", Router::new().nest("/api", sign_up().layer(only("/sign-up"))), &found),
    ] {
        assert_eq!(send(&app, request()).await, (StatusCode::OK, expected.clone()), "{name}");
    }
}

/// An inner layer neither searches nor waits if an outer one has already found the id.
#[tokio::test]
async fn an_inner_layer_uses_the_id_of_an_outer_one() {
    let outer = affitor_tower::ClickIdLayer::new().sources(Sources::default().order([Source::Header]));
    let app = outer.layer(routes().layer(layer()));
    let request = Request::get("/client")
        .header("x-affitor-click-id", "cust_1_1")
        .header("cookie", format!("affitor_click_id={ID}"))
        .body(Body::empty())
        .unwrap();
    let (_, body) = text(app.oneshot(request).await.unwrap()).await;
    assert_eq!(body, r#"Some(ClickId("cust_1_1"))"#);
}
