//! *Track lead*. A request with an API key is in server mode; one without is in browser mode. Checks, in this order:
//!
//! 1. the API key, if sent
//! 2. test mode: the event is recorded separately and nothing else is checked
//! 3. the types of the fields; `click_id` or `customer_key` must be present
//! 4. the customer: by click id, else by customer key, else (in server mode) by a provisional lead with that key
//! 5. in server mode, that the customer belongs to the key's program
//! 6. that neither this customer nor another one with the same customer key is a lead already

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    Call, Caller, Decision, Fields, attribution, auth,
    test_mode::{self, TestEvent, TestResponse},
};
use crate::reply::{ErrorText, Reply};
use crate::request_log::UNKNOWN_CUSTOMER;
use crate::{
    change::Change,
    interpretations::{RepeatedLead, UnknownLead},
    program::LeadAuth,
    record::{CustomerStatus, LeadRecord},
    secret::email_hash,
    state::{Customer, State},
};

/// The message that the service documents for a provisional lead.
const PROVISIONAL: &str = "Lead recorded as provisional. This program requires server-side (Bearer) lead tracking to \
                           settle attribution.";

/// Maximum number of clicks in a history.
const HISTORY_LENGTH: usize = 20;

/// Request body of a sign-up. `click_id` or `customer_key` is required.
#[derive(ToSchema)]
pub(super) struct LeadRequest {
    #[schema(max_length = 512)]
    click_id: Option<String>,
    /// The shop's stable user id.
    #[schema(example = "user_123", max_length = 512)]
    customer_key: Option<String>,
    /// Stored only as a hash.
    #[schema(example = "jo@example.com")]
    email: Option<String>,
    session_id: Option<String>,
    page_url: Option<String>,
    /// Click history of the visitor, oldest first.
    #[schema(max_items = 20, value_type = Option<Vec<String>>)]
    click_ids: Vec<String>,
    event_name: Option<String>,
    #[schema(value_type = Option<Object>)]
    additional_data: Option<Value>,
}

#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "used for the OpenAPI document only")]
pub(super) enum LeadBody {
    Lead(LeadRequest),
    Test(TestEvent),
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum LeadResponse {
    Tracked(TrackedLead),
    Provisional(ProvisionalLead),
    #[allow(dead_code, reason = "constructed in test_mode")]
    Test(TestResponse),
}

/// The lead was recorded.
#[derive(Serialize, ToSchema)]
pub(super) struct TrackedLead {
    success: bool,
    message: &'static str,
}

/// The lead is provisional until a lead with the API key arrives.
#[derive(Serialize, ToSchema)]
pub(super) struct ProvisionalLead {
    success: bool,
    provisional: bool,
    message: &'static str,
}

/// Records a sign-up.
#[utoipa::path(
    post, path = "/api/v1/track/lead", tag = "Tracking", operation_id = "trackLead",
    security(("key" = []), ()),
    request_body = LeadBody,
    responses(
        (status = 200, description = "Recorded, or provisional until a lead with the API key arrives", body = LeadResponse),
        (status = 400, description = "A field is missing or invalid, or the customer is unknown, belongs to another program, or is already a lead", body = ErrorText),
        (status = 401, description = "An invalid key was sent", body = ErrorText),
    ),
)]
pub(super) fn lead(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let server = match call.caller {
        Caller::Client(None) => None,
        _ => Some(auth::program_of(state, call)?),
    };
    let fields = call.fields()?;
    if fields.is_test() {
        return Ok(test_mode::record(state, call.now_ms, fields, "lead", server));
    }
    let sent = read(fields)?;
    let found = find(state, fields, &sent, server)?;
    let settings = &state.programs[found.program];
    let customer_id = found.customer.map_or_else(|| state.next_customer_id(), |customer| customer.id);
    if let Some(status) = found.status_after_click() {
        let new_key = sent.customer_key.filter(|_| server.is_some() && found.by_key.is_none());
        let response = match found.is_reported_by(state, server.is_none()) {
            true => RepeatedLead::Idempotent,
            false => settings.interpretations.repeated_lead,
        };
        return repeated(response, status, customer_id, new_key);
    }
    let last_click = found.customer.and_then(|customer| state.last_click(customer)).map(|click| click.click_id.clone());
    let provisional = server.is_none() && settings.lead_auth == LeadAuth::ServerRequired;
    let lead = LeadRecord {
        id: state.event_id_after(1),
        program_id: settings.id,
        customer_id,
        customer_key: sent.customer_key,
        click_id: sent.click_id.filter(|id| state.customer_of_click(id).is_some()).or(last_click),
        email_sha256: sent.email.map(|email| email_hash(&email)),
        session_id: sent.session_id,
        page_url: sent.page_url,
        event_name: sent.event_name,
        click_ids: sent.click_ids,
        provisional,
        from_server: server.is_some(),
        at_ms: call.now_ms,
        additional_data: sent.additional_data,
    };
    let reply = if provisional {
        Reply::ok(&LeadResponse::Provisional(ProvisionalLead {
            success: true,
            provisional: true,
            message: PROVISIONAL,
        }))
    } else {
        tracked()
    };
    Ok(Decision::changing(Change::Lead(Box::new(lead)), reply))
}

/// Program and customer of a lead.
struct Found<'s> {
    program: usize,
    customer: Option<&'s Customer>,
    /// The customer with the customer key, who may be another one than `customer`.
    by_key: Option<&'s Customer>,
}

impl Found<'_> {
    /// Returns the status of the customers if one of them has already become a lead.
    fn status_after_click(&self) -> Option<CustomerStatus> {
        let status = [self.customer, self.by_key].into_iter().flatten().map(|customer| customer.status).max();
        status.filter(|status| *status != CustomerStatus::Click)
    }
}

impl Found<'_> {
    /// Returns whether the other side has reported the customer, and this side has not: a browser and a server may both do so.
    fn is_reported_by(&self, state: &State, server: bool) -> bool {
        let leads = [self.customer, self.by_key].into_iter().flatten().flat_map(|customer| &customer.leads);
        let mut leads = leads.filter_map(|index| state.leads.get(*index)).peekable();
        leads.peek().is_some() && leads.all(|lead| lead.from_server == server)
    }
}

fn find<'s>(state: &'s State, fields: &Fields, sent: &LeadRequest, server: Option<usize>) -> Result<Found<'s>, Reply> {
    // The click determines the program; else the key; else the program id in the body; else it is the first program.
    let by_click = sent.click_id.as_deref().and_then(|id| state.customer_of_click(id));
    let program = match (by_click, server) {
        (Some(customer), _) => customer.program,
        (None, Some(program)) => program,
        (None, None) => program_of_page(state, fields).unwrap_or(0),
    };
    let unknown_lead = state.programs[program].interpretations.unknown_lead;
    let by_key = sent.customer_key.as_deref().and_then(|key| state.customer_of_key(program, key));
    let settles = server.is_some() || unknown_lead == UnknownLead::Unattributed;
    let by_provisional = || {
        let key = sent.customer_key.as_deref().filter(|_| settles && sent.click_id.is_none())?;
        state.customer_with_provisional_lead(program, key)
    };
    let customer = by_click.or(by_key).or_else(by_provisional);
    let may_be_unknown = sent.click_id.is_none() && unknown_lead == UnknownLead::Unattributed;
    if customer.is_none() && !may_be_unknown {
        let refused = Reply::error(400, UNKNOWN_CUSTOMER);
        return Err(attribution::hint_at_unknown_click(state, sent.click_id.as_deref(), refused));
    }
    if server.is_some_and(|server| server != program) {
        return Err(Reply::error(400, "Customer does not belong to this program"));
    }
    Ok(Found { program, customer, by_key })
}

/// Responds to a lead for a customer who is already a lead. `new_key` is a customer key to assign to the customer.
fn repeated(
    response: RepeatedLead,
    status: CustomerStatus,
    customer_id: u64,
    new_key: Option<String>,
) -> Result<Decision, Reply> {
    match (response, new_key) {
        (RepeatedLead::Refused, _) => {
            let status = status.as_str();
            let reply =
                Reply::error(400, format!("Customer status cannot be updated to lead. Current status: {status}"));
            Err(reply.with_hint(format!(
                "customer {customer_id} has signed up before, with this click or key: to sign up another user, use a private window or click \
                 the link again"
            )))
        }
        (RepeatedLead::Idempotent, Some(customer_key)) => {
            Ok(Decision::changing(Change::Key { customer_id, customer_key }, tracked()))
        }
        (RepeatedLead::Idempotent, None) => Ok(tracked().into()),
    }
}

fn read(fields: &Fields) -> Result<LeadRequest, Reply> {
    let sent = LeadRequest {
        click_id: fields.key("click_id")?,
        customer_key: fields.key("customer_key")?,
        email: fields.text("email")?,
        session_id: fields.text("session_id")?,
        page_url: fields.text("page_url")?,
        event_name: fields.event_name()?,
        click_ids: fields.keys("click_ids")?,
        additional_data: fields.additional_data()?,
    };
    if sent.click_ids.len() > HISTORY_LENGTH {
        return Err(Reply::error(400, format!("click_ids must hold at most {HISTORY_LENGTH} ids")));
    }
    if sent.click_id.is_none() && sent.customer_key.is_none() {
        return Err(Reply::error(400, "click_id or customer_key is required"));
    }
    Ok(sent)
}

/// The program whose id the tracker sends, at the top level or in `additional_data`.
fn program_of_page(state: &State, fields: &Fields) -> Option<usize> {
    let sent = fields.get("program_id").or_else(|| fields.additional("program_id"))?;
    state.program_index(Fields::program_id(sent)?)
}

fn tracked() -> Reply {
    Reply::ok(&LeadResponse::Tracked(TrackedLead { success: true, message: "Lead tracked successfully" }))
}
