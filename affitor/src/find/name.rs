//! Names to be found in many requests, with one search for all of them.

use std::fmt;

use memchr::memmem::Finder;

/// The names of cookies or of body fields, the first one first, with their search prepared once.
///
/// What all of the names have in common (`_c` of `affitor_click_id` and `customer_code`) is looked for, and only where it
/// stands the names are: so each text is searched once, however many names there are.
///
/// ```
/// use affitor::find::Names;
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

/// A name, and where in it the anchor stands.
#[derive(Clone)]
struct Anchored {
    name: Box<str>,
    offset: usize,
}

impl Names {
    /// Prepares the search. Empty names are left out.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        let anchor = common(&names);
        // JSON can write these only as themselves or as `\u….`, and a form only as themselves or with `%`.
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

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|anchored| &*anchored.name)
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether a text without escapes may have one of the names in it.
    pub(super) fn may_occur_in(&self, text: &[u8]) -> bool {
        !self.plain || self.anchor.find(text).is_some()
    }

    /// Hands over each place at which a name's bytes stand, whether or not they mean the name there, with the number of
    /// the name; until one is enough.
    pub(super) fn each_in(&self, text: &[u8], mut goes_on: impl FnMut(usize, usize) -> bool) {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| self.anchor.find(rest)) {
            for (number, Anchored { name, offset }) in self.names.iter().enumerate() {
                let Some(start) = (from + at).checked_sub(*offset) else { continue };
                if text[start..].starts_with(name.as_bytes()) && !goes_on(start, number) {
                    return;
                }
            }
            from += at + 1;
        }
    }
}

/// The longest text that all of the names have in common.
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
