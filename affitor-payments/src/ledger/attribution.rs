//! Who a payment belongs to, as far as a provider says it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::skip::{is_false, is_zero};

/// Who a payment belongs to, as far as an object says it.
///
/// Texts are kept as the provider reports them. They may identify a person.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Attribution {
    /// Your own user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<String>,
    /// The visitor's click id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub click_id: Option<String>,
    /// The Affitor program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program_id: Option<String>,
    /// Whether the customer is a reference that anybody can put into a link: what else names a customer comes first.
    #[serde(skip_serializing_if = "is_false")]
    pub by_reference: bool,
    /// When the object said so, in seconds of Unix time. The latest one that names somebody counts.
    #[serde(skip_serializing_if = "is_zero")]
    pub said_at: u64,
    /// Whether the customer was forgotten. Later reports don't add it again.
    #[serde(skip_serializing_if = "is_false")]
    pub is_forgotten: bool,
}

impl Attribution {
    /// Returns whether it says nothing.
    pub fn is_empty(&self) -> bool {
        !self.is_forgotten && self.program_id.is_none() && !self.names_somebody()
    }

    /// Returns whether it names a customer or a click.
    pub fn names_somebody(&self) -> bool {
        self.customer_key.is_some() || self.click_id.is_some()
    }

    /// Fills in what is missing from another one, unless its customer was forgotten.
    pub fn or(self, other: &Self) -> Self {
        if self.is_forgotten {
            return self;
        }
        Self {
            by_reference: if self.customer_key.is_some() { self.by_reference } else { other.by_reference },
            said_at: self.said_at.max(other.said_at),
            is_forgotten: other.is_forgotten && !self.names_somebody(),
            customer_key: self.customer_key.or_else(|| other.customer_key.clone()),
            click_id: self.click_id.or_else(|| other.click_id.clone()),
            program_id: self.program_id.or_else(|| other.program_id.clone()),
        }
    }
}

impl fmt::Debug for Attribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attribution")
            .field("customer_key", &self.customer_key.as_deref().map(affitor_core::redact::Redacted))
            .field("click_id", &self.click_id.is_some())
            .field("program_id", &self.program_id)
            .finish_non_exhaustive()
    }
}

/// A subscription or customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Source {
    /// The attribution that its payments inherit.
    #[serde(skip_serializing_if = "Attribution::is_empty")]
    pub attribution: Attribution,
    /// Whether it is a customer, whom strangers can name too: they buy with the same address. It names nobody if two reports
    /// differ. Of a subscription, the latest report counts.
    #[serde(skip_serializing_if = "is_false")]
    pub is_customer: bool,
    /// Whether two reports of a customer name different users.
    #[serde(skip_serializing_if = "is_false")]
    pub disagrees: bool,
}

impl Source {
    /// A customer, as a paid bill names them. Only your own user id counts: a click belongs to one purchase.
    pub(crate) fn customer(named_by: &Attribution) -> Self {
        let attribution = Attribution { customer_key: named_by.customer_key.clone(), ..Attribution::default() };
        Self { attribution, is_customer: true, disagrees: false }
    }
}
