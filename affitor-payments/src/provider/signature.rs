//! What the signature schemes have in common.

use std::time::{Duration, SystemTime};

use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::verify_error::VerifyError;
use crate::unix_time::unix_seconds;

/// Maximum number of signatures of one request. Providers send one, or two while a secret is rotated.
const MAX_SIGNATURES: usize = 16;

/// A request whose signature is to be checked.
#[allow(missing_debug_implementations, reason = "it contains secrets")]
pub struct Signed<'a> {
    pub(crate) header: &'a dyn Fn(&str) -> Option<&'a [u8]>,
    pub(crate) body: &'a [u8],
    pub(crate) secrets: &'a [SecretString],
    pub(crate) now: SystemTime,
    pub(crate) tolerance: Duration,
}

impl<'a> Signed<'a> {
    pub(super) fn header(&self, name: &'static str) -> Result<&'a str, VerifyError> {
        let value = (self.header)(name).ok_or(VerifyError::MissingHeader { name })?;
        std::str::from_utf8(value).map(str::trim).map_err(|_| VerifyError::MalformedHeader { name })
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = &'a [u8]> {
        self.secrets.iter().map(|secret| secret.expose_secret().as_bytes())
    }

    /// Checks that one of the signatures is an expected one. Each pair is compared in constant time.
    pub(super) fn any_matches(
        &self,
        given: impl IntoIterator<Item = Vec<u8>>,
        expected: &[impl AsRef<[u8]>],
    ) -> Result<(), VerifyError> {
        let mut matches = false;
        for given in given.into_iter().take(MAX_SIGNATURES) {
            for expected in expected {
                matches |= bool::from(given.ct_eq(expected.as_ref()));
            }
        }
        if matches { Ok(()) } else { Err(VerifyError::WrongSignature) }
    }

    /// Checks the time of a signature, in seconds since 1970. Called after the signature was checked.
    pub(super) fn in_time(&self, seconds: i64) -> Result<(), VerifyError> {
        let tolerance = i128::from(self.tolerance.as_secs());
        let away = i128::from(unix_seconds(self.now)) - i128::from(seconds);
        if away.abs() <= tolerance { Ok(()) } else { Err(VerifyError::OutsideTolerance) }
    }

    /// Checks a scheme with a time and hex signatures in one header: `t=…,v1=…` or `ts=…;h1=…`.
    pub(super) fn timed_hex(&self, scheme: &TimedHex) -> Result<(), VerifyError> {
        let name = scheme.header;
        let malformed = || VerifyError::MalformedHeader { name };
        let (mut time, mut given) = (None, Vec::new());
        for (key, value) in self.header(name)?.split(scheme.separator).filter_map(|part| part.trim().split_once('=')) {
            if key == scheme.time {
                // The text itself is signed, so `007` differs from `7`.
                if time.replace(value).is_some() {
                    return Err(malformed());
                }
            } else if key == scheme.signature && given.len() < MAX_SIGNATURES {
                given.push(value);
            }
        }
        let time = time.ok_or_else(malformed)?;
        let seconds: i64 = time.parse().map_err(|_| malformed())?;
        if given.is_empty() {
            return Err(malformed());
        }
        let expected: Vec<_> =
            self.secrets().filter_map(|secret| hmac(secret, &[time.as_bytes(), scheme.joint, self.body])).collect();
        self.any_matches(given.into_iter().filter_map(|given| hex::decode(given).ok()), &expected)?;
        self.in_time(seconds)
    }
}

/// A scheme with a time and hex signatures in one header.
pub(super) struct TimedHex {
    pub(crate) header: &'static str,
    pub(super) separator: char,
    pub(super) time: &'static str,
    pub(super) signature: &'static str,
    /// Separator between time and body in the signed text.
    pub(super) joint: &'static [u8],
}

impl TimedHex {
    pub(super) fn sign(&self, secret: &[u8], body: &[u8], seconds: u64) -> Vec<(&'static str, String)> {
        let time = seconds.to_string();
        let signature = hex::encode(hmac(secret, &[time.as_bytes(), self.joint, body]).unwrap_or_default());
        vec![(self.header, format!("{}={time}{}{}={signature}", self.time, self.separator, self.signature))]
    }
}

/// HMAC-SHA256 of the parts. Always `Some`, because HMAC accepts a key of any length.
pub(super) fn hmac(secret: &[u8], parts: &[&[u8]]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().into())
}
