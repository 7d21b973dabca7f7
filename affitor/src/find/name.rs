//! A name to be found in many requests.

use std::fmt;

use memchr::memmem::Finder;

/// The name of a cookie or of a body field, with its search prepared once.
#[derive(Clone)]
pub struct Name {
    text: Box<str>,
    finder: Finder<'static>,
}

impl Name {
    /// Prepares the search for a name.
    pub fn new(name: &str) -> Self {
        Self { text: name.into(), finder: Finder::new(name).into_owned() }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the name's bytes stand in a text, whether or not they mean the name there.
    pub(super) fn positions<'h>(&self, text: &'h [u8]) -> impl Iterator<Item = usize> {
        self.finder.find_iter(text)
    }

    /// Whether the name's bytes stand in a text.
    pub(super) fn occurs_in(&self, text: &[u8]) -> bool {
        self.finder.find(text).is_some()
    }

    /// Whether a name is made of characters that JSON can only write as themselves or as `\u….`, and a form only as
    /// themselves or with `%`. Only then does a search for its bytes say that it is absent.
    pub(super) fn is_plain(&self) -> bool {
        !self.text.is_empty() && self.text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}
