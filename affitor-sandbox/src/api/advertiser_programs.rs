//! Programs in the Management API: `/api/advertiser/affiliate-programs`. They show the program's API key masked, and replace it.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Decision, auth, login::no_random_numbers, management::not_documented};
use crate::{
    change::Change,
    program::Program,
    reply::{CmsError, Reply},
    secret::{StoredKey, random},
    state::State,
};

#[derive(Serialize, ToSchema)]
pub(super) struct ManagedProgram {
    id: u64,
    name: String,
    #[schema(pattern = "^(active|paused)$")]
    status: &'static str,
    #[schema(example = "aff_abcdefgh****wxyz")]
    api_token_masked: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ManagedProgramList {
    data: Vec<ManagedProgram>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ManagedProgramData {
    data: ManagedProgram,
}

#[derive(Serialize, ToSchema)]
pub(super) struct NewToken {
    /// Returned only here.
    api_token: String,
    #[schema(example = "aff_abcdefgh****wxyz")]
    api_token_masked: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct NewTokenData {
    data: NewToken,
}

impl ManagedProgram {
    fn of(program: &Program) -> Self {
        Self {
            id: program.id,
            name: program.name.clone(),
            status: program.status(),
            api_token_masked: program.api_key.masked.clone(),
        }
    }
}

/// Lists the programs that the key may see, oldest first. The documents do not say which other fields there are.
#[utoipa::path(
    get, path = "/api/advertiser/affiliate-programs", tag = "Management", operation_id = "listManagedPrograms",
    security(("management" = []), ("session" = [])),
    responses(
        (status = 200, description = "The programs", body = ManagedProgramList),
        (status = 401, description = "The key or session token is missing or invalid", body = CmsError),
        (status = 403, description = "The key has other scopes", body = CmsError),
    ),
)]
pub(super) fn list(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let manager = auth::manager(state, call)?;
    manager.require("program:list", None)?;
    let visible = |program: &&Program| manager.require("program:list", Some(program.id)).is_ok();
    let data = state.programs.iter().filter(visible).map(ManagedProgram::of).collect();
    Ok(Reply::ok(&ManagedProgramList { data }).into())
}

/// Returns a program, with its API key masked.
#[utoipa::path(
    get, path = "/api/advertiser/affiliate-programs/{program}", tag = "Management", operation_id = "readManagedProgram",
    security(("management" = []), ("session" = [])),
    params(("program" = u64, Path, description = "Id of the program")),
    responses(
        (status = 200, description = "The program", body = ManagedProgramData),
        (status = 401, description = "The key or session token is missing or invalid", body = CmsError),
        (status = 403, description = "The key has other scopes, or is for other programs", body = CmsError),
        (status = 404, description = "There is no such program", body = CmsError),
    ),
)]
pub(super) fn read(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = program(state, call, "program:read")?;
    Ok(Reply::ok(&ManagedProgramData { data: ManagedProgram::of(program) }).into())
}

/// Replaces a program's API key. The old one is invalid immediately, and the new one is shown only once.
#[utoipa::path(
    post, path = "/api/advertiser/affiliate-programs/{program}/regenerate-api-token", tag = "Management",
    operation_id = "regenerateApiToken",
    security(("management" = []), ("session" = [])),
    params(("program" = u64, Path, description = "Id of the program")),
    responses(
        (status = 200, description = "The new API key", body = NewTokenData),
        (status = 401, description = "The key or session token is missing or invalid", body = CmsError),
        (status = 403, description = "The key has other scopes, or is for other programs", body = CmsError),
        (status = 404, description = "There is no such program", body = CmsError),
    ),
)]
pub(super) fn regenerate(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = program(state, call, "program:regenerate-token")?;
    let api_token = random("aff_").map_err(no_random_numbers)?;
    let api_key = StoredKey::of(&api_token);
    let data = NewToken { api_token, api_token_masked: api_key.masked.clone() };
    let change = Change::KeyRotated { program_id: program.id, api_key, at_ms: call.now_ms };
    Ok(Decision::changing(change, Reply::ok(&NewTokenData { data })))
}

/// Creates a program: its body is nowhere documented.
#[utoipa::path(
    post, path = "/api/advertiser/affiliate-programs", tag = "Management", operation_id = "createManagedProgram",
    security(("management" = []), ("session" = [])),
    responses(
        (status = 401, description = "The key or session token is missing or invalid", body = CmsError),
        (status = 403, description = "The key has other scopes", body = CmsError),
        (status = 501, description = "The sandbox can't do it, because it is not documented", body = CmsError),
    ),
)]
pub(super) fn create(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    auth::manager(state, call)?.require("program:create", None)?;
    Err(not_documented("the body of a program"))
}

/// Changes a program: its body is nowhere documented.
#[utoipa::path(
    put, path = "/api/advertiser/affiliate-programs/{program}", tag = "Management", operation_id = "updateManagedProgram",
    security(("management" = []), ("session" = [])),
    params(("program" = u64, Path, description = "Id of the program")),
    responses(
        (status = 401, description = "The key or session token is missing or invalid", body = CmsError),
        (status = 403, description = "The key has other scopes, or is for other programs", body = CmsError),
        (status = 404, description = "There is no such program", body = CmsError),
        (status = 501, description = "The sandbox can't do it, because it is not documented", body = CmsError),
    ),
)]
pub(super) fn update(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    program(state, call, "program:update")?;
    Err(not_documented("the body of a program"))
}

/// Deletes a program: what becomes of its events is nowhere documented.
#[utoipa::path(
    delete, path = "/api/advertiser/affiliate-programs/{program}", tag = "Management", operation_id = "deleteManagedProgram",
    security(("management" = []), ("session" = [])),
    params(("program" = u64, Path, description = "Id of the program")),
    responses(
        (status = 401, description = "The key or session token is missing or invalid", body = CmsError),
        (status = 403, description = "The key has other scopes, or is for other programs", body = CmsError),
        (status = 404, description = "There is no such program", body = CmsError),
        (status = 501, description = "The sandbox can't do it, because it is not documented", body = CmsError),
    ),
)]
pub(super) fn delete(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    program(state, call, "program:delete")?;
    Err(not_documented("what becomes of the events of a deleted program"))
}

/// Returns the program in the path, if the key or the person may do this with it.
fn program<'s>(state: &'s State, call: &Call<'_>, scope: &str) -> Result<&'s Program, Reply> {
    let manager = auth::manager(state, call)?;
    manager.require(scope, None)?;
    let index = state.program_of_id(call.path_id).ok_or_else(|| Reply::not_found("Not Found"))?;
    let program = &state.programs[index];
    manager.require(scope, Some(program.id))?;
    Ok(program)
}
