//! Orders of guests.

use std::sync::Arc;

use affitor_axum::AffitorClient;
use axum::{
    Form,
    extract::{Query, State},
};

use super::welcome;
use crate::{Flows, Refusal, guest::Guest, links::Link};

pub(super) async fn check_out(
    State(flows): State<Arc<Flows>>,
    affitor: AffitorClient,
    Form(guest): Form<Guest>,
) -> Result<&'static str, Refusal> {
    let email = guest.email.clone();
    let link = flows.guests.check_out(&flows.users, guest, affitor.visitor())?;
    flows.mailbox.send(&email, link);
    Ok("Thank you. The receipt is in your mail.")
}

pub(super) async fn create_account(
    State(flows): State<Arc<Flows>>,
    affitor: AffitorClient,
    Query(link): Query<Link>,
) -> Result<String, Refusal> {
    flows.guests.create_account(&flows.users, &link.token, affitor.visitor()).map(|user_id| welcome(&user_id))
}
