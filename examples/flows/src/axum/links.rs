//! Magic links and invitations.

use std::sync::Arc;

use affitor_axum::AffitorClient;
use axum::{
    Form,
    extract::{Query, State},
};

use super::welcome;
use crate::{
    Flows, Refusal,
    links::{Address, Link},
};

pub(super) async fn request_magic_link(
    State(flows): State<Arc<Flows>>,
    affitor: AffitorClient,
    Form(address): Form<Address>,
) -> Result<&'static str, Refusal> {
    flows.mailbox.send(&address.email, flows.magic_links.create(&address, affitor.visitor())?);
    Ok("We sent you a link.")
}

pub(super) async fn open_magic_link(
    State(flows): State<Arc<Flows>>,
    affitor: AffitorClient,
    Query(link): Query<Link>,
) -> Result<String, Refusal> {
    let (email, visitor) = flows.magic_links.open(&link, affitor.visitor())?;
    Ok(welcome(&flows.users.sign_in(&format!("email:{email}"), &email, visitor)?))
}

pub(super) async fn request_invitation(
    State(flows): State<Arc<Flows>>,
    affitor: AffitorClient,
    Form(address): Form<Address>,
) -> Result<&'static str, Refusal> {
    flows.mailbox.send(&address.email, flows.invitations.create(&address, affitor.visitor())?);
    Ok("You are on the list.")
}

pub(super) async fn accept_invitation(
    State(flows): State<Arc<Flows>>,
    affitor: AffitorClient,
    Query(link): Query<Link>,
) -> Result<String, Refusal> {
    let (email, visitor) = flows.invitations.accept(&link, affitor.visitor())?;
    Ok(welcome(&flows.users.sign_in(&format!("email:{email}"), &email, visitor)?))
}
