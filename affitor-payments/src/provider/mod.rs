//! The payment providers: how each one signs, and what its objects say about payments.

mod account;
mod announced;
mod ignored;
mod lemon_squeezy;
mod paddle;
mod polar;
mod read;
mod signature;
mod stripe;
mod verify_error;

use crate::{ledger, unix_time::unix_seconds};

pub(crate) use self::{account::Account, announced::Announced, read::Moment, signature::Signed};
pub use self::{
    ignored::{Ignored, NoFacts, Refused},
    lemon_squeezy::LemonSqueezy,
    paddle::Paddle,
    polar::Polar,
    stripe::Stripe,
    verify_error::VerifyError,
};

/// A payment provider: [`Stripe`], [`Polar`], [`LemonSqueezy`] or [`Paddle`], and no other.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a payment provider that Affitor supports",
    label = "expected `Stripe`, `Polar`, `LemonSqueezy` or `Paddle`",
    note = "for another provider, verify the webhook yourself and report a `Sale` or a `Refund`"
)]
pub trait Provider: sealed::Rules {
    /// Provider name.
    const NAME: &'static str;
    /// Name of the variable with the secret of a webhook, such as `STRIPE_WEBHOOK_SECRET`.
    const SECRET_VARIABLE: &'static str;
}

/// A provider whose webhooks Affitor can't read itself, so that the app reports its payments: [`Polar`], [`LemonSqueezy`] and [`Paddle`].
/// For [`Stripe`], see [`StripeReporter`](crate::StripeReporter).
#[diagnostic::on_unimplemented(
    message = "Affitor may read the webhooks of `{Self}` itself, so say who reports the payments",
    label = "add a second argument, such as `StripeReporter::App`"
)]
pub trait ReportedByApp: Provider {}

impl ReportedByApp for LemonSqueezy {}
impl ReportedByApp for Paddle {}
impl ReportedByApp for Polar {}

/// Returns what an object in a response of the provider's API says about payments: for reconciliation with a
/// [ledger]. Pure.
///
/// Accepted are Stripe's Checkout sessions, invoices, invoice payments, payment intents, charges, refunds, disputes and
/// subscriptions; Polar's orders; Lemon Squeezy's orders and subscription invoices; Paddle's transactions and adjustments.
///
/// ```
/// use std::time::SystemTime;
///
/// use affitor_payments::{Stripe, object_facts};
///
/// let charge = serde_json::json!({ "object": "charge", "id": "ch_1", "payment_intent": "pi_1", "amount": 4900,
///     "amount_captured": 4900, "amount_refunded": 1500, "captured": true, "currency": "usd", "created": 1_790_000_000 });
/// let facts = object_facts::<Stripe>(&charge, SystemTime::now())?;
/// assert!(facts.ids().contains("pi_1"));
/// # Ok::<(), affitor_payments::NoFacts>(())
/// ```
///
/// # Errors
///
/// Returns an error if the object says nothing about payments, or can't be read with certainty.
pub fn object_facts<P: Provider>(
    object: &serde_json::Value,
    now: std::time::SystemTime,
) -> Result<ledger::Facts, NoFacts> {
    let fields = read::Fields(object);
    // The same object says the same at any time.
    let changed_at = ["modified_at", "updated_at", "attributes.updated_at"].iter().find_map(|field| fields.time(field));
    let said_at = changed_at.or_else(|| fields.unix_time("created")).map_or(0, unix_seconds);
    Ok(P::object_facts(object, unix_seconds(now))?.said_at(said_at))
}

mod sealed {
    use std::{
        borrow::Cow,
        time::{Duration, SystemTime},
    };

    use serde_json::Value;

    use super::{
        Refused, VerifyError,
        account::Account,
        announced::Announced,
        read::{Found, Moment},
        signature::Signed,
    };
    use crate::ledger::Facts;

    /// What differs between providers.
    pub trait Rules: Sized + Send + Sync + 'static {
        /// Name of the signature header.
        const SIGNATURE: &'static str;
        /// Whether Affitor can read the provider's webhooks itself.
        const READ_BY_AFFITOR: bool = false;
        /// Returns why a text can't be a webhook secret of this provider.
        fn reject_secret(_: &str) -> Option<&'static str> {
            None
        }
        /// Checks that one of the secrets signed the request.
        fn verify(signed: &Signed<'_>) -> Result<(), VerifyError>;
        /// Returns the headers with which the provider signs a body.
        fn sign(secret: &[u8], id: &str, body: &[u8], seconds: u64) -> Vec<(&'static str, String)>;
        /// Id of the event: for logs, and for a ledger if it is unique.
        fn id(json: &Value) -> Option<Cow<'_, str>>;
        /// Type of the event.
        fn kind(json: &Value) -> Option<&str>;
        /// Time of the event.
        fn occurred_at(json: &Value) -> Option<SystemTime>;
        /// Whether the event is marked as a test. Most providers have no such mark.
        fn says_test(_: &Value) -> Result<bool, Refused> {
            Ok(false)
        }
        /// Tax included in the amount, in the currency's smallest unit.
        fn tax(json: &Value) -> Option<u64>;
        /// How long after a refund its sale may still arrive.
        const OVERTAKES: Duration = Duration::from_secs(60 * 60);
        /// How an app names the customer of a payment.
        const METADATA_HELP: &'static str;
        /// Whether each event has an id of its own.
        const UNIQUE_ID: bool = true;
        /// The account at the provider that the event is about, if it is not the app's own.
        fn account(_: &Value) -> Option<Account<'_>> {
            None
        }
        /// What the event says about payments.
        fn facts(json: &Value, moment: Moment) -> Found<Facts>;
        /// What an object of the provider's API says about payments.
        fn object_facts(object: &Value, now: u64) -> Found<Facts>;
        /// What the event announces to an app without a ledger.
        fn announced(json: &Value) -> Found<Announced>;
    }
}
