//! One webhook endpoint of a shop: its secrets and settings.

use std::{
    collections::HashMap,
    fmt,
    marker::PhantomData,
    sync::Arc,
    time::{Duration, SystemTime},
};

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    Provider, VerifyError, WebhookEvent,
    event::Settings,
    signature::{Signed, seconds_of},
};
use crate::Currency;

/// A webhook endpoint: the secrets with which the provider signs, and what is to be done with its events. Cheap to clone.
///
/// Make one at the start of the app, where a missing secret should stop it:
///
/// ```
/// use affitor::webhook::{Stripe, Webhook};
///
/// // let secret = std::env::var("STRIPE_WEBHOOK_SECRET")?;
/// # let secret = "whsec_0123456789";
/// let webhook = Webhook::<Stripe>::new(secret)?
///     .or_secret("whsec_the_old_one")? // while a secret is exchanged, both are signed with
///     .body_limit(256 * 1024);
/// assert!(Webhook::<Stripe>::new("").is_err());
/// # Ok::<(), affitor::webhook::InvalidSecret>(())
/// ```
pub struct Webhook<P> {
    secrets: Arc<[SecretString]>,
    tolerance: Duration,
    body_limit: usize,
    pub(super) settings: Arc<Settings>,
    provider: PhantomData<fn() -> P>,
}

impl<P: Provider> Webhook<P> {
    /// An endpoint with the secret that the provider shows for it: Stripe's `whsec_…`, Polar's, Lemon Squeezy's signing
    /// secret, Paddle's `pdl_ntfset_…`. White space around it (a line end from a file, say) is dropped.
    ///
    /// # Errors
    ///
    /// When the secret is empty: anybody could sign with it.
    pub fn new(secret: impl Into<String>) -> Result<Self, InvalidSecret> {
        Ok(Self {
            secrets: Arc::new([checked(secret)?]),
            tolerance: Duration::from_secs(5 * 60),
            body_limit: 1024 * 1024,
            settings: Arc::default(),
            provider: PhantomData,
        })
    }

    /// Takes another secret as well, while one is exchanged.
    ///
    /// # Errors
    ///
    /// When the secret is empty.
    pub fn or_secret(mut self, secret: impl Into<String>) -> Result<Self, InvalidSecret> {
        self.secrets = self.secrets.iter().cloned().chain([checked(secret)?]).collect();
        Ok(self)
    }

    /// Sets how far the time of a signature may be from now, both ways, in whole seconds: 5 minutes unless set. Lemon Squeezy's scheme has
    /// no time.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets how many bytes of a body the frameworks' extractors read: 1 MiB (1,048,576 bytes) unless set. A longer one is
    /// answered with 413.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Makes all events of this endpoint test events. Stripe's and Lemon Squeezy's say themselves whether they are; the
    /// sandboxes of Polar and Paddle do not.
    #[must_use]
    pub fn test_mode(mut self, on: bool) -> Self {
        self.change().test_mode = on;
        self
    }

    /// Takes sales in this currency as well as in USD, EUR and VND: some of the service's pages say that it takes any. It
    /// may reject them, and takes the amount as it is, in the currency's smallest unit.
    #[must_use]
    pub fn currency(mut self, currency: Currency) -> Self {
        self.change().currencies.push(currency);
        self
    }

    /// How many bytes of a body are read at most.
    pub fn max_body(&self) -> usize {
        self.body_limit
    }

    /// Checks that a signature is there at all: worth knowing before a body is read.
    ///
    /// # Errors
    ///
    /// [`VerifyError::MissingHeader`].
    pub fn check_signed<'h>(&self, header: impl Fn(&str) -> Option<&'h [u8]>) -> Result<(), VerifyError> {
        let name = P::SIGNATURE;
        header(name).map(drop).ok_or(VerifyError::MissingHeader { name })
    }

    pub(super) fn change(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    /// Checks the signature of a request, and reads its body.
    ///
    /// `header` gives the value of a header by its lower-case name, `body` is what the provider has sent, byte for byte.
    /// Comparing takes the same time wherever the signatures differ.
    ///
    /// # Errors
    ///
    /// See [`VerifyError`]: without the right signature, with one outside of the tolerance, or with a body that is no JSON
    /// object.
    pub fn verify<'h>(
        &self,
        header: impl Fn(&str) -> Option<&'h [u8]>,
        body: &[u8],
        now: SystemTime,
    ) -> Result<WebhookEvent<P>, VerifyError> {
        // One lifetime for both, the shorter one.
        let header = |name: &str| -> Option<&[u8]> { header(name) };
        let (secrets, tolerance) = (&*self.secrets, self.tolerance);
        P::verify(&Signed { header: &header, body, secrets, now, tolerance })?;
        WebhookEvent::new(body, Arc::clone(&self.settings)).ok_or(VerifyError::NotJson)
    }

    /// Signs a body as the provider does: the headers for a test of one's own handler. `id` is the message's, where the
    /// scheme has one (Polar's).
    pub fn sign(&self, id: &str, body: &[u8], now: SystemTime) -> HashMap<&'static str, String> {
        // There is at least one.
        let secret = self.secrets.first().map_or("", |secret| secret.expose_secret());
        P::sign(secret.as_bytes(), id, body, seconds_of(now)).into_iter().collect()
    }
}

fn checked(secret: impl Into<String>) -> Result<SecretString, InvalidSecret> {
    let secret = SecretString::from(secret.into());
    match secret.expose_secret().trim() {
        // The prefix alone is what is left of a secret that was cut off.
        "" | "whsec_" | "pdl_ntfset_" => Err(InvalidSecret(())),
        trimmed => Ok(SecretString::from(trimmed)),
    }
}

impl<P> Clone for Webhook<P> {
    fn clone(&self) -> Self {
        Self {
            secrets: Arc::clone(&self.secrets),
            tolerance: self.tolerance,
            body_limit: self.body_limit,
            settings: Arc::clone(&self.settings),
            provider: PhantomData,
        }
    }
}

impl<P: Provider> fmt::Debug for Webhook<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("provider", &P::NAME)
            .field("secrets", &format_args!("[{} redacted]", self.secrets.len()))
            .field("tolerance", &self.tolerance)
            .field("body_limit", &self.body_limit)
            .field("settings", &self.settings)
            .finish()
    }
}

/// A webhook's secret that is empty.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InvalidSecret(());

/// What a `main` that fails shows.
impl fmt::Debug for InvalidSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for InvalidSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the webhook's secret is empty: anybody could sign with it")
    }
}

impl std::error::Error for InvalidSecret {}
