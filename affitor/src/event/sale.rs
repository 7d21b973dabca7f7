use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{InvalidEvent, Keys, id};
use crate::{ClickId, Currency, open_enum::open_enum, redact::Redacted};

/// A payment: makes the partner's commission (`POST /api/v1/track/sale`).
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
    /// The payment's id at the payment provider: the idempotency key, unique across the platform. A refund names it.
    #[doc(alias = "invoiceId")]
    pub transaction_id: String,
    /// The amount in the currency's smallest unit: cents, or dong. At least 1.
    #[doc(alias = "amount")]
    pub amount_cents: u64,
    /// The currency. The API takes dollars where none is sent; this one is always sent.
    pub currency: Currency,
    /// The shop's own id of the user, as in their lead. Looked up before the click id.
    #[doc(alias = "customerExternalId")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<String>,
    /// The visitor's click id. Filled in by a [`BoundClient`](crate::BoundClient) when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub click_id: Option<ClickId>,
    /// A single payment, which is the default, or one of a subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_type: Option<SaleType>,
    /// Whether it is a renewal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_recurring: bool,
    /// The subscription's id at the payment provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// How often the subscription is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_interval: Option<SubscriptionInterval>,
    /// The product, for commissions that depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// The lines of the bill, in any JSON; the service shows `[{name, amount_cents, quantity}]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_items: Option<Value>,
    /// Anything else: `event_name`, `test_mode`, and what the shop adds.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub additional_data: Map<String, Value>,
}

impl Sale {
    /// A payment by its id at the payment provider, with its amount in the currency's smallest unit (cents, dong).
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
            additional_data: Map::new(),
        }
    }

    /// Sets the shop's own id of the user. A blank one is as if absent.
    pub fn customer_key(mut self, customer_key: impl fmt::Display) -> Self {
        self.customer_key = id(customer_key);
        self
    }

    /// Sets the visitor's click id.
    pub fn click_id(mut self, click_id: impl Into<Option<ClickId>>) -> Self {
        self.click_id = click_id.into();
        self
    }

    /// Makes it a payment of a subscription.
    pub fn subscription(mut self, id: impl fmt::Display, interval: impl Into<Option<SubscriptionInterval>>) -> Self {
        self.sale_type = Some(SaleType::Subscription);
        self.subscription_id = Some(id.to_string());
        self.subscription_interval = interval.into();
        self
    }

    /// Says whether it is a renewal, that is, not the first payment of its subscription.
    #[doc(alias = "isRecurring")]
    pub fn recurring(mut self, renewal: bool) -> Self {
        self.is_recurring = renewal;
        self
    }

    /// Sets the product.
    pub fn product_id(mut self, product_id: impl fmt::Display) -> Self {
        self.product_id = Some(product_id.to_string());
        self
    }

    /// Sets the lines of the bill.
    pub fn line_items(mut self, line_items: impl Into<Value>) -> Self {
        self.line_items = Some(line_items.into());
        self
    }

    /// Names the event, for the shop's own reports (`additional_data.event_name`).
    #[doc(alias = "eventName")]
    pub fn event_name(self, name: impl Into<String>) -> Self {
        self.additional("event_name", name.into())
    }

    /// Whether the sale says enough to be sent.
    ///
    /// # Errors
    ///
    /// When the transaction id is blank, the amount is 0, or the customer is named neither by key nor by click, outside
    /// test mode.
    pub fn validate(&self) -> Result<(), InvalidEvent> {
        if self.is_test() {
            return Ok(());
        }
        if super::is_blank(&self.transaction_id) {
            return Err(InvalidEvent("a sale needs a transaction_id"));
        }
        if self.amount_cents == 0 {
            return Err(InvalidEvent("a sale needs an amount_cents of at least 1"));
        }
        let named = self.customer_key.as_deref().is_some_and(|key| !super::is_blank(key));
        if !named && self.click_id.is_none() {
            return Err(InvalidEvent("a sale needs a customer_key or a click_id"));
        }
        Ok(())
    }
}

additional_data_methods!(Sale);

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
            .field("line_items", &self.line_items.as_ref().map(|_| crate::redact::Hidden))
            .field("additional_data", &Keys(&self.additional_data))
            .finish()
    }
}

open_enum! {
    /// What kind of payment a sale is.
    SaleType {
        /// A single payment.
        Payment = "payment",
        /// A payment of a subscription.
        Subscription = "subscription",
    }
}

open_enum! {
    /// How often a subscription is paid. The API names three and says "e.g.".
    SubscriptionInterval {
        /// Every month.
        Monthly = "monthly",
        /// Every three months.
        Quarterly = "quarterly",
        /// Every year.
        Annual = "annual",
    }
}
