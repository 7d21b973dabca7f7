//! The layer that inspects bodies.

use std::{fmt, marker::PhantomData, sync::Arc};

use affitor_core::find::Sources;
use http::request::Parts;
use tower_layer::Layer;

use super::{IntoReplay, ReadBodyService};
use crate::config::Config;

/// Finds the click id of a request, also in its body.
///
/// Created by [`ClickIdLayer::read_body`](crate::ClickIdLayer::read_body) and
/// [`AffitorLayer::read_body`](crate::AffitorLayer::read_body). `T` converts the bodies for the inner service, see
/// [`ConvertBody`](crate::ConvertBody).
#[must_use = "a layer does nothing until it is put around a service"]
pub struct ReadBodyLayer<T = IntoReplay> {
    config: Arc<Config>,
    convert: PhantomData<fn() -> T>,
}

impl<T> ReadBodyLayer<T> {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self { config, convert: PhantomData }
    }

    /// Sets where to find the click id.
    pub fn sources(mut self, sources: Sources) -> Self {
        Arc::make_mut(&mut self.config).set_sources(sources);
        self
    }

    /// Returns where to find the click id.
    pub fn get_sources(&self) -> &Sources {
        &self.config.sources
    }

    /// Inspects only bodies of requests for which `predicate` returns `true`.
    ///
    /// The predicate sees the head of the request as it arrives at this layer. Inside `Router::nest` of axum, the path has no
    /// prefix.
    pub fn body_when(mut self, predicate: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.config).body_when = Some(Arc::new(predicate));
        self
    }
}

impl<T> Clone for ReadBodyLayer<T> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.config))
    }
}

impl<T> fmt::Debug for ReadBodyLayer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadBodyLayer").field("config", &self.config).finish()
    }
}

impl<S, T> Layer<S> for ReadBodyLayer<T> {
    type Service = ReadBodyService<S, T>;

    fn layer(&self, inner: S) -> Self::Service {
        ReadBodyService::new(inner, Arc::clone(&self.config))
    }
}
