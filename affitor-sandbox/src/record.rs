//! Records of events, commissions and customers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{commission::Commission, memory::MemoryUse};

/// A recorded click.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClickRecord {
    /// Number of the event.
    pub id: u64,
    /// Click id.
    pub click_id: String,
    /// Id of the program.
    pub program_id: u64,
    /// Code of the partner's link.
    pub partner_code: String,
    /// Number of the customer.
    pub customer_id: u64,
    /// Time of the event, in milliseconds since 1970.
    pub at_ms: i64,
    /// Landing URL.
    pub affiliate_url: String,
    /// URL of the page, if sent.
    pub page_url: Option<String>,
    /// Title of the page.
    pub page_title: Option<String>,
    /// URL of the referring page.
    pub referrer_url: Option<String>,
    /// Session id of the tracker.
    pub session_id: Option<String>,
    /// Screen resolution in pixels, such as `1920x1080`.
    pub screen_resolution: Option<String>,
    /// Viewport size in pixels, such as `1440x900`.
    pub viewport_size: Option<String>,
    /// Language of the browser.
    pub language: Option<String>,
    /// Time zone of the browser.
    pub timezone: Option<String>,
    /// `additional_data`, as sent.
    pub additional_data: Option<Value>,
    /// User agent, from the body or else from the request's header.
    pub user_agent: Option<String>,
}

/// A recorded or provisional sign-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeadRecord {
    /// Number of the lead.
    pub id: u64,
    /// Id of the program.
    pub program_id: u64,
    /// Number of the customer.
    pub customer_id: u64,
    /// The shop's user id.
    pub customer_key: Option<String>,
    /// The click id that was sent, if known; otherwise that of the customer's last click.
    pub click_id: Option<String>,
    /// SHA-256 of the e-mail address, in hexadecimal. The address itself is not stored.
    pub email_sha256: Option<String>,
    /// Session id of the tracker.
    pub session_id: Option<String>,
    /// URL of the page of the sign-up.
    pub page_url: Option<String>,
    /// Name of the event, from the top level or from `additional_data`.
    pub event_name: Option<String>,
    /// Click history, as sent.
    pub click_ids: Vec<String>,
    /// Whether the lead is provisional: it waits for a lead with the API key.
    pub provisional: bool,
    /// Whether it was sent with the API key, and not by a browser.
    pub from_server: bool,
    /// Time of the event, in milliseconds since 1970.
    pub at_ms: i64,
    /// `additional_data`, as sent.
    pub additional_data: Option<Value>,
}

/// A sale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SaleRecord {
    /// Number of the sale. Sales count by themselves.
    pub sale_id: u64,
    /// Number among all events.
    pub event_id: u64,
    /// Id of the program.
    pub program_id: u64,
    /// The shop's id of the payment.
    pub transaction_id: String,
    /// Amount, in the currency's smallest unit.
    pub amount_cents: u64,
    /// ISO 4217 code of the currency.
    pub currency: String,
    /// Number of the customer.
    pub customer_id: u64,
    /// The shop's user id, as sent.
    pub customer_key: Option<String>,
    /// Id of the credited click.
    pub click_id: String,
    /// Code of the partner's link.
    pub partner_code: String,
    /// `payment` or `subscription`.
    pub sale_type: String,
    /// Whether the sale is a renewal.
    pub is_recurring: bool,
    /// Id of the subscription.
    pub subscription_id: Option<String>,
    /// Billing interval of the subscription.
    pub subscription_interval: Option<String>,
    /// Id of the product.
    pub product_id: Option<String>,
    /// Line items, as sent.
    pub line_items: Option<Value>,
    /// Name of the event, from the top level or from `additional_data`.
    pub event_name: Option<String>,
    /// `additional_data`, as sent.
    pub additional_data: Option<Value>,
    /// Number of the commission; `None` if the sale pays none.
    pub commission_id: Option<u64>,
    /// How the service learned of the sale.
    pub source: SaleSource,
    /// Stripe's ids of the payment, by which a refund finds the sale. Empty unless it came from Stripe.
    pub stripe_ids: Vec<String>,
    /// Stripe's id of the customer.
    pub stripe_customer: Option<String>,
    /// Time of the event, in milliseconds since 1970.
    pub at_ms: i64,
}

/// How the service learned of a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SaleSource {
    /// From the shop's server: `POST /api/v1/track/sale`.
    Api,
    /// From a webhook of the connected Stripe account.
    Stripe,
}

/// A payment for which the service has two sales, and pays twice: the app tracked it although the service reads the
/// webhooks of the connected Stripe account.
///
/// Two sales count as the same payment if the tracked transaction id is one of Stripe's ids. Without such a pair, they do if
/// both are of the same customer, amount and currency within a day.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DoublePayment {
    /// Number of the customer of the tracked sale.
    pub customer_id: u64,
    /// Amount of the payment, in the currency's smallest unit.
    pub amount_cents: u64,
    /// ISO 4217 code of the currency.
    pub currency: String,
    /// Transaction id of the sale that the app tracked.
    pub tracked_transaction_id: String,
    /// Transaction id of the sale that came from Stripe.
    pub stripe_transaction_id: String,
}

/// A partner's commission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommissionRecord {
    /// Number of the commission.
    pub commission_id: u64,
    /// Id of the program.
    pub program_id: u64,
    /// Number of the sale.
    pub sale_id: u64,
    /// Code of the partner's link.
    pub partner_code: String,
    /// The policy of the moment at which the sale was attributed.
    pub policy: Commission,
    /// What the partner earns before refunds, in the currency's smallest unit.
    pub amount_cents: u64,
    /// Refunded amount of the sale, in the currency's smallest unit.
    pub refunded_cents: u64,
    /// Amount deducted from the commission, in the currency's smallest unit.
    pub deducted_cents: u64,
    /// Amount that was paid to the partner, in the currency's smallest unit. If it is more than what refunds have left, the partner's
    /// balance is negative.
    pub paid_cents: u64,
    /// Status of the commission.
    pub status: CommissionStatus,
    /// Time of the event, in milliseconds since 1970.
    pub at_ms: i64,
    /// End of the hold, in milliseconds since 1970.
    pub held_until_ms: i64,
}

impl CommissionRecord {
    /// Returns what is still to be paid to the partner, in the currency's smallest unit. It is negative if more was paid than refunds have
    /// left.
    pub fn balance_cents(&self) -> i64 {
        let signed = |cents: u64| i64::try_from(cents).unwrap_or(i64::MAX);
        signed(self.amount_cents - self.deducted_cents) - signed(self.paid_cents)
    }
}

/// Status of a commission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CommissionStatus {
    /// Nothing was deducted.
    Earned,
    /// A part was deducted.
    Refunded,
    /// The whole commission was deducted.
    Reversed,
}

/// A refund that reduced a commission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RefundRecord {
    /// Id of the program.
    pub program_id: u64,
    /// Transaction id of the sale.
    pub transaction_id: String,
    /// Amount that was sent, in the currency's smallest unit; `None` for a full refund.
    pub refund_amount_cents: Option<u64>,
    /// Reason, as sent.
    pub refund_reason: Option<String>,
    /// Stripe's id of the charge, if the refund came from one of its webhooks.
    pub stripe_charge: Option<String>,
    /// Number of the commission.
    pub commission_id: u64,
    /// Amount deducted from the commission, in the currency's smallest unit.
    pub deduction_cents: u64,
    /// Total refunded amount of the sale, including this refund, in the currency's smallest unit.
    pub refunded_cents: u64,
    /// Status of the commission after this refund.
    pub status: CommissionStatus,
    /// Time of the event, in milliseconds since 1970.
    pub at_ms: i64,
}

/// A test-mode event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestEventRecord {
    /// Number of the event.
    pub event_id: u64,
    /// `click`, `lead` or `sale`.
    pub event_type: String,
    /// Id of the program, if known.
    pub program_id: Option<u64>,
    /// Transaction id of a sale, generated if none was sent.
    pub transaction_id: Option<String>,
    /// Amount of a sale, in the currency's smallest unit; 9999 if none was sent.
    pub amount_cents: Option<u64>,
    /// Time of the event, in milliseconds since 1970.
    pub at_ms: i64,
}

/// A synthetic chain (`POST /api/v1/cli/test-event`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChainRecord {
    /// Number of the chain.
    pub id: u64,
    /// Id of the program.
    pub program_id: u64,
    /// Whether the chain's sale was attributed.
    pub attributed: bool,
    /// Time of the event, in milliseconds since 1970.
    pub at_ms: i64,
}

/// A customer, created by their first click or by an unattributed lead.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CustomerRecord {
    /// Number of the customer.
    pub customer_id: u64,
    /// Id of the program.
    pub program_id: u64,
    /// The shop's user id; `None` until a lead provides it.
    pub customer_key: Option<String>,
    /// Stage that the customer has reached. It never goes back.
    pub status: CustomerStatus,
    /// Partner who is credited with the next sale: the one of the last click.
    pub partner_code: Option<String>,
    /// Ids of all of the customer's clicks, oldest first.
    pub click_ids: Vec<String>,
}

/// Stage that a customer has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CustomerStatus {
    /// Clicked a partner's link.
    Click,
    /// Signed up.
    Lead,
    /// Paid.
    Conversion,
}

impl CustomerStatus {
    /// Returns the service's name of the status.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Click => "click",
            Self::Lead => "lead",
            Self::Conversion => "conversion",
        }
    }
}

/// The state of a sandbox at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Customers, oldest first.
    pub customers: Vec<CustomerRecord>,
    /// Clicks, oldest first.
    pub clicks: Vec<ClickRecord>,
    /// Leads, including provisional ones, oldest first.
    pub leads: Vec<LeadRecord>,
    /// Sales, oldest first.
    pub sales: Vec<SaleRecord>,
    /// Commissions, oldest first.
    pub commissions: Vec<CommissionRecord>,
    /// Refunds that reduced a commission, oldest first.
    pub refunds: Vec<RefundRecord>,
    /// Test-mode events, oldest first.
    pub test_events: Vec<TestEventRecord>,
    /// Synthetic chains, oldest first.
    pub chains: Vec<ChainRecord>,
    /// Payments for which there are two sales.
    pub double_payments: Vec<DoublePayment>,
    /// Memory used by the records, and what has been dropped.
    pub memory: MemoryUse,
}
