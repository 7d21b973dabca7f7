//! The login of the command line: `POST /api/v1/cli/auth/start`, a page on which a person confirms it, and
//! `GET /api/v1/cli/auth/poll`, which returns a session token once. A login expires after 10 minutes, a token after 90 days.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Decision};
use crate::reply::{ErrorText, Reply};
use crate::{
    account::{ADVERTISER_ID, LOGIN_MS, LoginStatus},
    change::Change,
    clock::iso,
    secret::{SecretHash, random},
    state::State,
};

#[derive(Serialize, ToSchema)]
pub(super) struct StartedLogin {
    state: String,
    /// Page on which a person confirms the login.
    auth_url: String,
    poll_url: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PolledLogin {
    #[schema(pattern = "^(pending|complete|expired|consumed)$")]
    status: &'static str,
    /// Session token, returned once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    advertiser_id: Option<u64>,
}

/// Starts a login.
#[utoipa::path(
    post, path = "/api/v1/cli/auth/start", tag = "Command line", operation_id = "startLogin",
    responses((status = 200, description = "The login was started", body = StartedLogin)),
)]
pub(super) fn start(_: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let state = random("").map_err(no_random_numbers)?;
    let base = call.base_url;
    let reply = Reply::ok(&StartedLogin {
        auth_url: format!("{base}/_sandbox/consent?state={state}"),
        poll_url: format!("{base}/api/v1/cli/auth/poll?state={state}"),
        expires_at: iso(call.now_ms.saturating_add(LOGIN_MS)),
        state: state.clone(),
    });
    Ok(Decision::changing(Change::LoginStarted { state, at_ms: call.now_ms }, reply))
}

/// Returns the status of a login. A confirmed one returns its token once.
#[utoipa::path(
    get, path = "/api/v1/cli/auth/poll", tag = "Command line", operation_id = "pollLogin",
    params(("state" = String, Query, description = "The login's `state`. An unknown `state` is reported as `expired`")),
    responses(
        (status = 200, description = "The status of the login", body = PolledLogin),
        (status = 400, description = "`state` is missing", body = ErrorText),
    ),
)]
pub(super) fn poll(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let login = call.query().find(|(name, _)| name == "state").map(|(_, login)| login.into_owned());
    let login = login.ok_or_else(|| Reply::error(400, "state is required"))?;
    let bare = |status| PolledLogin { status, token: None, email: None, advertiser_id: None };
    match state.accounts.login_status(&login, call.now_ms) {
        LoginStatus::Pending => Ok(Reply::ok(&bare("pending")).into()),
        LoginStatus::Expired => Ok(Reply::ok(&bare("expired")).into()),
        LoginStatus::Consumed => Ok(Reply::ok(&bare("consumed")).into()),
        LoginStatus::Confirmed { email } => {
            let token = random("affs_").map_err(no_random_numbers)?;
            let hash = SecretHash::of(token.as_bytes());
            let reply = Reply::ok(&PolledLogin {
                token: Some(token),
                email: Some(email),
                advertiser_id: Some(ADVERTISER_ID),
                ..bare("complete")
            });
            let change = Change::SessionStarted { state: login, token: hash, at_ms: call.now_ms };
            Ok(Decision::changing(change, reply))
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "an argument of map_err")]
pub(super) fn no_random_numbers(error: std::io::Error) -> Reply {
    tracing::error!(%error, "the operating system has no random numbers");
    Reply::error(500, "Internal server error")
}
