//! The layers.

use std::{fmt, marker::PhantomData, sync::Arc};

use affitor::find::Sources;
use http::request::Parts;
use tower_layer::Layer;

use crate::{ClickIdService, HeadOnly, InsertClickId, Wrapped, sources::Config};

/// Finds the click id of a request and inserts a [`ClickId`](crate::ClickId) into its extensions when there is one.
///
/// Looks at the header and the cookies; [`read_body`](ClickIdLayer::read_body) adds the body.
///
/// ```
/// use affitor_tower::{ClickIdLayer, Source, Sources};
///
/// let layer = ClickIdLayer::new()
///     .sources(Sources::default().order([Source::Cookie, Source::Header]));
/// let looks_into_bodies = ClickIdLayer::new()
///     .read_body()
///     .body_when(|request| request.uri.path().starts_with("/sign-up"));
/// ```
#[must_use = "a layer does nothing until it is put around a service"]
pub struct ClickIdLayer<M = HeadOnly> {
    config: Arc<Config>,
    mode: PhantomData<fn() -> M>,
}

/// Finds the click id of a request, and inserts an [`Attribution`](affitor::Attribution) with it and the app's client on
/// every request: what the extractors of the frameworks need.
///
/// Looks at the header and the cookies; [`read_body`](AffitorLayer::read_body) adds the body.
///
/// ```
/// use affitor_tower::{AffitorLayer, affitor::Client};
///
/// let layer = AffitorLayer::new(Client::disabled());
/// ```
#[cfg(feature = "client")]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct AffitorLayer<M = HeadOnly> {
    client: affitor::Client,
    config: Arc<Config>,
    mode: PhantomData<fn() -> M>,
}

impl ClickIdLayer {
    /// Looks at the header and the cookies.
    pub fn new() -> Self {
        Self { config: Arc::default(), mode: PhantomData }
    }
}

impl Default for ClickIdLayer {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "client")]
impl AffitorLayer {
    /// Looks at the header and the cookies.
    pub fn new(client: affitor::Client) -> Self {
        Self { client, config: Arc::default(), mode: PhantomData }
    }
}

macro_rules! options {
    ($name:ident { $($kept:ident),* }) => {
        impl<M> $name<M> {
            /// Sets where the click id is looked for. [`Source::Body`](crate::Source) counts only on a layer that looks
            /// into bodies ([`read_body`](Self::read_body)).
            pub fn sources(mut self, sources: Sources) -> Self {
                let body_when = self.config.body_when;
                self.config = Arc::new(Config { body_when, ..Config::new(sources) });
                self
            }

            /// Narrows which bodies are looked into, by the head of their request. Without effect on a layer that looks
            /// at the head alone.
            pub fn body_when(mut self, when: fn(&Parts) -> bool) -> Self {
                Arc::make_mut(&mut self.config).body_when = Some(when);
                self
            }

            /// Looks into bodies as well; the inner service gets them as [`Replay`](crate::Replay).
            pub fn read_body(self) -> $name<Wrapped> {
                self.body_mode()
            }

            /// Sets what is done with bodies, for a framework's own [`BodyMode`](crate::BodyMode).
            pub fn body_mode<N>(self) -> $name<N> {
                $name { config: self.config, mode: PhantomData, $($kept: self.$kept,)* }
            }
        }

        impl<M> Clone for $name<M> {
            fn clone(&self) -> Self {
                Self { config: self.config.clone(), mode: PhantomData, $($kept: self.$kept.clone(),)* }
            }
        }

        impl<M> fmt::Debug for $name<M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("config", &self.config)
                    $(.field(stringify!($kept), &self.$kept))*
                    .finish()
            }
        }
    };
}

options!(ClickIdLayer {});
#[cfg(feature = "client")]
options!(AffitorLayer { client });

impl<S, M> Layer<S> for ClickIdLayer<M> {
    type Service = ClickIdService<S, M, InsertClickId>;

    fn layer(&self, inner: S) -> Self::Service {
        ClickIdService::new(inner, self.config.clone(), InsertClickId)
    }
}

#[cfg(feature = "client")]
impl<S, M> Layer<S> for AffitorLayer<M> {
    type Service = ClickIdService<S, M, crate::InsertAttribution>;

    fn layer(&self, inner: S) -> Self::Service {
        ClickIdService::new(inner, self.config.clone(), crate::InsertAttribution(self.client.clone()))
    }
}
