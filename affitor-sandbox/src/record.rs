//! What the sandbox holds, as typed records.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A click that counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClickRecord {
    /// The event's number.
    pub id: u64,
    /// The click's id.
    pub click_id: String,
    /// The program.
    pub program_id: u64,
    /// The partner's code.
    pub partner_code: String,
    /// The customer's number.
    pub customer_id: u64,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The landing URL.
    pub affiliate_url: String,
    /// The page, where it was sent.
    pub page_url: Option<String>,
    /// The page's title.
    pub page_title: Option<String>,
    /// Where the visitor came from.
    pub referrer_url: Option<String>,
    /// The tracker's session id.
    pub session_id: Option<String>,
    /// The screen, as `1920x1080`.
    pub screen_resolution: Option<String>,
    /// The window, as `1440x900`.
    pub viewport_size: Option<String>,
    /// The visitor's language.
    pub language: Option<String>,
    /// The visitor's time zone.
    pub timezone: Option<String>,
    /// What was sent as `additional_data`.
    pub additional_data: Option<Value>,
    /// The visitor's browser: from the body, else from the request's header.
    pub user_agent: Option<String>,
}

/// A sign-up that counts, or is provisional.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeadRecord {
    /// The lead's number.
    pub id: u64,
    /// The program.
    pub program_id: u64,
    /// The customer's number.
    pub customer_id: u64,
    /// The shop's own id of the user.
    pub customer_key: Option<String>,
    /// The click id that was sent, or else that of the customer's last click.
    pub click_id: Option<String>,
    /// The SHA-256 of the e-mail address, as hex. The address itself is not kept.
    pub email_sha256: Option<String>,
    /// The tracker's session id.
    pub session_id: Option<String>,
    /// The page of the sign-up.
    pub page_url: Option<String>,
    /// The event's name, at the top level or in `additional_data`.
    pub event_name: Option<String>,
    /// The click history that was sent.
    pub click_ids: Vec<String>,
    /// Whether it waits for a lead with the key.
    pub provisional: bool,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What was sent as `additional_data`.
    pub additional_data: Option<Value>,
}

/// A sale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SaleRecord {
    /// The sale's number.
    pub sale_id: u64,
    /// The program.
    pub program_id: u64,
    /// The shop's id of the payment.
    pub transaction_id: String,
    /// The amount in the currency's smallest unit.
    pub amount_cents: u64,
    /// The currency.
    pub currency: String,
    /// The customer's number.
    pub customer_id: u64,
    /// The shop's own id of the user, as sent.
    pub customer_key: Option<String>,
    /// The click that is credited.
    pub click_id: String,
    /// The partner's code.
    pub partner_code: String,
    /// `payment` or `subscription`.
    pub sale_type: String,
    /// Whether it is a renewal.
    pub is_recurring: bool,
    /// The subscription.
    pub subscription_id: Option<String>,
    /// How often it is paid.
    pub subscription_interval: Option<String>,
    /// The product.
    pub product_id: Option<String>,
    /// The lines of the bill, as sent.
    pub line_items: Option<Value>,
    /// The event's name, at the top level or in `additional_data`.
    pub event_name: Option<String>,
    /// What was sent as `additional_data`.
    pub additional_data: Option<Value>,
    /// The commission, where there is one.
    pub commission_id: Option<u64>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// A partner's commission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommissionRecord {
    /// The commission's number.
    pub commission_id: u64,
    /// The program.
    pub program_id: u64,
    /// The sale.
    pub sale_id: u64,
    /// The partner's code.
    pub partner_code: String,
    /// What the partner earns, in the currency's smallest unit, before refunds.
    pub amount_cents: u64,
    /// How much of the sale was refunded, in the currency's smallest unit.
    pub refunded_cents: u64,
    /// What was taken back of the commission.
    pub deducted_cents: u64,
    /// How it stands.
    pub status: CommissionStatus,
    /// Until when it is held, in milliseconds since 1970.
    pub held_until_ms: i64,
}

/// How a commission stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CommissionStatus {
    /// Nothing was taken back.
    Earned,
    /// A part was taken back.
    Refunded,
    /// All was taken back.
    Reversed,
}

/// A refund that took something back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RefundRecord {
    /// The program.
    pub program_id: u64,
    /// The sale's transaction id.
    pub transaction_id: String,
    /// The amount that was asked for; absent for all of it.
    pub refund_amount_cents: Option<u64>,
    /// The reason that was sent.
    pub refund_reason: Option<String>,
    /// The commission.
    pub commission_id: u64,
    /// What was taken back of it, in the currency's smallest unit.
    pub deduction_cents: u64,
    /// How much of the sale has been refunded with this, in the currency's smallest unit.
    pub refunded_cents: u64,
    /// How the commission stands since.
    pub status: CommissionStatus,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// An event in test mode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TestEventRecord {
    /// The event's number.
    pub event_id: u64,
    /// `click`, `lead` or `sale`.
    pub event_type: String,
    /// The program, where it is known.
    pub program_id: Option<u64>,
    /// Of a sale: the transaction id, made up where none was sent.
    pub transaction_id: Option<String>,
    /// Of a sale: the amount, 9999 where none was sent.
    pub amount_cents: Option<u64>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// A synthetic chain that was run (`POST /api/v1/cli/test-event`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChainRecord {
    /// The chain's number.
    pub id: u64,
    /// The program.
    pub program_id: u64,
    /// Whether its sale was attributed.
    pub attributed: bool,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// A customer, from the first click on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CustomerRecord {
    /// The customer's number.
    pub customer_id: u64,
    /// The program.
    pub program_id: u64,
    /// The shop's own id of the user, once a lead has said it.
    pub customer_key: Option<String>,
    /// How far they have come; it never goes back.
    pub status: CustomerStatus,
    /// The partner who gets the next sale: last click wins.
    pub partner_code: Option<String>,
    /// All of their clicks, oldest first.
    pub click_ids: Vec<String>,
}

/// How far a customer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CustomerStatus {
    /// Has clicked.
    Click,
    /// Has signed up.
    Lead,
    /// Has paid.
    Conversion,
}

impl CustomerStatus {
    /// The service's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Click => "click",
            Self::Lead => "lead",
            Self::Conversion => "conversion",
        }
    }
}

/// All that the sandbox holds at a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// The customers.
    pub customers: Vec<CustomerRecord>,
    /// The clicks.
    pub clicks: Vec<ClickRecord>,
    /// The leads.
    pub leads: Vec<LeadRecord>,
    /// The sales.
    pub sales: Vec<SaleRecord>,
    /// The commissions.
    pub commissions: Vec<CommissionRecord>,
    /// The refunds.
    pub refunds: Vec<RefundRecord>,
    /// The events in test mode.
    pub test_events: Vec<TestEventRecord>,
    /// The synthetic chains.
    pub chains: Vec<ChainRecord>,
}
