//! The dashboard's list of events, `GET /api/tracking/events/<program>`. The service requires a login; the sandbox
//! doesn't.

mod row;
mod visitor;

use row::{Event, Record};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Decision};
use crate::reply::{CmsError, Reply};
use crate::{clock, state::State};

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
        (status = 403, description = "The Host is not allowed", body = CmsError),
        (status = 404, description = "The program was not found", body = CmsError),
    ),
)]
pub(super) fn events(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = state.program_of_id(call.path_id).ok_or_else(|| Reply::not_found("Program not found"))?;
    let query = Query::of(call)?;
    let (total, data) = page(state, state.programs[program].id, &query);
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

    fn wants(&self, event_type: &str) -> bool {
        self.event_type.as_deref().is_none_or(|wanted| wanted == event_type)
    }

    fn matches(&self, at_ms: i64) -> bool {
        self.from_ms.is_none_or(|from| at_ms >= from) && self.to_ms.is_none_or(|to| at_ms <= to)
    }
}

/// Counts the events that match the query, and returns those on the requested page, newest first.
fn page(state: &State, program: u64, query: &Query) -> (usize, Vec<Event>) {
    let clicks = state.clicks.values().rev().map(|click| Record::Click(click)).filter(|_| query.wants("click"));
    let leads = state.leads.iter().rev().map(Record::Lead).filter(|_| query.wants("lead"));
    let sales = state.sales.iter().rev().map(Record::Sale).filter(|_| query.wants("conversion"));
    // Each list is sorted, so merging them takes no memory.
    let mut lists = [
        (Box::new(clicks) as Box<dyn Iterator<Item = Record<'_>>>).peekable(),
        (Box::new(leads) as Box<dyn Iterator<Item = Record<'_>>>).peekable(),
        (Box::new(sales) as Box<dyn Iterator<Item = Record<'_>>>).peekable(),
    ];
    let newest_first = std::iter::from_fn(|| {
        let orders = lists.each_mut().map(|list| list.peek().map(Record::order));
        let newest = (0..orders.len()).max_by_key(|place| orders[*place])?;
        lists[newest].next()
    });
    let mut matching = newest_first.filter(|record| record.program_id() == program && query.matches(record.at_ms()));
    let skipped = (query.page - 1).saturating_mul(query.page_size);
    let before = matching.by_ref().take(skipped).count();
    let events: Vec<Event> = matching.by_ref().take(query.page_size).map(|record| Event::of(state, &record)).collect();
    (before + events.len() + matching.count(), events)
}
