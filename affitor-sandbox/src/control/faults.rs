//! Fault rules over HTTP.

use std::sync::Arc;

use axum::{Json, extract::State as Shared, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{ActionResult, ControlError, Done, Input, Refusal};
use crate::{fault::FaultRule, service::Service};

/// The fault rules in force.
#[derive(Serialize, ToSchema)]
pub(super) struct Rules {
    /// In text form, such as `error-after-write@sale:3x`.
    #[schema(value_type = Vec<String>)]
    rules: Vec<FaultRule>,
}

/// Returns the fault rules in force.
#[utoipa::path(get, path = "/faults", tag = "Sandbox", operation_id = "listFaults",
    responses((status = 200, description = "The rules", body = Rules)))]
pub(super) async fn list(Shared(service): Shared<Arc<Service>>) -> Json<Rules> {
    let rules = service.lock().faults.rules().to_vec();
    Json(Rules { rules })
}

/// A fault rule, either as one text or as the fields of the page's form.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object or a form")]
pub(super) struct NewFault {
    /// `FAULT[@CALL][:PROBABILITY | :COUNTx]`
    #[schema(example = "error-after-write@sale:3x")]
    rule: Option<String>,
    fault: Option<String>,
    call: Option<String>,
    chance: Option<String>,
}

impl NewFault {
    fn into_text(self) -> Option<String> {
        if self.rule.is_some() {
            return self.rule;
        }
        let part = |sign: &str, part: Option<String>| {
            part.filter(|part| !part.is_empty()).map_or_else(String::new, |part| format!("{sign}{part}"))
        };
        Some(format!("{}{}{}", self.fault?, part("@", self.call), part(":", self.chance)))
    }
}

/// Adds a fault rule.
#[utoipa::path(post, path = "/faults", tag = "Sandbox", operation_id = "addFault", request_body = NewFault,
    responses(
        (status = 200, description = "The rule is in force", body = ActionResult),
        (status = 400, description = "Invalid rule", body = ControlError),
    ))]
pub(super) async fn add(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(new): Input<NewFault>,
) -> Result<Response, Refusal> {
    let example = "a rule is required, such as {\"rule\": \"error-after-write@sale:1x\"}";
    let text = new.into_text().ok_or_else(|| Refusal::bad_request(example))?;
    let rule: FaultRule = text.parse().map_err(|error: String| Refusal::bad_request(error))?;
    service.lock().faults.add(rule);
    service.notify();
    Ok(Done(json!({ "message": format!("Fault enabled: {rule}"), "rule": rule })).respond_to(&headers))
}

/// Removes all fault rules.
#[utoipa::path(delete, path = "/faults", tag = "Sandbox", operation_id = "clearFaults",
    responses((status = 200, description = "No rule is in force", body = ActionResult)))]
pub(super) async fn clear(Shared(service): Shared<Arc<Service>>, headers: HeaderMap) -> Response {
    service.lock().faults.clear();
    service.notify();
    Done(json!({ "message": "All faults disabled" })).respond_to(&headers)
}
