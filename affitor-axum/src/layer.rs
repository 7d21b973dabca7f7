//! The layer.

use affitor::Client;
use affitor_tower::{ClickIdService, InsertAttribution, Sources};
use http::request::Parts;
use tower_layer::Layer;

use crate::AxumBody;

/// Finds the click id of each request, and leaves it with the app's client for the extractors.
///
/// ```
/// use affitor_axum::{AffitorLayer, Client, Source, Sources};
/// use axum::{Router, routing::get};
///
/// let layer = AffitorLayer::new(Client::disabled())
///     .sources(Sources::default().order([Source::Header, Source::Cookie])) // bodies are never looked into
///     .body_when(|request| request.uri.path() == "/api/signup"); // or into those of this path alone
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(layer);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it is put around a router"]
pub struct AffitorLayer(affitor_tower::AffitorLayer<AxumBody>);

impl AffitorLayer {
    /// Looks at the forwarded header, the body and the cookies, in this order.
    pub fn new(client: Client) -> Self {
        Self(affitor_tower::AffitorLayer::new(client).body_mode())
    }

    /// Sets where the click id is looked for.
    pub fn sources(self, sources: Sources) -> Self {
        Self(self.0.sources(sources))
    }

    /// Narrows which bodies are looked into, by the head of their request.
    pub fn body_when(self, when: fn(&Parts) -> bool) -> Self {
        Self(self.0.body_when(when))
    }
}

impl<S> Layer<S> for AffitorLayer {
    type Service = ClickIdService<S, AxumBody, InsertAttribution>;

    fn layer(&self, inner: S) -> Self::Service {
        self.0.layer(inner)
    }
}
