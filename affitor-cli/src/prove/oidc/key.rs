//! The key with which the stand-in signs: ES256, as RFC 7518 has it.

use std::io;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

const ID: &str = "prove";

pub(super) struct Key(EcdsaKeyPair);

impl Key {
    pub(super) fn generate() -> io::Result<Self> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Self).map_err(io::Error::other)
    }

    /// The public key as a JSON Web Key.
    pub(super) fn public(&self) -> Value {
        // An uncompressed point: a byte that says so, and two coordinates of 32 bytes.
        let point = self.0.public_key().as_ref().get(1..).unwrap_or_default();
        let (x, y) = point.split_at(point.len() / 2);
        let encoded = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": ID, "x": encoded(x), "y": encoded(y) })
    }

    /// Signs claims as a JSON Web Token.
    pub(super) fn sign(&self, claims: &Value) -> io::Result<String> {
        let encoded = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let head = json!({ "alg": "ES256", "typ": "JWT", "kid": ID });
        let text = format!("{}.{}", encoded(&head), encoded(claims));
        let signature = self.0.sign(&SystemRandom::new(), text.as_bytes()).map_err(io::Error::other)?;
        Ok(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The claims of a token, if this public key has signed it.
#[cfg(test)]
pub(super) fn verified(token: &str, key: &Value) -> Option<Value> {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    let decoded = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
    let (text, signature) = token.rsplit_once('.')?;
    let point = [vec![4], decoded(key["x"].as_str()?)?, decoded(key["y"].as_str()?)?].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(text.as_bytes(), &decoded(signature)?).ok()?;
    serde_json::from_slice(&decoded(text.split_once('.')?.1)?).ok()
}
