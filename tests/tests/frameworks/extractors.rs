//! The extractors of axum and actix-web, against the sandbox: a sign-up, a checkout, and a missing layer.

use std::time::Duration;

use actix_web::FromRequest as _;
use affitor_axum::{AffitorClient, Client, Currency, Lead, Sale};
use affitor_payments::{Stripe, Webhook, WebhookEvent};
use affitor_sandbox::Sandbox;
use axum::extract::FromRequestParts as _;
use serde_json::{Value, json};

/// The same app in both frameworks. `/lead` and `/sale` track; `/id`, `/maybe` and `/extension` return the extracted values.
mod axum_app {
    use affitor_axum::{AffitorClickId, AffitorClient, AffitorLayer, AffitorRequestExt as _};
    use axum::{Router, extract::Request, routing::any};

    use super::*;

    pub(super) async fn start(client: Option<Client>) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut router = Router::new()
            .route(
                "/lead",
                any(|affitor: AffitorClient| async move { format!("{:?}", affitor.track_lead(lead()).await) }),
            )
            .route(
                "/sale",
                any(|affitor: AffitorClient| async move { format!("{:?}", affitor.track_sale(sale()).await) }),
            )
            .route("/id", any(|AffitorClickId(id): AffitorClickId| async move { format!("{id:?}") }))
            .route("/maybe", any(|affitor: Option<AffitorClient>| async move { affitor.is_some().to_string() }))
            .route("/extension", any(|request: Request| async move { format!("{:?}", request.click_id()) }));
        if let Some(client) = client {
            // An inner layer keeps the value of the outer one.
            router = router.layer(AffitorLayer::new(Client::disabled())).layer(AffitorLayer::new(client));
        }
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }
}

mod actix_app {
    use actix_web::{App, HttpRequest, HttpServer, middleware::Condition, web};
    use affitor_actix::{AffitorClickId, AffitorClient, AffitorLayer, AffitorRequestExt as _};

    use super::*;

    pub(super) async fn start(client: Option<Client>) -> String {
        let server = HttpServer::new(move || {
            let layer = AffitorLayer::new(client.clone().unwrap_or_else(Client::disabled));
            App::new()
                .wrap(Condition::new(client.is_some(), AffitorLayer::new(Client::disabled())))
                .wrap(Condition::new(client.is_some(), layer))
                .route(
                    "/lead",
                    web::to(async |affitor: AffitorClient| format!("{:?}", affitor.track_lead(lead()).await)),
                )
                .route(
                    "/sale",
                    web::to(async |affitor: AffitorClient| format!("{:?}", affitor.track_sale(sale()).await)),
                )
                .route("/id", web::to(async |id: AffitorClickId| format!("{:?}", id.0)))
                .route("/maybe", web::to(async |affitor: Option<AffitorClient>| affitor.is_some().to_string()))
                .route("/extension", web::to(async |request: HttpRequest| format!("{:?}", request.click_id())))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        url
    }
}

fn lead() -> Lead {
    Lead::new("user_7").email("jo@example.com")
}

fn sale() -> Sale {
    Sale::new("in_1", 4_900, Currency::USD)
}

async fn start_both(client: Option<Client>) -> [(&'static str, String); 2] {
    [("axum", axum_app::start(client.clone()).await), ("actix-web", actix_app::start(client).await)]
}

async fn get(url: &str, cookie: &str) -> (u16, String) {
    let response = reqwest::Client::new().get(url).header("cookie", cookie).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn click(sandbox: &Sandbox) -> String {
    let click = json!({ "affiliate_url": format!("https://shop.example/?aff={}", sandbox.partner_code()) });
    let request = reqwest::Client::new().post(format!("{}/api/v1/track/click", sandbox.url())).json(&click);
    let body: Value = request.send().await.unwrap().json().await.unwrap();
    body["click_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_up_and_a_checkout_in_one_line_each() {
    for index in 0..2 {
        let sandbox = Sandbox::start().await.unwrap();
        let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
        let (name, url) = start_both(Some(client)).await.into_iter().nth(index).unwrap();
        let id = click(&sandbox).await;
        let cookie = format!("affitor_click_id={id}; affitor_click_ids=cust_9_9%7C{id}");

        assert_eq!(get(&format!("{url}/lead"), &cookie).await, (200, "Ok(Recorded)".into()), "{name}");
        let (_, text) = get(&format!("{url}/sale"), &cookie).await;
        assert!(text.starts_with("Ok(Recorded { sale_id: Some("), "{name}: {text}");
        let lead = sandbox.leads().pop().unwrap();
        assert_eq!((lead.customer_key.as_deref(), lead.click_id.as_ref()), (Some("user_7"), Some(&id)), "{name}");
        assert_eq!(lead.click_ids, ["cust_9_9", id.as_str()], "{name}");
        let sale = sandbox.sales().pop().unwrap();
        assert_eq!((sale.click_id.as_str(), sale.partner_code.as_str()), (id.as_str(), "PARTNER123"), "{name}");

        // A repeated sale counts once. A sale without customer and click is invalid, and other requests need no click id.
        let (_, text) = get(&format!("{url}/sale"), &cookie).await;
        assert_eq!(text, "Ok(AlreadyRecorded { uncertain: false })", "{name}");
        let (_, text) = get(&format!("{url}/sale"), "").await;
        assert!(text.contains("invalid") || text.contains("Invalid"), "{name}: {text}");
        assert_eq!(get(&format!("{url}/id"), "").await, (200, "None".into()), "{name}");
        assert_eq!(get(&format!("{url}/id"), &cookie).await, (200, format!("Some(ClickId({id:?}))")), "{name}");
        assert_eq!(get(&format!("{url}/extension"), &cookie).await, (200, format!("Some(ClickId({id:?}))")), "{name}");
        assert_eq!(get(&format!("{url}/maybe"), "").await, (200, "true".into()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_layer_says_what_to_install() {
    for (name, url) in start_both(None).await {
        for path in ["/lead", "/sale", "/id"] {
            let (status, text) = get(&format!("{url}{path}"), "affitor_click_id=cust_1_1").await;
            assert_eq!(status, 500, "{name}");
            assert!(text.contains("found no `AffitorLayer`") && !text.contains("cust_1_1"), "{name}: {text}");
        }
        assert_eq!(get(&format!("{url}/maybe"), "").await, (200, "false".into()), "{name}");
        assert_eq!(get(&format!("{url}/extension"), "affitor_click_id=cust_1_1").await, (200, "None".into()), "{name}");
    }
    let (mut parts, ()) = http::Request::new(()).into_parts();
    let message = AffitorClient::from_request_parts(&mut parts, &()).await.unwrap_err().to_string();
    assert!(message.contains("found no `AffitorLayer`"), "{message}");
    let request = actix_web::test::TestRequest::default().to_http_request();
    let message = affitor_actix::AffitorClient::extract(&request).await.unwrap_err().to_string();
    assert!(message.contains("found no `AffitorLayer`"), "{message}");
}

#[tokio::test]
async fn without_the_source_cookie_no_cookie_is_read() {
    use affitor_axum::{Source, Sources};
    use tower::ServiceExt as _;

    fn shown(client: &affitor::BoundClient) -> String {
        format!("{:?} {}", client.click_id(), client.visitor().click_ids.len())
    }
    for (order, expected) in
        [(vec![Source::Header], "None 0"), (vec![Source::Header, Source::Cookie], "Some(ClickId(\"cust_2_2\")) 2")]
    {
        let sources = Sources::default().order(order);
        let cookie = ("cookie", "affitor_click_id=cust_2_2; affitor_click_ids=cust_1_1%7Ccust_2_2");
        let app = axum::Router::new()
            .route("/", axum::routing::get(async |affitor: AffitorClient| shown(&affitor)))
            .layer(affitor_axum::AffitorLayer::new(Client::disabled()).sources(sources.clone()));
        let request = http::Request::builder().header(cookie.0, cookie.1).body(axum::body::Body::empty()).unwrap();
        let body = axum::body::to_bytes(app.oneshot(request).await.unwrap().into_body(), 1_000).await.unwrap();
        assert_eq!(body, expected, "axum");
        let app = actix_web::App::new()
            .route("/", actix_web::web::get().to(async |affitor: affitor_actix::AffitorClient| shown(&affitor)))
            .wrap(affitor_actix::AffitorLayer::new(Client::disabled()).sources(sources));
        let app = actix_web::test::init_service(app).await;
        let request = actix_web::test::TestRequest::default().insert_header(cookie).to_request();
        assert_eq!(actix_web::test::call_and_read_body(&app, request).await, expected, "actix-web");
    }
}

/// A visitor disconnects while a handler tracks: axum drops the handler, and the event still arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_arrives_although_the_visitor_disconnects() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    for index in 0..2 {
        // A service that responds to the first attempt with 503, after the visitor has disconnected.
        let service = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::builder()
            .api_key("test_key")
            .api_url(format!("http://{}", service.local_addr().unwrap()))
            .timeout(Duration::from_secs(20))
            .request_timeout(Duration::from_secs(15))
            .build()
            .unwrap();
        let (name, url) = start_both(Some(client)).await.into_iter().nth(index).unwrap();
        let mut visitor = tokio::net::TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
        visitor.write_all(b"GET /lead HTTP/1.1\r\nhost: a\r\ncookie: affitor_click_id=cust_1_1\r\n\r\n").await.unwrap();

        let (mut first, _) = service.accept().await.unwrap();
        first.read_u8().await.unwrap();
        drop(visitor);
        first.write_all(b"HTTP/1.1 503 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await.unwrap();
        drop(first);
        let second = tokio::time::timeout(Duration::from_secs(10), service.accept()).await;
        let (mut second, _) = second.unwrap_or_else(|_| panic!("{name}: the second attempt does not arrive")).unwrap();
        let mut request = [0; 4_096];
        let len = second.read(&mut request).await.unwrap();
        assert!(request[..len].starts_with(b"POST /api/v1/track/lead "), "{name}");
    }
}

#[test]
fn types_are_send_and_sync() {
    use static_assertions::{assert_impl_all, assert_not_impl_any};

    assert_impl_all!(affitor::Client: Send, Sync, Clone);
    assert_impl_all!(affitor::BoundClient: Send, Sync, Clone);
    assert_impl_all!(affitor::Event: Send, Sync, Clone);
    assert_impl_all!(affitor::Click: Send, Sync, Clone);
    assert_impl_all!(affitor::Error: Send, Sync, std::error::Error);
    assert_impl_all!(affitor_axum::AffitorLayer: Send, Sync, Clone);
    assert_impl_all!(affitor_axum::AffitorClient: Send, Sync, Clone);
    assert_impl_all!(affitor_actix::AffitorLayer: Send, Sync, Clone);
    assert_impl_all!(affitor_tower::ClickIdLayer: Send, Sync, Clone);
    assert_impl_all!(affitor_tower::ReadBodyLayer: Send, Sync, Clone);
    assert_impl_all!(affitor::queue::QueueSettings: Send, Sync, Clone);
    assert_impl_all!(affitor::EnqueueError: Send, Sync, std::error::Error);
    assert_impl_all!(Webhook<Stripe>: Send, Sync, Clone, std::fmt::Debug);
    assert_impl_all!(WebhookEvent<Stripe>: Send, Sync, Clone, std::fmt::Debug);
    assert_impl_all!(affitor_payments::PaymentOutcome: Send, Sync);
    assert_impl_all!(affitor_payments::PaymentError: Send, Sync, std::error::Error);
    assert_impl_all!(affitor_axum::PaymentEvent<Stripe>: Send, Sync, Clone);
    assert_impl_all!(affitor_axum::Redeliver: Send, Sync, std::error::Error);
    assert_impl_all!(affitor_actix::PaymentEvent<Stripe>: Clone);
    assert_impl_all!(Sandbox: Send, Sync);
    assert_not_impl_any!(Sandbox: Clone);

    fn is_send(_: impl Send) {}
    let client = Client::disabled();
    is_send(client.track_lead(lead()));
    is_send(client.track_sale(sale()));
    is_send(client.readiness());
    fn payment_futures(client: &Client, event: &WebhookEvent<Stripe>) {
        is_send(event.track(&client));
        is_send(event.track(&client).into_future());
    }
    let _ = payment_futures;
    is_send(client.for_visitor(None).track_lead(lead()));
}
