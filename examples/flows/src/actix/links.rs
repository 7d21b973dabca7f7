//! Magic links and invitations.

use actix_web::web::{Data, Form, Query};
use affitor_actix::AffitorClient;

use super::welcome;
use crate::{
    Flows, Refusal,
    links::{Address, Link},
};

pub(super) async fn request_magic_link(
    flows: Data<Flows>,
    affitor: AffitorClient,
    address: Form<Address>,
) -> Result<&'static str, Refusal> {
    flows.mailbox.send(&address.email, flows.magic_links.create(&address, affitor.visitor())?);
    Ok("We sent you a link.")
}

pub(super) async fn open_magic_link(
    flows: Data<Flows>,
    affitor: AffitorClient,
    link: Query<Link>,
) -> Result<String, Refusal> {
    let (email, visitor) = flows.magic_links.open(&link, affitor.visitor())?;
    Ok(welcome(&flows.users.sign_in(&format!("email:{email}"), &email, visitor)?))
}

pub(super) async fn request_invitation(
    flows: Data<Flows>,
    affitor: AffitorClient,
    address: Form<Address>,
) -> Result<&'static str, Refusal> {
    flows.mailbox.send(&address.email, flows.invitations.create(&address, affitor.visitor())?);
    Ok("You are on the list.")
}

pub(super) async fn accept_invitation(
    flows: Data<Flows>,
    affitor: AffitorClient,
    link: Query<Link>,
) -> Result<String, Refusal> {
    let (email, visitor) = flows.invitations.accept(&link, affitor.visitor())?;
    Ok(welcome(&flows.users.sign_in(&format!("email:{email}"), &email, visitor)?))
}
