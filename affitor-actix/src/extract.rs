//! The extractors.

use std::{
    future::{Ready, ready},
    ops::Deref,
};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::Payload,
    http::header::{COOKIE, HeaderValue},
};
use affitor::{Attribution, BoundClient, ClickId};

use crate::MissingLayer;

/// The visitor's click id, or `None` when no partner brought them, which is the normal case.
///
/// Fails only where the middleware is missing.
///
/// ```
/// use affitor_actix::AffitorClickId;
///
/// async fn handler(AffitorClickId(click_id): AffitorClickId) -> String {
///     click_id.map_or_else(|| "welcome".to_owned(), |id| format!("welcome back, {id}"))
/// }
/// # let _ = actix_web::App::new().route("/", actix_web::web::get().to(handler));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffitorClickId(pub Option<ClickId>);

/// The app's client, bound to the visitor of the request: see [`BoundClient`].
///
/// ```
/// use affitor_actix::{AffitorClient, Lead};
///
/// async fn handler(affitor: AffitorClient) -> &'static str {
///     match affitor.track_lead(Lead::new("user_7")).await {
///         Ok(outcome) => println!("{outcome:?}"),
///         Err(error) => eprintln!("{error}"), // never the visitor's problem
///     }
///     "welcome"
/// }
/// # let _ = actix_web::App::new().route("/", actix_web::web::get().to(handler));
/// ```
#[derive(Clone, Debug)]
pub struct AffitorClient(BoundClient);

impl AffitorClient {
    /// The client of a request, by hand; `None` where the middleware is missing.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let extensions = request.extensions();
        let attribution = extensions.get::<Attribution>()?;
        Some(Self(attribution.bind(request.headers().get_all(COOKIE).map(HeaderValue::as_bytes))))
    }

    /// The bound client itself.
    pub fn into_inner(self) -> BoundClient {
        self.0
    }
}

impl Deref for AffitorClient {
    type Target = BoundClient;

    fn deref(&self) -> &BoundClient {
        &self.0
    }
}

impl FromRequest for AffitorClient {
    type Error = MissingLayer;
    type Future = Ready<Result<Self, MissingLayer>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request).ok_or(MissingLayer))
    }
}

impl AffitorClickId {
    /// The click id of a request, by hand; `None` where the middleware is missing.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let extensions = request.extensions();
        Some(Self(extensions.get::<Attribution>()?.click_id().cloned()))
    }
}

impl FromRequest for AffitorClickId {
    type Error = MissingLayer;
    type Future = Ready<Result<Self, MissingLayer>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request).ok_or(MissingLayer))
    }
}
