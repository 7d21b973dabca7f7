//! What differs between the payment providers' APIs, apart from their lists.

use clap::ValueEnum;
use serde_json::Value;

use crate::provider::PaymentProvider;

/// API version of the requests to Stripe, from which on the objects have the form that the ledger reads. Invoice payments exist
/// since 2025-03-31.
const STRIPE_VERSION: &str = "2025-10-29.clover";

/// The help of `--provider`.
pub(super) fn help() -> String {
    let variables = PaymentProvider::value_variants().iter().map(|provider| provider.variable());
    format!("Payment provider; its read-only key is in {}", variables.collect::<Vec<_>>().join(", "))
}

impl PaymentProvider {
    /// The environment variable with the key.
    pub(super) fn variable(self) -> &'static str {
        match self {
            Self::Stripe => "STRIPE_API_KEY",
            Self::Polar => "POLAR_ACCESS_TOKEN",
            Self::LemonSqueezy => "LEMON_SQUEEZY_API_KEY",
            Self::Paddle => "PADDLE_API_KEY",
        }
    }

    /// What the key must be allowed to read.
    pub(super) fn permissions(self) -> &'static str {
        match self {
            Self::Stripe => {
                "create a restricted key that may read charges and refunds, disputes, payment intents, Checkout sessions, \
                 invoices, credit notes and subscriptions"
            }
            Self::Polar => "create an organization access token with the scopes orders:read and refunds:read",
            Self::LemonSqueezy => "create an API key in the settings of the store",
            Self::Paddle => "create an API key that may read transactions and adjustments",
        }
    }

    pub(super) fn default_url(self, test: bool) -> &'static str {
        match (self, test) {
            (Self::Stripe, _) => "https://api.stripe.com",
            (Self::Polar, false) => "https://api.polar.sh",
            (Self::Polar, true) => "https://sandbox-api.polar.sh",
            (Self::LemonSqueezy, _) => "https://api.lemonsqueezy.com",
            (Self::Paddle, false) => "https://api.paddle.com",
            (Self::Paddle, true) => "https://sandbox-api.paddle.com",
        }
    }

    /// The headers of each request.
    pub(super) fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Stripe => &[("stripe-version", STRIPE_VERSION)],
            Self::Polar => &[("accept", "application/json")],
            Self::LemonSqueezy => &[("accept", "application/vnd.api+json")],
            Self::Paddle => &[("paddle-version", "1")],
        }
    }

    /// Whether an object is one of test mode, if it says so.
    pub(super) fn is_test(self, object: &Value) -> Option<bool> {
        match self {
            Self::Stripe => Some(!object.get("livemode")?.as_bool()?),
            Self::LemonSqueezy => object.pointer("/attributes/test_mode")?.as_bool(),
            Self::Polar | Self::Paddle => None,
        }
    }

    /// The provider's explanation in the response to a request that failed.
    pub(super) fn error_message(self, body: &Value) -> Option<&str> {
        let places: &[&str] = match self {
            Self::Stripe => &["/error/message"],
            Self::Polar => &["/error_description", "/detail", "/detail/0/msg", "/error"],
            Self::LemonSqueezy => &["/errors/0/detail", "/errors/0/title"],
            Self::Paddle => &["/error/detail"],
        };
        places.iter().find_map(|place| body.pointer(place)?.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_arguments() {
        for provider in PaymentProvider::value_variants() {
            assert_eq!(provider.to_possible_value().unwrap().get_name(), provider.id());
        }
    }
}
