//! The program's key, which is never shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::Error;

/// A program API key. Wiped from memory when dropped; the header that carries it is a copy, marked as sensitive.
#[derive(Clone)]
pub(crate) struct ApiKey(SecretString);

impl ApiKey {
    /// Checks a key. White space around it (a line end from a file, say) is dropped. Keys start with `aff_` today, but
    /// nothing in the service asks for that.
    pub(crate) fn new(key: impl Into<String>) -> Result<Self, Error> {
        let key = SecretString::from(key.into());
        let trimmed = key.expose_secret().trim();
        if trimmed.is_empty() {
            return Err(Error::invalid("the API key is empty"));
        }
        if !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::invalid("the API key holds white space or characters other than ASCII"));
        }
        if trimmed.starts_with("affk_") {
            return Err(Error::invalid(
                "this is a management key (affk_…): tracking needs the program API key from the program's settings",
            ));
        }
        Ok(Self(SecretString::from(trimmed)))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}
