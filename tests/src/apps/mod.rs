//! The same app in each framework. It tells what its handler sees of each request:
//!
//! - every path but `/early`: reads the whole body
//! - `/early`: answers without looking at the body

mod actix;
mod axum;
mod hyper;
mod tiny_http;

use std::{net::SocketAddr, time::Duration};

use affitor_axum::{Source, Sources};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A framework.
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
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Axum, Self::AxumOuter, Self::Actix, Self::Hyper];
}

/// How the layer is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// There is none.
    NoLayer,
    /// As it comes.
    Default,
    /// The cookie, then the header, then the body.
    CookieFirst,
    /// The body, then the header.
    BodyFirst,
    /// The header alone.
    HeaderOnly,
    /// Other names everywhere: `x-click`, `click_id`, `click`.
    OtherNames,
    /// Bodies of up to 100 bytes.
    SmallLimit,
    /// Bodies of unknown length too, up to 1,000 bytes.
    UnknownLength,
    /// Bodies are waited for for 50 ms.
    ShortWait,
    /// Only bodies of requests to `/sign-up`.
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

/// What a handler saw of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The click id by the extractor (in hyper, by the extensions).
    pub click_id: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// How the body ended: an error, trailers (which actix-web does not show), or nothing of these.
    pub end: String,
}

/// A running app. Its server ends with the test's runtime.
#[derive(Debug)]
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    seen: UnboundedReceiver<Seen>,
}

impl App {
    /// Starts an app.
    pub async fn start(framework: Framework, setup: Setup) -> Self {
        let (tell, seen) = unbounded_channel();
        let address = match framework {
            Framework::Axum => axum::start(setup, tell, false).await,
            Framework::AxumOuter => axum::start(setup, tell, true).await,
            Framework::Actix => actix::start(setup, tell).await,
            Framework::Hyper => hyper::start(setup, tell).await,
            Framework::TinyHttp => tiny_http::start(setup, tell),
        };
        Self { address, seen }
    }

    /// What the handler saw of the next request.
    pub async fn seen(&mut self) -> Seen {
        tokio::time::timeout(Duration::from_secs(20), self.seen.recv())
            .await
            .expect("the handler is called")
            .expect("the app runs")
    }
}

type Tell = UnboundedSender<Seen>;
