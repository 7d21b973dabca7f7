//! The tracker's cookies, in `Cookie` headers that may hold anything.
//!
//! Headers are read as bytes: one cookie that is not UTF-8 costs only itself. A value that is quoted or
//! percent-encoded is not a valid id. Of several cookies of one name the first valid one counts, since a browser sends
//! the one of the closest path first.

use std::sync::LazyLock;

use memchr::memchr;
use percent_encoding::percent_decode;

use super::{HISTORY_COOKIE, HISTORY_LEN, Name, OLD_CLICK_ID_COOKIE};
use crate::ClickId;

/// What the value of [`OLD_CLICK_ID_COOKIE`] must start with: the name is not Affitor's alone.
const OLD_VALUE_PREFIX: &[u8] = b"cust_";

/// The first valid id under the first of the names that has one, in all `Cookie` headers of a request.
///
/// ```
/// use affitor::find::{Name, cookie};
///
/// let names = ["affitor_click_id", "customer_code"].map(Name::new);
/// let headers: [&[u8]; 2] = [b"customer_code=cust_1_1", b"a=b; affitor_click_id=cust_2_2; c=d"];
/// assert_eq!(cookie::click_id(headers, &names).unwrap(), "cust_2_2");
/// ```
pub fn click_id<'h>(headers: impl IntoIterator<Item = &'h [u8]>, names: &[Name]) -> Option<ClickId> {
    let mut found = None;
    // Only names before that of the best find so far can still win.
    let mut names = names;
    for header in headers {
        let hit = names.iter().enumerate().find_map(|(at, name)| Some((at, first_valid(header, name)?)));
        if let Some((at, click_id)) = hit {
            found = Some(click_id);
            names = &names[..at];
        }
        if names.is_empty() {
            break;
        }
    }
    found
}

fn first_valid(header: &[u8], name: &Name) -> Option<ClickId> {
    let old = name.as_str() == OLD_CLICK_ID_COOKIE;
    values(header, name)
        .filter(|value| !old || value.starts_with(OLD_VALUE_PREFIX))
        .find_map(|value| ClickId::new(value).ok())
}

/// The visitor's history of clicks from the cookie [`HISTORY_COOKIE`]: oldest first, without doubles (of which the
/// newest place counts), and of more than [`HISTORY_LEN`] the newest.
///
/// The cookie holds ids joined with `|`, percent-encoded. Parts that are no ids are left out.
///
/// ```
/// use affitor::find::cookie;
///
/// let headers: [&[u8]; 1] = [b"affitor_click_ids=cust_1_1%7Ccust_2_2"];
/// let history = cookie::history(headers);
/// assert_eq!(history, ["cust_1_1", "cust_2_2"]);
/// ```
pub fn history<'h>(headers: impl IntoIterator<Item = &'h [u8]>) -> Vec<ClickId> {
    static NAME: LazyLock<Name> = LazyLock::new(|| Name::new(HISTORY_COOKIE));
    headers
        .into_iter()
        .flat_map(|header| values(header, &NAME))
        .map(history_of_value)
        .find(|ids| !ids.is_empty())
        .unwrap_or_default()
}

fn history_of_value(value: &[u8]) -> Vec<ClickId> {
    let value: Vec<u8> = percent_decode(value).collect();
    let mut newest_first: Vec<ClickId> = Vec::new();
    for part in value.rsplit(|byte| *byte == b'|') {
        if newest_first.len() == HISTORY_LEN {
            break;
        }
        if let Ok(id) = ClickId::new(part) {
            if !newest_first.contains(&id) {
                newest_first.push(id);
            }
        }
    }
    newest_first.reverse();
    newest_first
}

/// The values under a name in one `Cookie` header, without the white space around them.
fn values<'h>(header: &'h [u8], name: &Name) -> impl Iterator<Item = &'h [u8]> {
    let len = name.as_str().len();
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + name.find(&header[from..])?;
            from = at + len;
            let before = header[..at].trim_ascii_end();
            if !(before.is_empty() || before.ends_with(b";")) {
                continue;
            }
            if let Some(value) = header[from..].trim_ascii_start().strip_prefix(b"=") {
                let end = memchr(b';', value).unwrap_or(value.len());
                return Some(value[..end].trim_ascii());
            }
        }
    })
}
