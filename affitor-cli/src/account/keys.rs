//! Keys of programs that were created here, until they are written into a project. The service shows a key only once.

use std::path::PathBuf;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::vault::{Reserved, Vault, file_name};
use crate::failure::Failure;

/// Whether the text can be a program's key. Anything else could be a command in an env file that a shell reads.
pub(crate) fn is_key(text: &str) -> bool {
    (1..=1024).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

#[derive(Deserialize)]
struct Stored {
    origin: String,
    program_id: String,
    api_key: String,
}

/// The folder of all kept keys.
pub(crate) fn vault() -> Result<Vault, Failure> {
    Vault::new("keys")
}

/// Stores a key in the space that was reserved for it. Returns its path.
pub(crate) fn keep(
    reserved: Reserved,
    service: &Url,
    program_id: &str,
    key: &SecretString,
) -> Result<PathBuf, Failure> {
    let key = key.expose_secret();
    let text = json!({ "origin": service.as_str(), "program_id": program_id, "api_key": key });
    reserved.store(&name(service, program_id), &format!("{text:#}\n"))
}

/// Loads the key that was kept for this program of this service, with its path.
pub(crate) fn load(service: &Url, program_id: &str) -> Result<Option<(SecretString, PathBuf)>, Failure> {
    let (vault, name) = (vault()?, name(service, program_id));
    let Some(text) = vault.read(&name)? else { return Ok(None) };
    let stored: Option<Stored> = serde_json::from_str(&text).ok();
    let is_same = |stored: &Stored| stored.origin == service.as_str() && stored.program_id == program_id;
    match stored.filter(is_same).filter(|stored| is_key(&stored.api_key)) {
        Some(stored) => Ok(Some((stored.api_key.into(), vault.path(&name)))),
        None => {
            let message = format!("the key file {} is damaged", vault.path(&name).display());
            Err(Failure::usage(message, "move it away, and make a new key in the dashboard"))
        }
    }
}

/// Removes the key, because it is in a project now.
pub(crate) fn remove(service: &Url, program_id: &str) -> Result<bool, Failure> {
    vault()?.remove(&name(service, program_id))
}

fn name(service: &Url, program_id: &str) -> String {
    format!("{}_program_{}.json", file_name(service.as_str()), file_name(program_id))
}
