//! An app on axum 0.7: the Tower layer works there, and the extractor has 12 lines.

use affitor_tower::{
    AffitorLayer, AffitorRequestExt,
    affitor::{BoundClient, Client, Lead},
};
use axum::{
    Router,
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
    routing::post,
};

include!("../../../../affitor-cli/src/init/lines/axum_07.rs");

async fn sign_up(AffitorClient(affitor): AffitorClient) -> &'static str {
    affitor.enqueue(Lead::new("user_7"));
    "welcome"
}

/// The app.
pub fn app(client: Client) -> Router {
    Router::new().route("/signup", post(sign_up)).layer(AffitorLayer::new(client))
}
