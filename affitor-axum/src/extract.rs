//! The extractors.

use std::{convert::Infallible, fmt};

use affitor::{BoundClient, ClickId, Client, adapter::Attribution};
use affitor_tower::AffitorRequestExt as _;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::rejection::MissingLayer;
use crate::wrapper::wrapper;

/// Extracts the visitor's click id: `None` if no partner brought them, which is the normal case.
///
/// Rejects a request only if the layer is missing.
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

wrapper!(AffitorClickId, Option<ClickId>, "the click id");

/// Extracts the app's client for the visitor of the request. See [`BoundClient`].
///
/// Rejects a request only if the layer is missing. `Option<AffitorClient>` is `None` then. Put it before an extractor that
/// consumes the body, such as `Json`.
///
/// ```
/// use affitor_axum::{AffitorClient, Lead};
///
/// async fn handler(affitor: AffitorClient) -> &'static str {
///     match affitor.track_lead(Lead::new("user_7")).await {
///         Ok(outcome) => println!("{outcome}"),
///         Err(error) => eprintln!("{error}"), // not the visitor's problem
///     }
///     "welcome"
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::get(handler));
/// ```
#[derive(Clone)]
pub struct AffitorClient(BoundClient);

wrapper!(AffitorClient, BoundClient, "the bound client");

/// One short line, because `#[instrument]` writes the arguments of a handler into its span.
impl fmt::Debug for AffitorClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.click_id().is_some() { "AffitorClient(with a click id)" } else { "AffitorClient" })
    }
}

impl AsRef<Client> for AffitorClient {
    fn as_ref(&self) -> &Client {
        self.0.client()
    }
}

fn client(parts: &Parts) -> Option<AffitorClient> {
    parts.affitor().map(AffitorClient)
}

fn click_id(parts: &Parts) -> Option<AffitorClickId> {
    parts.extensions.get::<Attribution>().map(|attribution| AffitorClickId(attribution.click_id().cloned()))
}

impl<S: Send + Sync> FromRequestParts<S> for AffitorClient {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingLayer> {
        client(parts).ok_or(MissingLayer)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for AffitorClient {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(client(parts))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AffitorClickId {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingLayer> {
        click_id(parts).ok_or(MissingLayer)
    }
}
