//! Why a request is no webhook of the provider's.

use std::fmt;

/// Why a request is not taken for a webhook of the provider's. Answer it with status 400.
///
/// It holds nothing of the body and nothing of the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// A header that the provider always sends is not there: the request is not from the provider, or something in between
    /// drops headers.
    #[non_exhaustive]
    MissingHeader {
        /// Its name.
        name: &'static str,
    },
    /// A header is not what the provider writes.
    #[non_exhaustive]
    MalformedHeader {
        /// Its name.
        name: &'static str,
    },
    /// No signature fits: the secret is another endpoint's, the body was changed on its way (parsed and written again,
    /// say), or the request is forged.
    WrongSignature,
    /// The signature is right and too old, or from the future: a replay, or a clock that is wrong. See
    /// [`Webhook::tolerance`](super::Webhook::tolerance).
    OutsideTolerance,
    /// The signature is right, and the body is no JSON object: it was cut off before it was signed.
    NotJson,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingHeader { name } => write!(f, "the header {name} is missing"),
            Self::MalformedHeader { name } => write!(f, "the header {name} is malformed"),
            Self::WrongSignature => f.write_str(
                "wrong signature: check that the secret is this endpoint's, and that the body is the raw one",
            ),
            Self::OutsideTolerance => {
                f.write_str("the signature's time is more than the tolerance away: a replay, or a wrong clock")
            }
            Self::NotJson => f.write_str("the body is not a JSON object"),
        }
    }
}

impl std::error::Error for VerifyError {}
