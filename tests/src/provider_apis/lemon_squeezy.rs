//! Lemon Squeezy: orders, subscriptions and their invoices, in numbered pages of JSON:API. None of them has custom data.

use serde_json::{Value, json};

use super::page::{NumberedPage, newest_first};
use super::request::{Failure, Request, text};
use super::time;

/// A key of live mode, which finds objects of live mode only. Real keys don't show their mode.
pub const KEY: &str = "lemon-squeezy-example";

/// Media type of requests and responses.
pub(super) const MEDIA_TYPE: &str = "application/vnd.api+json";

/// Sort order of all lists, as links state it.
const SORT: &str = "-createdAt";

const ORDER_FILTERS: &[(&str, &str)] =
    &[("filter[store_id]", "/attributes/store_id"), ("filter[user_email]", "/attributes/user_email")];

/// `filter[status]` and `filter[refunded]` are documented, but reported to find nothing, so the stand-in lacks them.
const INVOICE_FILTERS: &[(&str, &str)] =
    &[("filter[store_id]", "/attributes/store_id"), ("filter[subscription_id]", "/attributes/subscription_id")];

const SUBSCRIPTION_FILTERS: &[(&str, &str)] = &[
    ("filter[store_id]", "/attributes/store_id"),
    ("filter[order_id]", "/attributes/order_id"),
    ("filter[order_item_id]", "/attributes/order_item_id"),
    ("filter[product_id]", "/attributes/product_id"),
    ("filter[variant_id]", "/attributes/variant_id"),
    ("filter[user_email]", "/attributes/user_email"),
    ("filter[status]", "/attributes/status"),
];

pub(super) fn respond(request: &Request<'_>) -> Result<Value, Failure> {
    if request.bearer() != Some(KEY) {
        return Err(Failure::new(401, "Unauthenticated."));
    }
    if !request.header("accept").is_some_and(|accept| accept.contains(MEDIA_TYPE)) {
        return Err(Failure::new(406, "The requested resource is capable of generating only JSON:API content."));
    }
    let (kind, filters) = match request.path {
        "/v1/orders" => ("orders", ORDER_FILTERS),
        "/v1/subscription-invoices" => ("subscription-invoices", INVOICE_FILTERS),
        "/v1/subscriptions" => ("subscriptions", SUBSCRIPTION_FILTERS),
        _ => return Err(Failure::new(404, "The requested resource does not exist.")),
    };
    let query = &request.query;
    query.refuse_unknown(|name| {
        ["page[number]", "page[size]", "sort"].contains(&name) || filters.iter().any(|(known, _)| *known == name)
    })?;
    if query.get("sort").is_some_and(|sort| sort != SORT) {
        return Err(Failure::parameter("sort", "The stand-in can only sort by -createdAt."));
    }
    let (number, size) = (query.number("page[number]", 1)?, query.number("page[size]", 10)?);
    if size > 100 {
        return Err(Failure::parameter("page[size]", "The page.size must be between 1 and 100."));
    }
    let objects = request.objects.iter().filter(|object| {
        object["type"] == kind
            && object["attributes"]["test_mode"] != true
            && filters.iter().all(|(name, field)| query.all(name).iter().all(|value| text(object, field) == *value))
    });
    let list = newest_first(objects, |object| object["attributes"]["created_at"].as_str().and_then(time::parse));
    let page = request.pages.numbered(&list, number, size);
    Ok(render(request, &page, number, list.len()))
}

fn render(request: &Request<'_>, page: &NumberedPage<'_>, number: usize, total: usize) -> Value {
    let last = page.last.max(1);
    let mut links = json!({ "first": link(request, 1, page.size), "last": link(request, last, page.size) });
    if number > 1 {
        links["prev"] = json!(link(request, number - 1, page.size));
    }
    if number < last {
        links["next"] = json!(link(request, number + 1, page.size));
    }
    let data: Vec<Value> = page.items.iter().map(|object| without_custom_data(object)).collect();
    let is_empty = data.is_empty();
    json!({
        "meta": { "page": {
            "currentPage": number,
            "from": if is_empty { Value::Null } else { json!(page.from) },
            "lastPage": last,
            "perPage": page.size,
            "to": if is_empty { Value::Null } else { json!(page.from + data.len() - 1) },
            "total": total,
        } },
        "jsonapi": { "version": "1.0" },
        "links": links,
        "data": data,
    })
}

/// Address of a page.
fn link(request: &Request<'_>, number: usize, size: usize) -> String {
    let (number, size) = (number.to_string(), size.to_string());
    let filters = request.query.pairs().filter(|(name, _)| name.starts_with("filter["));
    request.link(filters.chain([("page[number]", number.as_str()), ("page[size]", &size), ("sort", SORT)]))
}

fn without_custom_data(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(attributes) = object["attributes"].as_object_mut() {
        attributes.remove("custom_data");
    }
    object
}

/// Renders an error.
pub(super) fn error(failure: &Failure) -> Value {
    let title = match (failure.status, &failure.parameter) {
        (_, Some(_)) => "Invalid Query Parameter",
        (401, _) => "Unauthorized",
        (404, _) => "Not Found",
        (406, _) => "Not Acceptable",
        (429, _) => "Too Many Requests",
        _ => "Error",
    };
    let mut error = json!({ "detail": failure.message, "status": failure.status.to_string(), "title": title });
    if let Some(name) = &failure.parameter {
        error["source"] = json!({ "parameter": name.replace('[', ".").replace(']', "") });
    }
    json!({ "jsonapi": { "version": "1.0" }, "errors": [error] })
}
