//! Why a request is not a webhook of the provider.

use std::fmt;

/// The reason why a request is not accepted as a webhook of the provider. Respond with status 400, or 503 if the endpoint is disabled.
///
/// It contains neither the body nor the secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// The endpoint has no secret: [`Webhook::disabled`](crate::Webhook::disabled). Respond with status 503.
    Disabled,
    /// A header that the provider always sends is missing: the request is not from the provider, or a proxy removes headers.
    #[non_exhaustive]
    MissingHeader {
        /// Name of the header.
        name: &'static str,
    },
    /// A header does not have the provider's format.
    #[non_exhaustive]
    MalformedHeader {
        /// Name of the header.
        name: &'static str,
    },
    /// No signature matches: the secret belongs to another endpoint, the body was modified (for example parsed and serialized), or
    /// the request is forged.
    WrongSignature,
    /// The signature is correct, but its time is not: a replay, or a wrong clock. See
    /// [`Webhook::tolerance`](crate::Webhook::tolerance).
    OutsideTolerance,
    /// The signature is correct, but the body is not a JSON object.
    NotJson,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("the webhook is disabled, because the app has no secret for it"),
            Self::MissingHeader { name } => write!(f, "the header {name} is missing"),
            Self::MalformedHeader { name } => write!(f, "the header {name} is malformed"),
            Self::WrongSignature => f.write_str(
                "wrong signature: check that the secret belongs to this endpoint, and that the body is unmodified",
            ),
            Self::OutsideTolerance => {
                f.write_str("the time of the signature is outside the tolerance: a replay, or a wrong clock")
            }
            Self::NotJson => f.write_str("the body is not a JSON object"),
        }
    }
}

affitor_core::debug_as_sentence!(VerifyError);

impl std::error::Error for VerifyError {}
