//! The tracker's cookies, in `Cookie` headers that may hold anything.
//!
//! Headers are read as bytes: one cookie that is not UTF-8 costs only itself. A value that is quoted or
//! percent-encoded is not a valid id. Of several cookies of one name the first valid one counts, since a browser sends
//! the one of the closest path first.

use std::sync::LazyLock;

use memchr::memchr;
use percent_encoding::percent_decode;

use super::{HISTORY_COOKIE, HISTORY_LEN, Names, OLD_CLICK_ID_COOKIE};
use crate::ClickId;

/// What the value of [`OLD_CLICK_ID_COOKIE`] must start with: the name is not Affitor's alone.
const OLD_VALUE_PREFIX: &[u8] = b"cust_";

/// The first valid id under the first of the names that has one, in all `Cookie` headers of a request.
///
/// ```
/// use affitor::find::{Names, cookie};
///
/// let names = Names::new(["affitor_click_id", "customer_code"]);
/// let headers: [&[u8]; 2] = [b"customer_code=cust_1_1", b"a=b; affitor_click_id=cust_2_2; c=d"];
/// assert_eq!(cookie::click_id(headers, &names).unwrap(), "cust_2_2");
/// ```
pub fn click_id<'h>(headers: impl IntoIterator<Item = &'h [u8]>, names: &Names) -> Option<ClickId> {
    let mut found = None;
    // Only names before that of the best find so far can still win.
    let mut wanted = names.len();
    for header in headers {
        each_value(header, names, |number, name, value| {
            let mine = name != OLD_CLICK_ID_COOKIE || value.starts_with(OLD_VALUE_PREFIX);
            if let (true, Ok(click_id)) = (mine && number < wanted, ClickId::new(value)) {
                found = Some(click_id);
                wanted = number;
            }
            wanted > 0
        });
        if wanted == 0 {
            break;
        }
    }
    found
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
    static NAME: LazyLock<Names> = LazyLock::new(|| Names::new([HISTORY_COOKIE]));
    let mut history = Vec::new();
    for header in headers {
        each_value(header, &NAME, |_, _, value| {
            history = history_of_value(value);
            history.is_empty()
        });
        if !history.is_empty() {
            break;
        }
    }
    history
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

/// Hands over the values under the names in one `Cookie` header, without the white space around them, each with its name
/// and that name's number; until one is enough.
fn each_value<'h>(header: &'h [u8], names: &Names, mut goes_on: impl FnMut(usize, &str, &'h [u8]) -> bool) {
    names.each_in(header, |start, number| {
        let before = header[..start].trim_ascii_end();
        if !(before.is_empty() || before.ends_with(b";")) {
            return true;
        }
        let Some(name) = names.iter().nth(number) else { return true };
        let behind = header[start + name.len()..].trim_ascii_start();
        let Some(value) = behind.strip_prefix(b"=") else { return true };
        let end = memchr(b';', value).unwrap_or(value.len());
        goes_on(number, name, value[..end].trim_ascii())
    });
}
