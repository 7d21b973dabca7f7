//! The layer.

use affitor::{Client, find::Sources};
use affitor_tower::{ReadBodyLayer, ReadBodyService};
use http::request::Parts;
use tower_layer::Layer;

use crate::body::IntoAxumBody;

/// Finds the click id of each request, and keeps it together with the app's client for the extractors.
///
/// ```
/// use affitor_axum::{AffitorLayer, Client, Source, Sources};
/// use axum::{Router, routing::get};
///
/// // Inspects no body:
/// let without = AffitorLayer::new(Client::disabled()).sources(Sources::default().order([Source::Header, Source::Cookie]));
/// // Only the bodies of this path:
/// let layer = AffitorLayer::new(Client::disabled()).body_when(|request| request.uri.path() == "/api/signup");
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(layer);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it is put around a router"]
pub struct AffitorLayer(ReadBodyLayer<IntoAxumBody>);

impl AffitorLayer {
    /// Creates a layer that searches the click-id header, the body and the cookies, in this order.
    pub fn new(client: Client) -> Self {
        Self(affitor_tower::AffitorLayer::new(client).read_body_as())
    }

    /// Sets where to find the click id.
    pub fn sources(self, sources: Sources) -> Self {
        Self(self.0.sources(sources))
    }

    /// Returns where to find the click id.
    pub fn get_sources(&self) -> &Sources {
        self.0.get_sources()
    }

    /// Inspects only bodies of requests for which `predicate` returns `true`.
    ///
    /// The predicate sees the head of the request as it arrives at this layer. If the layer is inside `Router::nest`, the path has
    /// no prefix.
    pub fn body_when(self, predicate: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        Self(self.0.body_when(predicate))
    }
}

impl<S> Layer<S> for AffitorLayer {
    type Service = ReadBodyService<S, IntoAxumBody>;

    fn layer(&self, inner: S) -> Self::Service {
        self.0.layer(inner)
    }
}
