//! Passkeys.

use std::sync::Arc;

use affitor_axum::AffitorClient;
use axum::{Json, extract::State};
use serde_json::Value;

use super::welcome;
use crate::{Flows, Refusal, links::Address, passkey::Response};

pub(super) async fn start(
    State(flows): State<Arc<Flows>>,
    affitor: AffitorClient,
    Json(address): Json<Address>,
) -> Result<Json<Value>, Refusal> {
    flows.passkeys.start(&address.email, affitor.visitor()).map(Json)
}

pub(super) async fn finish(State(flows): State<Arc<Flows>>, Json(response): Json<Response>) -> Result<String, Refusal> {
    let (credential, email, visitor) = flows.passkeys.finish(&response)?;
    Ok(welcome(&flows.users.sign_in(&format!("passkey:{credential}"), &email, visitor)?))
}
