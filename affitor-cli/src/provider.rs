//! The payment providers, and their names.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Evaluates an expression in which a name stands for the provider's type in `affitor_payments`.
macro_rules! with_provider {
    ($provider:expr, $type:ident => $body:expr) => {
        match $provider {
            $crate::provider::PaymentProvider::Stripe => {
                type $type = affitor_payments::Stripe;
                $body
            }
            $crate::provider::PaymentProvider::Polar => {
                type $type = affitor_payments::Polar;
                $body
            }
            $crate::provider::PaymentProvider::LemonSqueezy => {
                type $type = affitor_payments::LemonSqueezy;
                $body
            }
            $crate::provider::PaymentProvider::Paddle => {
                type $type = affitor_payments::Paddle;
                $body
            }
        }
    };
}

pub(crate) use with_provider;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PaymentProvider {
    Stripe,
    Polar,
    LemonSqueezy,
    Paddle,
}

impl PaymentProvider {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stripe => "Stripe",
            Self::Polar => "Polar",
            Self::LemonSqueezy => "Lemon Squeezy",
            Self::Paddle => "Paddle",
        }
    }

    /// Name in paths, in arguments, and in `affitor.toml`.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Polar => "polar",
            Self::LemonSqueezy => "lemon-squeezy",
            Self::Paddle => "paddle",
        }
    }

    /// Type in `affitor_payments`.
    pub(crate) fn rust_type(self) -> &'static str {
        match self {
            Self::Stripe => "Stripe",
            Self::Polar => "Polar",
            Self::LemonSqueezy => "LemonSqueezy",
            Self::Paddle => "Paddle",
        }
    }

    /// How its webhook secrets begin.
    pub(crate) fn secret_prefix(self) -> &'static str {
        match self {
            Self::Stripe | Self::Polar => "whsec_",
            Self::Paddle => "pdl_ntfset_",
            Self::LemonSqueezy => "",
        }
    }

    /// Variable from which the app reads the webhook secret.
    pub(crate) fn secret_variable(self) -> &'static str {
        with_provider!(self, P => <P as affitor_payments::Provider>::SECRET_VARIABLE)
    }
}
