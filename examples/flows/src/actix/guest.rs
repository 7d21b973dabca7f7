//! Orders of guests.

use actix_web::web::{Data, Form, Query};
use affitor_actix::AffitorClient;

use super::welcome;
use crate::{Flows, Refusal, guest::Guest, links::Link};

pub(super) async fn check_out(
    flows: Data<Flows>,
    affitor: AffitorClient,
    guest: Form<Guest>,
) -> Result<&'static str, Refusal> {
    let email = guest.email.clone();
    let link = flows.guests.check_out(&flows.users, guest.into_inner(), affitor.visitor())?;
    flows.mailbox.send(&email, link);
    Ok("Thank you. The receipt is in your mail.")
}

pub(super) async fn create_account(
    flows: Data<Flows>,
    affitor: AffitorClient,
    link: Query<Link>,
) -> Result<String, Refusal> {
    flows.guests.create_account(&flows.users, &link.token, affitor.visitor()).map(|user_id| welcome(&user_id))
}
