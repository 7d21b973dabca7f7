//! Tower layers that find the [Affitor](https://affitor.com) click id of a request.
//!
//! A visitor who was brought by a partner has a click id: in a header that the page's script forwards, in a field of the
//! sign-up form, or in a cookie. These layers find it and insert it into the request's extensions. They work with any
//! `Service<http::Request<B>>`: plain hyper, tonic, your own. For axum use `affitor-axum`, which builds on this crate and adds extractors.
//!
//! ```
//! use affitor_tower::{AffitorLayer, AffitorRequestExt, affitor::{Client, Lead}};
//! use tower::{Layer, Service, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), std::convert::Infallible> {
//! let handler = service_fn(async |request: http::Request<()>| {
//!     if let Some(affitor) = request.affitor() {
//!         affitor.enqueue(Lead::new("user_7")); // with the visitor's click id
//!     }
//!     let click_id = request.click_id().map(|id| id.to_string());
//!     Ok::<_, std::convert::Infallible>(http::Response::new(click_id))
//! });
//! let mut service = AffitorLayer::new(Client::disabled()).layer(handler);
//!
//! let mut request = http::Request::new(());
//! request.headers_mut().insert("cookie", "affitor_click_id=cust_42_1714000000000".parse().unwrap());
//! let response = service.ready().await?.call(request).await?;
//! assert_eq!(response.body().as_deref(), Some("cust_42_1714000000000"));
//! # Ok(()) }
//! ```
//!
//! - [`AffitorLayer`] (feature `client`) takes your client. [`AffitorRequestExt::affitor`] returns it bound to the visitor
//!   of the request.
//! - `ClickCaptureLayer` (feature `capture`) reports clicks on the server, without a script in the page.
//! - [`ClickIdLayer`] needs no client. It inserts a [`ClickId`] if there is one, and nothing otherwise.
//! - [`AffitorRequestExt::click_id`] returns the click id behind either layer.
//!
//! The guides show [a complete server on hyper](affitor::guides::first_lead), and [other Tower servers](affitor::guides::tower).
//!
//! # Guarantees
//!
//! A layer never rejects a request, adds no error type, and changes neither the headers nor the bytes of the body: it only
//! adds an extension. An invalid click id is treated as missing. If an outer layer found the click id, an inner
//! [`AffitorLayer`] does not search and does not wait. The same holds for a [`ClickIdLayer`] inside another one.
//!
//! # Bodies
//!
//! By default a layer searches the click-id header and the cookies. It then works with any body type, and its future is the
//! inner service's. [`AffitorLayer::read_body`] adds bodies: JSON and forms of a known length of at most 64 KiB that are not
//! compressed, in requests without `Expect` or `Upgrade`, and only if no earlier source has an id. The body is passed on
//! byte for byte.
//!
//! The inner service is called when such a body has arrived, or after 2 seconds ([`Sources::body_timeout`]). The limit needs
//! the feature `client` and Tokio; otherwise put a timeout outside the layer. A timeout inside the layer does not run while
//! the layer waits for a body.
//!
//! # Order of layers
//!
//! Put a layer outside of everything that reads the click id. As the outermost layer around a finished axum `Router` it costs
//! the least. Behind a layer that decompresses request bodies the length is unknown, so bodies are inspected only with
//! [`Sources::allow_unknown_length`].
//!
//! # Features
//!
//! | feature | default | enables |
//! |---|---|---|
//! | `client` | yes | [`AffitorLayer`]. Without it, neither reqwest, hyper nor tokio is a dependency |
//! | `capture` | | `ClickCaptureLayer` |
//! | `test-util` | | `test_util`: requests for tests of your own service. Enable it in `[dev-dependencies]` |
//! | `rustls`, `ring`, `aws-lc-rs`, `native-tls`, `native-tls-vendored` | | TLS for the client: see [TLS](affitor::guides::tls) |
//!
//! # Dependencies
//!
//! Without default features: `affitor-core` (the rules of the search; it needs `serde`, `serde_json`, `memchr`, `form_urlencoded` and
//! `percent-encoding`), `tower-layer` and `tower-service` (traits), `http` and `http-body` (types), `bytes` (frames of a body),
//! `pin-project-lite` (pinning without `unsafe`). These need only `serde_core` (traits of serde), `itoa` and `zmij` (numbers, in
//! `http` and `serde_json`) and, at build time, the derive macro of `serde` (`syn`, `quote`, `proc-macro2`, `unicode-ident`).

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(feature = "capture")]
mod click_capture;
mod config;
mod layer;
mod read_body;
mod request_ext;
mod service;
#[cfg(feature = "test-util")]
pub mod test_util;

#[cfg(feature = "capture")]
pub use click_capture::{ClickCaptureFuture, ClickCaptureLayer, ClickCaptureService};
#[cfg(feature = "client")]
pub use layer::AffitorLayer;
pub use {
    affitor_core::{
        ClickId,
        find::{Source, Sources},
    },
    layer::ClickIdLayer,
    read_body::{ConvertBody, IntoReplay, ReadBodyLayer, ReadBodyService, Replay, ResponseFuture},
    request_ext::AffitorRequestExt,
    service::ClickIdService,
};

#[cfg(feature = "client")]
pub use affitor;
