//! Random lives of shops' customers, for property tests of code that reads payment webhooks.
//!
//! A [`Life`] is one customer's payments, refunds and disputes. It is generated as money that moved. It is rendered as the webhooks
//! that the payment provider sends about it, and states which sales and refunds must have been reported at the end. The statement
//! comes from the money alone: this crate shares no code with the crates it tests.
//!
//! ```
//! use shop_lives::{Api, Life, Provider};
//!
//! let mut rng = fastrand::Rng::with_seed(7);
//! let life = Life::generate(&mut rng, Provider::Stripe, Api::New, 1, 1_760_000_000);
//! for webhook in &life.webhooks {
//!     println!("{}: {}", webhook.event_id, webhook.body["type"]);
//! }
//! assert!(life.sales.iter().all(|sale| sale.refunded_cents <= sale.amount_cents));
//! ```

// The objects of Stripe have many fields.
#![recursion_limit = "512"]

mod clock;
mod ids;
mod lemon_squeezy;
mod money;
mod paddle;
mod polar;
mod share;
mod story;
mod stripe;

use serde_json::Value;

pub use share::{is_all, is_in_share, share};

/// A payment provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Stripe.
    Stripe,
    /// Polar.
    Polar,
    /// Lemon Squeezy.
    LemonSqueezy,
    /// Paddle Billing.
    Paddle,
}

impl Provider {
    /// All providers.
    pub const ALL: [Self; 4] = [Self::Stripe, Self::Polar, Self::LemonSqueezy, Self::Paddle];
}

/// The API version that renders the webhooks. Only Stripe has more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// Stripe `2024-06-20`: charges and payment intents name their invoice.
    Old,
    /// Stripe `2025-10-29.clover`: invoice payments link invoices and payment intents.
    New,
}

/// One customer's payments, refunds and disputes.
#[derive(Debug, Clone, PartialEq)]
pub struct Life {
    /// Kind of life, one of [`kinds`].
    pub kind: &'static str,
    /// Remarkable things that happen in it, for error messages and coverage counts.
    pub traits: Vec<&'static str>,
    /// Provider of all payments.
    pub provider: Provider,
    /// API version of the webhooks.
    pub api: Api,
    /// Webhooks in the order in which the events happened.
    pub webhooks: Vec<Webhook>,
    /// Sales that must have been reported once all webhooks have arrived, in any order and each any number of times.
    pub sales: Vec<ExpectedSale>,
    /// Final state of the provider's API objects, such as charges, invoices, refunds and orders.
    pub objects: Vec<Value>,
}

/// One webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// JSON body.
    pub body: Value,
    /// Id of the event. Polar sends it in a header, Lemon Squeezy not at all.
    pub event_id: String,
}

/// A sale that must have been reported, with its refunds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedSale {
    /// Transaction id of the sale.
    pub transaction_id: String,
    /// Money that the customer paid, in the currency's smallest unit.
    pub amount_cents: u64,
    /// Tax that the provider states for this payment, at most the amount.
    pub tax_cents: u64,
    /// ISO 4217 code in upper case.
    pub currency: String,
    /// Key of the customer in the shop.
    pub customer_key: String,
    /// Sum of all refunds and lost disputes, at most the amount.
    pub refunded_cents: u64,
    /// A payment of a subscription after its first invoice or order.
    pub recurring: bool,
}

/// Kinds of lives that a provider's customers can have. Some exist in one Stripe API version only.
#[must_use]
pub fn kinds(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::Stripe => stripe::KINDS,
        Provider::Polar => polar::KINDS,
        Provider::LemonSqueezy => lemon_squeezy::KINDS,
        Provider::Paddle => paddle::KINDS,
    }
}

impl Life {
    /// Generates a life of a random kind.
    ///
    /// `number` is part of all ids: lives with different numbers share none. `now` is in seconds since 1970. All events happened
    /// within the hour before it.
    pub fn generate(rng: &mut fastrand::Rng, provider: Provider, api: Api, number: u64, now: u64) -> Self {
        let kinds = kinds(provider);
        loop {
            let kind = kinds[rng.usize(..kinds.len())];
            if let Some(life) = Self::of_kind(rng, provider, api, kind, number, now) {
                return life;
            }
        }
    }

    /// Generates a life of one kind. Returns `None` if the provider has no such kind in this API version.
    pub fn of_kind(
        rng: &mut fastrand::Rng,
        provider: Provider,
        api: Api,
        kind: &str,
        number: u64,
        now: u64,
    ) -> Option<Self> {
        let kind = kinds(provider).iter().find(|known| **known == kind)?;
        match provider {
            Provider::Stripe => stripe::live(rng, api, kind, number, now),
            Provider::Polar => Some(polar::live(rng, api, kind, number, now)),
            Provider::LemonSqueezy => Some(lemon_squeezy::live(rng, api, kind, number, now)),
            Provider::Paddle => Some(paddle::live(rng, api, kind, number, now)),
        }
    }
}
