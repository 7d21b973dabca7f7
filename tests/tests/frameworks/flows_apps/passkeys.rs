//! A stand-in for a WebAuthn library: it checks what a registration without attestation contains, and stores no public key.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use flows::passkey::VerifyRegistration;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Flags of the authenticator: user present, user verified, credential attached.
const FLAGS: u8 = 0x01 | 0x04 | 0x40;

pub(crate) struct Verifier {
    pub(crate) domain: String,
    pub(crate) origin: String,
}

impl VerifyRegistration for Verifier {
    fn verify(&self, challenge: &str, credential: &Value) -> Option<String> {
        let decode = |value: &Value| BASE64_URL_SAFE_NO_PAD.decode(value.as_str()?).ok();
        let client: Value = serde_json::from_slice(&decode(&credential["response"]["clientDataJSON"])?).ok()?;
        let authenticator = decode(&credential["response"]["authenticatorData"])?;
        let valid = client["type"] == "webauthn.create"
            && client["challenge"] == challenge
            && client["origin"] == *self.origin
            && authenticator.get(..32)? == Sha256::digest(&self.domain).as_slice()
            && authenticator.get(32)? & FLAGS == FLAGS;
        valid.then_some(credential["id"].as_str()?.to_owned())
    }
}

/// The response of a browser on `origin` to a challenge.
pub(crate) fn credential(challenge: &str, origin: &str, domain: &str) -> Value {
    let client = json!({ "type": "webauthn.create", "challenge": challenge, "origin": origin });
    let authenticator: Vec<u8> = Sha256::digest(domain).iter().copied().chain([FLAGS]).collect();
    json!({
        "id": "credential_1",
        "response": {
            "clientDataJSON": BASE64_URL_SAFE_NO_PAD.encode(client.to_string()),
            "authenticatorData": BASE64_URL_SAFE_NO_PAD.encode(authenticator),
        },
    })
}
