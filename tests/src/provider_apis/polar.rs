//! Polar: orders and refunds, in numbered pages. Addresses may end with a slash. Unknown parameters have no effect.

use serde_json::{Value, json};

use super::page::newest_first;
use super::request::{Failure, Request, text};
use super::time;

/// An organization access token.
pub const KEY: &str = "polar_oat_example";

/// Largest page. Requests for more get this many.
const MAX_LIMIT: usize = 100;

const ORDER_FILTERS: &[(&str, &str)] = &[
    ("organization_id", "/customer/organization_id"),
    ("product_id", "/product_id"),
    ("discount_id", "/discount_id"),
    ("customer_id", "/customer_id"),
    ("external_customer_id", "/customer/external_id"),
    ("checkout_id", "/checkout_id"),
    ("subscription_id", "/subscription_id"),
    ("status", "/status"),
];

const REFUND_FILTERS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("organization_id", "/organization_id"),
    ("order_id", "/order_id"),
    ("subscription_id", "/subscription_id"),
    ("customer_id", "/customer_id"),
];

pub(super) fn respond(request: &Request<'_>) -> Result<Value, Failure> {
    if request.bearer() != Some(KEY) {
        let message = "The access token provided is expired, revoked, malformed, or invalid for other reasons.";
        return Err(Failure::new(401, message));
    }
    let (is_refund, filters) = match request.path.trim_end_matches('/') {
        "/v1/orders" => (false, ORDER_FILTERS),
        "/v1/refunds" => (true, REFUND_FILTERS),
        _ => return Err(Failure::new(404, "Not Found")),
    };
    let query = &request.query;
    let (after, before) =
        if is_refund { (None, None) } else { (date(request, "created_after")?, date(request, "created_before")?) };
    let objects =
        request.objects.iter().filter(|object| object.get("order_id").is_some() == is_refund).filter(|object| {
            let created = created(object);
            let succeeded = (object["status"] == "succeeded").to_string();
            after.is_none_or(|after| created > Some(after))
                && before.is_none_or(|before| created < Some(before))
                && (!is_refund || query.get("succeeded").is_none_or(|wanted| wanted == succeeded))
                && filters.iter().all(|(name, field)| {
                    let wanted = query.all(name);
                    wanted.is_empty() || wanted.contains(&text(object, field).as_str())
                })
        });
    let mut list = newest_first(objects, created);
    match query.get("sorting") {
        None | Some("-created_at") => {}
        Some("created_at") => list.reverse(),
        Some(other) => return Err(invalid("sorting", format!("The stand-in can't sort by `{other}`."))),
    }
    page(request, &list)
}

fn page(request: &Request<'_>, list: &[&Value]) -> Result<Value, Failure> {
    let number = |name, default| request.query.number(name, default).map_err(|failure| invalid(name, failure.message));
    let (page, limit) = (number("page", 1)?, number("limit", 10)?.min(MAX_LIMIT));
    let page = request.pages.numbered(list, page, limit);
    // Polar counts while it reads the rows of the page, so a page after the last one has no count.
    let (total, last) = if page.items.is_empty() { (0, 0) } else { (list.len(), page.last) };
    Ok(json!({ "items": page.items, "pagination": { "total_count": total, "max_page": last } }))
}

/// Parses a bound. Polar doesn't document whether orders of that very moment are included, so they are not.
fn date(request: &Request<'_>, name: &str) -> Result<Option<i64>, Failure> {
    let parse = |text| time::parse(text).ok_or_else(|| invalid(name, "Input should be a valid datetime"));
    request.query.get(name).map(parse).transpose()
}

fn created(object: &Value) -> Option<i64> {
    time::parse(object["created_at"].as_str()?)
}

/// A wrong parameter.
fn invalid(name: &str, message: impl Into<String>) -> Failure {
    Failure { status: 422, ..Failure::parameter(name, message) }
}

/// Renders an error.
pub(super) fn error(failure: &Failure) -> Value {
    match (failure.status, &failure.parameter) {
        (401, _) => json!({ "error": "invalid_token", "error_description": failure.message }),
        (_, Some(name)) => json!({
            "error": "RequestValidationError",
            "detail": [{ "loc": ["query", name], "msg": failure.message, "type": "value_error" }],
        }),
        _ => json!({ "detail": failure.message }),
    }
}
