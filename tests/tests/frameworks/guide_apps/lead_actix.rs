//! A lead in actix-web.

use std::{env, time::Duration};

use actix_web::{App, HttpServer, get, post, web};
use affitor_actix::{AffitorClient, AffitorLayer, Client, Lead};

const FORM: &str = r#"<form method="post" action="/signup">
<input name="name"> <input name="email"> <button>Sign up</button></form>"#;

#[get("/")]
async fn page(affitor: AffitorClient) -> web::Html {
    // The script reports the click of `?aff=`, and stores its id in a cookie.
    let script = affitor.script_tag().to_string();
    web::Html::new(script + FORM)
}

#[derive(serde::Deserialize)]
struct SignUp {
    name: String,
    email: String,
}

#[post("/signup")]
async fn sign_up(affitor: AffitorClient, form: web::Form<SignUp>) -> String {
    let user_id = format!("user_{}", form.name); // create the user here; the id of its row must never change
    affitor.enqueue(Lead::new(&user_id).email(&form.email)); // in the background, with the click id of the request
    format!("Welcome, {user_id}!\n")
}

#[actix_web::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt::init(); // what goes wrong is logged
    let client = Client::from_env()?; // once, outside the factory
    let layer = AffitorLayer::new(client.clone());
    let app = move || App::new().wrap(layer.clone()).service(page).service(sign_up);
    let address = format!("127.0.0.1:{}", env::var("PORT").as_deref().unwrap_or("3000"));
    println!("http://{address}");
    HttpServer::new(app).bind(address)?.run().await?;
    client.shutdown(Duration::from_secs(8)).await; // on Ctrl-C, waits up to 8 s for queued leads
    Ok(())
}
