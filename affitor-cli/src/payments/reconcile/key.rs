//! The key of the provider's API: where it comes from, and whether it can be right.

use std::env;

use crate::failure::Failure;
use crate::provider::PaymentProvider;

/// Reads the key from the environment. It is no flag, because other users of the machine can see the flags of a command.
pub(super) fn read(provider: PaymentProvider) -> Result<String, Failure> {
    let variable = provider.variable();
    let key = env::var(variable).unwrap_or_default().trim().to_owned();
    if key.is_empty() {
        let message = format!("no key of {}'s API: {variable} is not set", provider.name());
        return Err(Failure::usage(message, provider.permissions()));
    }
    Ok(key)
}

/// Rejects a key that can't be right, by its prefix, before anything is sent. Returns an advice about a key that works.
pub(super) fn check(provider: PaymentProvider, key: &str, test: bool) -> Result<Option<&'static str>, Failure> {
    let variable = provider.variable();
    if is_other_secret(provider, key) {
        let message = format!("{variable} is not a key that can read {}'s API", provider.name());
        return Err(Failure::usage(message, provider.permissions()));
    }
    match (is_test(provider, key), test) {
        (Some(true), false) => {
            let hint = "use a key of live mode, or add --test-mode";
            return Err(Failure::usage(format!("{variable} is a key of test mode"), hint));
        }
        (Some(false), true) => {
            let hint = "use a key of test mode, or remove --test-mode";
            return Err(Failure::usage(format!("{variable} is a key of live mode"), hint));
        }
        _ => {}
    }
    let is_secret = provider == PaymentProvider::Stripe && key.starts_with("sk_");
    Ok(is_secret.then_some(
        "STRIPE_API_KEY is a secret key, which may do everything; a restricted key that may only read charges and refunds, \
         disputes, payment intents, Checkout sessions, invoices and subscriptions suffices",
    ))
}

/// Whether it is a secret of a webhook, or a key that is public.
fn is_other_secret(provider: PaymentProvider, key: &str) -> bool {
    let prefixes: &[&str] = match provider {
        PaymentProvider::Stripe => &["whsec_", "pk_"],
        PaymentProvider::Polar => &["whsec_", "polar_whs_"],
        PaymentProvider::LemonSqueezy => &[],
        PaymentProvider::Paddle => &["pdl_ntfset_"],
    };
    prefixes.iter().any(|prefix| key.starts_with(prefix))
}

/// Whether it is a key of test mode, if its prefix says so.
fn is_test(provider: PaymentProvider, key: &str) -> Option<bool> {
    let (live, test): (&[&str], &[&str]) = match provider {
        PaymentProvider::Stripe => (&["sk_live_", "rk_live_"], &["sk_test_", "rk_test_"]),
        PaymentProvider::Paddle => (&["pdl_live_"], &["pdl_sdbx_"]),
        // Their keys look the same in both modes.
        PaymentProvider::Polar | PaymentProvider::LemonSqueezy => (&[], &[]),
    };
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| key.starts_with(prefix));
    if begins(test) {
        return Some(true);
    }
    begins(live).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_another_mode_or_purpose_are_rejected() {
        use PaymentProvider::{LemonSqueezy, Paddle, Polar, Stripe};
        for (provider, key, test, accepted) in [
            (Stripe, "rk_live_1", false, true),
            (Stripe, "rk_live_1", true, false),
            (Stripe, "rk_test_1", false, false),
            (Stripe, "sk_test_1", true, true),
            (Stripe, "pk_live_1", false, false),
            (Stripe, "whsec_1", false, false),
            (Paddle, "pdl_live_apikey_1", true, false),
            (Paddle, "pdl_sdbx_apikey_1", true, true),
            (Paddle, "pdl_ntfset_1", false, false),
            // Before May 2025, keys had no prefix.
            (Paddle, "0123456789", true, true),
            (Polar, "polar_oat_1", true, true),
            (Polar, "polar_whs_1", false, false),
            (LemonSqueezy, "eyJ0", false, true),
        ] {
            assert_eq!(check(provider, key, test).is_ok(), accepted, "{provider:?} {key} {test}");
        }
    }

    #[test]
    fn a_secret_key_gets_an_advice() {
        assert!(check(PaymentProvider::Stripe, "sk_live_1", false).unwrap().is_some());
        assert!(check(PaymentProvider::Stripe, "rk_live_1", false).unwrap().is_none());
    }
}
