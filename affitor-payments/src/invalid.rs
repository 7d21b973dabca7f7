//! Why an endpoint can't be created.

use std::fmt;

/// The reason why a webhook endpoint can't be created: its secret can't be one, or it is not said who reports Stripe's payments. It
/// does not contain the secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InvalidWebhook {
    reason: &'static str,
    /// The variable that the text came from.
    variable: Option<&'static str>,
}

impl InvalidWebhook {
    pub(crate) const fn new(reason: &'static str) -> Self {
        Self { reason, variable: None }
    }

    pub(crate) const fn in_variable(self, name: &'static str) -> Self {
        Self { reason: self.reason, variable: Some(name) }
    }
}

impl fmt::Display for InvalidWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(variable) = self.variable {
            write!(f, "{variable}: ")?;
        }
        f.write_str(self.reason)
    }
}

affitor_core::debug_as_sentence!(InvalidWebhook);

impl std::error::Error for InvalidWebhook {}
