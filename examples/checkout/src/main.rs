//! Serves the checkout app on port 3001, with the variables of `Client::from_env`, `PAY_PAGE` and `WEBHOOK_SECRET`.

use std::env;

use actix_web::{App, HttpServer, web};
use affitor_actix::{AffitorLayer, Client};
use checkout::{Shop, routes};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init();
    let client = Client::from_env()?;
    let shop =
        web::Data::new(Shop { pay_page: env::var("PAY_PAGE")?.parse()?, webhook_secret: env::var("WEBHOOK_SECRET")? });
    HttpServer::new(move || {
        App::new()
            .wrap(AffitorLayer::new(client.clone()))
            .app_data(web::Data::new(client.clone()))
            .app_data(shop.clone())
            .configure(routes)
    })
    .bind(("127.0.0.1", 3001))?
    .run()
    .await?;
    Ok(())
}
