//! Why an endpoint can't be created.

use std::fmt;

use crate::{provider::Provider, stripe_reporter::StripeReporter};

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

    /// The variable of the secret is needed, and not set.
    pub(crate) const fn no_secret<P: Provider>() -> Self {
        Self::new("not set (Webhook::from_env_or_disabled does without it)").in_variable_of::<P>()
    }

    /// It is not said who reports the payments of Stripe.
    pub(crate) const fn no_reporter() -> Self {
        Self {
            reason: "set it to `app` or `affitor`: who reports Stripe's payments to Affitor (see StripeReporter)",
            variable: Some(StripeReporter::VARIABLE),
        }
    }

    pub(crate) const fn in_variable_of<P: Provider>(self) -> Self {
        Self { reason: self.reason, variable: Some(P::SECRET_VARIABLE) }
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
