//! The extractors.

use std::{
    fmt,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload};
use affitor::{BoundClient, ClickId, Client, adapter::Attribution};

use crate::wrapper::wrapper;
use crate::{rejection::MissingLayer, request_ext::AffitorRequestExt as _};

/// Extracts the visitor's click id: `None` if no partner brought them, which is the normal case.
///
/// Fails only if the middleware is missing. In actix-web every extractor also works as an `Option`: `Option<AffitorClickId>` is `None`
/// only if the middleware is missing, and `Some(AffitorClickId(None))` for a visitor without a click id.
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

wrapper!(AffitorClickId, Option<ClickId>, "the click id");

impl FromRequest for AffitorClickId {
    type Error = MissingLayer;
    type Future = Ready<Result<Self, MissingLayer>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let attribution = extensions.get::<Attribution>();
        ready(attribution.map(|attribution| Self(attribution.click_id().cloned())).ok_or(MissingLayer))
    }
}

/// Extracts the app's client for the visitor of the request. See [`BoundClient`].
///
/// Fails only if the middleware is missing. `Option<AffitorClient>` is `None` then.
///
/// ```
/// use affitor_actix::{AffitorClient, Lead};
///
/// async fn handler(affitor: AffitorClient) -> &'static str {
///     match affitor.track_lead(Lead::new("user_7")).await {
///         Ok(outcome) => println!("{outcome}"),
///         Err(error) => eprintln!("{error}"), // not the visitor's problem
///     }
///     "welcome"
/// }
/// # let _ = actix_web::App::new().route("/", actix_web::web::get().to(handler));
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

impl FromRequest for AffitorClient {
    type Error = MissingLayer;
    type Future = Ready<Result<Self, MissingLayer>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.affitor().map(Self).ok_or(MissingLayer))
    }
}
