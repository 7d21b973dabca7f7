//! The extractors.

use std::{convert::Infallible, ops::Deref};

use affitor::{Attribution, BoundClient, ClickId};
use affitor_tower::ClickIdExt as _;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::{HeaderValue, header::COOKIE, request::Parts};

use crate::MissingLayer;

/// The visitor's click id, or `None` when no partner brought them, which is the normal case.
///
/// Rejected only where the layer is missing; as an `Option` not even there.
///
/// ```
/// use affitor_axum::AffitorClickId;
///
/// async fn handler(AffitorClickId(click_id): AffitorClickId) -> String {
///     click_id.map_or_else(|| "welcome".to_owned(), |id| format!("welcome back, {id}"))
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::get(handler));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffitorClickId(pub Option<ClickId>);

/// The app's client, bound to the visitor of the request: see [`BoundClient`].
///
/// ```
/// use affitor_axum::{AffitorClient, Lead};
///
/// async fn handler(affitor: AffitorClient) -> &'static str {
///     match affitor.track_lead(Lead::new("user_7")).await {
///         Ok(outcome) => println!("{outcome:?}"),
///         Err(error) => eprintln!("{error}"), // never the visitor's problem
///     }
///     "welcome"
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::get(handler));
/// ```
#[derive(Clone, Debug)]
pub struct AffitorClient(BoundClient);

impl AffitorClient {
    /// The client of a request, by hand; `None` where the layer is missing.
    pub fn of(parts: &Parts) -> Option<Self> {
        let attribution = parts.extensions.get::<Attribution>()?;
        Some(Self(attribution.bind(parts.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes))))
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

impl<S: Send + Sync> FromRequestParts<S> for AffitorClient {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingLayer> {
        Self::of(parts).ok_or(MissingLayer)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for AffitorClient {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(Self::of(parts))
    }
}

impl AffitorClickId {
    /// The click id of a request, by hand; `None` where the layer is missing.
    pub fn of(parts: &Parts) -> Option<Self> {
        parts.extensions.get::<Attribution>()?;
        Some(Self(parts.click_id().cloned()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AffitorClickId {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingLayer> {
        Self::of(parts).ok_or(MissingLayer)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for AffitorClickId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(Self::of(parts))
    }
}
