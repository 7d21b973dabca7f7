//! The dashboard's `GET /api/tracking/performance/<program>`: a row a day, days without events as zeros, money in dollars.
//! Open here; the service asks for a login.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    clock::{self, DAY_MS, iso},
    reply::Reply,
    state::State,
};

/// How many days are listed at most.
const DAYS_MOST: i64 = 3_660;

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

pub(crate) fn performance(state: &State, program_id: &str, query: &str, now_ms: i64) -> Reply {
    let Some(program) = state.program_of_id(program_id) else {
        return Reply::cms_error(404, "NotFoundError", "Program not found");
    };
    let days = days(state, state.programs[program].id);
    let today = now_ms.div_euclid(DAY_MS);
    let first = days.keys().next().copied().unwrap_or(today);
    let (from, to, period) = match range(query, today, first) {
        Ok(range) => range,
        Err(refused) => return refused,
    };
    let none = Day::default();
    let mut all = Day::default();
    let mut before = Day::default();
    let rows: Vec<Value> = (from..=to)
        .map(|number| {
            let day = days.get(&number).unwrap_or(&none);
            all.add(day);
            row(number, &period, day)
        })
        .collect();
    days.range(from - (to - from + 1)..from).for_each(|(_, day)| before.add(day));
    Reply::ok(json!({
        "data": rows,
        "metrics": metrics(&all, &before),
        "meta": { "period": period, "dateFrom": date(from), "dateTo": date(to) },
    }))
}

/// The events of a program, by their day since 1970.
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
        state.commissions.iter().map(|made| (made.sale_id, made.amount_cents - made.deducted_cents)).collect();
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

/// The first and the last day that are asked for, and the name of the period.
fn range(query: &str, today: i64, first: i64) -> Result<(i64, i64, String), Reply> {
    let bad = |text: &str| Reply::cms_error(400, "ValidationError", text);
    let (mut period, mut from, mut to) = ("30d".to_owned(), None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let day = || {
            let time = clock::parse(&value).ok_or_else(|| bad(&format!("{name} must be a date or a time in ISO 8601")));
            time.map(|ms| Some(ms.div_euclid(DAY_MS)))
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
    let from = from.unwrap_or(to - length.clamp(1, DAYS_MOST) + 1);
    if from > to || to - from >= DAYS_MOST {
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

fn row(number: i64, period: &str, day: &Day<'_>) -> Value {
    json!({
        "date": date(number),
        "period": period,
        "clicks": day.clicks,
        "leads": day.leads,
        "conversions": day.sales,
        "revenue": dollars(day.revenue_cents),
        "partners": day.partners.len(),
        "sales": day.sales,
        "commission": dollars(day.commission_cents),
    })
}

/// The sums of the period. A trend is the change against the period of the same length before it, in percent.
fn metrics(all: &Day<'_>, before: &Day<'_>) -> Value {
    let ratio = |part: f64, whole: f64| if whole == 0.0 { 0.0 } else { part / whole };
    let trend = |now: f64, then: f64| if then == 0.0 { 0.0 } else { (now - then) / then * 100.0 };
    let numbers = |day: &Day<'_>| {
        let (clicks, sales, revenue) = (day.clicks as f64, day.sales as f64, dollars(day.revenue_cents));
        [
            ("totalClicks", clicks),
            ("totalLeads", day.leads as f64),
            ("totalConversions", sales),
            ("totalRevenue", revenue),
            ("conversionRate", ratio(sales, clicks) * 100.0),
            ("averageOrderValue", ratio(revenue, sales)),
            ("totalPartners", day.partners.len() as f64),
            ("totalSales", sales),
            ("totalPartnersCommission", dollars(day.commission_cents)),
        ]
    };
    let mut metrics = serde_json::Map::new();
    for ((name, now), (_, then)) in numbers(all).into_iter().zip(numbers(before)) {
        metrics.insert(name.to_owned(), json!(now));
        metrics.insert(format!("{name}Trend"), json!(trend(now, then)));
    }
    Value::Object(metrics)
}
