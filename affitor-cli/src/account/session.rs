//! The session of a person at one service: the token, and for which URL it was made. It is never sent to another one.
//!
//! A session belongs to the URL that issued it. The command's session file contains that URL, and a request to another one is refused
//! before it is built. A cloned project can name another service only in a file that `affitor init` compares and never follows. Space
//! for a token or a key, which the service shows once, is reserved before it is requested.

use std::fmt;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::vault::{Reserved, Vault, file_name};
use crate::failure::Failure;

/// A person who is logged in at a service.
pub(crate) struct Session {
    /// Base URL of the service that issued the token, with a trailing slash.
    pub(crate) origin: String,
    pub(crate) token: SecretString,
    pub(crate) email: Option<String>,
    /// Id of the advertiser, in the type that the service uses.
    pub(crate) advertiser_id: Option<Value>,
}

/// Hides the token and the e-mail address.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("origin", &self.origin).finish_non_exhaustive()
    }
}

#[derive(Deserialize, Serialize)]
struct Stored {
    origin: String,
    token: String,
    email: Option<String>,
    advertiser_id: Option<Value>,
}

/// The folder of all sessions.
pub(crate) fn vault() -> Result<Vault, Failure> {
    Vault::new("sessions")
}

impl Session {
    /// Loads the session at this service, or `None` if nobody is logged in there.
    ///
    /// # Errors
    ///
    /// Returns a failure if the file is damaged, or if other users can read or change it.
    pub(crate) fn load(service: &Url) -> Result<Option<Self>, Failure> {
        let (vault, name) = (vault()?, name(service));
        let Some(text) = vault.read(&name)? else { return Ok(None) };
        let damaged = || {
            let message = format!("the session file {} is damaged", vault.path(&name).display());
            Failure::usage(message, "run `affitor logout`, then `affitor login`")
        };
        let stored: Stored = serde_json::from_str(&text).map_err(|_| damaged())?;
        // The file name says the same, unless somebody copied or renamed the file.
        if stored.origin != service.as_str() || !is_token(&stored.token) {
            return Err(damaged());
        }
        let Stored { origin, token, email, advertiser_id } = stored;
        Ok(Some(Self { origin, token: token.into(), email, advertiser_id }))
    }

    /// Stores the session in the space that was reserved for it.
    pub(crate) fn store(&self, reserved: Reserved, service: &Url) -> Result<(), Failure> {
        let Self { origin, token, email, advertiser_id } = self;
        let token = token.expose_secret();
        let text = json!({ "origin": origin, "token": token, "email": email, "advertiser_id": advertiser_id });
        reserved.store(&name(service), &format!("{text:#}\n"))?;
        Ok(())
    }

    /// Removes the session at this service. Returns whether there was one.
    pub(crate) fn remove(service: &Url) -> Result<bool, Failure> {
        vault()?.remove(&name(service))
    }

    /// Origin for people: without the trailing slash.
    pub(crate) fn service(&self) -> &str {
        self.origin.trim_end_matches('/')
    }
}

/// Whether the text can be sent in a header.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= 8 * 1024 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn name(service: &Url) -> String {
    format!("{}.json", file_name(service.as_str()))
}
