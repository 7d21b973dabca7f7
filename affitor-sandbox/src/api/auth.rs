//! Authentication: the API key of a program, or the session token of a person.

use super::{Call, Caller};
use crate::{management::ManagementKey, reply::Reply, secret::SecretHash, state::State};

/// Returns the index of the program whose key is in the `Authorization` header.
///
/// Refuses with 401 if the header is missing or is not `Bearer <token>`, or if no program has this key. The message is
/// the one that the service documents for all of these cases.
pub(crate) fn program_of(state: &State, call: &Call<'_>) -> Result<usize, Reply> {
    let found = match call.caller {
        Caller::Shop(program) => Some(program),
        Caller::Client(authorization) => bearer(authorization)
            .and_then(|token| state.programs.iter().position(|program| program.api_key.hash == token)),
    };
    found.ok_or_else(invalid)
}

/// Refuses with 401 unless the `Authorization` header contains the session token of a person.
pub(super) fn require_session(state: &State, call: &Call<'_>) -> Result<(), Reply> {
    if has_session(state, call) { Ok(()) } else { Err(invalid()) }
}

/// Returns the index of the program with this id, for its key or for the session token of a person. For the key of
/// another program, there is no such program.
pub(super) fn program_with_id(state: &State, call: &Call<'_>, id: &str) -> Result<usize, Reply> {
    let not_found = || Reply::error(404, "Program not found");
    if has_session(state, call) {
        return state.program_of_id(id).ok_or_else(not_found);
    }
    let program = program_of(state, call)?;
    if state.programs[program].id.to_string() == id { Ok(program) } else { Err(not_found()) }
}

/// Who manages the account.
pub(super) enum Manager<'s> {
    Person,
    Key(&'s ManagementKey),
}

/// Returns who manages the account: the management key in the `Authorization` header, or the session token of a person.
///
/// Refuses with 401 if it is neither. A program's API key is neither.
pub(super) fn manager<'s>(state: &'s State, call: &Call<'_>) -> Result<Manager<'s>, Reply> {
    if has_session(state, call) {
        return Ok(Manager::Person);
    }
    let token = match call.caller {
        Caller::Shop(_) => None,
        Caller::Client(authorization) => bearer(authorization),
    };
    let key = token.and_then(|token| state.management.valid(token, call.now_ms));
    key.map(Manager::Key).ok_or_else(|| Reply::cms_error(401, "UnauthorizedError", "Missing or invalid credentials"))
}

impl Manager<'_> {
    /// Refuses with 403 what the key may not do. A person may do everything.
    pub(super) fn require(&self, scope: &str, program: Option<u64>) -> Result<(), Reply> {
        match self {
            Self::Key(key) if !key.allows(scope, program) => Err(Reply::cms_error(403, "ForbiddenError", "Forbidden")),
            _ => Ok(()),
        }
    }
}

fn has_session(state: &State, call: &Call<'_>) -> bool {
    match call.caller {
        Caller::Shop(_) => false,
        Caller::Client(authorization) => {
            bearer(authorization).is_some_and(|token| state.accounts.has_session(token, call.now_ms))
        }
    }
}

fn bearer(authorization: Option<&[u8]>) -> Option<SecretHash> {
    let token = authorization?.strip_prefix(b"Bearer ")?.trim_ascii();
    (!token.is_empty()).then(|| SecretHash::of(token))
}

fn invalid() -> Reply {
    Reply::error(401, "Invalid API token")
}
