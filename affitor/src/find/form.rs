//! A field of a form body (`application/x-www-form-urlencoded`).

use memchr::memchr;

use super::Name;
use crate::ClickId;

/// The valid id under the first of the fields that has one. Of doubles the last one wins, as for a handler that reads
/// the form into a map.
///
/// Only pairs that may be a hit are decoded. What does not decode to a valid id is as if absent.
///
/// ```
/// use affitor::find::{Name, form};
///
/// let fields = [Name::new("affitorClickId")];
/// let body = b"email=jo%40example.com&affitorClickId=cust_42_1714000000000";
/// assert_eq!(form::click_id(body, &fields).unwrap(), "cust_42_1714000000000");
/// ```
pub fn click_id(body: &[u8], fields: &[Name]) -> Option<ClickId> {
    fields.iter().find_map(|field| last_of(body, field))
}

fn last_of(body: &[u8], field: &Name) -> Option<ClickId> {
    let escaped = !field.is_plain() || memchr(b'%', body).is_some();
    if !escaped && field.find(body).is_none() {
        return None;
    }
    body.rsplit(|byte| *byte == b'&')
        .filter(|pair| {
            let name = &pair[..memchr(b'=', pair).unwrap_or(pair.len())];
            name == field.as_str().as_bytes() || (escaped && may_decode(name))
        })
        .filter_map(|pair| form_urlencoded::parse(pair).next())
        .find(|(name, _)| name == field.as_str())
        .and_then(|(_, id)| ClickId::new(id.as_bytes()).ok())
}

/// Whether a name is written with escapes, so that its bytes say nothing.
fn may_decode(name: &[u8]) -> bool {
    name.iter().any(|byte| matches!(byte, b'%' | b'+'))
}
