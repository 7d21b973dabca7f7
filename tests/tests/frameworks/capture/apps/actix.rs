//! The app in actix-web.

use std::sync::Arc;

use actix_web::{
    App, Error, HttpRequest, HttpResponse, HttpResponseBuilder, HttpServer,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::{ErrorForbidden, ErrorInternalServerError},
    http::StatusCode,
    middleware::{Next, from_fn},
    web,
};
use affitor_actix::{AffitorClient, AffitorLayer, ClickCaptureLayer, Client, capture::ClickCapture};
use affitor_sandbox::Sandbox;

use super::{Server, special};

pub(crate) async fn start(client: Client, capture: ClickCapture, sandbox: Arc<Sandbox>) -> Server {
    let sandbox = web::Data::from(sandbox);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(sandbox.clone())
            .wrap(from_fn(guard))
            .wrap(AffitorLayer::new(client.clone()))
            .wrap(ClickCaptureLayer::new(capture.clone()))
            .route("/never", web::get().to(std::future::pending::<String>))
            .route("/waits", web::get().to(waits))
            .route("/error", web::get().to(async || Err::<String, _>(ErrorInternalServerError("no"))))
            .service(web::scope("/nested").route("/page", web::get().to(page)))
            .service(
                web::scope("/twice").wrap(ClickCaptureLayer::new(capture.clone())).route("/page", web::get().to(page)),
            )
            .default_service(web::to(page))
    })
    .workers(1)
    .disable_signals()
    .bind(("127.0.0.1", 0))
    .unwrap();
    let address = server.addrs()[0];
    let running = server.run();
    let handle = running.handle();
    tokio::spawn(running);
    // The command is sent at once, without waiting for the server to have stopped.
    Server { address, stop: Some(Box::new(move || drop(handle.stop(false)))) }
}

/// A middleware whose errors reach the capture middleware as errors, not as responses.
async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if request.path() == "/forbidden-later" {
        tokio::task::yield_now().await;
    }
    if request.path().starts_with("/forbidden") { Err(ErrorForbidden("no")) } else { next.call(request).await }
}

/// Responds when the service has the click.
async fn waits(sandbox: web::Data<Sandbox>) -> &'static str {
    sandbox.wait_for(|snapshot| snapshot.clicks.len() == 1).await.unwrap();
    "has waited"
}

async fn page(request: HttpRequest, affitor: AffitorClient) -> HttpResponse {
    if request.path().ends_with("-later") {
        tokio::task::yield_now().await;
    }
    let click_id = affitor.click_id().map_or("none", |id| id.as_str());
    let has_tag = !affitor.script_tag().is_empty();
    let (status, headers) = special(request.path(), request.query_string());
    let mut response = HttpResponseBuilder::new(StatusCode::from_u16(status).unwrap());
    for header in headers {
        response.append_header(header);
    }
    response.body(format!("click {click_id}, tag {has_tag}"))
}
