//! A passkey: the visitor is stored beside the pending registration.

use std::{fmt, time::Duration};

use affitor::Visitor;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Refusal,
    store::{Pending, random_text},
};

/// The part of your WebAuthn library.
///
/// This example does not verify passkeys itself. Implement this trait with a library such as `webauthn-rs`: it checks the
/// challenge, the origin, the domain, the flags and the attestation.
pub trait VerifyRegistration: Send + Sync {
    /// Returns the id of the new credential, or `None` if the browser's response is not valid for this challenge.
    fn verify(&self, challenge: &str, credential: &Value) -> Option<String>;
}

/// The browser's response.
#[derive(Debug, Deserialize)]
pub struct Response {
    registration: String,
    credential: Value,
}

#[derive(Debug)]
struct Registration {
    visitor: Visitor,
    email: String,
    challenge: String,
}

/// Pending registrations of passkeys.
pub struct Passkeys {
    pending: Pending<Registration>,
    domain: String,
    verifier: Box<dyn VerifyRegistration>,
}

impl Passkeys {
    /// Creates an empty table of registrations for a domain.
    pub fn new(domain: String, verifier: Box<dyn VerifyRegistration>) -> Self {
        Self { pending: Pending::new(Duration::from_secs(5 * 60)), domain, verifier }
    }

    /// Starts a registration. Returns its id, and the options for `navigator.credentials.create`.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system has no random numbers.
    pub fn start(&self, email: &str, visitor: &Visitor) -> Result<Value, Refusal> {
        let (challenge, user_handle) = (random_text()?, random_text()?);
        let row = Registration { visitor: visitor.clone(), email: email.to_owned(), challenge: challenge.clone() };
        let registration = self.pending.insert(row)?;
        Ok(json!({
            "registration": registration,
            "options": {
                "challenge": challenge,
                "rp": { "id": self.domain, "name": "The shop" },
                "user": { "id": user_handle, "name": email, "displayName": email },
                "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }, { "type": "public-key", "alg": -257 }],
                "authenticatorSelection": { "residentKey": "required", "userVerification": "required" },
            },
        }))
    }

    /// Ends a registration. Returns the id of the credential, the address, and the visitor who started.
    ///
    /// # Errors
    ///
    /// Returns an error if the registration was used or has expired, or if the credential is not valid for it.
    pub fn finish(&self, response: &Response) -> Result<(String, String, Visitor), Refusal> {
        let Registration { visitor, email, challenge } = self.pending.take(&response.registration)?;
        let credential = self.verifier.verify(&challenge, &response.credential).ok_or(Refusal::Passkey)?;
        Ok((credential, email, visitor))
    }
}

impl fmt::Debug for Passkeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passkeys").field("domain", &self.domain).finish_non_exhaustive()
    }
}
