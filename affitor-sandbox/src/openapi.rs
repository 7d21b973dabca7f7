//! `GET /openapi.json`: the API and the control routes.

use std::sync::LazyLock;

use axum::http::Method;
use utoipa::OpenApi as _;

use crate::{
    api::{self, Call, Decision, Endpoint},
    control::ControlDocument,
    reply::Reply,
    state::State,
};

/// The endpoint of the document.
pub(crate) static ENDPOINT: LazyLock<Endpoint> =
    LazyLock::new(|| api::endpoint(None, Method::GET, "/openapi.json", document));

static DOCUMENT: LazyLock<Reply> = LazyLock::new(|| Reply::ok(&api::openapi::document(ControlDocument::openapi())));

fn document(_: &State, _: &Call<'_>) -> Result<Decision, Reply> {
    Ok(DOCUMENT.clone().into())
}
