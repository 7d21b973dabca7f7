//! The program API key, which is never shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;

/// A program API key. It is wiped from memory when dropped; the header with it is a copy that is marked as sensitive.
#[derive(Clone)]
pub(crate) struct ApiKey(SecretString);

impl ApiKey {
    /// Checks a key, without the white space around it (such as the line end of a file). Keys start with `aff_` today, but the
    /// service does not require that.
    pub(crate) fn new(key: impl Into<String>) -> Result<Self, Error> {
        let key = SecretString::from(key.into());
        let trimmed = key.expose_secret().trim();
        if trimmed.is_empty() {
            return Err(Error::invalid("the API key is empty"));
        }
        if !trimmed.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::invalid("the API key contains white space or non-ASCII characters"));
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

impl PartialEq for ApiKey {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}
