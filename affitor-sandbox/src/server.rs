//! The HTTP server. Its connections close with it, and a handler can reset its connection.
//!
//! The sandbox responds as the documentation says. Where the documentation is contradictory, `Interpretations` is a switch; where it
//! is silent, the crate's documentation says what the sandbox does. Its server owns its connections, so dropping it ends them. hyper
//! does not notice that a client has closed its connection while a response is pending, because a client may close only its side. So
//! a handler that stalls or delays watches the socket itself, and ends when the client does.

mod shared_stream;

use std::{convert::Infallible, fmt, future::poll_fn, sync::Arc, time::Duration};

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
use shared_stream::SharedStream;
use tokio::{
    io::{AsyncWriteExt as _, Interest},
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

/// Request extension: the connection of the request, by which a handler notices that the client has closed it.
///
/// hyper does not notice: it must not read ahead while it waits for the response, because a client may close only its side.
#[derive(Clone, Debug)]
pub(crate) struct Peer(Arc<TcpStream>);

impl Peer {
    /// Whether the client is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.0.peer_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback())
    }

    /// Waits until the client has closed the connection, or its side of it.
    pub(crate) async fn closed(&self) {
        loop {
            match self.0.ready(Interest::READABLE).await {
                Ok(ready) if ready.is_read_closed() => return,
                // The client sent more requests, which hyper reads after this response. Waiting for the next event would
                // mean to discard this one, so look again.
                Ok(_) => tokio::time::sleep(LOOK_AGAIN).await,
                Err(_) => return,
            }
        }
    }
}

/// Maximum number of open connections.
const CONNECTIONS: usize = 1_024;

/// Maximum length of the head of a request, in bytes.
const HEAD_LIMIT: usize = 16 * 1024;

/// How often a connection with unread requests is checked.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

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
                // Waits for a free place. Idle connections end after a while.
                while connections.len() >= CONNECTIONS {
                    connections.join_next().await;
                }
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
    let stream = Arc::new(stream);
    let peer = Peer(stream.clone());
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let response = router.call(request);
        // Boxed because `poll_without_shutdown` requires an `Unpin` future.
        Box::pin(async move { reset_or(response.await) })
    });
    let mut http = http1::Builder::new();
    // A client that never finishes its request is disconnected; one that closes its side still gets the response.
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).half_close(true).max_buf_size(HEAD_LIMIT);
    let mut connection = http.serve_connection(TokioIo::new(SharedStream(stream)), service);
    let ended = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let http1::Parts { io, service, .. } = connection.into_parts();
    drop(service);
    // The handlers have ended, so nothing else holds the stream.
    let Some(mut stream) = Arc::into_inner(io.into_inner().0) else { return };
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
