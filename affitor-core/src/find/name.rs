//! Names to find in many requests, with one search for all of them.

use std::fmt;

use memchr::memmem::Finder;

/// Names of cookies or body fields in order of precedence, prepared for the search.
///
/// The search first finds what all names have in common (`r_c` of `affitor_click_id` and `customer_code`), and compares the
/// names only there. So most texts are searched once, not once per name.
///
/// ```
/// use affitor_core::find::Names;
///
/// let names = Names::new(["affitor_click_id", "customer_code"]);
/// assert_eq!(names.iter().collect::<Vec<_>>(), ["affitor_click_id", "customer_code"]);
/// ```
#[derive(Clone)]
pub struct Names {
    names: Vec<Anchored>,
    anchor: Finder<'static>,
    plain: bool,
}

/// A name, and the position of the common part in it.
#[derive(Clone)]
struct Anchored {
    name: Box<str>,
    offset: usize,
}

impl Names {
    /// Prepares the search. Empty names are ignored.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        let anchor = common(&names);
        // In JSON these can only be written literally or as `\u…`, in a form only literally or with `%`.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        Self {
            plain: names.iter().all(|name| name.bytes().all(is_plain)),
            anchor: Finder::new(anchor).into_owned(),
            names: names
                .iter()
                .map(|name| Anchored { name: (*name).into(), offset: name.find(anchor).unwrap_or_default() })
                .collect(),
        }
    }

    /// Returns the names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|anchored| &*anchored.name)
    }

    /// Returns the number of names.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether a text without escapes may contain one of the names.
    pub(super) fn may_occur_in(&self, text: &[u8]) -> bool {
        !self.plain || self.anchor.find(text).is_some()
    }

    /// Returns the next position at or after `from` where a name may be.
    #[inline]
    pub(super) fn next_candidate(&self, text: &[u8], from: usize) -> Option<usize> {
        text.get(from..).and_then(|rest| self.anchor.find(rest)).map(|at| from + at)
    }

    /// Calls `goes_on` with each position of a name in the text, the number of the name and the name, until it returns `false`.
    /// Starts at a candidate. The caller checks what the bytes mean there.
    pub(super) fn each_in(&self, text: &[u8], candidate: usize, mut goes_on: impl FnMut(usize, usize, &str) -> bool) {
        let mut next = Some(candidate);
        while let Some(at) = next {
            for (number, Anchored { name, offset }) in self.names.iter().enumerate() {
                let Some(start) = at.checked_sub(*offset) else { continue };
                // The first byte spares most comparisons a call of `memcmp`.
                let is_here = text.get(start) == name.as_bytes().first() && text[start..].starts_with(name.as_bytes());
                if is_here && !goes_on(start, number, name) {
                    return;
                }
            }
            next = self.next_candidate(text, at + 1);
        }
    }
}

/// Returns the longest text that all names have in common.
fn common<'n>(names: &[&'n str]) -> &'n str {
    let Some((first, others)) = names.split_first() else { return "" };
    let in_all = |part: &str| others.iter().all(|other| other.contains(part));
    let parts = (0..first.len()).flat_map(|from| (from + 1..=first.len()).filter_map(move |to| first.get(from..to)));
    parts.filter(|part| in_all(part)).max_by_key(|part| part.len()).unwrap_or_default()
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
