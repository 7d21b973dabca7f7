//! A sale on plain hyper.

use super::stripe;

use std::{
    collections::HashMap,
    env,
    time::{Duration, SystemTime},
};

use affitor_payments::{Stripe, Webhook};
use affitor_tower::{
    AffitorLayer, AffitorRequestExt,
    affitor::{Client, Lead},
};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::signal::unix::{SignalKind, signal};
use tower::{Layer, service_fn};

type Error = Box<dyn std::error::Error + Send + Sync>;

const FORM: &str = r#"<form method="post" action="/signup">
<input name="name"> <input name="email"> <button>Sign up</button></form>"#;
const BUY: &str = r#"<form method="post" action="/checkout"><button>Buy the plan</button></form>"#;

async fn handle(request: Request<Incoming>, webhook: Webhook<Stripe>) -> Result<Response<String>, Error> {
    let affitor = request.affitor().ok_or("there is no AffitorLayer around the service")?;
    let (head, body) = request.into_parts();
    let body = Limited::new(body, webhook.get_body_limit()).collect().await?.to_bytes();
    let respond = |status: u16, text: &str| Ok(Response::builder().status(status).body(text.to_owned())?);

    match (&head.method, head.uri.path()) {
        (&Method::GET, "/") => {
            let script = affitor.script_tag().to_string();
            Ok(Response::builder().header("content-type", "text/html; charset=utf-8").body(script + FORM)?)
        }
        (&Method::POST, "/signup") => {
            let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
            let (Some(name), Some(email)) = (form.get("name"), form.get("email")) else {
                return respond(422, "name and email are required\n");
            };
            let user_id = format!("user_{name}");
            affitor.enqueue(Lead::new(&user_id).email(email));
            // Use a real session: anyone can forge this cookie.
            let session = format!("user={user_id}; HttpOnly; SameSite=Lax");
            let response = Response::builder().header("set-cookie", session).header("content-type", "text/html");
            Ok(response.body(BUY.to_owned())?)
        }
        (&Method::POST, "/checkout") => {
            let cookies = head.headers.get("cookie").and_then(|cookies| cookies.to_str().ok()).unwrap_or_default();
            let Some(user_id) = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("user=")) else {
                return respond(401, "sign up first\n");
            };
            // The webhook has no cookie, so the ids travel in the payment's metadata. The user id is that of the lead.
            let metadata = affitor.stripe_metadata(user_id).for_payment().form_pairs();
            match stripe::payment_page(metadata).await {
                Ok(url) => Ok(Response::builder().status(303).header("location", url).body(String::new())?),
                Err(_) => respond(502, "payments are unavailable at the moment\n"),
            }
        }
        (&Method::POST, "/webhooks/stripe") => {
            let header = |name: &str| head.headers.get(name).map(HeaderValue::as_bytes);
            let Ok(event) = webhook.verify(header, &body, SystemTime::now()) else {
                return respond(400, "the webhook is not signed with this secret\n");
            };
            // This app has no database, so it remembers what was reported until it ends.
            match event.track(&affitor).await {
                Ok(_) => respond(200, ""),
                Err(_) => respond(503, "not reported\n"), // Stripe redelivers the webhook
            }
        }
        _ => respond(404, "not found\n"),
    }
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt::init(); // what goes wrong is logged
    let client = Client::from_env()?;
    let webhook = Webhook::<Stripe>::from_env()?; // STRIPE_WEBHOOK_SECRET, AFFITOR_STRIPE_REPORTER
    let handler = service_fn(move |request| handle(request, webhook.clone()));
    let service = AffitorLayer::new(client.clone()).layer(handler);
    let address = format!("127.0.0.1:{}", env::var("PORT").as_deref().unwrap_or("3000"));
    println!("http://{address}");
    let listener = tokio::net::TcpListener::bind(address).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = tokio::signal::ctrl_c() => break,
            _ = terminate.recv() => break,
        };
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
    client.shutdown(Duration::from_secs(8)).await; // waits up to 8 s for queued leads
    Ok(())
}
