//! Stripe: lists newest first with a cursor, and objects by id. Objects are those of API version 2025-03-31 and later.

use serde_json::{Value, json};

use super::page::newest_first;
use super::request::{Failure, Query, Request, text};

/// A restricted key of live mode. Secret keys, which begin with `sk_live_`, are accepted too.
pub const KEY: &str = "rk_live_example";

/// A restricted key of test mode, which finds objects of test mode only.
pub const TEST_KEY: &str = "rk_test_example";

/// First API version that renders objects as the stand-in has them.
const FIRST_VERSION: &str = "2025-03-31";

/// One kind of objects.
struct Resource {
    path: &'static str,
    /// Value of the objects' field `object`.
    object: &'static str,
    /// Filters of the list by equality, each with the field it compares. `None` if the stand-in has no list.
    filters: Option<&'static [(&'static str, &'static str)]>,
}

const RESOURCES: [Resource; 9] = [
    Resource {
        path: "/v1/charges",
        object: "charge",
        filters: Some(&[
            ("customer", "/customer"),
            ("payment_intent", "/payment_intent"),
            ("transfer_group", "/transfer_group"),
        ]),
    },
    Resource {
        path: "/v1/refunds",
        object: "refund",
        filters: Some(&[("charge", "/charge"), ("payment_intent", "/payment_intent")]),
    },
    Resource {
        path: "/v1/disputes",
        object: "dispute",
        filters: Some(&[("charge", "/charge"), ("payment_intent", "/payment_intent")]),
    },
    Resource {
        path: "/v1/invoice_payments",
        object: "invoice_payment",
        filters: Some(&[
            ("invoice", "/invoice"),
            ("status", "/status"),
            ("payment[type]", "/payment/type"),
            ("payment[payment_intent]", "/payment/payment_intent"),
            ("payment[payment_record]", "/payment/payment_record"),
        ]),
    },
    Resource {
        path: "/v1/invoices",
        object: "invoice",
        filters: Some(&[
            ("customer", "/customer"),
            ("status", "/status"),
            ("subscription", "/parent/subscription_details/subscription"),
        ]),
    },
    Resource {
        path: "/v1/checkout/sessions",
        object: "checkout.session",
        filters: Some(&[
            ("customer", "/customer"),
            ("payment_intent", "/payment_intent"),
            ("payment_link", "/payment_link"),
            ("status", "/status"),
            ("subscription", "/subscription"),
        ]),
    },
    Resource {
        path: "/v1/credit_notes",
        object: "credit_note",
        filters: Some(&[("invoice", "/invoice"), ("customer", "/customer")]),
    },
    Resource { path: "/v1/payment_intents", object: "payment_intent", filters: Some(&[("customer", "/customer")]) },
    Resource { path: "/v1/subscriptions", object: "subscription", filters: None },
];

pub(super) fn respond(request: &Request<'_>) -> Result<Value, Failure> {
    let live = mode(request.bearer())?;
    check_version(request.header("stripe-version"))?;
    let unknown = || Failure::new(404, format!("Unrecognized request URL (GET: {}).", request.path));
    let (resource, id) = RESOURCES
        .iter()
        .find_map(|resource| Some((resource, request.path.strip_prefix(resource.path)?)))
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with('/'))
        .ok_or_else(unknown)?;
    // Refunds don't state their mode: those of the stand-in are of live mode.
    let is_found =
        |object: &&Value| object["object"] == resource.object && object["livemode"].as_bool().unwrap_or(true) == live;
    let mut objects = request.objects.iter().filter(is_found);
    if let Some(id) = id.strip_prefix('/') {
        if let Some((id, lines)) = id.split_once('/') {
            let object = objects.find(|object| object["id"] == id).ok_or_else(|| missing(404, resource, "id", id))?;
            let all = object[lines]["data"].as_array().ok_or_else(unknown)?;
            return list(request, resource, &[], &all.iter().collect::<Vec<_>>());
        }
        request.query.refuse_unknown(is_expand)?;
        let object = objects.find(|object| object["id"] == id).cloned();
        return object.map(|object| rendered(object, &request.query)).ok_or_else(|| missing(404, resource, "id", id));
    }
    let filters = resource.filters.ok_or_else(unknown)?;
    list(request, resource, filters, &newest_first(objects, created))
}

/// Returns whether a key is of live mode.
fn mode(key: Option<&str>) -> Result<bool, Failure> {
    let key = key.ok_or_else(|| Failure::new(401, "You did not provide an API key."))?;
    match key.strip_suffix("example") {
        Some("rk_live_" | "sk_live_") => Ok(true),
        Some("rk_test_" | "sk_test_") => Ok(false),
        _ => Err(Failure::new(401, "Invalid API Key provided.")),
    }
}

/// Checks the header `Stripe-Version`, such as `2025-10-29.clover`.
fn check_version(version: Option<&str>) -> Result<(), Failure> {
    let known = version
        .and_then(|version| version.split_once('.'))
        .is_some_and(|(date, name)| date.len() == FIRST_VERSION.len() && date >= FIRST_VERSION && !name.is_empty());
    let version = version.unwrap_or("none");
    if known { Ok(()) } else { Err(Failure::new(400, format!("Invalid Stripe API version: {version}"))) }
}

fn list(
    request: &Request<'_>,
    resource: &Resource,
    filters: &[(&str, &str)],
    list: &[&Value],
) -> Result<Value, Failure> {
    let query = &request.query;
    query.refuse_unknown(|name| {
        ["limit", "starting_after"].contains(&name)
            || is_expand(name)
            || name.strip_prefix("created").is_some_and(|rest| ["", "[lt]", "[lte]", "[gt]", "[gte]"].contains(&rest))
            || filters.iter().any(|(known, _)| *known == name)
    })?;
    check_payment_filter(query)?;
    let limit = query.number("limit", 10)?;
    if limit > 100 {
        let message = format!("This value must be less than or equal to 100 (it currently is '{limit}').");
        return Err(Failure::parameter("limit", message));
    }
    let bounds = query.bounds("created", ["lt", "lte", "gt", "gte"], |text| text.parse().ok())?;
    let start = match query.get("starting_after") {
        Some(id) => {
            let position = list.iter().position(|object| object["id"] == id);
            position.ok_or_else(|| missing(400, resource, "starting_after", id))? + 1
        }
        None => 0,
    };
    let page = request.pages.from(list, start, limit, |object| {
        bounds.iter().all(|bound| bound.contains(created(object)))
            && filters.iter().all(|(name, field)| query.all(name).iter().all(|value| text(object, field) == *value))
    });
    let items: Vec<Value> = page.items.into_iter().map(|object| rendered(object.clone(), query)).collect();
    Ok(json!({ "object": "list", "data": items, "has_more": page.has_more, "url": resource.path }))
}

/// An object as it is returned: an invoice with its first ten lines, and a session with its lines only if they are expanded.
fn rendered(mut object: Value, query: &Query) -> Value {
    if query.all("expand[]").iter().all(|field| !field.ends_with("line_items"))
        && let Some(fields) = object.as_object_mut().filter(|fields| fields["object"] == "checkout.session")
    {
        fields.remove("line_items");
    }
    for list in ["lines", "line_items"] {
        let Some(list) = object.get_mut(list).filter(|list| list.is_object()) else { continue };
        if let Some(all) = list["data"].as_array_mut().filter(|all| all.len() > 10) {
            all.truncate(10);
            list["has_more"] = json!(true);
        }
    }
    object
}

/// Invoice payments are filtered by a type, perhaps with an id. The type `charge` is no filter.
fn check_payment_filter(query: &Query) -> Result<(), Failure> {
    match query.get("payment[type]") {
        Some("payment_intent" | "payment_record") => Ok(()),
        Some(_) => Err(Failure::parameter("payment[type]", "Invalid payment[type].")),
        None if query.pairs().any(|(name, _)| name.starts_with("payment[")) => {
            Err(Failure::parameter("payment[type]", "Missing required param: payment[type]."))
        }
        None => Ok(()),
    }
}

/// Returns whether a parameter names fields to expand. The stand-in knows only the lines of a session.
fn is_expand(name: &str) -> bool {
    name.starts_with("expand[")
}

fn created(object: &Value) -> Option<i64> {
    object["created"].as_i64()
}

fn missing(status: u16, resource: &Resource, parameter: &str, id: &str) -> Failure {
    let message = format!("No such {}: '{id}'", resource.object);
    Failure { status, ..Failure::parameter(parameter, message) }
}

/// Renders an error.
pub(super) fn error(failure: &Failure) -> Value {
    let mut error = json!({
        "message": failure.message,
        "type": if failure.status >= 500 { "api_error" } else { "invalid_request_error" },
    });
    let code = match failure.status {
        404 => Some("resource_missing"),
        429 => Some("rate_limit"),
        _ => None,
    };
    if let Some(code) = code {
        error["code"] = json!(code);
    }
    if let Some(parameter) = &failure.parameter {
        error["param"] = json!(parameter);
    }
    json!({ "error": error })
}
