//! Sign-up webhooks of identity providers.

use std::sync::Arc;

use affitor_axum::AffitorClient;
use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde_json::Value;

use crate::{Flows, Refusal};

/// What the page adds to the metadata of the sign-up.
pub(super) async fn metadata(State(flows): State<Arc<Flows>>, affitor: AffitorClient) -> Json<Value> {
    Json(flows.webhooks.metadata(affitor.visitor()))
}

/// Clerk redelivers, so the response says whether Affitor has the lead.
pub(super) async fn clerk(State(flows): State<Arc<Flows>>, headers: HeaderMap, body: Bytes) -> Result<(), Refusal> {
    match flows.webhooks.clerk(|name| text(&headers, name), &body)? {
        Some(signed_up) => flows.track(signed_up).await,
        None => Ok(()),
    }
}

/// Supabase waits for the response before it creates the user, so it must not depend on Affitor.
pub(super) async fn supabase(
    State(flows): State<Arc<Flows>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Refusal> {
    if let Some(signed_up) = flows.webhooks.supabase(|name| text(&headers, name), &body)? {
        flows.enqueue(signed_up);
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn auth0(State(flows): State<Arc<Flows>>, headers: HeaderMap, body: Bytes) -> Result<(), Refusal> {
    if let Some(signed_up) = flows.webhooks.auth0(text(&headers, "authorization"), &body)? {
        flows.enqueue(signed_up);
    }
    Ok(())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
