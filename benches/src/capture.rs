//! Instructions and allocations that the capture layer adds to a layer that does nothing.

use std::{convert::Infallible, env, error::Error, process::Command};

use actix_web::{
    App, HttpResponse,
    dev::Service as ActixService,
    test::{TestRequest, init_service},
    web,
};
use affitor::{Client, capture::ClickCapture};
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Response},
    routing::any,
};
use tower::{Layer as _, Service, layer::layer_fn};

use crate::{
    callgrind,
    layer::{Identity, request::Kind},
    measure::{self, Case, block_on},
};

/// A kind of request.
struct Row {
    name: &'static str,
    target: &'static str,
    kind: Kind,
    asks_for_consent: bool,
    /// Most instructions and allocations added, if they have a target.
    instructions: Option<f64>,
    allocations: Option<f64>,
}

const fn row(name: &'static str, target: &'static str, kind: Kind) -> Row {
    Row { name, target, kind, asks_for_consent: false, instructions: Some(150.0), allocations: Some(0.0) }
}

const REQUESTS: [Row; 6] = [
    row("no cookies", "/pricing", Kind::None),
    row("600 bytes of cookies", "/pricing", Kind::Miss),
    row("600 bytes of cookies, with a click id", "/pricing", Kind::Hit),
    row("600 bytes of cookies, and a query", "/pricing?page=2&sort=price", Kind::Miss),
    Row {
        asks_for_consent: true,
        instructions: None,
        allocations: None,
        ..row("600 bytes of cookies, consent", "/pricing", Kind::Miss)
    },
    Row {
        instructions: Some(1_500.0),
        allocations: None,
        ..row("a partner's link whose click is known", "/pricing?aff=PARTNER123", Kind::Hit)
    },
];

/// The cookie with the landing URL of the known click.
const LANDING: &str = "affitor_aff_url=https%3A%2F%2Fshop.example%2Fpricing%3Faff%3DPARTNER123";

struct AxumCase<S> {
    service: S,
    target: &'static str,
    headers: HeaderMap,
    next: Option<Request>,
}

impl<S> Case for AxumCase<S>
where
    S: Service<Request, Response = Response<Body>, Error = Infallible>,
{
    fn prepare(&mut self) {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = self.target.parse().expect("a target");
        *request.headers_mut() = self.headers.clone();
        self.next = Some(request);
    }

    fn serve(&mut self) {
        let request = self.next.take().expect("a prepared request");
        drop(block_on(self.service.call(request)));
    }
}

struct ActixCase<F> {
    serve: F,
    target: &'static str,
    headers: Vec<(&'static str, String)>,
    next: Option<actix_http::Request>,
}

impl<F: FnMut(actix_http::Request)> Case for ActixCase<F> {
    fn prepare(&mut self) {
        let mut request = TestRequest::get().uri(self.target);
        for (name, value) in &self.headers {
            request = request.insert_header((*name, value.as_str()));
        }
        self.next = Some(request.to_request());
    }

    fn serve(&mut self) {
        let request = self.next.take().expect("a prepared request");
        (self.serve)(request);
    }
}

fn capture(asks_for_consent: bool) -> ClickCapture {
    // Its calls are never made: all requests are without a click to report.
    let client = Client::builder().api_key("test_key").api_url("http://127.0.0.1:9").build().expect("a client");
    let builder = ClickCapture::builder(client).domain("shop.example");
    let builder = if asks_for_consent { builder.consent(|_| true) } else { builder.without_consent_check() };
    builder.build().expect("a capture")
}

fn headers(kind: Kind) -> Vec<(&'static str, String)> {
    let mut headers = kind.headers();
    if kind == Kind::Hit {
        for (_, value) in headers.iter_mut().filter(|(name, _)| *name == "cookie") {
            // In place of the padding at the end, so that the length stays.
            let end = value.rfind("pad=").expect("a padded header");
            let rest = value.len() - end;
            value.truncate(end);
            value.push_str(LANDING);
            if let Some(missing) = rest.checked_sub(LANDING.len() + "; p=".len()) {
                value.push_str(&format!("; p={}", "x".repeat(missing)));
            }
        }
    }
    headers
}

/// Runs one case, `framework:layer:request`.
pub(crate) fn run_case(name: &str) -> Result<(), Box<dyn Error>> {
    let unknown = || format!("unknown case: {name}");
    let mut parts = name.splitn(3, ':');
    let (framework, layer) = (parts.next().ok_or_else(unknown)?, parts.next().ok_or_else(unknown)?);
    let number: usize = parts.next().ok_or_else(unknown)?.parse()?;
    let Row { target, kind, asks_for_consent, .. } = *REQUESTS.get(number).ok_or_else(unknown)?;
    let headers = headers(kind);
    match framework {
        "axum" => {
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            let _entered = runtime.enter();
            let router = Router::new().route("/pricing", any(async || "ok")).with_state(());
            let headers = headers.into_iter();
            let headers: HeaderMap = headers
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(value).expect("a value")))
                .collect();
            let allocations = match layer {
                "identity" => measure::run(&mut AxumCase {
                    service: layer_fn(Identity).layer(router),
                    target,
                    headers,
                    next: None,
                }),
                "capture" => {
                    let layer = affitor_axum::ClickCaptureLayer::new(capture(asks_for_consent));
                    measure::run(&mut AxumCase { service: layer.layer(router), target, headers, next: None })
                }
                _ => return Err(unknown().into()),
            };
            println!("{allocations}");
        }
        "actix" => actix_web::rt::System::new().block_on(async {
            let handler = web::to(async || HttpResponse::Ok().body("ok"));
            let allocations = match layer {
                "identity" => {
                    let app = App::new().wrap_fn(|request, service| service.call(request)).route("/pricing", handler);
                    let service = init_service(app).await;
                    let serve = |request| assert!(block_on(service.call(request)).is_ok());
                    measure::run(&mut ActixCase { serve, target, headers, next: None })
                }
                _ => {
                    let layer = affitor_actix::ClickCaptureLayer::new(capture(asks_for_consent));
                    let service = init_service(App::new().wrap(layer).route("/pricing", handler)).await;
                    let serve = |request| assert!(block_on(service.call(request)).is_ok());
                    measure::run(&mut ActixCase { serve, target, headers, next: None })
                }
            };
            println!("{allocations}");
        }),
        _ => return Err(unknown().into()),
    }
    Ok(())
}

fn cost(case: &str) -> Result<(f64, f64), Box<dyn Error>> {
    let output = Command::new(env::current_exe()?).args(["capture", "--case", case]).output()?;
    let allocations = String::from_utf8_lossy(&output.stdout).trim().parse();
    let allocations = allocations.map_err(|_| format!("case {case}: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((callgrind::instructions("capture", case)?, allocations))
}

/// Measures all cases and prints a table.
pub(crate) fn report() -> Result<(), Box<dyn Error>> {
    println!("Instructions and allocations that the capture layer adds to a layer that does nothing.\n");
    println!("| framework | request | identity layer | added | target | |");
    println!("|---|---|--:|--:|--:|---|");
    for framework in ["axum", "actix"] {
        for (number, row) in REQUESTS.iter().enumerate() {
            let (identity, allocated) = cost(&format!("{framework}:identity:{number}"))?;
            let (instructions, allocations) = cost(&format!("{framework}:capture:{number}"))?;
            let (instructions, allocations) = (instructions - identity, allocations - allocated);
            let met = row.instructions.is_none_or(|most| instructions <= most)
                && row.allocations.is_none_or(|most| allocations <= most);
            let verdict = if row.instructions.is_none() {
                ""
            } else if met {
                "met"
            } else {
                "MISSED"
            };
            let limits = [row.instructions, row.allocations].into_iter().flatten().map(|most| most.to_string());
            let (request, target) = (row.name, limits.collect::<Vec<_>>().join(" / "));
            println!(
                "| {framework} | {request} | {identity:.0} / {allocated} | +{instructions:.0} / +{allocations} | {target} | {verdict} |"
            );
        }
    }
    Ok(())
}
