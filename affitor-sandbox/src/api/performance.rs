//! The dashboard's `GET /api/tracking/performance/<program>`: one row per day, including days without events. Amounts are
//! in dollars. The service requires a login; the sandbox doesn't.

mod metrics;

use std::collections::BTreeMap;

use metrics::Metrics;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Decision};
use crate::reply::{CmsError, Reply};
use crate::{
    clock::{self, DAY_MS, iso},
    state::State,
};

/// Maximum number of listed days.
const MAX_DAYS: i64 = 3_660;

/// Last day that can be requested, in the year 8900, counted from 1970. Times must stay valid beyond both ends.
const LAST_DAY: i64 = 2_530_000;

const MINUTES_PER_DAY: i64 = 24 * 60;

/// Totals of one or several days.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    clicks: u64,
    /// Customers by the day on which they signed up.
    leads: u64,
    /// Customers by the day of their first purchase.
    conversions: u64,
    paid_sales: u64,
    revenue_cents: u64,
    /// Partner records created.
    partners: u64,
    /// Commissions made, before refunds.
    commission_cents: u64,
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.clicks += other.clicks;
        self.leads += other.leads;
        self.conversions += other.conversions;
        self.paid_sales += other.paid_sales;
        self.revenue_cents = self.revenue_cents.saturating_add(other.revenue_cents);
        self.partners += other.partners;
        self.commission_cents = self.commission_cents.saturating_add(other.commission_cents);
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct PerformanceResponse {
    data: Vec<Row>,
    metrics: Metrics,
    meta: PerformanceMeta,
}

/// One day. Amounts are in dollars.
#[derive(Serialize, ToSchema)]
struct Row {
    #[schema(format = Date)]
    date: String,
    /// The same as `date`.
    #[schema(format = Date)]
    period: String,
    clicks: u64,
    leads: u64,
    /// Customers by the day of their first purchase.
    conversions: u64,
    #[serde(serialize_with = "crate::number::serialize")]
    revenue: f64,
    /// Partner records created on this day.
    partners: u64,
    /// Always 0.
    sales: u64,
    #[serde(serialize_with = "crate::number::serialize")]
    commission: f64,
}

impl Row {
    fn of(day: i64, totals: &Totals) -> Self {
        Self {
            date: date(day),
            period: date(day),
            clicks: totals.clicks,
            leads: totals.leads,
            conversions: totals.conversions,
            revenue: dollars(totals.revenue_cents),
            partners: totals.partners,
            sales: 0,
            commission: dollars(totals.commission_cents),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PerformanceMeta {
    #[schema(pattern = "^(7d|30d|90d|all)$")]
    period: String,
    #[schema(format = DateTime)]
    date_from: String,
    #[schema(format = DateTime)]
    date_to: String,
    previous_period: PreviousPeriod,
}

/// The equally long period before.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PreviousPeriod {
    #[schema(format = DateTime)]
    date_from: String,
    #[schema(format = DateTime)]
    date_to: String,
}

/// Returns the performance of a program by day.
#[utoipa::path(
    get, path = "/api/tracking/performance/{program}", tag = "Dashboard", operation_id = "getPerformance",
    params(
        ("program" = u64, Path, description = "The program's id", example = 42),
        ("period" = Option<String>, Query, nullable = false, pattern = "^(7d|30d|90d|all)$", description = "Default: `7d`"),
        ("dateFrom" = Option<String>, Query, nullable = false, description = "A day or a time in ISO 8601. Together with `dateTo`, takes precedence over `period`"),
        ("dateTo" = Option<String>, Query, nullable = false, description = "A day or a time in ISO 8601"),
    ),
    responses(
        (status = 200, description = "One row per day, and the totals", body = PerformanceResponse),
        (status = 400, description = "A query parameter is invalid", body = CmsError),
        (status = 403, description = "The Host is not allowed", body = CmsError),
        (status = 404, description = "The program was not found", body = CmsError),
    ),
)]
pub(super) fn performance(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = state.program_of_id(call.path_id).ok_or_else(|| Reply::not_found("Program not found"))?;
    let days = days(state, program);
    let today = call.now_ms.div_euclid(DAY_MS);
    let first = days.keys().next().copied().unwrap_or(today);
    let range = Range::of(call, today, first)?;
    let sum = |from: i64, to: i64| {
        let mut sum = Totals::default();
        days.range(from..=to).for_each(|(_, totals)| sum.add(totals));
        sum
    };
    let none = Totals::default();
    let data = (range.from..=range.to).map(|day| Row::of(day, days.get(&day).unwrap_or(&none))).collect();
    let (before_from, before_to) = (range.from - range.length(), range.from - 1);
    let metrics = Metrics::of(&sum(range.from, range.to), &sum(before_from, before_to));
    let meta = PerformanceMeta {
        date_from: range.asked_from.map_or_else(|| start_of(range.from), iso),
        date_to: range.asked_to.map_or_else(|| end_of(range.to), iso),
        previous_period: PreviousPeriod { date_from: start_of(before_from), date_to: end_of(before_to) },
        period: range.period,
    };
    Ok(Reply::ok(&PerformanceResponse { data, metrics, meta }).into())
}

/// Returns the totals of a program by day, counted from 1970.
fn days(state: &State, program: usize) -> BTreeMap<i64, Totals> {
    let id = state.programs[program].id;
    let mut days: BTreeMap<i64, Totals> = BTreeMap::new();
    let mut day = |at_ms: i64, add: &dyn Fn(&mut Totals)| add(days.entry(at_ms.div_euclid(DAY_MS)).or_default());
    for partner in state.partners_of(program) {
        day(partner.created_ms.unwrap_or(state.created_ms), &|totals| totals.partners += 1);
    }
    for click in state.clicks.values().filter(|click| click.program_id == id) {
        day(click.at_ms, &|totals| totals.clicks += 1);
    }
    for customer in state.customers.values().filter(|customer| customer.program == program) {
        if let Some(lead) = customer.leads.first() {
            day(state.leads[*lead].at_ms, &|totals| totals.leads += 1);
        }
        if let Some(sale) = customer.sales.first() {
            day(state.sales[*sale].at_ms, &|totals| totals.conversions += 1);
        }
    }
    for sale in state.sales.iter().filter(|sale| sale.program_id == id) {
        day(sale.at_ms, &|totals| {
            totals.paid_sales += 1;
            totals.revenue_cents = totals.revenue_cents.saturating_add(sale.amount_cents);
        });
    }
    for commission in state.commissions.iter().filter(|commission| commission.program_id == id) {
        day(commission.at_ms, &|totals| {
            totals.commission_cents = totals.commission_cents.saturating_add(commission.amount_cents);
        });
    }
    for ((_, minute), count) in state.dropped_clicks.range((id, i64::MIN)..=(id, i64::MAX)) {
        days.entry(minute.div_euclid(MINUTES_PER_DAY)).or_default().clicks += count;
    }
    days
}

/// The requested days, counted from 1970.
struct Range {
    from: i64,
    to: i64,
    /// The times that were asked for, in milliseconds.
    asked_from: Option<i64>,
    asked_to: Option<i64>,
    period: String,
}

impl Range {
    fn of(call: &Call<'_>, today: i64, first: i64) -> Result<Self, Reply> {
        let bad = |text: &str| Reply::cms_error(400, "ValidationError", text);
        let (mut period, mut from, mut to) = ("7d".to_owned(), None, None);
        for (name, value) in call.query() {
            let time =
                || clock::parse(&value).ok_or_else(|| bad(&format!("{name} must be a date or a time in ISO 8601")));
            match &*name {
                "period" => period = value.into_owned(),
                "dateFrom" => from = Some(time()?.0),
                "dateTo" => to = Some(time()?.1),
                _ => {}
            }
        }
        // Both the first and the last day: `7d` has eight rows.
        let length = match period.as_str() {
            "7d" => 8,
            "30d" => 31,
            "90d" => 91,
            "all" => today - first + 1,
            _ => return Err(bad("period must be 7d, 30d, 90d or all")),
        };
        // Only both together take precedence over the period.
        let (asked_from, asked_to) = from.zip(to).unzip();
        let (from, to) = match from.zip(to) {
            Some((from, to)) => (from.div_euclid(DAY_MS), to.div_euclid(DAY_MS)),
            None => (today - length.clamp(1, MAX_DAYS) + 1, today),
        };
        if from.abs().max(to.abs()) > LAST_DAY {
            return Err(bad("dateFrom and dateTo must not be after the year 8900"));
        }
        if from > to || to - from >= MAX_DAYS {
            return Err(bad("dateFrom must not be after dateTo, nor more than ten years before it"));
        }
        Ok(Self { from, to, asked_from, asked_to, period })
    }

    fn length(&self) -> i64 {
        self.to - self.from + 1
    }
}

fn date(day: i64) -> String {
    start_of(day).chars().take(10).collect()
}

fn start_of(day: i64) -> String {
    iso(day.saturating_mul(DAY_MS))
}

fn end_of(day: i64) -> String {
    iso(day.saturating_add(1).saturating_mul(DAY_MS) - 1)
}

fn dollars(cents: u64) -> f64 {
    cents as f64 / 100.0
}
