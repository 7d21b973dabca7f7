//! Passkeys.

use actix_web::web::{Data, Json};
use affitor_actix::AffitorClient;
use serde_json::Value;

use super::welcome;
use crate::{Flows, Refusal, links::Address, passkey::Response};

pub(super) async fn start(
    flows: Data<Flows>,
    affitor: AffitorClient,
    address: Json<Address>,
) -> Result<Json<Value>, Refusal> {
    flows.passkeys.start(&address.email, affitor.visitor()).map(Json)
}

pub(super) async fn finish(flows: Data<Flows>, response: Json<Response>) -> Result<String, Refusal> {
    let (credential, email, visitor) = flows.passkeys.finish(&response)?;
    Ok(welcome(&flows.users.sign_in(&format!("passkey:{credential}"), &email, visitor)?))
}
