//! A shop that ends in order, as a process of its own: `ending_shop axum|actix [DATABASE]`, with the client's variables in the
//! environment. It prints its address, and accepts sign-ups and streams that never end. With a database it has an outbox, and its sign-ups
//! at `/stored` respond when the event is stored.

use std::{convert::Infallible, net::TcpListener, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, web as actix};
use affitor_axum::{Client, Lead, shutdown_signal, until_shutdown};
use affitor_outbox::{Outbox, RunningOutbox, sqlx::Sqlite};
use affitor_tests::databases::open_sqlite;
use axum::{
    Router,
    body::Body,
    extract::Path,
    http::StatusCode,
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

/// For what is open and what is enqueued.
const LIMIT: Duration = Duration::from_secs(3);

type Error = Box<dyn std::error::Error>;

/// A body that begins and never ends.
fn endless() -> impl stream::Stream<Item = Result<Bytes, Infallible>> {
    stream::iter([Ok(Bytes::from_static(b"open"))]).chain(stream::pending())
}

#[derive(Clone)]
struct Shop {
    client: Client,
    delivery: Option<RunningOutbox<Sqlite>>,
}

impl Shop {
    /// Stores a sign-up before it is confirmed. Returns whether it is stored.
    async fn store(&self, user: String) -> bool {
        match &self.delivery {
            Some(delivery) => delivery.outbox().enqueue_alone(Lead::new(user)).await.is_ok(),
            None => false,
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let mut shop = Shop { client: Client::from_env()?, delivery: None };
    if let Some(path) = std::env::args().nth(2) {
        let delivery = Outbox::sqlite(open_sqlite(path.as_ref()).await).start(shop.client).await?;
        shop = Shop { client: delivery.client().clone(), delivery: Some(delivery) };
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    match std::env::args().nth(1).as_deref() {
        Some("axum") => axum(listener, shop).await,
        Some("actix") => actix(listener, shop).await,
        _ => Err("usage: ending_shop axum|actix [DATABASE]".into()),
    }
}

async fn axum(listener: TcpListener, shop: Shop) -> Result<(), Error> {
    let Shop { client, .. } = shop.clone();
    let tracked = client.clone();
    let sign_up = move |Path(user): Path<String>| async move { tracked.enqueue(Lead::new(user)) };
    let store = async move |Path(user): Path<String>| match shop.store(user).await {
        true => StatusCode::OK,
        false => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let app: Router = Router::new()
        .route("/signup/{user}", post(sign_up))
        .route("/stored/{user}", post(store))
        .route("/stream", get(async || Body::from_stream(endless())));
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown_signal());
    until_shutdown(server, &client, LIMIT).await?;
    Ok(())
}

async fn actix(listener: TcpListener, shop: Shop) -> Result<(), Error> {
    let Shop { client, .. } = shop.clone();
    let app = move || {
        let (tracked, shop) = (shop.client.clone(), shop.clone());
        let store = move |user: actix::Path<String>| {
            let shop = shop.clone();
            async move {
                match shop.store(user.into_inner()).await {
                    true => HttpResponse::Ok().finish(),
                    false => HttpResponse::InternalServerError().finish(),
                }
            }
        };
        let sign_up = move |user: actix::Path<String>| {
            tracked.enqueue(Lead::new(user.into_inner()));
            async { HttpResponse::Ok().finish() }
        };
        App::new()
            .route("/signup/{user}", actix::post().to(sign_up))
            .route("/stored/{user}", actix::post().to(store))
            .route("/stream", actix::get().to(async || HttpResponse::Ok().streaming(endless())))
    };
    HttpServer::new(app).workers(1).shutdown_timeout(1).listen(listener)?.run().await?;
    client.shutdown(LIMIT - Duration::from_secs(1)).await;
    Ok(())
}
