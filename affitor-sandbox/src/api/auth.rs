//! Authentication by API key.

use super::Reply;
use crate::program::Program;

/// Returns the index of the program whose key is in the `Authorization` header.
///
/// Refuses with 401 if the header is missing or is not `Bearer <token>`, or if no program has this key. The message is
/// the one that the service documents for all of these cases.
pub(crate) fn program_of(programs: &[Program], authorization: Option<&[u8]>) -> Result<usize, Reply> {
    authorization
        .and_then(|header| header.strip_prefix(b"Bearer "))
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
        .and_then(|token| programs.iter().position(|program| program.api_key.0.as_bytes() == token))
        .ok_or_else(|| Reply::error(401, "Invalid API token"))
}
