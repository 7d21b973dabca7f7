//! API keys and session tokens. They are generated here, shown once, and kept as hashes only.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// SHA-256 of a key or token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SecretHash([u8; 32]);

impl SecretHash {
    pub(crate) fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredKey {
    pub hash: SecretHash,
    /// Its beginning and its end, such as `aff_abcdefgh****wxyz`.
    pub masked: String,
}

impl StoredKey {
    pub(crate) fn of(key: &str) -> Self {
        let is_long = key.is_ascii() && key.len() >= 32;
        let shown = key.find('_').map_or(0, |end| end + 1) + 8;
        let masked = match is_long && shown < 20 {
            true => format!("{}****{}", &key[..shown], &key[key.len() - 4..]),
            // Too short: a part of it would say too much.
            false => "****".to_owned(),
        };
        Self { hash: SecretHash::of(key.as_bytes()), masked }
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

impl Serialize for SecretHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut hash = [0; 32];
        let text = String::deserialize(deserializer)?;
        hex::decode_to_slice(text, &mut hash).map_err(de::Error::custom)?;
        Ok(Self(hash))
    }
}

/// Returns a new random secret that begins with `prefix`.
///
/// # Errors
///
/// Returns an error if the operating system has no random numbers.
pub(crate) fn random(prefix: &str) -> std::io::Result<String> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(format!("{prefix}{}", hex::encode(bytes)))
}

/// SHA-256 of an e-mail address in hexadecimal, after trimming and conversion to lower case.
pub(crate) fn email_hash(email: &str) -> String {
    hex::encode(Sha256::digest(email.trim().to_lowercase()))
}
