use std::net::SocketAddr;

use actix_web::{App, FromRequest as _, HttpRequest, HttpResponse, HttpServer, middleware::Condition, web};
use affitor_actix::{AffitorClickId, AffitorLayer, Client};
use futures_util::StreamExt as _;

use super::{Seen, Setup, Tell};

pub(super) async fn start(setup: Setup, tell: Tell) -> SocketAddr {
    let server = HttpServer::new(move || {
        let mut layer = AffitorLayer::new(Client::disabled()).sources(setup.sources());
        if setup == Setup::OnlySignUp {
            layer = layer.body_when(|request| request.uri.path() == "/sign-up");
        }
        App::new()
            .wrap(Condition::new(setup != Setup::NoLayer, layer))
            .app_data(web::Data::new(tell.clone()))
            .route("/early", web::to(early))
            .default_service(web::to(whole))
    })
    .workers(1)
    .disable_signals()
    .bind(("127.0.0.1", 0))
    .unwrap();
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    address
}

async fn early(tell: web::Data<Tell>, request: HttpRequest) -> HttpResponse {
    tell.send(Seen { click_id: id(&request).await, ..Seen::default() }).unwrap();
    HttpResponse::Ok().finish()
}

async fn whole(tell: web::Data<Tell>, request: HttpRequest, mut body: web::Payload) -> HttpResponse {
    let mut seen = Seen { click_id: id(&request).await, ..Seen::default() };
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(data) => seen.body.extend_from_slice(&data),
            Err(error) => {
                seen.end = format!("error: {error}");
                break;
            }
        }
    }
    tell.send(seen).unwrap();
    HttpResponse::Ok().finish()
}

/// By the extractor; without the middleware it fails, as it should.
async fn id(request: &HttpRequest) -> Option<String> {
    AffitorClickId::extract(request).await.ok()?.0.map(|id| id.to_string())
}
