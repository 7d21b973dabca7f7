//! Which commission policy a sale gets: it depends on the partner's group, the product and the moment.

use serde::{Deserialize, Serialize};

use crate::commission::Commission;

/// The group of partners who were not moved to another one.
pub(crate) const DEFAULT_GROUP: &str = "Default";

/// A version of a commission policy: what a group of partners earns, from some moment on.
///
/// The newest version that has started applies, and a commission keeps the policy with which it was made. A policy for a product is
/// used for sales with that `product_id` only, and is preferred there. A group without a policy uses the policies of
/// the group `Default`: the service's documents leave that open.
///
/// ```
/// use affitor_sandbox::{Commission, Policy};
///
/// let for_friends = Policy::new(Commission::lifetime(30)).group("Friends");
/// let of_a_product = Policy::new(Commission::one_time(50)).product("prod_1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub(crate) group: String,
    pub(crate) product_id: Option<String>,
    /// `None`: from the beginning.
    pub(crate) starts_ms: Option<i64>,
    pub(crate) commission: Commission,
}

impl Policy {
    /// Creates a policy for all products in the group `Default`, from the beginning.
    pub fn new(commission: Commission) -> Self {
        Self { group: DEFAULT_GROUP.to_owned(), product_id: None, starts_ms: None, commission }
    }

    /// Sets the group of partners.
    #[must_use]
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = name.into();
        self
    }

    /// Restricts the policy to sales with this `product_id`.
    #[must_use]
    pub fn product(mut self, product_id: impl Into<String>) -> Self {
        self.product_id = Some(product_id.into());
        self
    }

    /// Sets the moment from which the policy applies, in milliseconds since 1970. It may be in the future.
    #[must_use]
    pub fn starts_at_ms(mut self, ms: i64) -> Self {
        self.starts_ms = Some(ms);
        self
    }
}

/// Returns the policy of a sale at this moment.
pub(crate) fn policy_of_sale(
    policies: &[Policy],
    group: &str,
    product_id: Option<&str>,
    now_ms: i64,
) -> Option<Commission> {
    let newest = |group: &str, product_id: Option<&str>| {
        let applies = |policy: &&Policy| {
            policy.group == group
                && policy.product_id.as_deref() == product_id
                && policy.starts_ms.is_none_or(|start| start <= now_ms)
        };
        // Of two that start at the same time, the one that was set later.
        let newest = policies.iter().filter(applies).max_by_key(|policy| policy.starts_ms)?;
        Some(newest.commission)
    };
    let of_group = |group: &str| product_id.and_then(|id| newest(group, Some(id))).or_else(|| newest(group, None));
    of_group(group).or_else(|| of_group(DEFAULT_GROUP))
}

/// Which of a customer's clicks is credited with their sales.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AttributionModel {
    /// `last_click`: the last one.
    #[default]
    LastClick,
    /// `first_click`: the first one. If it was dropped to stay within the memory limit, the earliest that is left.
    FirstClick,
}

/// A change of a program's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Terms {
    Policy(Policy),
    AttributionModel(AttributionModel),
    Paused(bool),
}
