//! The program behind a key.

use super::Reply;
use crate::program::Program;

/// The place of the program that an `Authorization` header names.
///
/// 401 without the header, when it is not `Bearer `, without a token, or with one that no program has; all with the one
/// text that the service documents.
pub(crate) fn program_of(programs: &[Program], authorization: Option<&[u8]>) -> Result<usize, Reply> {
    authorization
        .and_then(|header| header.strip_prefix(b"Bearer "))
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
        .and_then(|token| programs.iter().position(|program| program.api_key.0.as_bytes() == token))
        .ok_or_else(|| Reply::error(401, "Invalid API token"))
}
