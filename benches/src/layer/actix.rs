use std::error::Error;

use actix_http::Request;
use actix_web::{
    App, HttpMessage as _, HttpRequest, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    test::{TestRequest, init_service},
    web,
};
use affitor_actix::{AffitorLayer, Client};

use super::request::Kind;
use crate::measure::{self, Case, block_on};

const PATH: &str = "/api/signup";

struct ActixCase<S> {
    service: S,
    kind: Kind,
    headers: Vec<(&'static str, String)>,
    next: Option<Request>,
}

impl<S, B> Case for ActixCase<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    fn prepare(&mut self) {
        let mut request = TestRequest::post().uri(PATH);
        for (name, value) in &self.headers {
            request = request.insert_header((*name, value.as_str()));
        }
        self.next = Some(request.set_payload(self.kind.body()).to_request());
    }

    fn serve(&mut self) {
        let request = self.next.take().expect("a prepared request");
        let response = block_on(self.service.call(request));
        assert!(response.is_ok());
    }
}

pub(super) fn run(service: &str, kind: Kind) -> Result<(), Box<dyn Error>> {
    actix_web::rt::System::new().block_on(async {
        let handler = web::to(async || HttpResponse::Ok().body("ok"));
        match service {
            "actix-bare" => print_allocations(init_service(App::new().route(PATH, handler)).await, kind),
            // A middleware that does nothing: the cost of `App::wrap` itself.
            "actix-identity" => {
                let app = App::new().wrap_fn(|request, service| service.call(request)).route(PATH, handler);
                print_allocations(init_service(app).await, kind);
            }
            "actix-affitor" => {
                let app = App::new().wrap(AffitorLayer::new(Client::disabled())).route(PATH, handler);
                print_allocations(init_service(app).await, kind);
            }
            "actix-cookie" => {
                let handler = web::to(async |request: HttpRequest| {
                    let found = request.cookie("affitor_click_id").map(|cookie| cookie.value().to_owned());
                    if let Some(found) = found {
                        request.extensions_mut().insert(found);
                    }
                    HttpResponse::Ok().body("ok")
                });
                print_allocations(init_service(App::new().route(PATH, handler)).await, kind);
            }
            _ => return Err(format!("unknown case: {service}").into()),
        }
        Ok(())
    })
}

fn print_allocations<S, B>(service: S, kind: Kind)
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let allocations = measure::run(&mut ActixCase { service, kind, headers: kind.headers(), next: None });
    println!("{allocations}");
}
