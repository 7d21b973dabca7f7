//! What all providers know about a payment, and ids that no other payment has.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use affitor::Currency;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Ids of a payment, to compare with what your app stored and reported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaymentIds {
    /// Id under which this crate reports the sale: Stripe's invoice or payment intent, Polar's order, `ls_order_…` or
    /// `ls_invoice_…` of Lemon Squeezy, Paddle's transaction.
    pub transaction_id: String,
    /// The provider's id of the customer.
    pub customer_id: String,
    /// Subscription, if it is one.
    pub subscription_id: Option<String>,
    /// Checkout session, if the provider is Stripe.
    pub session_id: Option<String>,
    /// Payment intent, if the provider is Stripe.
    pub payment_intent_id: Option<String>,
    /// Charge, if the provider is Stripe.
    pub charge_id: Option<String>,
    /// Invoice, if the provider is Stripe and it is a subscription.
    pub invoice_id: Option<String>,
}

/// A payment, in terms that all providers share.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "it contains an e-mail address")]
pub struct Details {
    /// Differs between the payments of a process, and starts anywhere.
    pub(super) number: u64,
    /// Looks random, and follows from the number.
    seed: u64,
    started_at: u64,
    /// What the customer pays.
    pub(super) amount_cents: u64,
    /// What was taken off the list price.
    pub(super) discount_cents: u64,
    pub(super) currency: Currency,
    pub(super) is_subscription: bool,
    pub(super) customer_key: Option<String>,
    pub(super) click_id: Option<String>,
    pub(super) product_id: Option<String>,
    pub(super) email: String,
    /// Number of the period: 0 is the first payment.
    pub(super) period: u32,
    /// Refunds of this period's payment.
    pub(super) refunds: Vec<u64>,
}

impl Details {
    pub(super) fn new(amount_cents: u64, currency: Currency, is_subscription: bool) -> Self {
        static RANDOM: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(RANDOM.hash_one("start")));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let seed = RANDOM.hash_one(number);
        // The steps happen one second after the other, and none of them in the future.
        let started_at = unix_seconds(SystemTime::now()).saturating_sub(60);
        Self {
            number,
            seed,
            started_at,
            amount_cents,
            discount_cents: 0,
            currency,
            is_subscription,
            customer_key: None,
            click_id: None,
            product_id: None,
            email: format!("jo.{seed:x}@example.com"),
            period: 0,
            refunds: Vec::new(),
        }
    }

    /// The product, which has an id of its own unless the test names one.
    pub(super) fn product(&self, own: impl Into<Value>) -> Value {
        self.product_id.as_deref().map_or_else(|| own.into(), Value::from)
    }

    /// The price before the discount.
    pub(super) fn list_price(&self) -> u64 {
        self.amount_cents.saturating_add(self.discount_cents)
    }

    /// The first payment, before anything was refunded.
    pub(super) fn first(&self) -> Self {
        Self { period: 0, refunds: Vec::new(), ..self.clone() }
    }

    pub(super) fn renew(&mut self) {
        self.period += 1;
        self.refunds.clear();
    }

    pub(super) fn refunded(&self) -> u64 {
        self.refunds.iter().sum()
    }

    pub(super) fn left(&self) -> u64 {
        self.amount_cents.saturating_sub(self.refunded())
    }

    /// The customer key and the click id, as members of an object.
    pub(super) fn metadata(&self, customer_key: &str) -> Map<String, Value> {
        let entries = [(customer_key, &self.customer_key), ("affitor_click_id", &self.click_id)];
        let entries = entries.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        entries.map(|(name, value)| (name.to_owned(), Value::from(value.as_str()))).collect()
    }

    /// An id that all periods share, as Stripe's.
    pub(super) fn id(&self, prefix: &str) -> String {
        format!("{prefix}_1{:016x}", self.seed)
    }

    /// An id of this period, as Stripe's.
    pub(super) fn period_id(&self, prefix: &str) -> String {
        format!("{}P{:03}", self.id(prefix), self.period)
    }

    /// An id of the latest refund, as Stripe's.
    pub(super) fn refund_id(&self, prefix: &str) -> String {
        format!("{}R{:02}", self.period_id(prefix), self.refunds.len())
    }

    /// An id as Paddle's: 26 letters and digits after the prefix. `of_period` is 0 if all periods share it.
    pub(super) fn ulid(&self, prefix: &str, of_period: usize) -> String {
        format!("{prefix}_01{:016x}{of_period:08}", self.seed)
    }

    /// A UUID. `of_period` is 0 if all periods share it.
    pub(super) fn uuid(&self, kind: u16, of_period: usize) -> String {
        let [high, middle, low] = [self.seed >> 32, self.seed >> 16 & 0xffff, self.seed & 0xffff];
        format!("{high:08x}-{middle:04x}-4{:03x}-8{kind:03x}-{low:04x}{of_period:08x}", kind & 0xfff)
    }

    /// A number for ids of this period and its refunds, which is never 0.
    pub(super) fn period_number(&self) -> usize {
        (self.period as usize + 1) * 1_000 + self.refunds.len()
    }

    /// Time of the latest step.
    pub(super) fn now(&self) -> u64 {
        self.paid_at() + self.refunds.len() as u64
    }

    pub(super) fn paid_at(&self) -> u64 {
        self.started_at + u64::from(self.period) * 2
    }

    pub(super) fn started_at(&self) -> u64 {
        self.started_at
    }

    /// Begin and end of the billing period. The begins of later periods are in the future, as with Stripe's test clocks.
    pub(super) fn period(&self) -> (u64, u64) {
        const PERIOD: u64 = 30 * 86_400;
        let begin = self.started_at + u64::from(self.period) * PERIOD;
        (begin, begin + PERIOD)
    }
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A time in RFC 3339 format.
pub(super) fn rfc3339(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(String::new, |time| time.to_string())
}
