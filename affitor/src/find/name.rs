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

    /// Where the name's bytes stand first in a text, whether or not they mean the name there.
    pub(super) fn find(&self, text: &[u8]) -> Option<usize> {
        self.finder.find(text)
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
