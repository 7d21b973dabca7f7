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
    http::header::{
        CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HeaderMap, HeaderName, HeaderValue, UPGRADE,
    },
};
use affitor::{
    Attribution, ClickId, Client,
    find::{
        BodyKind, CLICK_ID_HEADER, Sources,
        adapter::{BodyHead, Head, Search},
    },
};

use crate::{ResponseFuture, future::Looking, payload::Replay};

/// Finds the click id of each request, and leaves it with the app's client for the extractors.
///
/// ```
/// use actix_web::App;
/// use affitor_actix::{AffitorLayer, Client, Source, Sources};
///
/// let layer = AffitorLayer::new(Client::disabled())
///     .sources(Sources::default().order([Source::Header, Source::Cookie])) // bodies are never looked into
///     .body_when(|request| request.uri.path() == "/api/signup"); // or into those of this path alone
/// let app = App::new().wrap(layer);
/// ```
#[doc(alias = "AffitorMiddleware")]
#[derive(Clone, Debug)]
#[must_use = "a middleware does nothing until an App is wrapped in it"]
pub struct AffitorLayer {
    client: Client,
    config: Arc<Config>,
}

/// What the middleware is told at its start, shared by all workers.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) sources: Sources,
    header: HeaderName,
    body_when: Option<fn(&RequestHead) -> bool>,
}

impl Config {
    fn new(sources: Sources) -> Self {
        // `Sources` takes nothing but header names.
        let header = HeaderName::from_bytes(sources.header_name().as_bytes())
            .unwrap_or(HeaderName::from_static(CLICK_ID_HEADER));
        Self { sources, header, body_when: None }
    }
}

impl AffitorLayer {
    /// Looks at the forwarded header, the body and the cookies, in this order.
    pub fn new(client: Client) -> Self {
        Self { client, config: Arc::new(Config::new(Sources::default())) }
    }

    /// Sets where the click id is looked for.
    pub fn sources(mut self, sources: Sources) -> Self {
        let body_when = self.config.body_when;
        self.config = Arc::new(Config { body_when, ..Config::new(sources) });
        self
    }

    /// Narrows which bodies are looked into, by the head of their request.
    pub fn body_when(mut self, when: fn(&RequestHead) -> bool) -> Self {
        Arc::make_mut(&mut self.config).body_when = Some(when);
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
        ready(Ok(AffitorService {
            service: Rc::new(service),
            client: self.client.clone(),
            config: self.config.clone(),
        }))
    }
}

/// The service that [`AffitorLayer`] makes.
pub struct AffitorService<S> {
    service: Rc<S>,
    client: Client,
    config: Arc<Config>,
}

impl<S: Service<ServiceRequest>> Service<ServiceRequest> for AffitorService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S>;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        // What an outer middleware has found stands.
        if request.extensions().contains::<Attribution>() {
            return ResponseFuture::calling(self.service.call(request));
        }
        let head = Headers { config: &self.config, head: request.head(), look: true };
        match self.config.sources.search(&head) {
            Search::Done(found) => {
                leave(&request, &self.client, found);
                ResponseFuture::calling(self.service.call(request))
            }
            Search::Body(unfinished) => {
                let length = head.length();
                let payload = request.take_payload();
                ResponseFuture::looking(Looking {
                    service: self.service.clone(),
                    client: self.client.clone(),
                    config: self.config.clone(),
                    payload: Replay::new(payload, self.config.sources.limit(), length),
                    request,
                    unfinished,
                    deadline: None,
                })
            }
        }
    }
}

impl<S> fmt::Debug for AffitorService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AffitorService").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Leaves what was found for the extractors.
pub(crate) fn leave(request: &ServiceRequest, client: &Client, found: Option<ClickId>) {
    request.extensions_mut().insert(Attribution::new(client.clone(), found));
}

/// The core's search over a request's head.
pub(crate) struct Headers<'r> {
    pub(crate) config: &'r Config,
    pub(crate) head: &'r RequestHead,
    /// Whether the body is still to be looked into.
    pub(crate) look: bool,
}

impl Headers<'_> {
    fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    fn first(&self, name: HeaderName) -> Option<&[u8]> {
        self.headers().get(name).map(HeaderValue::as_bytes)
    }

    fn length(&self) -> Option<u64> {
        std::str::from_utf8(self.first(CONTENT_LENGTH)?).ok()?.parse().ok()
    }
}

impl Head for Headers<'_> {
    fn forwarded(&self) -> impl Iterator<Item = &[u8]> {
        self.headers().get_all(&self.config.header).map(HeaderValue::as_bytes)
    }

    fn cookies(&self) -> impl Iterator<Item = &[u8]> {
        self.headers().get_all(COOKIE).map(HeaderValue::as_bytes)
    }

    fn body(&self) -> Option<BodyKind> {
        if !self.look {
            return None;
        }
        let kind = self.config.sources.look(&BodyHead {
            // First, since most requests have none.
            content_type: Some(self.first(CONTENT_TYPE)?),
            content_encoding: self.first(CONTENT_ENCODING),
            expects: self.headers().contains_key(EXPECT) || self.headers().contains_key(UPGRADE),
            length: self.length(),
        })?;
        self.config.body_when.is_none_or(|when| when(self.head)).then_some(kind)
    }
}
