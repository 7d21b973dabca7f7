//! Tower layers that find the [Affitor](https://affitor.com) click id of a request.
//!
//! A visitor whom a partner brought carries a click id: in a header that the page's script forwards, in a field of the
//! sign-up form, or in a cookie. These layers look for it and put it into the request's extensions. They work over any
//! `http` 1 service: axum, plain hyper, tonic. For axum take `affitor-axum`, which stands on this crate and adds the
//! extractors.
//!
//! ```
//! use affitor_tower::{ClickId, ClickIdLayer};
//! use tower::{Layer, Service, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), std::convert::Infallible> {
//! let handler = service_fn(async |request: http::Request<()>| {
//!     let click_id = request.extensions().get::<ClickId>().map(ToString::to_string);
//!     Ok::<_, std::convert::Infallible>(http::Response::new(click_id))
//! });
//! let mut service = ClickIdLayer::new().layer(handler);
//!
//! let mut request = http::Request::new(());
//! request.headers_mut().insert("cookie", "affitor_click_id=cust_42_1714000000000".parse().unwrap());
//! let response = service.ready().await?.call(request).await?;
//! assert_eq!(response.body().as_deref(), Some("cust_42_1714000000000"));
//! # Ok(()) }
//! ```
//!
//! - [`ClickIdLayer`] inserts a [`ClickId`] when there is one, and nothing otherwise.
//! - [`AffitorLayer`] (feature `client`) carries a client and inserts one [`affitor::Attribution`] on every
//!   request: what extractors need.
//!
//! # What a layer never does
//!
//! It never rejects a request, adds no error type, and changes nothing that the inner service sees of the head or the
//! body. A value that an outer layer has inserted is kept. What is no valid click id is as if absent.
//!
//! # Bodies
//!
//! By default a layer looks at the header and the cookies alone and works with any body type, which stays as it is
//! ([`HeadOnly`]). [`ClickIdLayer::read_body`] makes it look into bodies as well ([`Wrapped`]): into JSON and forms of a
//! known length up to 64 KiB that are not compressed and not announced with `Expect`, and only when no earlier source
//! has an id. What was read is passed on byte for byte. The service is called when such a body has arrived whole, or
//! after 2 seconds ([`Sources::body_timeout`], with the feature `client`; without it there is no limit, so put a time-out
//! outside of the layer). A time-out inside of it does not run while a body is waited for.
//!
//! # Order
//!
//! Outside of layers that look at the extensions or the click id, inside of those that decompress request bodies. As
//! the outermost layer around a finished axum `Router` it costs the least.
//!
//! # Features
//!
//! | feature | default | what it brings |
//! |---|---|---|
//! | `client` | yes | [`AffitorLayer`]; without it neither reqwest, hyper nor tokio is a dependency |
//! | `rustls` | yes | TLS for the client, as in `affitor`; also `rustls-no-provider`, `native-tls`, `native-tls-vendored` |
//!
//! # Dependencies
//!
//! Without default features: `affitor` (the rules of the search; it brings `serde`, `serde_json`, `memchr`,
//! `form_urlencoded` and `percent-encoding`), `tower-layer` and `tower-service` (the traits), `http` and `http-body` (the
//! types), `bytes` (a body's frames), `pin-project-lite` (the future and the body are pinned without `unsafe`). Behind
//! them stand only `serde_core` (serde's traits), `itoa` and `zmij` (numbers, in `http` and `serde_json`) and, while building, the derive macro of
//! `serde` (`syn`, `quote`, `proc-macro2`, `unicode-ident`).

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod body;
mod ext;
mod future;
mod insert;
mod layer;
mod mode;
mod service;
mod sources;

#[cfg(feature = "client")]
pub use layer::AffitorLayer;
pub use {
    affitor::ClickId,
    affitor::find::{Source, Sources},
    body::Replay,
    ext::ClickIdExt,
    future::ResponseFuture,
    insert::{Insert, InsertClickId},
    layer::ClickIdLayer,
    mode::{BodyMode, HeadOnly, Never, ReadAhead, Reading, Wrapped},
    service::ClickIdService,
};

pub use affitor;
#[cfg(feature = "client")]
pub use {affitor::Attribution, insert::InsertAttribution};
