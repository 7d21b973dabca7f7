//! Why a sign-up is refused. Never because of tracking.

use std::fmt;

/// The reason why a request is refused. It says nothing that helps an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The `state`, token or registration is unknown, was already used, or has expired.
    Expired,
    /// The sign-up was started in another browser.
    OtherBrowser,
    /// The person cancelled the sign-up at the identity provider.
    Cancelled,
    /// The identity provider rejected the code, or is unavailable.
    Provider,
    /// The passkey could not be verified.
    Passkey,
    /// The webhook is not signed with the secret.
    Signature,
    /// Affitor is unavailable: the webhook should be redelivered.
    Redeliver,
    /// The server has no random numbers.
    Unavailable,
}

impl Refusal {
    /// Returns the HTTP status of the response.
    pub fn status(self) -> u16 {
        match self {
            Self::Expired | Self::OtherBrowser | Self::Cancelled | Self::Passkey => 400,
            Self::Signature => 401,
            Self::Provider => 502,
            Self::Redeliver | Self::Unavailable => 503,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "This link or sign-up was already used or has expired. Start the sign-up once more.",
            Self::OtherBrowser => "This sign-up was started in another browser. Start it once more in this one.",
            Self::Cancelled => "The sign-up was cancelled.",
            Self::Provider => "The identity provider is unavailable at the moment.",
            Self::Passkey => "The passkey could not be verified.",
            Self::Signature => "The signature is invalid.",
            Self::Redeliver => "Deliver this webhook later.",
            Self::Unavailable => "Sign-ups are unavailable at the moment.",
        })
    }
}

impl std::error::Error for Refusal {}
