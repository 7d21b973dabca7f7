//! The billing interval of a subscription.

use affitor::SubscriptionInterval;
use serde_json::Value;

use super::super::read::Fields;

/// Returns the billing interval of an invoice's subscription, if its first line has one that the API knows.
pub(super) fn interval(fields: Fields<'_>) -> Option<SubscriptionInterval> {
    let line = Fields(fields.get("lines.data")?.get(0)?);
    let recurring = Fields(line.get("price.recurring").or_else(|| line.get("plan"))?);
    let count = recurring.get("interval_count").map_or(Some(1), Value::as_u64)?;
    match (recurring.get("interval")?.as_str()?, count) {
        ("month", 1) => Some(SubscriptionInterval::Monthly),
        ("month", 3) => Some(SubscriptionInterval::Quarterly),
        ("month", 12) | ("year", 1) => Some(SubscriptionInterval::Annual),
        _ => None,
    }
}
