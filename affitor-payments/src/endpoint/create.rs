//! Creating an endpoint: from a secret, from the environment, or disabled.

use std::{env, sync::Arc, time::Duration};

use secrecy::SecretString;

use super::{Settings, Webhook};
use crate::{
    invalid::InvalidWebhook,
    provider::{Provider, ReportedByApp, Stripe},
    secret::{checked, from_variable},
    stripe_reporter::StripeReporter,
};

impl<P: ReportedByApp> Webhook<P> {
    /// Creates an endpoint with the secret that the provider shows for it: Polar's secret, Lemon Squeezy's signing secret, Paddle's
    /// `pdl_ntfset_…`. White space around it (such as the line end of a file) is ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if the secret is empty, because anyone could sign with it; if it is visibly not one (`undefined`, a template
    /// that was not expanded such as `${SECRET}`, quotes around it, invisible characters); if it is an API key of the provider.
    pub fn new(secret: impl Into<String>) -> Result<Self, InvalidWebhook> {
        Self::disabled().or_secret(secret)
    }

    /// Creates an endpoint as [`Webhook::new`] does, or a [disabled](Webhook::disabled) one if the secret is blank, which it logs: for an app
    /// with a configuration of its own, whose secret is optional.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Webhook::new`], but for a blank secret.
    pub fn new_or_disabled(secret: impl Into<String>) -> Result<Self, InvalidWebhook> {
        Self::disabled().or_secret_unless_blank(secret.into())
    }
}

impl Webhook<Stripe> {
    /// Creates an endpoint with the secret that Stripe shows for it, `whsec_…`, and with who reports the payments. White space around
    /// the secret (such as the line end of a file) is ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if the secret is empty, because anyone could sign with it; if it is visibly not one (`undefined`, a template
    /// that was not expanded such as `${SECRET}`, quotes around it, invisible characters); if it is a Stripe API key; if it does not
    /// start with `whsec_`.
    pub fn new(secret: impl Into<String>, reporter: StripeReporter) -> Result<Self, InvalidWebhook> {
        Self::disabled().stripe_reporter(reporter).or_secret(secret)
    }

    /// Creates an endpoint as `new` does, or a [disabled](Webhook::disabled) one if the secret is blank, which it logs: for an app with a
    /// configuration of its own, whose secret is optional.
    ///
    /// # Errors
    ///
    /// Returns the same errors as `new`, but for a blank secret.
    pub fn new_or_disabled(secret: impl Into<String>, reporter: StripeReporter) -> Result<Self, InvalidWebhook> {
        Self::disabled().stripe_reporter(reporter).or_secret_unless_blank(secret.into())
    }
}

impl<P: Provider> Webhook<P> {
    /// Creates an endpoint with the secret in the provider's [variable](Provider::SECRET_VARIABLE). For Stripe, it also reads
    /// [`AFFITOR_STRIPE_REPORTER`](StripeReporter).
    ///
    /// # Errors
    ///
    /// Returns an error if a variable is not set, or if its value is not usable. The error names the variable.
    pub fn from_env() -> Result<Self, InvalidWebhook> {
        let webhook = Self::of_environment()?;
        if webhook.is_disabled() {
            let unset = InvalidWebhook::new("not set (Webhook::from_env_or_disabled does without it)");
            return Err(unset.in_variable(P::SECRET_VARIABLE));
        }
        Ok(webhook)
    }

    /// Creates an endpoint from the environment, as [`Webhook::from_env`] does, or a [disabled](Webhook::disabled) one if there is no
    /// secret in it: for developers without an account at the provider. It logs a warning then.
    ///
    /// # Errors
    ///
    /// Returns an error if a value is not usable, with the name of the variable. A placeholder is one: somebody meant to set the
    /// secret. Also if Stripe's secret is set, and `AFFITOR_STRIPE_REPORTER` is not.
    pub fn from_env_or_disabled() -> Result<Self, InvalidWebhook> {
        let webhook = Self::of_environment()?;
        if webhook.is_disabled() {
            tracing::warn!(
                "{} is not set, so webhooks of {} get the status 503: the provider redelivers them",
                P::SECRET_VARIABLE,
                P::NAME
            );
        }
        Ok(webhook)
    }

    fn of_environment() -> Result<Self, InvalidWebhook> {
        let Some(secret) = from_variable::<P>(env::var_os(P::SECRET_VARIABLE))? else { return Ok(Self::disabled()) };
        let mut webhook = Self { secrets: Arc::new([secret]), ..Self::disabled() };
        if P::READ_BY_AFFITOR {
            webhook.settings_mut().stripe_reporter =
                StripeReporter::from_variable(env::var_os(StripeReporter::VARIABLE))?;
        }
        Ok(webhook)
    }

    /// Creates an endpoint without a secret, for environments without an account at the provider. Every request gets the status 503,
    /// so that nothing is acknowledged that nobody has read.
    pub fn disabled() -> Self {
        Self {
            secrets: Arc::new([]),
            tolerance: Duration::from_secs(5 * 60),
            body_limit: 1024 * 1024,
            settings: Arc::new(Settings::default()),
            memory: Arc::default(),
            provider: std::marker::PhantomData,
        }
    }

    /// Returns whether the endpoint is [disabled](Webhook::disabled).
    pub fn is_disabled(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Adds a secret, while you rotate secrets. An endpoint that was [disabled](Webhook::disabled) is then enabled, and reports its
    /// payments itself.
    ///
    /// # Errors
    ///
    /// Returns an error if the secret is not usable: see [`Webhook::new`].
    pub fn or_secret(mut self, secret: impl Into<String>) -> Result<Self, InvalidWebhook> {
        let secret: SecretString = checked::<P>(secret)?;
        self.secrets = self.secrets.iter().cloned().chain([secret]).collect();
        Ok(self)
    }

    fn or_secret_unless_blank(self, secret: String) -> Result<Self, InvalidWebhook> {
        if !secret.trim().is_empty() {
            return self.or_secret(secret);
        }
        tracing::warn!(
            "there is no secret, so webhooks of {} get the status 503: the provider redelivers them",
            P::NAME
        );
        Ok(self)
    }
}
