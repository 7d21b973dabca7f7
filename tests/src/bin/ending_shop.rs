//! A shop that ends in order, as a process of its own: `ending_shop axum|actix`, with the client's variables in the environment.
//!
//! It prints its address, and accepts sign-ups and streams that never end.

use std::{convert::Infallible, net::TcpListener, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, web as actix};
use affitor_axum::{Client, Lead, shutdown_signal, until_shutdown};
use axum::{Router, body::Body, extract::Path, routing::get, routing::post};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

/// For what is open and what is enqueued.
const LIMIT: Duration = Duration::from_secs(3);

type Error = Box<dyn std::error::Error>;

/// A body that begins and never ends.
fn endless() -> impl stream::Stream<Item = Result<Bytes, Infallible>> {
    stream::iter([Ok(Bytes::from_static(b"open"))]).chain(stream::pending())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    let client = Client::from_env()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    match std::env::args().nth(1).as_deref() {
        Some("axum") => axum(listener, client).await,
        Some("actix") => actix(listener, client).await,
        _ => Err("usage: ending_shop axum|actix".into()),
    }
}

async fn axum(listener: TcpListener, client: Client) -> Result<(), Error> {
    let tracked = client.clone();
    let sign_up = move |Path(user): Path<String>| async move { tracked.enqueue(Lead::new(user)) };
    let app: Router = Router::new()
        .route("/signup/{user}", post(sign_up))
        .route("/stream", get(async || Body::from_stream(endless())));
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown_signal());
    until_shutdown(server, &client, LIMIT).await?;
    Ok(())
}

async fn actix(listener: TcpListener, client: Client) -> Result<(), Error> {
    let tracked = client.clone();
    let app = move || {
        let tracked = tracked.clone();
        let sign_up = move |user: actix::Path<String>| {
            tracked.enqueue(Lead::new(user.into_inner()));
            async { HttpResponse::Ok().finish() }
        };
        App::new()
            .route("/signup/{user}", actix::post().to(sign_up))
            .route("/stream", actix::get().to(async || HttpResponse::Ok().streaming(endless())))
    };
    HttpServer::new(app).workers(1).shutdown_timeout(1).listen(listener)?.run().await?;
    client.shutdown(LIMIT - Duration::from_secs(1)).await;
    Ok(())
}
