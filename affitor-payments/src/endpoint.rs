//! One webhook endpoint of an app: its secrets and settings.

mod create;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    marker::PhantomData,
    sync::Arc,
    time::{Duration, SystemTime},
};

use affitor::Currency;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    ledger::CommissionOn,
    memory::PaymentMemory,
    provider::{Provider, Signed, Stripe, VerifyError},
    stripe_reporter::StripeReporter,
    unix_time::unix_seconds,
};

/// A webhook endpoint: the secrets with which the provider signs, and how its events are read. Cheap to clone.
///
/// Create one when the app starts, so that a wrong secret stops it:
///
/// ```
/// use affitor_payments::{Polar, Stripe, StripeReporter, Webhook};
///
/// let webhook = Webhook::<Stripe>::from_env_or_disabled()?; // reads STRIPE_WEBHOOK_SECRET and AFFITOR_STRIPE_REPORTER
///
/// let webhook = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App)?
///     .or_secret("whsec_the_old_one")? // while rotating a secret
///     .body_limit(256 * 1024);
///
/// let webhook = Webhook::<Polar>::new("polar_whs_0123456789")?;
/// assert!(Webhook::<Polar>::new("").is_err());
/// # Ok::<(), affitor_payments::InvalidWebhook>(())
/// ```
///
/// # Memory
///
/// A `Webhook` remembers the last 10,000 payments that [`track`] or [`enqueue`] read from it, so that each payment is
/// reported once, whichever webhooks report it, and each refund once, under the right sale. After a restart, and beyond 10,000 payments,
/// a partial refund that is redelivered [may be reported twice](crate#duplicates-and-order).
///
/// Its clones share that memory, even if a setting changes. A `Webhook` that is built anew starts without memory: build it once
/// and clone it, instead of building it in the factory of an actix-web `HttpServer` (which runs once per worker) or in an
/// implementation of axum's `FromRef` (which runs once per request).
///
/// A payment ledger keeps all this in a database. It does not use this memory.
///
/// [`track`]: crate::WebhookEvent::track
/// [`enqueue`]: crate::WebhookEvent::enqueue
pub struct Webhook<P> {
    secrets: Arc<[SecretString]>,
    tolerance: Duration,
    body_limit: usize,
    settings: Arc<Settings>,
    memory: Arc<PaymentMemory>,
    provider: PhantomData<fn() -> P>,
}

/// The settings of an endpoint that affect how its events are read.
#[derive(Clone, Debug, Default)]
struct Settings {
    test_mode: bool,
    /// In addition to the default ones.
    currencies: Vec<Currency>,
    stripe_reporter: StripeReporter,
    commission_on: CommissionOn,
    /// The shop's names of products, by the provider's id.
    products: BTreeMap<String, String>,
    connected_accounts: Vec<String>,
}

impl<P: Provider> Webhook<P> {
    /// Sets what commissions are calculated from. Default: what the customer paid, including tax. Sales that were reported keep
    /// their amount.
    ///
    /// [`track`](crate::WebhookEvent::track) knows the tax of a
    /// sale only while it remembers the sale. After a restart, a partial refund is reported with its whole amount. A ledger
    /// remembers.
    ///
    /// ```
    /// use affitor_payments::{Paddle, Webhook, ledger::CommissionOn};
    ///
    /// let webhook = Webhook::<Paddle>::new("pdl_ntfset_0123456789")?.commission_on(CommissionOn::Net);
    /// # Ok::<(), affitor_payments::InvalidWebhook>(())
    /// ```
    #[must_use]
    pub fn commission_on(mut self, amount: CommissionOn) -> Self {
        self.settings_mut().commission_on = amount;
        self
    }

    /// Returns what commissions are calculated from.
    pub fn get_commission_on(&self) -> CommissionOn {
        self.settings.commission_on
    }

    /// Names a product as Affitor knows it: the `product_id` of a sale, by which the program's policy may choose the commission. `id` is
    /// the provider's. Default: the provider's id is sent.
    ///
    /// `id` is the id of the product at Stripe (`prod_…`), Polar or Paddle (`pro_…`), or its number at Lemon Squeezy. The names are stored with a
    /// ledger, so that a payment that is held is reported with the name that applied when its webhook arrived.
    ///
    /// ```
    /// use affitor_payments::{Stripe, Webhook};
    ///
    /// let webhook = Webhook::<Stripe>::from_env_or_disabled()?.product("prod_PKe2xAlb", "pro").product("prod_QmX81cRf", "team");
    /// # Ok::<(), affitor_payments::InvalidWebhook>(())
    /// ```
    #[must_use]
    pub fn product(mut self, id: impl Into<String>, name: impl Into<String>) -> Self {
        self.settings_mut().products.insert(id.into(), name.into());
        self
    }

    /// Returns the names of products, by the provider's id.
    pub fn get_products(&self) -> &BTreeMap<String, String> {
        &self.settings.products
    }

    /// Shares the memory of reported payments with another endpoint of the same provider, for an app that receives the same
    /// payments at two endpoints. See [Memory](Webhook#memory).
    #[must_use]
    pub fn share_memory(mut self, other: &Self) -> Self {
        self.memory = Arc::clone(&other.memory);
        self
    }

    /// Sets how far the time of a signature may be from the current time, in either direction, in whole seconds. Default: 5 minutes.
    /// Lemon Squeezy's signatures have no time.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Returns how far the time of a signature may be from the current time.
    pub fn get_tolerance(&self) -> Duration {
        self.tolerance
    }

    /// Sets the maximum size of a body in bytes. Default: 1 MiB (1,048,576 bytes). The extractors respond to a larger one with
    /// status 413.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Returns the maximum size of a body in bytes.
    pub fn get_body_limit(&self) -> usize {
        self.body_limit
    }

    /// Makes every event of this endpoint a test event (default: `false`). Stripe and Lemon Squeezy mark their test
    /// webhooks; the sandboxes of Polar and Paddle do not.
    #[must_use]
    pub fn test_mode(mut self, on: bool) -> Self {
        self.settings_mut().test_mode = on;
        self
    }

    /// Returns whether every event of this endpoint is a test event.
    pub fn get_test_mode(&self) -> bool {
        self.settings.test_mode
    }

    /// Adds a currency to the accepted ones, which are USD, EUR and VND by default. Some of the service's pages say that it accepts
    /// any currency; it may still reject this one. The amount is sent as it is, in the currency's smallest unit.
    #[must_use]
    pub fn allow_currency(mut self, currency: Currency) -> Self {
        self.settings_mut().currencies.push(currency);
        self
    }

    /// Returns the accepted currencies.
    pub fn get_allowed_currencies(&self) -> impl Iterator<Item = Currency> {
        [Currency::USD, Currency::EUR, Currency::VND].into_iter().chain(self.settings.currencies.iter().copied())
    }

    /// Checks that a request has a signature, before its body is read. `header` returns the value of a header by its lower-case
    /// name.
    ///
    /// # Errors
    ///
    /// Returns [`VerifyError::Disabled`] if the endpoint is [disabled](Webhook::disabled), and [`VerifyError::MissingHeader`] if the
    /// signature header is missing.
    pub fn check_signed<'h>(&self, header: impl Fn(&str) -> Option<&'h [u8]>) -> Result<(), VerifyError> {
        if self.is_disabled() {
            return Err(VerifyError::Disabled);
        }
        let name = P::SIGNATURE;
        header(name).map(drop).ok_or(VerifyError::MissingHeader { name })
    }

    fn settings_mut(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    /// Checks the signature of a request.
    pub(crate) fn check_signature<'h>(
        &'h self,
        header: &'h dyn Fn(&str) -> Option<&'h [u8]>,
        body: &'h [u8],
        now: SystemTime,
    ) -> Result<(), VerifyError> {
        let (secrets, tolerance) = (&*self.secrets, self.tolerance);
        if secrets.is_empty() {
            return Err(VerifyError::Disabled);
        }
        P::verify(&Signed { header, body, secrets, now, tolerance })
    }

    pub(crate) fn memory(&self) -> &Arc<PaymentMemory> {
        &self.memory
    }

    /// Signs a body as the provider does, and returns the headers. For tests of your own handler. `id` is the message id, which
    /// only Polar's signatures contain.
    pub fn sign(&self, id: &str, body: &[u8], now: SystemTime) -> HashMap<&'static str, String> {
        // A disabled endpoint verifies nothing, whatever signs it.
        let secret = self.secrets.first().map_or("", |secret| secret.expose_secret());
        P::sign(secret.as_bytes(), id, body, unix_seconds(now)).into_iter().collect()
    }
}

impl Webhook<Stripe> {
    /// Changes who reports the payments, which [`Webhook::new`] or the environment has said.
    #[must_use]
    pub fn stripe_reporter(mut self, reporter: StripeReporter) -> Self {
        self.settings_mut().stripe_reporter = reporter;
        self
    }

    /// Also counts the payments of a connected account (`acct_…`). Default: none, because somebody else chooses their metadata and
    /// amounts. Can be called several times.
    #[must_use]
    pub fn connected_account(mut self, id: impl Into<String>) -> Self {
        self.settings_mut().connected_accounts.push(id.into());
        self
    }
}

impl<P> Webhook<P> {
    /// Returns who reports Stripe's payments. Of no effect for other providers: Affitor can't read their webhooks.
    pub fn get_stripe_reporter(&self) -> StripeReporter {
        self.settings.stripe_reporter
    }

    /// Returns the connected accounts whose payments count.
    pub fn get_connected_accounts(&self) -> impl Iterator<Item = &str> {
        self.settings.connected_accounts.iter().map(String::as_str)
    }
}

impl<P> Clone for Webhook<P> {
    fn clone(&self) -> Self {
        Self {
            secrets: Arc::clone(&self.secrets),
            tolerance: self.tolerance,
            body_limit: self.body_limit,
            settings: Arc::clone(&self.settings),
            memory: Arc::clone(&self.memory),
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
