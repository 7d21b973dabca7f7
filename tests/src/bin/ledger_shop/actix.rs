//! The shop in actix-web.

use actix_web::{App, HttpServer, Responder, web};
use affitor_actix::{
    PaymentEvent, Redeliver,
    payments::{LemonSqueezy, Paddle, Polar, Provider, Stripe},
};

use crate::{Database, routes, webhook};

async fn payment<P: Provider>(
    database: web::Data<Database>,
    event: PaymentEvent<P>,
) -> Result<impl Responder, Redeliver> {
    database.record(&event).await?;
    Ok("")
}

pub(crate) async fn serve(listener: std::net::TcpListener, database: Database) -> std::io::Result<()> {
    HttpServer::new(move || {
        let mut app = App::new().app_data(web::Data::new(database.clone()));
        macro_rules! route {
            ($path:literal, $provider:ty) => {
                app = app.app_data(webhook::<$provider>()).route($path, web::post().to(payment::<$provider>));
            };
        }
        routes!(route);
        app
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?
    .run()
    .await
}
