//! The dashboard's `GET /api/tracking/performance/<program>`: one row per day, including days without events. Amounts are
//! in dollars. The service requires a login; the sandbox doesn't.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Decision, Reply, reply::CmsError};
use crate::{
    clock::{self, DAY_MS, iso},
    state::State,
};

/// Maximum number of listed days.
const MAX_DAYS: i64 = 3_660;

#[derive(Default)]
struct Day<'s> {
    clicks: u64,
    leads: u64,
    sales: u64,
    revenue_cents: u64,
    commission_cents: u64,
    partners: BTreeSet<&'s str>,
}

impl<'s> Day<'s> {
    fn add(&mut self, other: &Day<'s>) {
        self.clicks += other.clicks;
        self.leads += other.leads;
        self.sales += other.sales;
        self.revenue_cents = self.revenue_cents.saturating_add(other.revenue_cents);
        self.commission_cents = self.commission_cents.saturating_add(other.commission_cents);
        self.partners.extend(&other.partners);
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
    period: String,
    clicks: u64,
    leads: u64,
    conversions: u64,
    revenue: f64,
    partners: usize,
    sales: u64,
    commission: f64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PerformanceMeta {
    period: String,
    #[schema(format = Date)]
    date_from: String,
    #[schema(format = Date)]
    date_to: String,
}

/// Returns the performance of a program by day.
#[utoipa::path(
    get, path = "/api/tracking/performance/{program}", tag = "Dashboard", operation_id = "getPerformance",
    params(
        ("program" = u64, Path, description = "The program's id", example = 42),
        ("period" = Option<String>, Query, nullable = false, pattern = "^(7d|30d|90d|all)$", description = "Default: `30d`"),
        ("dateFrom" = Option<String>, Query, nullable = false, description = "A day or a time in ISO 8601"),
        ("dateTo" = Option<String>, Query, nullable = false, description = "A day or a time in ISO 8601"),
    ),
    responses(
        (status = 200, description = "One row per day, and the totals", body = PerformanceResponse),
        (status = 400, description = "A query parameter is invalid", body = CmsError),
        (status = 404, description = "The program was not found", body = CmsError),
    ),
)]
pub(super) fn performance(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = state.program_of_id(call.program).ok_or_else(|| Reply::not_found("Program not found"))?;
    let days = days(state, state.programs[program].id);
    let today = call.now_ms.div_euclid(DAY_MS);
    let first = days.keys().next().copied().unwrap_or(today);
    let (from, to, period) = range(call, today, first)?;
    let none = Day::default();
    let mut all = Day::default();
    let mut before = Day::default();
    let data = (from..=to)
        .map(|number| {
            let day = days.get(&number).unwrap_or(&none);
            all.add(day);
            Row::of(number, &period, day)
        })
        .collect();
    days.range(from - (to - from + 1)..from).for_each(|(_, day)| before.add(day));
    let metrics = Metrics::of(&all, &before);
    let meta = PerformanceMeta { period, date_from: date(from), date_to: date(to) };
    Ok(Reply::ok(&PerformanceResponse { data, metrics, meta }).into())
}

/// Returns the totals of a program per day, by the number of days since 1970.
fn days(state: &State, program_id: u64) -> BTreeMap<i64, Day<'_>> {
    let mut days: BTreeMap<i64, Day<'_>> = BTreeMap::new();
    for click in state.clicks.iter().filter(|click| click.program_id == program_id) {
        let day = days.entry(click.at_ms.div_euclid(DAY_MS)).or_default();
        day.clicks += 1;
        day.partners.insert(&click.partner_code);
    }
    for lead in state.leads.iter().filter(|lead| lead.program_id == program_id) {
        days.entry(lead.at_ms.div_euclid(DAY_MS)).or_default().leads += 1;
    }
    let commissions: BTreeMap<u64, u64> =
        state.commissions.iter().map(|c| (c.sale_id, c.amount_cents - c.deducted_cents)).collect();
    for sale in state.sales.iter().filter(|sale| sale.program_id == program_id) {
        let day = days.entry(sale.at_ms.div_euclid(DAY_MS)).or_default();
        day.sales += 1;
        day.revenue_cents = day.revenue_cents.saturating_add(sale.amount_cents);
        let commission = commissions.get(&sale.sale_id).copied().unwrap_or(0);
        day.commission_cents = day.commission_cents.saturating_add(commission);
        day.partners.insert(&sale.partner_code);
    }
    days
}

/// Returns the first and the last requested day, and the name of the period.
fn range(call: &Call<'_>, today: i64, first: i64) -> Result<(i64, i64, String), Reply> {
    let bad = |text: &str| Reply::cms_error(400, "ValidationError", text);
    let (mut period, mut from, mut to) = ("30d".to_owned(), None, None);
    for (name, value) in call.query() {
        let day = || {
            let time = clock::parse(&value).ok_or_else(|| bad(&format!("{name} must be a date or a time in ISO 8601")));
            time.map(|(first_ms, _)| Some(first_ms.div_euclid(DAY_MS)))
        };
        match &*name {
            "period" => period = value.into_owned(),
            "dateFrom" => from = day()?,
            "dateTo" => to = day()?,
            _ => {}
        }
    }
    let length = match period.as_str() {
        "7d" => 7,
        "30d" => 30,
        "90d" => 90,
        "all" => today - first + 1,
        _ => return Err(bad("period must be 7d, 30d, 90d or all")),
    };
    if from.is_some() || to.is_some() {
        period = "custom".to_owned();
    }
    let to = to.unwrap_or(today);
    let from = from.unwrap_or(to - length.clamp(1, MAX_DAYS) + 1);
    if from > to || to - from >= MAX_DAYS {
        return Err(bad("dateFrom must not be after dateTo, nor more than ten years before it"));
    }
    Ok((from, to, period))
}

fn date(day: i64) -> String {
    iso(day.saturating_mul(DAY_MS)).chars().take(10).collect()
}

fn dollars(cents: u64) -> f64 {
    cents as f64 / 100.0
}

impl Row {
    fn of(number: i64, period: &str, day: &Day<'_>) -> Self {
        Self {
            date: date(number),
            period: period.to_owned(),
            clicks: day.clicks,
            leads: day.leads,
            conversions: day.sales,
            revenue: dollars(day.revenue_cents),
            partners: day.partners.len(),
            sales: day.sales,
            commission: dollars(day.commission_cents),
        }
    }
}

macro_rules! metrics {
    ($($name:ident $trend:ident: $kind:ty = $value:expr;)*) => {
        /// Totals of the period. A trend is the change in percent from the preceding period of the same length.
        #[derive(Serialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        struct Metrics {
            $($name: $kind, $trend: f64,)*
        }

        impl Metrics {
            fn of(all: &Day<'_>, before: &Day<'_>) -> Self {
                $(let $name: fn(&Day<'_>) -> $kind = $value;)*
                Self { $($trend: trend($name(all) as f64, $name(before) as f64), $name: $name(all),)* }
            }
        }
    };
}

metrics! {
    total_clicks total_clicks_trend: u64 = |day| day.clicks;
    total_leads total_leads_trend: u64 = |day| day.leads;
    total_conversions total_conversions_trend: u64 = |day| day.sales;
    total_revenue total_revenue_trend: f64 = |day| dollars(day.revenue_cents);
    conversion_rate conversion_rate_trend: f64 = |day| ratio(day.sales as f64, day.clicks as f64) * 100.0;
    average_order_value average_order_value_trend: f64 = |day| ratio(dollars(day.revenue_cents), day.sales as f64);
    total_partners total_partners_trend: u64 = |day| day.partners.len() as u64;
    total_sales total_sales_trend: u64 = |day| day.sales;
    total_partners_commission total_partners_commission_trend: f64 = |day| dollars(day.commission_cents);
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

fn trend(now: f64, then: f64) -> f64 {
    ratio(now - then, then) * 100.0
}
