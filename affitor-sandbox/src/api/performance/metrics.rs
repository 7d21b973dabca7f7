//! Totals of a period, and how they changed.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Totals, dollars};

/// Totals of the period, and trends compared with the equally long period before.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metrics {
    total_clicks: u64,
    total_leads: u64,
    total_conversions: u64,
    #[serde(serialize_with = "crate::number::serialize")]
    total_revenue: f64,
    /// Conversions per 100 clicks.
    #[serde(serialize_with = "crate::number::serialize")]
    conversion_rate: f64,
    /// Revenue per conversion.
    #[serde(serialize_with = "crate::number::serialize")]
    average_order_value: f64,
    total_partners: u64,
    /// Paid sales.
    total_sales: u64,
    #[serde(serialize_with = "crate::number::serialize")]
    total_partners_commission: f64,
    clicks_trend: Trend,
    leads_trend: Trend,
    conversions_trend: Trend,
    revenue_trend: Trend,
    partners_trend: Trend,
    sales_trend: Trend,
    commission_trend: Trend,
}

impl Metrics {
    pub(super) fn of(now: &Totals, before: &Totals) -> Self {
        let trend = |value: fn(&Totals) -> u64| Trend::of(value(now), value(before));
        let revenue = dollars(now.revenue_cents);
        Self {
            total_clicks: now.clicks,
            total_leads: now.leads,
            total_conversions: now.conversions,
            total_revenue: revenue,
            conversion_rate: rounded(ratio(now.conversions as f64, now.clicks as f64) * 100.0, 2),
            average_order_value: rounded(ratio(revenue, now.conversions as f64), 2),
            total_partners: now.partners,
            total_sales: now.paid_sales,
            total_partners_commission: dollars(now.commission_cents),
            clicks_trend: trend(|totals| totals.clicks),
            leads_trend: trend(|totals| totals.leads),
            conversions_trend: trend(|totals| totals.conversions),
            revenue_trend: trend(|totals| totals.revenue_cents),
            partners_trend: trend(|totals| totals.partners),
            sales_trend: trend(|totals| totals.paid_sales),
            commission_trend: trend(|totals| totals.commission_cents),
        }
    }
}

/// A change in percent, without its sign.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Trend {
    #[serde(serialize_with = "crate::number::serialize")]
    trend: f64,
    trend_direction: Direction,
}

#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Direction {
    Up,
    Down,
    Stable,
}

impl Trend {
    fn of(now: u64, before: u64) -> Self {
        let trend_direction = match now.cmp(&before) {
            std::cmp::Ordering::Less => Direction::Down,
            std::cmp::Ordering::Equal => Direction::Stable,
            std::cmp::Ordering::Greater => Direction::Up,
        };
        let trend = match before {
            0 if now > 0 => 100.0,
            _ => rounded(ratio(now.abs_diff(before) as f64, before as f64) * 100.0, 1),
        };
        Self { trend, trend_direction }
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

fn rounded(number: f64, decimals: i32) -> f64 {
    let factor = 10_f64.powi(decimals);
    (number * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trends() {
        for (now, before, trend, direction) in [
            (0, 0, 0.0, Direction::Stable),
            (3, 3, 0.0, Direction::Stable),
            (5, 0, 100.0, Direction::Up),
            (0, 5, 100.0, Direction::Down),
            (4, 3, 33.3, Direction::Up),
            (1, 3, 66.7, Direction::Down),
        ] {
            assert_eq!(Trend::of(now, before), Trend { trend, trend_direction: direction }, "{before} to {now}");
        }
    }
}
