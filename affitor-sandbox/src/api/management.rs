//! The keys of the Management API: `/api/advertiser/api-keys`. A management key or the session token of a person is required.
//!
//! No scope is documented for these calls, so a key needs `*`.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Call, Decision, auth, login::no_random_numbers};
use crate::{
    change::Change,
    clock,
    management::{ManagementKey, SCOPES},
    reply::{CmsError, ErrorText, Reply},
    secret::random,
    state::State,
};

/// Maximum number of management keys.
const LIMIT: usize = 1_000;

/// A new management key.
#[derive(ToSchema)]
#[allow(dead_code, reason = "used for the OpenAPI document only")]
pub(super) struct NewKeyRequest {
    #[schema(min_length = 1, max_length = 512, example = "deploy")]
    name: String,
    /// Default: `["*"]`.
    #[schema(min_items = 1, max_items = 9, example = json!(["program:regenerate-token"]))]
    scopes: Option<Vec<String>>,
    /// Ids of programs. Default: all.
    #[schema(max_items = 1000)]
    program_scope: Option<Vec<u64>>,
    /// Default: never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Key {
    id: u64,
    name: String,
    #[schema(example = "affk_1a2b3c4d")]
    prefix: String,
    scopes: Vec<String>,
    program_scope: Option<Vec<u64>>,
    #[schema(pattern = "^(active|revoked)$")]
    status: &'static str,
    /// Returned only when the key is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<String>,
    key_masked: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct KeyData {
    data: Key,
}

#[derive(Serialize, ToSchema)]
pub(super) struct KeyList {
    data: Vec<Key>,
}

impl Key {
    fn of(key: &ManagementKey) -> Self {
        Self {
            id: key.id,
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            scopes: key.scopes.clone(),
            program_scope: key.program_scope.clone(),
            status: if key.is_revoked { "revoked" } else { "active" },
            key: None,
            key_masked: key.key.masked.clone(),
        }
    }
}

/// Lists the management keys, oldest first.
#[utoipa::path(
    get, path = "/api/advertiser/api-keys", tag = "Management", operation_id = "listManagementKeys",
    security(("management" = []), ("session" = [])),
    responses(
        (status = 200, description = "The keys", body = KeyList),
        (status = 401, description = "The key or session token is missing or invalid", body = CmsError),
        (status = 403, description = "The key has other scopes", body = CmsError),
    ),
)]
pub(super) fn list(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    auth::manager(state, call)?.require("*", None)?;
    Ok(Reply::ok(&KeyList { data: state.management.all().iter().map(Key::of).collect() }).into())
}

/// Makes a management key. It is shown only once.
#[utoipa::path(
    post, path = "/api/advertiser/api-keys", tag = "Management", operation_id = "createManagementKey",
    security(("management" = []), ("session" = [])),
    request_body = NewKeyRequest,
    responses(
        (status = 200, description = "The key", body = KeyData),
        (status = 400, description = "A field is missing or invalid, or there are 1,000 keys", body = ErrorText),
        (status = 401, description = "The key or session token is missing or invalid", body = CmsError),
        (status = 403, description = "The key has other scopes", body = CmsError),
    ),
)]
pub(super) fn create(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    auth::manager(state, call)?.require("*", None)?;
    let fields = call.fields()?;
    let invalid = |message: String| Reply::error(400, message);
    if state.management.all().len() >= LIMIT {
        return Err(invalid(format!("There are {LIMIT} keys already")));
    }
    let name = fields.key("name")?.ok_or_else(|| invalid("name is required".to_owned()))?;
    let scopes = match fields.get("scopes") {
        None => vec!["*".to_owned()],
        Some(value) => scopes(value).ok_or_else(|| invalid(format!("scopes must be some of {}", SCOPES.join(", "))))?,
    };
    let program_scope = match fields.get("program_scope") {
        None => None,
        Some(value) => {
            let ids = || -> Option<Vec<u64>> {
                value.as_array().filter(|ids| ids.len() <= LIMIT)?.iter().map(Value::as_u64).collect()
            };
            Some(ids().ok_or_else(|| invalid("program_scope must be a list of ids of programs, or null".to_owned()))?)
        }
    };
    let expires_ms = match fields.get("expires_at") {
        None => None,
        Some(value) => {
            let time = value.as_str().and_then(clock::parse).map(|(first, _)| first);
            Some(time.ok_or_else(|| invalid("expires_at must be a time in ISO 8601, or null".to_owned()))?)
        }
    };
    let secret = random("affk_").map_err(no_random_numbers)?;
    let key = ManagementKey::new(state.management.next_id(), name, &secret);
    let key = ManagementKey { scopes, program_scope, expires_ms, ..key };
    let reply = Reply::ok(&KeyData { data: Key { key: Some(secret), ..Key::of(&key) } });
    Ok(Decision::changing(Change::ManagementKey(Box::new(key)), reply))
}

fn scopes(value: &Value) -> Option<Vec<String>> {
    let scopes = value.as_array().filter(|scopes| (1..=SCOPES.len()).contains(&scopes.len()))?;
    scopes.iter().map(|scope| scope.as_str().filter(|scope| SCOPES.contains(scope)).map(str::to_owned)).collect()
}

/// Revokes a management key, and keeps its record.
#[utoipa::path(
    delete, path = "/api/advertiser/api-keys/{key}", tag = "Management", operation_id = "revokeManagementKey",
    security(("management" = []), ("session" = [])),
    params(("key" = u64, Path, description = "Id of the key")),
    responses(
        (status = 200, description = "The key is revoked", body = KeyData),
        (status = 401, description = "The key or session token is missing or invalid", body = CmsError),
        (status = 403, description = "The key has other scopes", body = CmsError),
        (status = 404, description = "There is no such key", body = CmsError),
    ),
)]
pub(super) fn revoke(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    auth::manager(state, call)?.require("*", None)?;
    let found = state.management.all().iter().find(|key| key.id.to_string() == call.path_id);
    let key = found.ok_or_else(|| Reply::not_found("Not Found"))?;
    let reply = Reply::ok(&KeyData { data: Key { status: "revoked", ..Key::of(key) } });
    Ok(Decision::changing(Change::ManagementKeyRevoked { id: key.id }, reply))
}

/// Changes a management key: what its body may contain is nowhere documented.
#[utoipa::path(
    put, path = "/api/advertiser/api-keys/{key}", tag = "Management", operation_id = "updateManagementKey",
    security(("management" = []), ("session" = [])),
    params(("key" = u64, Path, description = "Id of the key")),
    responses(
        (status = 401, description = "The key or session token is missing or invalid", body = CmsError),
        (status = 403, description = "The key has other scopes", body = CmsError),
        (status = 501, description = "The sandbox can't do it, because it is not documented", body = CmsError),
    ),
)]
pub(super) fn update(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    auth::manager(state, call)?.require("*", None)?;
    Err(not_documented("what a change of a key may contain"))
}

/// Refuses what the service's documents name and do not describe.
pub(super) fn not_documented(what: &str) -> Reply {
    let message = format!("The sandbox does not have this call: {what} is nowhere documented");
    Reply::cms_error(501, "NotImplementedError", &message)
}
