//! The tracker's cookies, in `Cookie` headers with arbitrary content.
//!
//! Headers are read as bytes, so a cookie that is not UTF-8 does not affect the others. A value that is quoted or
//! percent-encoded is not a valid id. Of several cookies with the same name the first valid one counts: a browser sends the
//! one with the closest path first.

use std::sync::LazyLock;

use memchr::memchr;
use percent_encoding::percent_decode;

use super::{HISTORY_COOKIE, Names, OLD_CLICK_ID_COOKIE};
use crate::{click_history::ClickHistory, click_id::ClickId};

/// Required prefix of the value of [`OLD_CLICK_ID_COOKIE`], because other software uses that name too.
const OLD_VALUE_PREFIX: &[u8] = b"cust_";

/// Returns the click id from the `Cookie` headers of a request: the first valid id under the first name that has one.
///
/// ```
/// use affitor_core::find::{Names, cookie};
///
/// let names = Names::new(["affitor_click_id", "customer_code"]);
/// let headers: [&[u8]; 2] = [b"customer_code=cust_1_1", b"a=b; affitor_click_id=cust_2_2; c=d"];
/// assert_eq!(cookie::click_id(headers, &names).unwrap(), "cust_2_2");
/// ```
#[inline(always)]
pub fn click_id<'h>(headers: impl IntoIterator<Item = &'h [u8]>, names: &Names) -> Option<ClickId> {
    let mut best = None;
    // Only names before the best one so far can still win.
    let mut wanted = names.len();
    for header in headers {
        if let Some(candidate) = names.next_candidate(header, 0) {
            find_better(header, candidate, names, &mut wanted, &mut best);
        }
        if wanted == 0 {
            break;
        }
    }
    best
}

/// Searches one header for a name before the number `wanted`. This is not generic, so that [`click_id`] stays small: most requests
/// have no candidate.
fn find_better(header: &[u8], candidate: usize, names: &Names, wanted: &mut usize, best: &mut Option<ClickId>) {
    each_value(header, candidate, names, |number, name, value| {
        if number < *wanted {
            if let Some(click_id) = valid(name, value) {
                *best = Some(click_id);
                *wanted = number;
            }
        }
        *wanted > 0
    });
}

/// Returns the click id in the value of a cookie with this name, if it is one. White space around the value must be removed.
///
/// ```
/// use affitor_core::find::cookie;
///
/// assert_eq!(cookie::valid("customer_code", b"cust_1_1").unwrap(), "cust_1_1");
/// assert_eq!(cookie::valid("customer_code", b"SPRING20"), None); // of other software
/// assert_eq!(cookie::valid("affitor_click_id", b"a b"), None);
/// ```
pub fn valid(name: &str, value: &[u8]) -> Option<ClickId> {
    let is_ours = name != OLD_CLICK_ID_COOKIE || value.starts_with(OLD_VALUE_PREFIX);
    if is_ours { ClickId::new(value).ok() } else { None }
}

/// Returns the click history from the cookie [`HISTORY_COOKIE`].
///
/// The cookie contains ids joined with `|`, percent-encoded. Invalid ids are left out.
///
/// ```
/// use affitor_core::find::cookie;
///
/// let headers: [&[u8]; 1] = [b"affitor_click_ids=cust_1_1%7Ccust_2_2"];
/// let history = cookie::history(headers);
/// assert_eq!(*history, ["cust_1_1", "cust_2_2"]);
/// ```
pub fn history<'h>(headers: impl IntoIterator<Item = &'h [u8]>) -> ClickHistory {
    static NAME: LazyLock<Names> = LazyLock::new(|| Names::new([HISTORY_COOKIE]));
    let mut history = ClickHistory::default();
    for header in headers {
        if let Some(candidate) = NAME.next_candidate(header, 0) {
            each_value(header, candidate, &NAME, |_, _, value| {
                history = parse_history(value);
                history.is_empty()
            });
        }
        if !history.is_empty() {
            break;
        }
    }
    history
}

fn parse_history(value: &[u8]) -> ClickHistory {
    let value: Vec<u8> = percent_decode(value).collect();
    let newest = value.rsplit(|byte| *byte == b'|').filter_map(|part| ClickId::new(part).ok());
    // A hostile cookie can have thousands of ids: stop when the history is full.
    let mut newest_first: Vec<ClickId> = Vec::new();
    for id in newest {
        if newest_first.len() == ClickHistory::MAX_LEN {
            break;
        }
        if !newest_first.contains(&id) {
            newest_first.push(id);
        }
    }
    newest_first.into_iter().rev().collect()
}

/// Calls `goes_on` with the number of the name, the name and the value of each cookie with one of the names, until it returns
/// `false`. White space around values is removed.
///
/// ```
/// use affitor_core::find::{Names, cookie};
///
/// let mut found = Vec::new();
/// cookie::each(b"a=1; b=2 ; a=3", &Names::new(["b", "a"]), |number, name, value| {
///     found.push((number, name.to_owned(), value.to_vec()));
///     true
/// });
/// assert_eq!(found, [(1, "a".into(), b"1".into()), (0, "b".into(), b"2".into()), (1, "a".into(), b"3".into())]);
/// ```
pub fn each<'h>(header: &'h [u8], names: &Names, goes_on: impl FnMut(usize, &str, &'h [u8]) -> bool) {
    if let Some(candidate) = names.next_candidate(header, 0) {
        each_value(header, candidate, names, goes_on);
    }
}

/// As [`each`], but starts at a candidate.
fn each_value<'h>(
    header: &'h [u8],
    candidate: usize,
    names: &Names,
    mut goes_on: impl FnMut(usize, &str, &'h [u8]) -> bool,
) {
    names.each_in(header, candidate, |start, number, name| {
        let before = header[..start].trim_ascii_end();
        if !(before.is_empty() || before.ends_with(b";")) {
            return true;
        }
        let behind = header[start + name.len()..].trim_ascii_start();
        let Some(value) = behind.strip_prefix(b"=") else { return true };
        let end = memchr(b';', value).unwrap_or(value.len());
        goes_on(number, name, value[..end].trim_ascii())
    });
}
