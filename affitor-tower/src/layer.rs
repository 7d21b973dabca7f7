//! The layers.

use std::sync::Arc;

use affitor_core::find::Sources;
use tower_layer::Layer;

use crate::{config::Config, read_body::ReadBodyLayer, service::ClickIdService};

/// Finds the click id of a request, and inserts a [`ClickId`](crate::ClickId) into its extensions if there is one.
///
/// Searches the click-id header and the cookies. [`read_body`](ClickIdLayer::read_body) adds the body.
///
/// ```
/// use affitor_tower::{ClickIdLayer, Source, Sources};
///
/// let layer = ClickIdLayer::new()
///     .sources(Sources::default().order([Source::Cookie, Source::Header]));
/// let inspects_bodies = ClickIdLayer::new()
///     .read_body()
///     .body_when(|request| request.uri.path().starts_with("/sign-up"));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct ClickIdLayer {
    config: Arc<Config>,
}

/// Finds the click id of a request, and inserts an [`Attribution`](affitor::adapter::Attribution) with it and the app's client
/// into every request. That is what [`AffitorRequestExt`](crate::AffitorRequestExt) and the extractors of the frameworks need.
///
/// Searches the click-id header and the cookies. [`read_body`](AffitorLayer::read_body) adds the body.
///
/// ```
/// use affitor_tower::{AffitorLayer, affitor::Client};
///
/// let layer = AffitorLayer::new(Client::disabled());
/// ```
#[cfg(feature = "client")]
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct AffitorLayer {
    config: Arc<Config>,
}

impl ClickIdLayer {
    /// Creates a layer that searches the click-id header and the cookies.
    pub fn new() -> Self {
        Self::default()
    }
}

#[cfg(feature = "client")]
impl AffitorLayer {
    /// Creates a layer that searches the click-id header and the cookies.
    pub fn new(client: affitor::Client) -> Self {
        Self { config: Arc::new(Config::with_client(client)) }
    }
}

macro_rules! head_layer {
    ($name:ident) => {
        impl $name {
            /// Sets where to find the click id. [`Source::Body`](crate::Source) has an effect only with
            /// [`read_body`](Self::read_body).
            pub fn sources(mut self, sources: Sources) -> Self {
                Arc::make_mut(&mut self.config).set_sources(sources);
                self
            }

            /// Returns where to find the click id.
            pub fn get_sources(&self) -> &Sources {
                &self.config.sources
            }

            /// Returns a layer that also inspects bodies. The inner service gets them as [`Replay`](crate::Replay).
            pub fn read_body(self) -> ReadBodyLayer {
                ReadBodyLayer::new(self.config)
            }

            /// Like [`read_body`](Self::read_body), with `T` as the conversion to a framework's body type: see
            /// [`ConvertBody`](crate::ConvertBody).
            pub fn read_body_as<T>(self) -> ReadBodyLayer<T> {
                ReadBodyLayer::new(self.config)
            }
        }

        impl<S> Layer<S> for $name {
            type Service = ClickIdService<S>;

            fn layer(&self, inner: S) -> ClickIdService<S> {
                ClickIdService::new(inner, Arc::clone(&self.config))
            }
        }
    };
}

head_layer!(ClickIdLayer);
#[cfg(feature = "client")]
head_layer!(AffitorLayer);
