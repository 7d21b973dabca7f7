//! The same app in each framework, with the capture layer around it.

use std::net::SocketAddr;

use affitor_axum::{Client, capture::ClickCapture};
use affitor_sandbox::Sandbox;

pub(crate) mod actix;
pub(crate) mod axum;

/// A running app. Stops when it is dropped: the table has more rows than a process may have open files.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<Box<dyn FnOnce() + Send>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framework {
    Axum,
    Actix,
}

impl Framework {
    /// Starts an app. `sandbox` is for the page `/waits`.
    pub(crate) async fn start(self, client: Client, capture: ClickCapture, sandbox: std::sync::Arc<Sandbox>) -> Server {
        match self {
            Self::Axum => axum::start(client, capture, sandbox).await,
            Self::Actix => actix::start(client, capture, sandbox).await,
        }
    }
}

/// Status and headers of the pages that have other ones than a plain page.
pub(crate) fn special(path: &str, query: &str) -> (u16, Vec<(&'static str, String)>) {
    let one = |name, value: &str| vec![(name, value.to_owned())];
    match path {
        "/moved" | "/moved-later" => (302, vec![("location", format!("/target?{query}"))]),
        "/welcome" => (303, one("location", "/pricing")),
        "/partner" => (302, one("location", "https://other.example/?aff=B")),
        "/fragment" => (302, one("location", "/page#x?aff=A")),
        "/missing" => (404, Vec::new()),
        "/unchanged" => (304, one("etag", "\"1\"")),
        "/public" => (
            200,
            vec![
                ("cache-control", "public, max-age=60, s-maxage=600".to_owned()),
                ("cdn-cache-control", "max-age=600".to_owned()),
                ("surrogate-control", "max-age=600".to_owned()),
                ("x-accel-expires", "600".to_owned()),
                ("akamai-cache-control", "max-age=600".to_owned()),
                ("fastly-cache-control", "max-age=600".to_owned()),
            ],
        ),
        "/no-store" => (200, one("cache-control", "no-store")),
        "/private" => (200, one("cache-control", "private, max-age=60")),
        "/private-field" => (200, one("cache-control", "private=\"a, b\", max-age=60")),
        "/no-cache" => (200, one("cache-control", "no-cache")),
        "/own-cookies" => (200, vec![("set-cookie", "a=1".to_owned()), ("set-cookie", "b=2".to_owned())]),
        "/own-click" => (200, one("set-cookie", "affitor_click_id=cust_9_9; Path=/")),
        "/unsafe-policy" => (200, one("referrer-policy", "unsafe-url")),
        "/two-policies" => (
            200,
            vec![("referrer-policy", "no-referrer".to_owned()), ("referrer-policy", "Unsafe-URL, unknown".to_owned())],
        ),
        "/strict-policy" => (200, one("referrer-policy", "no-referrer")),
        _ => (200, Vec::new()),
    }
}
