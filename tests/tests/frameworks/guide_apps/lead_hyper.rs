//! A lead on plain hyper.

use std::{collections::HashMap, env, time::Duration};

use affitor_tower::{
    AffitorLayer, AffitorRequestExt,
    affitor::{Client, Lead},
};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::signal::unix::{SignalKind, signal};
use tower::{Layer, service_fn};

type Error = Box<dyn std::error::Error + Send + Sync>;

const FORM: &str = r#"<form method="post" action="/signup">
<input name="name"> <input name="email"> <button>Sign up</button></form>"#;

async fn handle(request: Request<Incoming>) -> Result<Response<String>, Error> {
    let affitor = request.affitor().ok_or("there is no AffitorLayer around the service")?;
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => {
            // The script reports the click of `?aff=`, and stores its id in a cookie.
            let script = affitor.script_tag().to_string();
            Ok(Response::builder().header("content-type", "text/html; charset=utf-8").body(script + FORM)?)
        }
        (&Method::POST, "/signup") => {
            let body = Limited::new(request.into_body(), 16 * 1024).collect().await?.to_bytes();
            let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
            let (Some(name), Some(email)) = (form.get("name"), form.get("email")) else {
                return Ok(Response::builder().status(422).body("name and email are required\n".to_owned())?);
            };
            let user_id = format!("user_{name}"); // create the user here; the id of its row must never change
            affitor.enqueue(Lead::new(&user_id).email(email)); // in the background, with the click id of the request
            Ok(Response::new(format!("Welcome, {user_id}!\n")))
        }
        _ => Ok(Response::builder().status(404).body("not found\n".to_owned())?),
    }
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt::init(); // what goes wrong is logged
    let client = Client::from_env()?; // AFFITOR_API_KEY, AFFITOR_API_URL, AFFITOR_PROGRAM_ID
    let service = AffitorLayer::new(client.clone()).layer(service_fn(handle));
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
