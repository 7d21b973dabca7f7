//! The dashboard's list of events: `GET /api/tracking/events/<program>`. Open here; the service asks for a login.

use serde_json::{Value, json};

use crate::{clock, reply::Reply, state::State};

/// How many events a page holds, unless the query says otherwise, and at most.
const PAGE_SIZE: usize = 10;
const PAGE_SIZE_MOST: usize = 100;

/// What the query asks for.
#[derive(Debug, Default)]
struct Query {
    page: usize,
    page_size: usize,
    event_type: Option<String>,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
}

impl Query {
    fn parse(query: &str) -> Result<Self, Reply> {
        let bad = |name: &str, expected: &str| {
            Reply::cms_error(400, "ValidationError", &format!("{name} must be {expected}"))
        };
        let mut asked = Self { page: 1, page_size: PAGE_SIZE, ..Self::default() };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let number = || value.parse().ok().filter(|n| *n > 0).ok_or_else(|| bad(&name, "a positive integer"));
            let time = || clock::parse(&value).ok_or_else(|| bad(&name, "a date or a time in ISO 8601"));
            match &*name {
                "page" => asked.page = number()?,
                "pageSize" => asked.page_size = number()?.min(PAGE_SIZE_MOST),
                "eventType" => match &*value {
                    "click" | "lead" | "conversion" => asked.event_type = Some(value.into_owned()),
                    _ => return Err(bad(&name, "click, lead or conversion")),
                },
                "dateFrom" => asked.from_ms = Some(time()?),
                "dateTo" => asked.to_ms = Some(time()?),
                _ => {}
            }
        }
        Ok(asked)
    }
}

/// One event, with what it is sorted by.
struct Event {
    at_ms: i64,
    id: u64,
    json: Value,
}

/// The events of a program, newest first, test events left out.
pub(crate) fn list(state: &State, program_id: &str, query: &str) -> Reply {
    let Some(program) = state.program_of_id(program_id).map(|place| &state.programs[place]) else {
        return Reply::cms_error(404, "NotFoundError", "Program not found");
    };
    let asked = match Query::parse(query) {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let mut events = events(state, program.id);
    events.retain(|event| {
        asked.event_type.as_ref().is_none_or(|kind| event.json["event_type"] == **kind)
            && asked.from_ms.is_none_or(|from| event.at_ms >= from)
            && asked.to_ms.is_none_or(|to| event.at_ms <= to)
    });
    events.sort_by_key(|event| std::cmp::Reverse((event.at_ms, event.id)));
    let total = events.len();
    let skipped = (asked.page - 1).saturating_mul(asked.page_size);
    let data: Vec<Value> = events.into_iter().skip(skipped).take(asked.page_size).map(|event| event.json).collect();
    Reply::ok(json!({
        "data": data,
        "meta": { "pagination": {
            "page": asked.page,
            "pageSize": asked.page_size,
            "pageCount": total.div_ceil(asked.page_size),
            "total": total,
        } },
    }))
}

fn events(state: &State, program_id: u64) -> Vec<Event> {
    let converted = |customer_id| state.sales.iter().any(|sale| sale.customer_id == customer_id);
    let event = |at_ms: i64, id: u64, mut json: Value| {
        json["id"] = json!(id);
        json["timestamp"] = json!(clock::iso(at_ms));
        json["createdAt"] = json["timestamp"].clone();
        Event { at_ms, id, json }
    };
    let clicks = state.clicks.iter().filter(|click| click.program_id == program_id).map(|click| {
        let json = json!({
            "event_type": "click",
            "click_id": click.click_id,
            "session_id": click.session_id,
            "page_url": click.page_url,
            "referrer_url": click.referrer_url,
            "converted": converted(click.customer_id),
        });
        event(click.at_ms, click.id, json)
    });
    let leads = state.leads.iter().filter(|lead| lead.program_id == program_id).map(|lead| {
        let json = json!({
            "event_type": "lead",
            "click_id": lead.click_id,
            "customer_key": lead.customer_key,
            "session_id": lead.session_id,
            "page_url": lead.page_url,
            "referrer_url": null,
            "converted": converted(lead.customer_id),
        });
        event(lead.at_ms, lead.id, json)
    });
    let sales = state.sales.iter().filter(|sale| sale.program_id == program_id).map(|sale| {
        let json = json!({
            "event_type": "conversion",
            "click_id": sale.click_id,
            "customer_key": sale.customer_key,
            "session_id": null,
            "page_url": null,
            "referrer_url": null,
            "converted": true,
            "amount_cents": sale.amount_cents,
            "currency": sale.currency,
            "sale_type": sale.sale_type,
            "payment_status": "paid",
            "processor_event_id": sale.transaction_id,
            "is_recurring": sale.is_recurring,
        });
        event(sale.at_ms, sale.sale_id, json)
    });
    clicks.chain(leads).chain(sales).collect()
}
