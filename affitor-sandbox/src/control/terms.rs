//! The terms of a program: partner groups, policies, the attribution model, a pause, and payouts.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::post,
};
use serde::Deserialize;
use serde_json::json;
use utoipa::{OpenApi, ToSchema};

use super::{ActionResult, ControlError, Done, Input, Refusal, known_program};
use crate::{
    change::Change,
    clock::DAY_MS,
    commission::Commission,
    policy::{AttributionModel, DEFAULT_GROUP, Policy, Terms},
    service::Service,
};

/// Maximum number of a program's policies.
const POLICIES: usize = 1_000;
/// Maximum length of a group's name and a product's id, in bytes.
const NAME_LIMIT: usize = 200;

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/groups", post(set_group))
        .route("/policies", post(add_policy))
        .route("/attribution-model", post(set_attribution_model))
        .route("/pause", post(pause))
        .route("/payouts", post(pay_out))
}

#[derive(OpenApi)]
#[openapi(paths(set_group, add_policy, set_attribution_model, pause, pay_out))]
pub(super) struct TermsDocument;

/// New group of a partner.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object or a form")]
struct GroupUpdate {
    #[schema(example = "PARTNER123")]
    partner: String,
    /// Every name is a group.
    #[schema(min_length = 1, max_length = 200, example = "Friends")]
    group: String,
}

/// Moves a partner to a group. Commissions so far stay as they are.
#[utoipa::path(post, path = "/groups", tag = "Sandbox", operation_id = "setPartnerGroup", request_body = GroupUpdate,
    responses(
        (status = 200, description = "The partner is in the group", body = ActionResult),
        (status = 400, description = "The name is empty or too long", body = ControlError),
        (status = 404, description = "No partner has this code", body = ControlError),
    ))]
async fn set_group(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(GroupUpdate { partner, group }): Input<GroupUpdate>,
) -> Result<Response, Refusal> {
    check_name("group", &group)?;
    if service.lock().state.partner(&partner).is_none() {
        return Err(Refusal(StatusCode::NOT_FOUND, "partner not found".to_owned()));
    }
    let message = format!("Partner {partner} is in the group {group}");
    service.change(|_| Change::Group { code: partner, group })?;
    Ok(Done(json!({ "message": message })).respond_to(&headers))
}

/// A new version of a policy.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object or a form")]
struct NewPolicy {
    /// Default: the first program.
    #[schema(example = 42)]
    program_id: Option<u64>,
    /// Default: `Default`.
    #[schema(min_length = 1, max_length = 200, example = "Friends")]
    group: Option<String>,
    /// Only sales with this id get the policy. Default: all.
    #[schema(min_length = 1, max_length = 200, example = "prod_1")]
    product_id: Option<String>,
    /// Number of days until the policy starts. Default: 0, now.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 3650, default = 0)]
    starts_in_days: u32,
    /// Such as `recurring:20:12`: see `Commission`.
    #[schema(value_type = String, example = "recurring:20:12")]
    commission: Commission,
}

/// Adds a version of a policy. Commissions so far stay as they are.
#[utoipa::path(post, path = "/policies", tag = "Sandbox", operation_id = "addPolicy", request_body = NewPolicy,
    responses(
        (status = 200, description = "The policy is added", body = ActionResult),
        (status = 400, description = "A field is invalid, or there are 1,000 policies", body = ControlError),
        (status = 404, description = "There is no such program", body = ControlError),
    ))]
async fn add_policy(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(NewPolicy { program_id, group, product_id, starts_in_days, commission }): Input<NewPolicy>,
) -> Result<Response, Refusal> {
    let group = group.unwrap_or_else(|| DEFAULT_GROUP.to_owned());
    check_name("group", &group)?;
    if let Some(id) = &product_id {
        check_name("product_id", id)?;
    }
    if starts_in_days > 3_650 {
        return Err(Refusal::bad_request("starts_in_days must be at most 3650"));
    }
    let program_id = known_program(&service, program_id)?;
    let (now_ms, policies) = {
        let state = &service.lock().state;
        let policies = state.program_index(program_id).map_or(0, |index| state.programs[index].policies.len());
        (state.clock.now_ms(), policies)
    };
    if policies >= POLICIES {
        return Err(Refusal::bad_request("the program has 1,000 policies; reset the sandbox"));
    }
    let product = product_id.as_ref().map_or_else(String::new, |id| format!(" for the product {id}"));
    let message = format!("Policy {commission} of the group {group}{product} starts in {starts_in_days} days");
    let starts_ms = Some(now_ms.saturating_add(i64::from(starts_in_days) * DAY_MS));
    set(&service, program_id, Terms::Policy(Policy { group, product_id, starts_ms, commission }))?;
    Ok(Done(json!({ "message": message })).respond_to(&headers))
}

/// Which click is credited.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object or a form")]
struct ModelUpdate {
    /// Default: the first program.
    #[schema(example = 42)]
    program_id: Option<u64>,
    #[schema(pattern = "^(last_click|first_click)$")]
    model: String,
}

/// Sets the attribution model. Sales so far stay as they are.
#[utoipa::path(post, path = "/attribution-model", tag = "Sandbox", operation_id = "setAttributionModel",
    request_body = ModelUpdate,
    responses(
        (status = 200, description = "The model is set", body = ActionResult),
        (status = 400, description = "Unknown model, or `linear`", body = ControlError),
        (status = 404, description = "There is no such program", body = ControlError),
    ))]
async fn set_attribution_model(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(ModelUpdate { program_id, model }): Input<ModelUpdate>,
) -> Result<Response, Refusal> {
    let chosen = match model.as_str() {
        "last_click" => AttributionModel::LastClick,
        "first_click" => AttributionModel::FirstClick,
        "linear" => {
            let reason =
                "the sandbox does not have `linear`: how the service splits a commission is nowhere documented";
            return Err(Refusal::bad_request(reason));
        }
        _ => return Err(Refusal::bad_request("model must be last_click or first_click")),
    };
    set(&service, known_program(&service, program_id)?, Terms::AttributionModel(chosen))?;
    Ok(Done(json!({ "message": format!("The attribution model is {model}") })).respond_to(&headers))
}

/// Whether a program is paused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object or a form")]
struct Pause {
    /// Default: the first program.
    #[schema(example = 42)]
    program_id: Option<u64>,
    paused: bool,
}

/// Pauses a program, as the service does when its invoice is overdue. Clicks and leads go on; what a sale earns is the interpretation
/// `paused-sale`.
#[utoipa::path(post, path = "/pause", tag = "Sandbox", operation_id = "pauseProgram", request_body = Pause,
    responses(
        (status = 200, description = "The program is paused, or goes on", body = ActionResult),
        (status = 400, description = "The body is invalid", body = ControlError),
        (status = 404, description = "There is no such program", body = ControlError),
    ))]
async fn pause(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(Pause { program_id, paused }): Input<Pause>,
) -> Result<Response, Refusal> {
    let program_id = known_program(&service, program_id)?;
    set(&service, program_id, Terms::Paused(paused))?;
    let state = if paused { "paused" } else { "active" };
    Ok(Done(json!({ "message": format!("Program {program_id} is {state}") })).respond_to(&headers))
}

/// The program that pays its partners.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object or a form")]
struct Payout {
    /// Default: the first program.
    #[schema(example = 42)]
    program_id: Option<u64>,
}

/// Pays every commission whose hold is over. A refund after that makes the partner's balance negative.
#[utoipa::path(post, path = "/payouts", tag = "Sandbox", operation_id = "payOut", request_body = Option<Payout>,
    responses(
        (status = 200, description = "The commissions are paid", body = ActionResult),
        (status = 400, description = "The body is invalid", body = ControlError),
        (status = 404, description = "There is no such program", body = ControlError),
    ))]
async fn pay_out(
    Shared(service): Shared<Arc<Service>>,
    headers: HeaderMap,
    Input(Payout { program_id }): Input<Payout>,
) -> Result<Response, Refusal> {
    let program_id = known_program(&service, program_id)?;
    service.change(|state| Change::PaidOut { program_id, at_ms: state.clock.now_ms() })?;
    let message = format!("Program {program_id} has paid the commissions whose hold is over");
    Ok(Done(json!({ "message": message })).respond_to(&headers))
}

fn set(service: &Service, program_id: u64, terms: Terms) -> Result<(), Refusal> {
    Ok(service.change(|_| Change::Terms { program_id, terms })?)
}

fn check_name(field: &str, name: &str) -> Result<(), Refusal> {
    if name.is_empty() || name.len() > NAME_LIMIT || name.chars().any(char::is_control) {
        return Err(Refusal::bad_request(format!(
            "{field} must have 1 to {NAME_LIMIT} bytes and no control characters"
        )));
    }
    Ok(())
}
