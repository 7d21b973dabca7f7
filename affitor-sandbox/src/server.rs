//! The HTTP server. Its connections close with it, and a handler can reset its connection.

use std::{convert::Infallible, fmt, future::poll_fn, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Response extension: the connection is reset instead of sending the response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResetConnection;

impl fmt::Display for ResetConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection reset by an injected fault")
    }
}

impl std::error::Error for ResetConnection {}

/// How long a client may take to send the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves until the future is dropped. The future owns the connections, so they are dropped with it.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = listener.accept().await;
        // Free the connections that have ended.
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, TowerToHyperService::new(router.clone())));
            }
            // Usually out of file descriptors, or the client has already disconnected. The next accept may succeed.
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, router: TowerToHyperService<Router>) {
    // Small responses should not wait for more data.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "failed to set TCP_NODELAY");
    }
    let service = hyper::service::service_fn(|request: Request<Incoming>| {
        let response = router.call(request);
        // Boxed because `poll_without_shutdown` requires an `Unpin` future.
        Box::pin(async move { reset_or(response.await) })
    });
    let mut http = http1::Builder::new();
    // A client that never finishes its request is disconnected; one that closes its side still gets the response.
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).half_close(true);
    let mut connection = http.serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let mut stream = connection.into_parts().io.into_inner();
    let ended = match ended {
        Err(error) if is_reset(&error) => stream.set_zero_linger(),
        _ => stream.shutdown().await,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "the connection was already closed");
    }
}

fn reset_or(response: Result<Response<Body>, Infallible>) -> Result<Response<Body>, ResetConnection> {
    let Ok(response) = response;
    if response.extensions().get::<ResetConnection>().is_some() { Err(ResetConnection) } else { Ok(response) }
}

fn is_reset(error: &hyper::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<ResetConnection>)
}
