//! `POST /api/v1/cli/stripe-connect`: connects a Stripe account to a program. It requires the program's API key, or the
//! session token of a person.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{Call, Decision, Fields, auth, fields::invalid_field},
    change::Change,
    program::{Secret, StripeConnection},
    reply::{ErrorText, Reply},
    state::State,
};

/// A Stripe account and its webhook endpoint.
#[derive(ToSchema)]
#[allow(dead_code, reason = "used for the OpenAPI document only")]
pub(super) struct ConnectRequest {
    /// The program's id, as a string or a number.
    #[schema(example = "42")]
    program_id: String,
    #[schema(min_length = 1, max_length = 512, example = "acct_1")]
    stripe_user_id: String,
    #[schema(min_length = 1, max_length = 512, example = "we_1")]
    webhook_endpoint_id: String,
    #[schema(min_length = 1, max_length = 512, example = "whsec_1")]
    webhook_secret: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ConnectResponse {
    connected: bool,
    stripe_account_id: String,
    webhook_endpoint_id: String,
    charges_enabled: bool,
    payouts_enabled: bool,
}

/// Connects a Stripe account. From then on, the service reads its webhooks.
#[utoipa::path(
    post, path = "/api/v1/cli/stripe-connect", tag = "Command line", operation_id = "connectStripe",
    security(("key" = []), ("session" = [])),
    request_body = ConnectRequest,
    responses(
        (status = 200, description = "Connected", body = ConnectResponse),
        (status = 400, description = "A field is missing or invalid", body = ErrorText),
        (status = 401, description = "The key or session token is missing or invalid", body = ErrorText),
        (status = 404, description = "There is no such program, or the key belongs to another one", body = ErrorText),
    ),
)]
pub(in crate::api) fn connect(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let id = call.fields().ok().and_then(program_id);
    let program = auth::program_with_id(state, call, id.as_deref().unwrap_or_default());
    if let Err(refused) = &program
        && refused.status == 401
    {
        return Err(refused.clone());
    }
    let fields = call.fields()?;
    if id.is_none() {
        return Err(invalid_field("program_id", "a string or an integer"));
    }
    let required = |name: &str| fields.key(name)?.ok_or_else(|| Reply::error(400, format!("{name} is required")));
    let connection = StripeConnection {
        account_id: required("stripe_user_id")?,
        webhook_endpoint_id: required("webhook_endpoint_id")?,
        webhook_secret: Secret(required("webhook_secret")?),
        connected_ms: call.now_ms,
    };
    let program_id = state.programs[program?].id;
    let reply = Reply::ok(&ConnectResponse {
        connected: true,
        stripe_account_id: connection.account_id.clone(),
        webhook_endpoint_id: connection.webhook_endpoint_id.clone(),
        charges_enabled: true,
        payouts_enabled: true,
    });
    Ok(Decision::changing(Change::StripeConnected { program_id, connection }, reply))
}

fn program_id(fields: &Fields) -> Option<String> {
    let sent = fields.get("program_id")?;
    sent.as_str().map(str::to_owned).or_else(|| Some(sent.as_u64()?.to_string()))
}
