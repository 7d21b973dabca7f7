//! Secrets of webhooks: checked, and from the environment.

use std::ffi::OsString;

use affitor_core::secret::why_unusable;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{invalid::InvalidWebhook, provider::Provider};

/// Checks the value of the provider's variable. `None` if it is unset or empty.
pub(crate) fn from_variable<P: Provider>(value: Option<OsString>) -> Result<Option<SecretString>, InvalidWebhook> {
    let Some(value) = value else { return Ok(None) };
    let text = value
        .into_string()
        .map_err(|_| InvalidWebhook::new("the value is not UTF-8").in_variable(P::SECRET_VARIABLE))?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    checked::<P>(text).map(Some).map_err(|invalid| invalid.in_variable(P::SECRET_VARIABLE))
}

/// Checks a secret of the provider.
pub(crate) fn checked<P: Provider>(secret: impl Into<String>) -> Result<SecretString, InvalidWebhook> {
    let secret = SecretString::from(secret.into());
    let trimmed = secret.expose_secret().trim();
    // The prefix alone is the rest of a secret that was cut off.
    if matches!(trimmed, "" | "whsec_" | "pdl_ntfset_") {
        return Err(InvalidWebhook::new("the webhook secret is empty, so anyone could sign with it"));
    }
    if let Some(reason) = why_unusable(trimmed) {
        return Err(InvalidWebhook::new(reason));
    }
    // Keys of Stripe, Polar, Paddle and Lemon Squeezy (a JSON Web Token).
    const API_KEYS: [&str; 7] =
        ["sk_", "pk_", "rk_", "polar_oat_", "polar_pat_", "pdl_live_apikey_", "pdl_sdbx_apikey_"];
    if API_KEYS.iter().any(|prefix| trimmed.starts_with(prefix)) {
        return Err(InvalidWebhook::new(
            "this is an API key and not a webhook secret: copy the signing secret from the settings of the webhook endpoint",
        ));
    }
    match P::reject_secret(trimmed) {
        Some(reason) => Err(InvalidWebhook::new(reason)),
        None => Ok(SecretString::from(trimmed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Stripe;

    #[test]
    fn a_variable_is_named() {
        for (value, expected) in [
            (None, Ok(None)),
            (Some(" \n"), Ok(None)),
            (Some("whsec_0123456789\n"), Ok(Some("whsec_0123456789"))),
            (Some("whsec_..."), Err("STRIPE_WEBHOOK_SECRET: the secret is a placeholder")),
            (Some("whsec_your_secret"), Err("STRIPE_WEBHOOK_SECRET: the secret is a placeholder")),
            (Some("<secret>"), Err("STRIPE_WEBHOOK_SECRET: the secret is a placeholder")),
            (Some("sk_live_0123456789"), Err("STRIPE_WEBHOOK_SECRET: this is an API key")),
            (Some("whsec_"), Err("STRIPE_WEBHOOK_SECRET: the webhook secret is empty")),
        ] {
            let found = from_variable::<Stripe>(value.map(OsString::from));
            match (found, expected) {
                (Ok(found), Ok(expected)) => {
                    assert_eq!(found.as_ref().map(SecretString::expose_secret), expected);
                }
                (Err(error), Err(expected)) => {
                    let message = error.to_string();
                    assert!(message.starts_with(expected), "{message}");
                    assert!(value.is_none_or(|value| !message.contains(value.trim())), "{message}");
                }
                (found, expected) => panic!("{value:?}: {found:?}, and not {expected:?}"),
            }
        }
    }
}
