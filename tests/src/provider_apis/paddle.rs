//! Paddle Billing: transactions and adjustments, with a cursor. Adjustments can't be filtered by time.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::request::{Failure, Request, text};
use super::time;

/// A key of live mode.
pub const KEY: &str = "pdl_live_apikey_example";

const OPERATORS: [&str; 4] = ["LT", "LTE", "GT", "GTE"];

/// One kind of objects.
struct Resource {
    path: &'static str,
    /// Begin of the objects' ids.
    prefix: &'static str,
    /// Size of a page by default, and the largest. Requests for more get the largest.
    sizes: (usize, usize),
    /// Filters by equality with one of several values.
    filters: &'static [&'static str],
    /// Filters by time.
    times: &'static [&'static str],
    /// Fields to sort by.
    orders: &'static [&'static str],
}

const RESOURCES: [Resource; 2] = [
    Resource {
        path: "/transactions",
        prefix: "txn_",
        sizes: (30, 30),
        filters: &["collection_mode", "customer_id", "id", "invoice_number", "origin", "status", "subscription_id"],
        times: &["billed_at", "created_at", "updated_at"],
        orders: &["billed_at", "created_at", "id", "updated_at"],
    },
    Resource {
        path: "/adjustments",
        prefix: "adj_",
        sizes: (10, 50),
        filters: &["action", "customer_id", "id", "status", "subscription_id", "transaction_id"],
        times: &[],
        orders: &["id"],
    },
];

pub(super) fn respond(request: &Request<'_>) -> Result<Value, Failure> {
    // Paddle refuses missing and wrong keys with 403, not 401.
    match request.bearer() {
        None => return Err(Failure::new(403, "Authentication header missing.")),
        Some(KEY) => {}
        Some(_) => return Err(Failure::new(403, "Invalid or revoked API key.")),
    }
    let resource = RESOURCES.iter().find(|resource| resource.path == request.path);
    let resource = resource.ok_or_else(|| Failure::new(404, "Path not found."))?;
    let query = &request.query;
    query.refuse_unknown(|name| {
        let is_time =
            |field: &&str| name == *field || OPERATORS.iter().any(|operator| name == format!("{field}[{operator}]"));
        ["after", "order_by", "per_page"].contains(&name)
            || resource.filters.contains(&name)
            || resource.times.iter().any(is_time)
    })?;
    let mut bounds = Vec::new();
    for field in resource.times {
        bounds.extend(query.bounds(field, OPERATORS, time::parse)?.into_iter().map(|bound| (*field, bound)));
    }
    let list = sorted(request, resource)?;
    let start = match query.get("after") {
        Some(id) => {
            let position = list.iter().position(|object| object["id"] == id);
            position.ok_or_else(|| Failure::parameter("after", format!("Entity {id} not found")))? + 1
        }
        None => 0,
    };
    let matches = |object: &Value| {
        bounds.iter().all(|(field, bound)| bound.contains(object[field].as_str().and_then(time::parse)))
            && resource.filters.iter().all(|name| {
                let value = text(object, &format!("/{name}"));
                query.get(name).is_none_or(|wanted| wanted.split(',').any(|wanted| wanted == value))
            })
    };
    let (default, max) = resource.sizes;
    let page = request.pages.from(&list, start, query.number("per_page", default)?.min(max), matches);
    let skip_count = request.header("skip-count") == Some("true");
    let total = if skip_count { json!(-1) } else { json!(list.iter().filter(|object| matches(object)).count()) };
    let last = page.items.last().and_then(|object| object["id"].as_str()).or(query.get("after"));
    let parameters = query.pairs().filter(|(name, _)| *name != "after").chain(last.map(|id| ("after", id)));
    Ok(json!({
        "data": page.items,
        "meta": {
            "request_id": REQUEST_ID,
            "pagination": {
                "per_page": page.size,
                "next": request.link(parameters),
                "has_more": page.has_more,
                "estimated_total": total,
            },
        },
    }))
}

/// All objects of a kind in the requested order, newest first by default.
fn sorted<'a>(request: &Request<'a>, resource: &Resource) -> Result<Vec<&'a Value>, Failure> {
    let order = request.query.get("order_by").unwrap_or("id[DESC]");
    let refused = || Failure::parameter("order_by", format!("The order `{order}` is not supported."));
    let (field, direction) = order.split_once('[').ok_or_else(refused)?;
    if !resource.orders.contains(&field) {
        return Err(refused());
    }
    let is_of_kind = |object: &&Value| object["id"].as_str().is_some_and(|id| id.starts_with(resource.prefix));
    let mut list: Vec<&Value> = request.objects.iter().filter(is_of_kind).collect();
    let key = |object: &&Value| (text(object, &format!("/{field}")), text(object, "/id"));
    match direction {
        "ASC]" => list.sort_by_cached_key(key),
        "DESC]" => list.sort_by_cached_key(|object| Reverse(key(object))),
        _ => return Err(refused()),
    }
    Ok(list)
}

const REQUEST_ID: &str = "00000000-0000-0000-0000-000000000000";

/// Renders an error.
pub(super) fn error(failure: &Failure) -> Value {
    let code = match (failure.status, failure.message.as_str()) {
        (403, "Authentication header missing.") => "authentication_missing",
        (403, "Invalid or revoked API key.") => "invalid_token",
        (403, _) => "forbidden",
        (404, _) => "not_found",
        (429, _) => "too_many_requests",
        (400..500, _) => "bad_request",
        _ => "internal_error",
    };
    json!({
        "error": {
            "type": if failure.status >= 500 { "api_error" } else { "request_error" },
            "code": code,
            "detail": failure.message,
            "documentation_url": format!("https://developer.paddle.com/errors/shared/{code}"),
        },
        "meta": { "request_id": REQUEST_ID },
    })
}
