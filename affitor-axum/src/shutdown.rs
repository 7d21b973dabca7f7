//! The end of an app, in order.

use std::{
    future::{Future, IntoFuture, poll_fn},
    io,
    pin::pin,
    task::Poll,
    time::Duration,
};

use affitor::{Client, queue::QueueStats};
use tokio::time::{Instant, timeout};

/// Completes when the process is asked to end: by Ctrl-C (SIGINT), or on Unix by SIGTERM, which `docker stop`, Kubernetes and systemd
/// send. For axum's `with_graceful_shutdown`.
///
/// From the first call on, these signals no longer end the process by themselves.
pub async fn shutdown_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                let either = poll_fn(|context| match interrupt.poll_recv(context) {
                    Poll::Pending => terminate.poll_recv(context),
                    ready => ready,
                });
                either.await;
                return;
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, "the signals to end the process can't be received");
            }
        }
    }
    #[cfg(not(unix))]
    match tokio::signal::ctrl_c().await {
        Ok(()) => return,
        Err(error) => tracing::error!(%error, "the signal to end the process can't be received"),
    }
    // The signals end the process by themselves.
    std::future::pending::<()>().await;
}

/// Awaits a server that ends with [`shutdown_signal`], then shuts the client down, and returns the totals of its queue.
///
/// `limit` starts at the signal and covers both: finishing the requests in progress, and delivering the waiting events.
/// Connections that are still open after three quarters of it, such as a stream of events, are cut. What could not be delivered is
/// logged with its ids. See [`Client::shutdown`]: it also ends an outbox that was started with the client.
///
/// Whatever stops your app has its own time limit (10 seconds with `docker stop`, 30 with Kubernetes): choose a shorter one.
///
/// ```no_run
/// use std::time::Duration;
///
/// use affitor_axum::{AffitorLayer, Client, shutdown_signal, until_shutdown};
/// use axum::Router;
///
/// # async fn run(routes: Router) -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::from_env()?;
/// let app = routes.layer(AffitorLayer::new(client.clone()));
///
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// let server = axum::serve(listener, app).with_graceful_shutdown(shutdown_signal());
/// until_shutdown(server, &client, Duration::from_secs(8)).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Returns the error with which the server ended. The client is shut down all the same.
pub async fn until_shutdown<S>(server: S, client: &Client, limit: Duration) -> io::Result<QueueStats>
where
    S: IntoFuture<Output = io::Result<()>>,
{
    let mut served = None;
    let mut rest = limit;
    {
        let mut server = pin!(server.into_future());
        let mut signal = pin!(shutdown_signal());
        poll_fn(|context| {
            if let Poll::Ready(result) = server.as_mut().poll(context) {
                served = Some(result);
                return Poll::Ready(());
            }
            signal.as_mut().poll(context)
        })
        .await;
        if served.is_none() {
            let since = Instant::now();
            // The rest is for calls that have begun. A stream must not use it up.
            served = timeout(limit - limit / 4, server).await.ok();
            rest = limit.saturating_sub(since.elapsed());
        }
    }
    if served.is_none() {
        tracing::warn!("connections that are still open at the end are cut");
    }
    let stats = client.shutdown(rest).await;
    served.unwrap_or(Ok(())).map(|()| stats)
}
