use std::net::SocketAddr;

use actix_web::{App, FromRequest as _, HttpRequest, HttpResponse, HttpServer, middleware::Condition, web};
use affitor_actix::{AffitorClickId, AffitorLayer, Client};
use futures_util::StreamExt as _;

use super::{Received, Reporter, Setup};

pub(super) async fn start(setup: Setup, reporter: Reporter) -> SocketAddr {
    let server = HttpServer::new(move || {
        let mut layer = AffitorLayer::new(Client::disabled()).sources(setup.sources());
        if setup == Setup::OnlySignUp {
            layer = layer.body_when(|request| request.uri.path() == "/sign-up");
        }
        App::new()
            .wrap(Condition::new(setup != Setup::NoLayer, layer))
            .app_data(web::Data::new(reporter.clone()))
            .route("/early", web::to(respond_early))
            .default_service(web::to(read_body))
    })
    .workers(1)
    .disable_signals()
    .bind(("127.0.0.1", 0))
    .unwrap();
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    address
}

async fn respond_early(reporter: web::Data<Reporter>, request: HttpRequest) -> HttpResponse {
    reporter.send(Received { click_id: click_id(&request).await, ..Received::default() }).unwrap();
    HttpResponse::Ok().finish()
}

async fn read_body(reporter: web::Data<Reporter>, request: HttpRequest, mut body: web::Payload) -> HttpResponse {
    let mut received = Received { click_id: click_id(&request).await, ..Received::default() };
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(data) => received.body.extend_from_slice(&data),
            Err(error) => {
                received.end = format!("error: {error}");
                break;
            }
        }
    }
    reporter.send(received).unwrap();
    HttpResponse::Ok().finish()
}

/// Returns the click id from the extractor, which fails without the middleware.
async fn click_id(request: &HttpRequest) -> Option<String> {
    AffitorClickId::extract(request).await.ok()?.0.map(|id| id.to_string())
}
