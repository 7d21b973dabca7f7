//! The dashboard's list of events: `GET /api/tracking/events/<program>`. Open here; the service asks for a login.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Decision, Reply, reply::CmsError};
use crate::{
    clock,
    record::{ClickRecord, LeadRecord, SaleRecord},
    state::State,
};

/// How many events a page holds, unless the query says otherwise, and at most.
const PAGE_SIZE: usize = 10;
const PAGE_SIZE_MOST: usize = 100;

#[derive(Serialize, ToSchema)]
pub(super) struct EventsAnswer {
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
    /// Of a lead or a conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    customer_key: Option<String>,
    /// Of a conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    amount_cents: Option<u64>,
    /// Of a conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    currency: Option<String>,
    /// Of a conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sale_type: Option<String>,
    /// Of a conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payment_status: Option<&'static str>,
    /// Of a conversion: the sale's `transaction_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    processor_event_id: Option<String>,
    /// Of a conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    is_recurring: Option<bool>,
}

/// Lists a program's events, newest first, test events left out.
#[utoipa::path(
    get, path = "/api/tracking/events/{program}", tag = "Dashboard", operation_id = "listEvents",
    params(
        ("program" = u64, Path, description = "The program's id", example = 42),
        ("page" = Option<u64>, Query, nullable = false, minimum = 1, description = "1 unless said"),
        ("pageSize" = Option<u64>, Query, nullable = false, minimum = 1, description = "10 unless said, at most 100"),
        ("eventType" = Option<String>, Query, nullable = false, pattern = "^(click|lead|conversion)$"),
        ("dateFrom" = Option<String>, Query, nullable = false, description = "A day or a time in ISO 8601"),
        ("dateTo" = Option<String>, Query, nullable = false, description = "A day or a time in ISO 8601"),
    ),
    responses(
        (status = 200, description = "A page of them", body = EventsAnswer),
        (status = 400, description = "A field of the query is wrong", body = CmsError),
        (status = 404, description = "There is no such program", body = CmsError),
    ),
)]
pub(super) fn events(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = state.program_of_id(call.program).ok_or_else(|| Reply::not_found("Program not found"))?;
    let asked = Query::of(call)?;
    let mut places = places(state, state.programs[program].id, &asked);
    places.sort_unstable_by_key(|place| std::cmp::Reverse((place.at_ms, place.id)));
    let total = places.len();
    let skipped = (asked.page - 1).saturating_mul(asked.page_size);
    let data = places.iter().skip(skipped).take(asked.page_size).map(|place| place.event(state)).collect();
    let pagination =
        Pagination { page: asked.page, page_size: asked.page_size, page_count: total.div_ceil(asked.page_size), total };
    Ok(Reply::ok(&EventsAnswer { data, meta: EventsMeta { pagination } }).into())
}

/// What the query asks for.
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
        let mut asked = Self { page: 1, page_size: PAGE_SIZE, event_type: None, from_ms: None, to_ms: None };
        for (name, value) in call.query() {
            let number = || {
                let number = value.parse::<i64>().ok().filter(|number| *number > 0);
                number.and_then(|number| usize::try_from(number).ok()).ok_or_else(|| bad(&name, "a positive integer"))
            };
            let time = || clock::parse(&value).ok_or_else(|| bad(&name, "a date or a time in ISO 8601"));
            match &*name {
                "page" => asked.page = number()?,
                "pageSize" => asked.page_size = number()?.min(PAGE_SIZE_MOST),
                "eventType" => match &*value {
                    "click" | "lead" | "conversion" => asked.event_type = Some(value.into_owned()),
                    _ => return Err(bad(&name, "click, lead or conversion")),
                },
                "dateFrom" => asked.from_ms = Some(time()?.0),
                "dateTo" => asked.to_ms = Some(time()?.1),
                _ => {}
            }
        }
        Ok(asked)
    }

    fn wants(&self, event_type: &str, at_ms: i64) -> bool {
        self.event_type.as_deref().is_none_or(|wanted| wanted == event_type)
            && self.from_ms.is_none_or(|from| at_ms >= from)
            && self.to_ms.is_none_or(|to| at_ms <= to)
    }
}

/// Where an event lies, and what it is sorted by.
struct Place<'s> {
    at_ms: i64,
    id: u64,
    record: Record<'s>,
}

enum Record<'s> {
    Click(&'s ClickRecord),
    Lead(&'s LeadRecord),
    Sale(&'s SaleRecord),
}

/// The events of a program that the query wants. Only those of its page are written out.
fn places<'s>(state: &'s State, program: u64, asked: &Query) -> Vec<Place<'s>> {
    let clicks = state.clicks.iter().filter(|click| click.program_id == program && asked.wants("click", click.at_ms));
    let leads = state.leads.iter().filter(|lead| lead.program_id == program && asked.wants("lead", lead.at_ms));
    let sales = state.sales.iter().filter(|sale| sale.program_id == program && asked.wants("conversion", sale.at_ms));
    clicks
        .map(|click| Place { at_ms: click.at_ms, id: click.id, record: Record::Click(click) })
        .chain(leads.map(|lead| Place { at_ms: lead.at_ms, id: lead.id, record: Record::Lead(lead) }))
        .chain(sales.map(|sale| Place { at_ms: sale.at_ms, id: sale.sale_id, record: Record::Sale(sale) }))
        .collect()
}

impl Place<'_> {
    fn event(&self, state: &State) -> Event {
        let converted = |customer_id| {
            state.customer_place(customer_id).is_some_and(|customer| !state.customers[customer].sales.is_empty())
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
