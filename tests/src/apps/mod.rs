//! The same app in each framework. It reports what its handlers receive:
//!
//! - `/early`: responds without reading the body
//! - any other path: reads the whole body

mod actix;
mod axum;
mod hyper;
mod tiny_http;

use std::{net::SocketAddr, time::Duration};

use affitor_axum::{Source, Sources};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The framework of an app, and where the layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framework {
    /// axum, with the layer in `Router::layer`.
    Axum,
    /// axum, with the layer around the finished router.
    AxumOuter,
    /// actix-web.
    Actix,
    /// hyper, with the layer over `Incoming`.
    Hyper,
    /// tiny_http, with the adapter of `examples/adapter`. It is not part of [`Framework::ALL`].
    TinyHttp,
}

impl Framework {
    /// All frameworks.
    pub const ALL: [Self; 4] = [Self::Axum, Self::AxumOuter, Self::Actix, Self::Hyper];
}

/// The settings of the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// No layer.
    NoLayer,
    /// The default settings.
    Default,
    /// The cookie, then the header, then the body.
    CookieFirst,
    /// The body, then the header.
    BodyFirst,
    /// Only the header.
    HeaderOnly,
    /// Other names for header, field and cookie: `x-click`, `click_id`, `click`.
    OtherNames,
    /// Bodies of up to 100 bytes.
    SmallLimit,
    /// Bodies of unknown length are allowed, up to 1,000 bytes.
    UnknownLength,
    /// A body timeout of 50 ms.
    ShortWait,
    /// Only bodies of requests to `/sign-up` are inspected.
    OnlySignUp,
}

impl Setup {
    fn sources(self) -> Sources {
        let sources = Sources::default();
        match self {
            Self::NoLayer | Self::Default | Self::OnlySignUp => sources,
            Self::CookieFirst => sources.order([Source::Cookie, Source::Header, Source::Body]),
            Self::BodyFirst => sources.order([Source::Body, Source::Header]),
            Self::HeaderOnly => sources.order([Source::Header]),
            Self::OtherNames => sources.header("X-Click").fields(["click_id"]).cookies(["click"]),
            Self::SmallLimit => sources.body_limit(100),
            Self::ShortWait => sources.body_timeout(Duration::from_millis(50)),
            Self::UnknownLength => sources.allow_unknown_length(true).body_limit(1_000),
        }
    }
}

/// What a handler received of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Click id from the extractor, or in hyper from the extensions.
    pub click_id: Option<String>,
    /// Bytes of the body.
    pub body: Vec<u8>,
    /// How the body ended: an error, trailers (which actix-web does not expose), or empty.
    pub end: String,
}

/// A running app. The server stops with the test's runtime.
#[derive(Debug)]
pub struct App {
    /// Address of the server.
    pub address: SocketAddr,
    reports: UnboundedReceiver<Received>,
}

impl App {
    /// Starts an app.
    pub async fn start(framework: Framework, setup: Setup) -> Self {
        let (reporter, reports) = unbounded_channel();
        let address = match framework {
            Framework::Axum => axum::start(setup, reporter, false).await,
            Framework::AxumOuter => axum::start(setup, reporter, true).await,
            Framework::Actix => actix::start(setup, reporter).await,
            Framework::Hyper => hyper::start(setup, reporter).await,
            Framework::TinyHttp => tiny_http::start(setup, reporter),
        };
        Self { address, reports }
    }

    /// Waits for the next request. Returns what the handler received.
    pub async fn received(&mut self) -> Received {
        tokio::time::timeout(Duration::from_secs(20), self.reports.recv())
            .await
            .expect("the handler is called in time")
            .expect("the app is running")
    }
}

type Reporter = UnboundedSender<Received>;
