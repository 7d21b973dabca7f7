//! Checks of the app in the current folder: its TLS, and the secret of its webhook.

use std::{env, path::Path};

use affitor_payments::Webhook;

use crate::{
    check::Check,
    init::manifest::Manifest,
    prove::config::{Config, FILE},
    provider::{PaymentProvider, with_provider},
    tls::{self, Tls},
};

const ADAPTERS: [&str; 4] = ["affitor-axum", "affitor-actix", "affitor-tower", "affitor"];

/// What affitor.toml says. `None` without one; a check if it can't be used.
pub(super) fn config() -> Result<Option<Config>, Check> {
    if !Path::new(FILE).exists() {
        return Ok(None);
    }
    let problem = |failure: crate::failure::Failure| {
        Check::warning("affitor.toml", failure.message, failure.hint.unwrap_or_default())
    };
    Config::read(Path::new(FILE)).map(Some).map_err(problem)
}

/// Checks the TLS of an app that has one of the Affitor crates. `None` if the current folder has no such app.
pub(super) fn tls() -> Option<Check> {
    let manifest = Manifest::read(Path::new(".")).ok()?;
    let dependencies = &manifest.dependencies;
    let adapter =
        ADAPTERS.iter().find_map(|name| dependencies.iter().find(|dependency| dependency.package == *name))?;
    let has = |feature: &str| adapter.features.contains(feature);
    let lock = Tls::of(&manifest.folder);
    let feature = lock.unwrap_or_default().feature();
    let hint = format!("cargo add {} --features {feature}", adapter.package);
    if !tls::FEATURES.iter().any(|feature| has(feature)) {
        let message = format!("{} has no TLS, so the app can't reach https://api.affitor.com", adapter.package);
        return Some(Check::failed("app-tls", message, hint));
    }
    let brings = tls::FEATURES.iter().any(|feature| *feature != "rustls" && has(feature));
    match lock {
        Some(lock) if !brings && !lock.aws_lc_rs && !lock.ring => Some(Check::failed(
            "app-tls",
            format!("{} is to use the app's own cryptography for rustls, and the app has none", adapter.package),
            hint,
        )),
        _ => Some(Check::passed("app-tls", format!("{} can reach the service by https", adapter.package))),
    }
}

/// Checks the secret of the app's webhook, if it is in the environment.
pub(super) fn webhook(config: &Config) -> Option<Check> {
    let webhook = config.webhook.as_ref()?;
    let variable = &webhook.secret;
    let Some(secret) = env::var_os(variable).filter(|secret| !secret.is_empty()) else {
        return Some(Check::skipped("app-webhook", &format!("{variable} is not set here")));
    };
    let problem = match secret.into_string() {
        Ok(secret) => with_provider!(webhook.provider, P => Webhook::<P>::disabled().or_secret(secret).err())
            .map(|error| error.to_string()),
        Err(_) => Some("the value is not UTF-8".to_owned()),
    };
    Some(match problem {
        None => Check::passed("app-webhook", format!("{variable} may be one of {}", webhook.provider.name())),
        Some(problem) => Check::failed(
            "app-webhook",
            format!("{variable}: {problem}"),
            format!("copy it from the settings of the webhook endpoint at {}", webhook.provider.name()),
        ),
    })
}

/// The variable in which the app has the secret of Stripe's webhook.
pub(super) fn stripe_secret(config: &Config) -> Option<&str> {
    let webhook = config.webhook.as_ref().filter(|webhook| webhook.provider == PaymentProvider::Stripe)?;
    Some(&webhook.secret)
}
