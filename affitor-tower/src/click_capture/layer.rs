//! The layer.

use affitor::capture::ClickCapture;
use tower_layer::Layer;

use super::ClickCaptureService;

/// Reports the click of a visitor who arrives by a partner's link, and sets the tracker's cookies on the response. No script is
/// needed. See [`affitor::capture`] for what is captured, and for what happens to caches.
///
/// ```
/// use affitor_tower::{AffitorLayer, ClickCaptureLayer, affitor::{Client, capture::ClickCapture}};
///
/// # fn layers(client: Client) -> Result<(), affitor::capture::InvalidCapture> {
/// let capture = ClickCapture::builder(client.clone()).domain("shop.example").without_consent_check().build()?;
/// let service = tower::ServiceBuilder::new()
///     .layer(ClickCaptureLayer::new(capture)) // the outermost one
///     .layer(AffitorLayer::new(client));
/// # Ok(()) }
/// # layers(Client::disabled()).unwrap();
/// ```
///
/// Put it outside of [`AffitorLayer`](crate::AffitorLayer), of layers that cache responses, and of layers that set `Cache-Control`. The
/// [`AffitorLayer`](crate::AffitorLayer) inside also finds a click that the service reports late. In a nested router of axum, the path
/// of the landing URL has no prefix, so put the layer around the whole app.
///
/// The layer never rejects a request. A handler sees the same request, with one more extension. The response's headers change only if a
/// cookie is set, or if the page has no tracker because the server reports the click. The layer needs a Tokio runtime; without one
/// nothing is captured.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct ClickCaptureLayer {
    capture: ClickCapture,
}

impl ClickCaptureLayer {
    /// Creates a layer.
    pub fn new(capture: ClickCapture) -> Self {
        Self { capture }
    }
}

impl<S> Layer<S> for ClickCaptureLayer {
    type Service = ClickCaptureService<S>;

    fn layer(&self, inner: S) -> ClickCaptureService<S> {
        ClickCaptureService::new(inner, self.capture.clone())
    }
}
