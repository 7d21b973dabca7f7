//! The shop in axum.

use affitor_axum::{
    PaymentEvent, Redeliver,
    payments::{LemonSqueezy, Paddle, Polar, Provider, Stripe, Webhook},
};
use axum::{
    Router,
    extract::{FromRef, State},
    routing::post,
};
use tokio::net::TcpListener;

use crate::{Database, routes, webhook};

impl<P: Provider> FromRef<Database> for Webhook<P> {
    fn from_ref(_: &Database) -> Self {
        webhook()
    }
}

async fn payment<P: Provider>(State(database): State<Database>, event: PaymentEvent<P>) -> Result<(), Redeliver> {
    database.record(&event).await?;
    Ok(())
}

pub(crate) async fn serve(listener: TcpListener, database: Database) -> std::io::Result<()> {
    let mut app = Router::new();
    macro_rules! route {
        ($path:literal, $provider:ty) => {
            app = app.route($path, post(payment::<$provider>));
        };
    }
    routes!(route);
    axum::serve(listener, app.with_state(database)).await
}
