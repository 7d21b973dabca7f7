//! The dashboard's list of events, `GET /api/tracking/events/<program>`. The service requires a login; the sandbox
//! doesn't.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Decision, Reply, reply::CmsError};
use crate::{
    clock,
    record::{ClickRecord, LeadRecord, SaleRecord},
    state::State,
};

/// Default and maximum number of events per page.
const PAGE_SIZE: usize = 10;
const MAX_PAGE_SIZE: usize = 100;

#[derive(Serialize, ToSchema)]
pub(super) struct EventsResponse {
    data: Vec<Event>,
    meta: EventsMeta,
}

#[derive(Serialize, ToSchema)]
struct EventsMeta {
    pagination: Pagination,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    page: usize,
    page_size: usize,
    page_count: usize,
    total: usize,
}

#[derive(Serialize, ToSchema)]
struct Event {
    id: u64,
    #[schema(pattern = "^(click|lead|conversion)$")]
    event_type: &'static str,
    #[schema(format = DateTime)]
    timestamp: String,
    #[serde(rename = "createdAt")]
    #[schema(format = DateTime)]
    created_at: String,
    click_id: Option<String>,
    session_id: Option<String>,
    page_url: Option<String>,
    referrer_url: Option<String>,
    /// Whether the customer has paid.
    converted: bool,
    /// Only for a lead or a conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    customer_key: Option<String>,
    /// Only for a conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    amount_cents: Option<u64>,
    /// Only for a conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    currency: Option<String>,
    /// Only for a conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sale_type: Option<String>,
    /// Only for a conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payment_status: Option<&'static str>,
    /// Only for a conversion: the sale's `transaction_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    processor_event_id: Option<String>,
    /// Only for a conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    is_recurring: Option<bool>,
}

/// Lists a program's events, newest first, without test events.
#[utoipa::path(
    get, path = "/api/tracking/events/{program}", tag = "Dashboard", operation_id = "listEvents",
    params(
        ("program" = u64, Path, description = "The program's id", example = 42),
        ("page" = Option<u64>, Query, nullable = false, minimum = 1, description = "Default: 1"),
        ("pageSize" = Option<u64>, Query, nullable = false, minimum = 1, description = "Default: 10. Maximum: 100"),
        ("eventType" = Option<String>, Query, nullable = false, pattern = "^(click|lead|conversion)$"),
        ("dateFrom" = Option<String>, Query, nullable = false, description = "A day or a time in ISO 8601"),
        ("dateTo" = Option<String>, Query, nullable = false, description = "A day or a time in ISO 8601"),
    ),
    responses(
        (status = 200, description = "A page of events", body = EventsResponse),
        (status = 400, description = "A query parameter is invalid", body = CmsError),
        (status = 404, description = "The program was not found", body = CmsError),
    ),
)]
pub(super) fn events(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = state.program_of_id(call.program).ok_or_else(|| Reply::not_found("Program not found"))?;
    let query = Query::of(call)?;
    let mut entries = entries(state, state.programs[program].id, &query);
    entries.sort_unstable_by_key(|entry| std::cmp::Reverse((entry.at_ms, entry.id)));
    let total = entries.len();
    let skipped = (query.page - 1).saturating_mul(query.page_size);
    let data = entries.iter().skip(skipped).take(query.page_size).map(|entry| entry.event(state)).collect();
    let pagination =
        Pagination { page: query.page, page_size: query.page_size, page_count: total.div_ceil(query.page_size), total };
    Ok(Reply::ok(&EventsResponse { data, meta: EventsMeta { pagination } }).into())
}

/// Parsed query parameters.
struct Query {
    page: usize,
    page_size: usize,
    event_type: Option<String>,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
}

impl Query {
    fn of(call: &Call<'_>) -> Result<Self, Reply> {
        let bad = |name: &str, expected: &str| {
            Reply::cms_error(400, "ValidationError", &format!("{name} must be {expected}"))
        };
        let mut query = Self { page: 1, page_size: PAGE_SIZE, event_type: None, from_ms: None, to_ms: None };
        for (name, value) in call.query() {
            let number = || {
                let number = value.parse::<i64>().ok().filter(|number| *number > 0);
                number.and_then(|number| usize::try_from(number).ok()).ok_or_else(|| bad(&name, "a positive integer"))
            };
            let time = || clock::parse(&value).ok_or_else(|| bad(&name, "a date or a time in ISO 8601"));
            match &*name {
                "page" => query.page = number()?,
                "pageSize" => query.page_size = number()?.min(MAX_PAGE_SIZE),
                "eventType" => match &*value {
                    "click" | "lead" | "conversion" => query.event_type = Some(value.into_owned()),
                    _ => return Err(bad(&name, "click, lead or conversion")),
                },
                "dateFrom" => query.from_ms = Some(time()?.0),
                "dateTo" => query.to_ms = Some(time()?.1),
                _ => {}
            }
        }
        Ok(query)
    }

    fn matches(&self, event_type: &str, at_ms: i64) -> bool {
        self.event_type.as_deref().is_none_or(|wanted| wanted == event_type)
            && self.from_ms.is_none_or(|from| at_ms >= from)
            && self.to_ms.is_none_or(|to| at_ms <= to)
    }
}

/// A record with its sort key.
struct Entry<'s> {
    at_ms: i64,
    id: u64,
    record: Record<'s>,
}

enum Record<'s> {
    Click(&'s ClickRecord),
    Lead(&'s LeadRecord),
    Sale(&'s SaleRecord),
}

/// Returns the records of a program that match the query. Only those on the requested page are then converted.
fn entries<'s>(state: &'s State, program: u64, query: &Query) -> Vec<Entry<'s>> {
    let clicks = state.clicks.iter().filter(|click| click.program_id == program && query.matches("click", click.at_ms));
    let leads = state.leads.iter().filter(|lead| lead.program_id == program && query.matches("lead", lead.at_ms));
    let sales = state.sales.iter().filter(|sale| sale.program_id == program && query.matches("conversion", sale.at_ms));
    clicks
        .map(|click| Entry { at_ms: click.at_ms, id: click.id, record: Record::Click(click) })
        .chain(leads.map(|lead| Entry { at_ms: lead.at_ms, id: lead.id, record: Record::Lead(lead) }))
        .chain(sales.map(|sale| Entry { at_ms: sale.at_ms, id: sale.sale_id, record: Record::Sale(sale) }))
        .collect()
}

impl Entry<'_> {
    fn event(&self, state: &State) -> Event {
        let converted = |customer_id| {
            state.customer_index(customer_id).is_some_and(|customer| !state.customers[customer].sales.is_empty())
        };
        let timestamp = clock::iso(self.at_ms);
        let bare = Event {
            id: self.id,
            event_type: "click",
            created_at: timestamp.clone(),
            timestamp,
            click_id: None,
            session_id: None,
            page_url: None,
            referrer_url: None,
            converted: false,
            customer_key: None,
            amount_cents: None,
            currency: None,
            sale_type: None,
            payment_status: None,
            processor_event_id: None,
            is_recurring: None,
        };
        match self.record {
            Record::Click(click) => Event {
                click_id: Some(click.click_id.clone()),
                session_id: click.session_id.clone(),
                page_url: click.page_url.clone(),
                referrer_url: click.referrer_url.clone(),
                converted: converted(click.customer_id),
                ..bare
            },
            Record::Lead(lead) => Event {
                event_type: "lead",
                click_id: lead.click_id.clone(),
                session_id: lead.session_id.clone(),
                page_url: lead.page_url.clone(),
                converted: converted(lead.customer_id),
                customer_key: lead.customer_key.clone(),
                ..bare
            },
            Record::Sale(sale) => Event {
                event_type: "conversion",
                click_id: Some(sale.click_id.clone()),
                converted: true,
                customer_key: sale.customer_key.clone(),
                amount_cents: Some(sale.amount_cents),
                currency: Some(sale.currency.clone()),
                sale_type: Some(sale.sale_type.clone()),
                payment_status: Some("paid"),
                processor_event_id: Some(sale.transaction_id.clone()),
                is_recurring: Some(sale.is_recurring),
                ..bare
            },
        }
    }
}
