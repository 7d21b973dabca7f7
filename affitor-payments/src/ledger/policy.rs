//! How an app wants its payments to be decided.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use affitor::Currency;

use crate::stripe_reporter::StripeReporter;

/// Settings of a ledger's decision. Serializable, so that a decision can be repeated later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Policy {
    /// The app's Affitor program. Payments whose metadata names another one are not reported.
    pub program_id: Option<String>,
    /// What the commission is calculated from.
    pub commission_on: CommissionOn,
    /// How long a payment is held that may belong to another sale. Default: 15 minutes.
    pub hold: Duration,
    /// Currencies that Affitor accepts.
    pub currencies: Vec<Currency>,
    /// The shop's names of the provider's products, by the provider's id.
    pub products: BTreeMap<String, String>,
    /// Who reports the payments. Of no effect for other providers than Stripe.
    pub stripe_reporter: StripeReporter,
    /// Whether the payments are tests.
    pub test: bool,
    /// Start of the ledger in seconds of Unix time. Nothing that was paid before is reported.
    pub since: u64,
    /// Whether Stripe is connected to the program, although the app is to report the payments.
    pub conflict: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            program_id: None,
            commission_on: CommissionOn::Gross,
            hold: Duration::from_secs(15 * 60),
            currencies: vec![Currency::USD, Currency::EUR, Currency::VND],
            products: BTreeMap::new(),
            stripe_reporter: StripeReporter::App,
            test: false,
            since: 0,
            conflict: false,
        }
    }
}

/// What the commission is calculated from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CommissionOn {
    /// What the customer paid, including tax.
    #[default]
    Gross,
    /// What the customer paid, without tax.
    Net,
    /// The fee that the shop keeps of a payment to a connected account; of other payments, what the customer paid.
    Fee,
}

/// What was reported so far, by transaction id.
pub type Reports = BTreeMap<String, Reported>;

/// What was reported about one transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Reported {
    /// Whether it was reported as a sale.
    pub sale: bool,
    /// Whether a person discarded the sale.
    pub discarded: bool,
    /// Amount of the sale, in the currency's smallest unit.
    pub sale_cents: u64,
    /// Currency of the sale, if it is known.
    pub currency: Option<Currency>,
    /// Sum of the partial refunds, in the currency's smallest unit.
    pub refunded_cents: u64,
    /// Whether it was reported as fully refunded.
    pub fully_refunded: bool,
    /// Whether the sale was reported without its product, because it was not known.
    pub without_product: bool,
}

impl Reported {
    /// A sale that was reported with this amount, in the currency's smallest unit.
    pub fn sale(cents: u64) -> Self {
        Self { sale: true, sale_cents: cents, ..Self::default() }
    }
}
