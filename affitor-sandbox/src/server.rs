//! The server: its connections end with it, and one can be reset on demand.

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

/// In the extensions of an answer: instead of it the connection is reset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResetConnection;

impl fmt::Display for ResetConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is reset on demand")
    }
}

impl std::error::Error for ResetConnection {}

/// How long a client may take to send the head of a request.
const SLOWEST: Duration = Duration::from_secs(30);

/// Serves until it is dropped. The set of connections is part of the future, so that they are dropped with it.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = listener.accept().await;
        // Those that have ended are let go of.
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, TowerToHyperService::new(router.clone())));
            }
            // Out of files, or the peer went away at once: the next one may do better.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, router: TowerToHyperService<Router>) {
    // Small answers should not wait for more to send.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "nodelay");
    }
    let service = hyper::service::service_fn(|request: Request<Incoming>| {
        let response = router.call(request);
        // Boxed, so that the connection can be taken apart once it has ended.
        Box::pin(async move { reset_or(response.await) })
    });
    let mut http = http1::Builder::new();
    // Clients that never finish their question don't keep others out; those that close their side still get the answer.
    http.timer(TokioTimer::new()).header_read_timeout(SLOWEST).half_close(true);
    let mut connection = http.serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let mut stream = connection.into_parts().io.into_inner();
    let ended = match ended {
        Err(error) if is_reset(&error) => stream.set_zero_linger(),
        _ => stream.shutdown().await,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "the connection had ended already");
    }
}

fn reset_or(response: Result<Response<Body>, Infallible>) -> Result<Response<Body>, ResetConnection> {
    let Ok(response) = response;
    if response.extensions().get::<ResetConnection>().is_some() { Err(ResetConnection) } else { Ok(response) }
}

fn is_reset(error: &hyper::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<ResetConnection>)
}
