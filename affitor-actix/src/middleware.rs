//! The middleware.

use std::{
    fmt,
    future::{Ready, ready},
    rc::Rc,
    sync::Arc,
};

use actix_web::{
    HttpMessage as _,
    dev::{RequestHead, Service, ServiceRequest, Transform, forward_ready},
};
use affitor::{
    Client,
    find::{BodyAccess, Search, Sources, search},
};

use crate::{
    config::Config,
    future::{Pending, ResponseFuture},
    replay::Replay,
};

/// Finds the click id of each request, and keeps it together with the app's client for the extractors.
///
/// ```
/// use actix_web::App;
/// use affitor_actix::{AffitorLayer, Client, Source, Sources};
///
/// // Inspects no body:
/// let without = AffitorLayer::new(Client::disabled()).sources(Sources::default().order([Source::Header, Source::Cookie]));
/// // Only the bodies of this path:
/// let layer = AffitorLayer::new(Client::disabled()).body_when(|request| request.uri.path() == "/api/signup");
/// let app = App::new().wrap(layer);
/// ```
#[doc(alias = "AffitorMiddleware")]
#[derive(Clone, Debug)]
#[must_use = "a middleware does nothing until an App is wrapped in it"]
pub struct AffitorLayer {
    config: Arc<Config>,
}

impl AffitorLayer {
    /// Creates a middleware that searches the click-id header, the body and the cookies, in this order.
    pub fn new(client: Client) -> Self {
        Self { config: Arc::new(Config::new(client)) }
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
    /// The predicate sees the head of the request with its whole path, also if the middleware wraps a `web::scope`.
    pub fn body_when(mut self, predicate: impl Fn(&RequestHead) -> bool + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.config).body_when = Some(Arc::new(predicate));
        self
    }
}

impl<S: Service<ServiceRequest>> Transform<S, ServiceRequest> for AffitorLayer {
    type Response = S::Response;
    type Error = S::Error;
    type InitError = ();
    type Transform = AffitorService<S>;
    type Future = Ready<Result<AffitorService<S>, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(AffitorService { service: Rc::new(service), config: Arc::clone(&self.config) }))
    }
}

/// The service created by [`AffitorLayer`].
pub struct AffitorService<S> {
    service: Rc<S>,
    config: Arc<Config>,
}

impl<S> AffitorService<S> {
    /// Returns a reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.service
    }
}

impl<S: Service<ServiceRequest>> Service<ServiceRequest> for AffitorService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S>;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let config = &*self.config;
        if config.adopt_outer(&request) {
            return ResponseFuture::calling(self.service.call(request));
        }
        let access = BodyAccess::Readable { length: None };
        let found = match search(&config.sources, &config.head(&request), access) {
            Search::Done(found) => found,
            Search::NeedsBody(search) if config.body_when.as_ref().is_none_or(|when| when(request.head())) => {
                let payload = request.take_payload();
                return ResponseFuture::pending(Pending {
                    service: Rc::clone(&self.service),
                    config: Arc::clone(&self.config),
                    payload: Replay::new(payload, config.sources.get_body_limit(), search.body_length()),
                    request,
                    search,
                    deadline: None,
                });
            }
            Search::NeedsBody(search) => search.finish(&config.sources, &config.head(&request), None),
        };
        config.insert(&request, found);
        ResponseFuture::calling(self.service.call(request))
    }
}

impl<S> fmt::Debug for AffitorService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AffitorService").field("config", &self.config).finish_non_exhaustive()
    }
}
