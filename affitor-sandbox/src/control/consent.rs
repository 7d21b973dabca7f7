//! The confirmation of a login, which the page at `/_sandbox/consent` submits.

use std::sync::Arc;

use axum::{
    extract::State as Shared,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::Deserialize;
use serde_json::json;

use super::{Done, Input, Refusal};
use crate::{account::LoginStatus, change::Change, service::Service};

/// Maximum length of an e-mail address, in bytes.
const EMAIL_LIMIT: usize = 254;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object or a form")]
pub(super) struct Confirmation {
    state: String,
    email: String,
}

/// Confirms a login.
pub(super) async fn confirm(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(Confirmation { state, email }): Input<Confirmation>,
) -> Result<Response, Refusal> {
    let email = email.trim().to_owned();
    if !email.contains('@') || email.len() > EMAIL_LIMIT {
        return Err(Refusal::bad_request("an e-mail address is required"));
    }
    let page = format!("/_sandbox/consent?state={state}");
    let confirmed = service.change_if(|known| {
        let is_pending = known.accounts.login_status(&state, known.clock.now_ms()) == LoginStatus::Pending;
        is_pending.then_some(Change::LoginConfirmed { state, email })
    })?;
    if !confirmed {
        return Err(Refusal(
            StatusCode::CONFLICT,
            "this login has expired or is already confirmed: start it again".to_owned(),
        ));
    }
    let done = Done(json!({ "message": "The login is confirmed. Return to the terminal." }));
    Ok(done.respond_or_return(&headers, &page))
}
