//! The extractors and their errors.

use actix_web::{
    App, FromRequest as _, HttpResponse, ResponseError as _,
    body::to_bytes,
    dev::{Service as _, ServiceResponse},
    http::StatusCode,
    test::{TestRequest, call_service, init_service},
    web,
};
use affitor_actix::{
    AffitorClickId, AffitorClient, AffitorLayer, AffitorRequestExt as _, ClickId, Client, MissingLayer,
};

const ID: &str = "cust_42_1714000000000";

fn layer() -> AffitorLayer {
    AffitorLayer::new(Client::disabled())
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/id", web::get().to(async |id: AffitorClickId| format!("{:?}", id.0)))
        .route("/client", web::get().to(async |affitor: AffitorClient| format!("{:?}", affitor.click_id())))
        .route("/optional-id", web::get().to(async |id: Option<AffitorClickId>| format!("{id:?}")))
        .route("/optional-client", web::get().to(async |client: Option<AffitorClient>| client.is_some().to_string()));
}

fn request(path: &str) -> TestRequest {
    TestRequest::get().uri(path).insert_header(("cookie", format!("affitor_click_id={ID}")))
}

async fn text(response: ServiceResponse) -> (StatusCode, String) {
    let status = response.status();
    let body = to_bytes(response.into_body()).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn body_of(response: HttpResponse) -> String {
    let body = to_bytes(response.into_body()).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[actix_web::test]
async fn extractors_behind_the_middleware() {
    let app = init_service(App::new().wrap(layer()).configure(routes)).await;
    let found = format!("Some(ClickId({ID:?}))");
    for (path, expected) in [
        ("/id", found.clone()),
        ("/client", found.clone()),
        ("/optional-id", format!("Some(AffitorClickId({found}))")),
        ("/optional-client", "true".to_owned()),
    ] {
        let response = call_service(&app, request(path).to_request()).await;
        assert_eq!(text(response).await, (StatusCode::OK, expected), "{path}");
    }
    let response = call_service(&app, TestRequest::get().uri("/id").to_request()).await;
    assert_eq!(text(response).await, (StatusCode::OK, "None".to_owned()));
}

#[actix_web::test]
async fn extractors_without_the_middleware() {
    let app = init_service(App::new().configure(routes)).await;
    for path in ["/id", "/client"] {
        let (status, body) = text(call_service(&app, request(path).to_request()).await).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(body.contains("found no `AffitorLayer`"), "{path}: {body}");
    }
    for (path, expected) in [("/optional-id", "None"), ("/optional-client", "false")] {
        let response = call_service(&app, request(path).to_request()).await;
        assert_eq!(text(response).await, (StatusCode::OK, expected.to_owned()), "{path}");
    }
}

#[actix_web::test]
async fn the_missing_layer_has_status_body_and_source() {
    // The text says that there is one elsewhere. Other tests have layers too, at any moment.
    drop(AffitorLayer::new(Client::disabled()));
    let rejection: MissingLayer = AffitorClient::extract(&TestRequest::default().to_http_request()).await.unwrap_err();
    assert_eq!(rejection.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(rejection.status_code(), rejection.status());
    assert_eq!(rejection.to_string(), rejection.body_text());
    assert!(std::error::Error::source(&rejection).is_none());
    assert_eq!(body_of(rejection.error_response()).await, rejection.body_text());
}

#[test]
fn wrappers_convert() {
    let id = ClickId::new(ID).unwrap();
    let extracted = AffitorClickId(Some(id.clone()));
    assert_eq!(extracted.as_ref(), Some(&id)); // by Deref
    assert_eq!(extracted.into_inner(), Some(id));
}

#[actix_web::test]
async fn a_middleware_reads_the_request() {
    let app = App::new()
        .wrap_fn(|request, service| {
            let seen =
                format!("{} {}", request.click_id().unwrap(), request.affitor().unwrap().visitor().click_ids.len());
            let response = service.call(request);
            async move {
                let mut response = response.await?;
                response.headers_mut().insert("x-seen".parse().unwrap(), seen.parse().unwrap());
                Ok(response)
            }
        })
        .wrap(layer())
        .configure(routes);
    let app = init_service(app).await;
    let cookies = format!("affitor_click_id={ID}; affitor_click_ids=cust_1_1%7C{ID}");
    let request = TestRequest::get().uri("/id").insert_header(("cookie", cookies)).to_request();
    assert_eq!(call_service(&app, request).await.headers().get("x-seen").unwrap(), format!("{ID} 2").as_str());
}

/// The middleware works around an app and around a scope, and its predicate always sees the whole path.
#[actix_web::test]
async fn nested_scopes() {
    let handler = async |id: AffitorClickId, body: web::Bytes| format!("{:?} {}", id.0, body.len());
    let body = format!(r#"{{"affitorClickId":"{ID}"}}"#);
    let found = format!("Some(ClickId({ID:?})) {}", body.len());
    let missed = format!("None {}", body.len());
    let only = |path: &'static str| layer().body_when(move |request| request.uri.path() == path);
    for (name, outer, inner, expected) in [
        ("around the app", Some(layer()), None, &found),
        ("around the scope", None, Some(layer()), &found),
        ("around the scope, whole path", None, Some(only("/api/sign-up")), &found),
        ("around the scope, rest of the path", None, Some(only("/sign-up")), &missed),
        ("both", Some(layer()), Some(only("/sign-up")), &found),
    ] {
        use actix_web::middleware::{Condition, Identity};
        let wrap = |layer: Option<AffitorLayer>| {
            let enabled = layer.is_some();
            Condition::new(enabled, layer.unwrap_or_else(self::layer))
        };
        let scope = web::scope("/api").wrap(wrap(inner)).route("/sign-up", web::post().to(handler));
        let app = init_service(App::new().wrap(Identity::default()).wrap(wrap(outer)).service(scope)).await;
        let request = TestRequest::post()
            .uri("/api/sign-up")
            .insert_header(("content-type", "application/json"))
            .insert_header(("content-length", body.len()))
            .set_payload(body.clone())
            .to_request();
        assert_eq!(
            text(call_service(&app, request).await.map_into_boxed_body()).await,
            (StatusCode::OK, expected.clone()),
            "{name}"
        );
    }
}
