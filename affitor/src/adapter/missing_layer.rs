//! What an extractor says that finds no layer around its route.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

/// Whether the app has created a layer.
static LAYER_EXISTS: AtomicBool = AtomicBool::new(false);

/// Why an extractor found no layer around its route.
///
/// A rejection says it in its text, for the developer, and its [code](MissingLayer::code) in the header
/// [`HEADER`](MissingLayer::HEADER) and in the log, for programs such as `affitor prove`.
///
/// ```
/// use affitor::adapter::MissingLayer;
///
/// assert_eq!(MissingLayer::reason(), MissingLayer::NoLayer);
/// MissingLayer::layer_created(); // an adapter calls this when the app creates a layer
/// assert_eq!(MissingLayer::reason(), MissingLayer::OtherRoutes);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingLayer {
    /// The app has created no layer.
    NoLayer,
    /// The app has created a layer, but the route is not behind it.
    OtherRoutes,
}

impl MissingLayer {
    /// Name of the response header with the [code](MissingLayer::code): `affitor-error`.
    pub const HEADER: &'static str = "affitor-error";

    /// Returns the value of the header: `missing-layer`, or `missing-layer; on=other-routes`.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoLayer => "missing-layer",
            Self::OtherRoutes => "missing-layer; on=other-routes",
        }
    }

    /// Remembers that the app has created a layer. Call it in the constructor of each layer that inserts what extractors need.
    pub fn layer_created() {
        // Nothing else depends on the order.
        LAYER_EXISTS.store(true, Ordering::Relaxed);
    }

    /// Returns why an extractor found no layer.
    pub fn reason() -> Self {
        if LAYER_EXISTS.load(Ordering::Relaxed) { Self::OtherRoutes } else { Self::NoLayer }
    }
}

/// The beginning of a rejection's text. What to do follows, which depends on the framework.
impl fmt::Display for MissingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoLayer => "an Affitor extractor found no `AffitorLayer`",
            Self::OtherRoutes => {
                "an Affitor extractor found no `AffitorLayer` around this route, although the app has one"
            }
        })
    }
}
