//! Who reports the payments of Stripe.
//!
//! Who reports Stripe's payments is an argument (`affitor-payments/src/stripe_reporter.rs`), because each default is wrong for some
//! shops, and then each sale counts twice, or never. A ledger asks the service in the background, and holds. A memory asks with the
//! first payment, and refuses, since there is nothing in which it could hold a payment. Both ask every hour.

use std::{ffi::OsString, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::invalid::InvalidWebhook;

/// Who reports the payments of Stripe to Affitor. If both the app and Affitor do, each sale counts twice.
///
/// Affitor reads Stripe's webhooks itself if Stripe is connected to the program, in Affitor's dashboard. The variable
/// `AFFITOR_STRIPE_REPORTER` holds the choice for [`Webhook::from_env`](crate::Webhook::from_env): `app`, `affitor` or
/// `app-even-if-connected`. The last one is for a program that has connected Stripe for another purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StripeReporter {
    /// The app, from its webhooks. Stripe must not be connected to the program.
    ///
    /// The service is asked about it (`GET /api/v1/cli/status`) if the client knows its program id: by a ledger's worker when it starts,
    /// otherwise with the first payment; and again every hour. If Stripe is connected, a ledger holds the payments, and without a
    /// ledger they are refused: the webhook gets status 503, so Stripe redelivers it, and an error is logged.
    #[default]
    App,
    /// Affitor, because Stripe is connected to the program. The app reports nothing.
    Affitor,
    /// The app, although Stripe is connected to the program: for a program that uses Stripe for other things than Affitor's reading of
    /// webhooks. If Affitor does read them, each sale counts twice.
    AppEvenIfConnected,
}

impl StripeReporter {
    /// Name of the variable with the choice: `AFFITOR_STRIPE_REPORTER`.
    pub const VARIABLE: &str = "AFFITOR_STRIPE_REPORTER";

    const ALL: [Self; 3] = [Self::App, Self::Affitor, Self::AppEvenIfConnected];

    /// Returns the name of the choice, as it stands in the variable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Affitor => "affitor",
            Self::AppEvenIfConnected => "app-even-if-connected",
        }
    }

    /// Reads the value of the variable.
    pub(crate) fn from_variable(value: Option<OsString>) -> Result<Self, InvalidWebhook> {
        let text = value.unwrap_or_default();
        text.to_str().unwrap_or_default().parse()
    }
}

impl fmt::Display for StripeReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StripeReporter {
    type Err = InvalidWebhook;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        Self::ALL.into_iter().find(|reporter| reporter.as_str() == text).ok_or(
            InvalidWebhook::new(
                "set it to `app` or `affitor`: who reports Stripe's payments to Affitor (see StripeReporter)",
            )
            .in_variable(Self::VARIABLE),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_must_be_set() {
        for reporter in StripeReporter::ALL {
            assert_eq!(StripeReporter::from_variable(Some(format!("{reporter}\n").into())).unwrap(), reporter);
            assert_eq!(serde_json::to_value(reporter).unwrap(), reporter.as_str());
        }
        for value in [None, Some(OsString::new()), Some("stripe".into()), Some("App".into())] {
            let error = StripeReporter::from_variable(value).unwrap_err().to_string();
            assert!(error.starts_with("AFFITOR_STRIPE_REPORTER: set it to `app` or `affitor`"), "{error}");
        }
    }
}
