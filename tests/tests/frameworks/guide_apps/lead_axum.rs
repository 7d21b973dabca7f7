//! A lead in axum.

use std::{env, time::Duration};

use affitor_axum::{AffitorClient, AffitorLayer, Client, Lead, shutdown_signal, until_shutdown};
use axum::{
    Form, Router,
    response::Html,
    routing::{get, post},
};

const FORM: &str = r#"<form method="post" action="/signup">
<input name="name"> <input name="email"> <button>Sign up</button></form>"#;

async fn page(affitor: AffitorClient) -> Html<String> {
    // The script reports the click of `?aff=`, and stores its id in a cookie.
    let script = affitor.script_tag().to_string();
    Html(script + FORM)
}

#[derive(serde::Deserialize)]
struct SignUp {
    name: String,
    email: String,
}

async fn sign_up(affitor: AffitorClient, Form(form): Form<SignUp>) -> String {
    let user_id = format!("user_{}", form.name); // create the user here; the id of its row must never change
    affitor.enqueue(Lead::new(&user_id).email(&form.email)); // in the background, with the click id of the request
    format!("Welcome, {user_id}!\n")
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt::init(); // what goes wrong is logged
    let client = Client::from_env()?; // AFFITOR_API_KEY, AFFITOR_API_URL, AFFITOR_PROGRAM_ID
    let layer = AffitorLayer::new(client.clone());
    let app = Router::new().route("/", get(page)).route("/signup", post(sign_up)).layer(layer);
    let address = format!("127.0.0.1:{}", env::var("PORT").as_deref().unwrap_or("3000"));
    println!("http://{address}");
    let listener = tokio::net::TcpListener::bind(address).await?;
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown_signal());
    until_shutdown(server, &client, Duration::from_secs(8)).await?; // on Ctrl-C, waits up to 8 s for queued leads
    Ok(())
}
