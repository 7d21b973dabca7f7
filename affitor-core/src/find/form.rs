//! A field of a form body (`application/x-www-form-urlencoded`).

use memchr::memchr;

use super::Names;
use crate::click_id::ClickId;

/// Returns the click id from the first field that has a valid one. If a field occurs more than once the last value counts, as in
/// a handler that reads the form into a map.
///
/// Only pairs that may match are decoded. A value that does not decode to a valid id is treated as missing.
pub(super) fn click_id(body: &[u8], fields: &Names) -> Option<ClickId> {
    if !(fields.may_occur_in(body) || body.iter().any(is_escape)) {
        return None;
    }
    fields.iter().find_map(|field| last_of(body, field))
}

fn last_of(body: &[u8], field: &str) -> Option<ClickId> {
    body.rsplit(|byte| *byte == b'&')
        .filter(|pair| {
            let name = &pair[..memchr(b'=', pair).unwrap_or(pair.len())];
            name == field.as_bytes() || name.iter().any(is_escape)
        })
        .filter_map(|pair| form_urlencoded::parse(pair).next())
        .find(|(name, _)| name == field)
        .and_then(|(_, id)| ClickId::new(id.as_bytes()).ok())
}

/// Whether a name with this byte must be decoded before it can be compared.
fn is_escape(byte: &u8) -> bool {
    matches!(byte, b'%' | b'+')
}
