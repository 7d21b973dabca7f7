//! A payment.

use std::fmt;

use affitor_core::{
    ClickId, Visitor,
    redact::{Hidden, Redacted},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    EventIds, EventKind, InvalidEvent, NotAttributed, RetryClass, WaitsFor,
    additional_data::{AdditionalData, Keys},
    is_absent, is_blank, non_blank, present,
};
use crate::{currency::Currency, open_enum::open_enum};

/// A payment: creates the partner's commission (`POST /api/v1/track/sale`).
///
/// ```
/// use affitor::{Currency, Sale, SubscriptionInterval};
///
/// let first = Sale::new("in_1", 4_900, Currency::USD).customer_key("user_7");
/// let renewal = Sale::new("in_2", 4_900, Currency::USD)
///     .customer_key("user_7")
///     .subscription("sub_1", SubscriptionInterval::Monthly)
///     .recurring(true);
/// assert!(first.validate().is_ok() && renewal.validate().is_ok());
/// assert!(Sale::new("in_3", 0, Currency::USD).customer_key("user_7").validate().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "an event does nothing until it is tracked"]
#[non_exhaustive]
pub struct Sale {
    /// Id of the payment at the payment provider: the idempotency key, unique in all of Affitor. A refund contains it.
    #[doc(alias = "invoiceId")]
    pub transaction_id: String,
    /// Amount in the currency's smallest unit: cents, or dong. At least 1.
    #[doc(alias = "amount")]
    pub amount_cents: u64,
    /// Currency of the amount. It is always sent; the API itself defaults to US dollars.
    pub currency: Currency,
    /// Your own user id, as in their lead. It takes precedence over the click id.
    #[doc(alias = "customerExternalId")]
    #[serde(default, skip_serializing_if = "is_absent")]
    pub customer_key: Option<String>,
    /// Click id of the visitor. A [`BoundClient`](crate::BoundClient) fills it in if it is `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub click_id: Option<ClickId>,
    /// Kind of payment. Default: [`SaleType::Payment`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_type: Option<SaleType>,
    /// Whether this is a renewal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_recurring: bool,
    /// Id of the subscription at the payment provider.
    #[serde(default, skip_serializing_if = "is_absent")]
    pub subscription_id: Option<String>,
    /// Billing interval of the subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_interval: Option<SubscriptionInterval>,
    /// Id of the product, for commissions that depend on it.
    #[serde(default, skip_serializing_if = "is_absent")]
    pub product_id: Option<String>,
    /// Line items, as any JSON. The service's examples show `[{name, amount_cents, quantity}]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_items: Option<Value>,
    /// Everything else: `event_name`, `test_mode`, and your own entries.
    #[serde(default, skip_serializing_if = "AdditionalData::is_empty")]
    pub additional_data: serde_json::Map<String, Value>,
}

impl Sale {
    /// Creates a sale from the payment's id at the payment provider and its amount in the currency's smallest unit (cents,
    /// dong).
    pub fn new(transaction_id: impl fmt::Display, amount_cents: u64, currency: Currency) -> Self {
        Self {
            transaction_id: transaction_id.to_string(),
            amount_cents,
            currency,
            customer_key: None,
            click_id: None,
            sale_type: None,
            is_recurring: false,
            subscription_id: None,
            subscription_interval: None,
            product_id: None,
            line_items: None,
            additional_data: AdditionalData::new(),
        }
    }

    /// Sets your own user id. A blank one is treated as missing.
    pub fn customer_key(mut self, customer_key: impl fmt::Display) -> Self {
        self.customer_key = non_blank(customer_key.to_string());
        self
    }

    /// Sets the visitor's click id.
    pub fn click_id(mut self, click_id: impl Into<Option<ClickId>>) -> Self {
        self.click_id = click_id.into();
        self
    }

    /// Makes this a payment of a subscription. A blank id is treated as missing.
    pub fn subscription(mut self, id: impl fmt::Display, interval: impl Into<Option<SubscriptionInterval>>) -> Self {
        self.sale_type = Some(SaleType::Subscription);
        self.subscription_id = non_blank(id.to_string());
        self.subscription_interval = interval.into();
        self
    }

    /// Sets whether this is a renewal, which is any payment of a subscription after the first one (default: `false`).
    #[doc(alias = "isRecurring")]
    pub fn recurring(mut self, renewal: bool) -> Self {
        self.is_recurring = renewal;
        self
    }

    /// Sets the product. A blank id is treated as missing.
    pub fn product_id(mut self, product_id: impl fmt::Display) -> Self {
        self.product_id = non_blank(product_id.to_string());
        self
    }

    /// Sets the line items.
    pub fn line_items(mut self, line_items: impl Into<Value>) -> Self {
        self.line_items = Some(line_items.into());
        self
    }

    /// Names the event for your own reports (`additional_data.event_name`).
    #[doc(alias = "eventName")]
    pub fn event_name(self, name: impl Into<String>) -> Self {
        self.additional("event_name", name.into())
    }

    /// Checks that the sale has what the service requires.
    ///
    /// # Errors
    ///
    /// Returns an error if the transaction id is blank; if the amount is 0; if there is neither a customer key nor a click id.
    /// Test events are not checked.
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        if self.is_test() {
            return Ok(());
        }
        if is_blank(&self.transaction_id) {
            return Err(InvalidEvent("a sale needs a transaction_id"));
        }
        if self.amount_cents == 0 {
            return Err(InvalidEvent("a sale needs an amount_cents of at least 1"));
        }
        if present(self.customer_key.as_ref()).is_none() && self.click_id.is_none() {
            return Err(InvalidEvent("a sale needs a customer_key or a click_id"));
        }
        Ok(())
    }
}

additional_data_methods!(Sale);

impl EventKind for Sale {
    fn validate(&self) -> Result<(), InvalidEvent> {
        self.validate()
    }

    fn attribute_to(&mut self, visitor: &Visitor) {
        if self.click_id.is_none() {
            self.click_id.clone_from(&visitor.click_id);
        }
    }

    fn retry_class(&self) -> RetryClass {
        RetryClass::Idempotent
    }

    fn ids(&self) -> EventIds<'_> {
        EventIds {
            customer_key: present(self.customer_key.as_ref()),
            click_id: self.click_id.as_ref(),
            transaction_id: present(Some(&self.transaction_id)),
            refund_id: None,
        }
    }

    fn waits_for(&self) -> WaitsFor<'_> {
        let EventIds { customer_key, click_id, .. } = self.ids();
        WaitsFor::Leads { customer_key, click_id }
    }

    fn identity(&self) -> Result<Option<Vec<&str>>, InvalidEvent> {
        Ok((!self.is_test()).then(|| vec![self.transaction_id.as_str()]))
    }
}

impl fmt::Debug for Sale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sale")
            .field("transaction_id", &Redacted(&self.transaction_id))
            .field("amount_cents", &self.amount_cents)
            .field("currency", &self.currency)
            .field("customer_key", &self.customer_key.as_deref().map(Redacted))
            .field("click_id", &self.click_id)
            .field("sale_type", &self.sale_type)
            .field("is_recurring", &self.is_recurring)
            .field("subscription_id", &self.subscription_id.as_deref().map(Redacted))
            .field("subscription_interval", &self.subscription_interval)
            .field("product_id", &self.product_id.as_deref().map(Redacted))
            .field("line_items", &self.line_items.as_ref().map(|_| Hidden))
            .field("additional_data", &Keys(&self.additional_data))
            .finish()
    }
}

open_enum! {
    /// Kind of payment.
    SaleType {
        /// A single payment.
        Payment = "payment",
        /// A payment of a subscription.
        Subscription = "subscription",
    }
}

open_enum! {
    /// Billing interval of a subscription. The API documents three intervals as examples, so there may be others.
    SubscriptionInterval {
        /// Every month.
        Monthly = "monthly",
        /// Every three months.
        Quarterly = "quarterly",
        /// Every year.
        Annual = "annual",
    }
}

/// The outcome of a sale.
///
/// ```
/// # async fn payment(client: affitor::Client) -> Result<(), affitor::Error> {
/// use affitor::{Currency, Sale, SaleOutcome};
///
/// let sale = Sale::new("in_1", 4_900, Currency::USD).customer_key("user_7");
/// match client.track_sale(sale).await? {
///     SaleOutcome::Recorded { commission_id, .. } => println!("commission {commission_id:?}"),
///     SaleOutcome::AlreadyRecorded { uncertain: false, .. } => println!("counted before"),
///     SaleOutcome::AlreadyRecorded { .. } => println!("counted before, check its commission in the dashboard"),
///     SaleOutcome::NotAttributed(reason) => println!("no partner: {reason}"), // the normal case
///     outcome => println!("{outcome}"),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaleOutcome {
    /// The sale counts and created a commission.
    #[non_exhaustive]
    Recorded {
        /// The service's id of the sale.
        sale_id: Option<i64>,
        /// The service's id of the commission.
        commission_id: Option<i64>,
    },
    /// The transaction id was used before, so the sale counts once (status 409).
    #[non_exhaustive]
    AlreadyRecorded {
        /// Whether an earlier attempt of this call was lost or failed with a 5xx status. That attempt may have used up the
        /// transaction id without creating the commission: check the dashboard.
        uncertain: bool,
    },
    /// The sale is recorded but creates no commission: the attribution window is over, or the program does not pay for this sale
    /// (a one-time commission was already paid, or the months of a recurring one are over).
    #[non_exhaustive]
    RecordedWithoutCommission {
        /// The service's id of the sale.
        sale_id: Option<i64>,
    },
    /// No partner is paid for this sale. The normal case for most customers.
    NotAttributed(NotAttributed),
    /// Recorded as a test event.
    #[non_exhaustive]
    Test {
        /// Id of the event.
        event_id: Option<i64>,
    },
    /// The client is [disabled](crate::Client::disabled), so nothing was sent.
    Disabled,
}

impl fmt::Display for SaleOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded { commission_id: Some(id), .. } => write!(f, "recorded with commission {id}"),
            Self::Recorded { .. } => f.write_str("recorded"),
            Self::AlreadyRecorded { uncertain: false } => f.write_str("already recorded"),
            Self::AlreadyRecorded { uncertain: true } => {
                f.write_str("already recorded, possibly without its commission: check the dashboard")
            }
            Self::RecordedWithoutCommission { .. } => f.write_str("recorded without a commission"),
            Self::NotAttributed(reason) => write!(f, "not attributed: {reason}"),
            Self::Test { .. } => f.write_str("recorded as a test event"),
            Self::Disabled => f.write_str("not sent, because the client is disabled"),
        }
    }
}
