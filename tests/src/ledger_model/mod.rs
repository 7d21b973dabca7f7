//! The payment ledger in memory, and the model that it is compared with.

/// Calls a generic function with the rules of a provider of lives.
#[macro_export]
macro_rules! with_rules {
    ($provider:expr, |$rules:ident| $body:expr) => {
        match $provider {
            shop_lives::Provider::Stripe => $crate::with_rules!(@ Stripe, $rules, $body),
            shop_lives::Provider::Polar => $crate::with_rules!(@ Polar, $rules, $body),
            shop_lives::Provider::LemonSqueezy => $crate::with_rules!(@ LemonSqueezy, $rules, $body),
            shop_lives::Provider::Paddle => $crate::with_rules!(@ Paddle, $rules, $body),
        }
    };
    (@ $name:ident, $rules:ident, $body:expr) => {{
        type $rules = affitor_payments::$name;
        $body
    }};
}

pub mod judge;
pub mod memory;
pub mod objects;
