//! *Track lead*. With a key: server mode; without: browser mode. Checks, in this order:
//!
//! 1. the key, where one is sent
//! 2. test mode: recorded apart, nothing else is checked
//! 3. the types of the fields, and `click_id` or `customer_key`
//! 4. the customer: by click id, else by customer key
//! 5. in server mode, that the customer is of the key's program
//! 6. that the customer is no lead yet; nor another customer one under the same key

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Call, test_mode};
use crate::{
    auth,
    program::{LeadAuth, RepeatedLead, UnknownLead},
    record::{CustomerStatus, LeadRecord},
    reply::Reply,
    state::State,
};

/// How many clicks a history may hold.
const HISTORY: usize = 20;

pub(crate) fn lead(state: &mut State, call: &Call<'_>) -> Reply {
    record(state, call).unwrap_or_else(|refused| refused)
}

fn record(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    let server = match call.authorization {
        Some(_) => Some(auth::program_of(&state.programs, call.authorization)?),
        None => None,
    };
    if call.fields.is_test() {
        return Ok(test_mode::record(state, call, "lead", server));
    }
    let fields = &call.fields;
    let click_id = fields.text("click_id")?;
    let customer_key = fields.text("customer_key")?;
    let email = fields.text("email")?;
    for name in ["session_id", "page_url", "event_name"] {
        fields.text(name)?;
    }
    let click_ids = fields.texts("click_ids")?;
    if click_ids.len() > HISTORY {
        return Err(Reply::error(400, format!("click_ids must hold at most {HISTORY} ids")));
    }
    let additional_data = fields.additional_data()?;
    if click_id.is_none() && customer_key.is_none() {
        return Err(Reply::error(400, "click_id or customer_key is required"));
    }

    // In browser mode a customer key alone is looked up in the first program.
    let key_program = server.unwrap_or(0);
    let by_key = customer_key.as_deref().and_then(|key| state.customer_of_key(key_program, key));
    let found = click_id.as_deref().and_then(|id| state.customer_of_click(id)).or(by_key);
    let customer = match (found, &customer_key) {
        (Some(customer), _) => customer,
        (None, Some(_))
            if click_id.is_none() && state.programs[key_program].readings.unknown_lead == UnknownLead::Unattributed =>
        {
            state.add_customer(key_program)
        }
        _ => return Err(Reply::error(400, "Customer not found. Provide a valid click_id or customer_key.")),
    };
    let program = state.customers[customer].program;
    if server.is_some_and(|server| server != program) {
        return Err(Reply::error(400, "Customer does not belong to this program"));
    }

    let status = [Some(customer), by_key].into_iter().flatten().map(|place| state.customers[place].status).max();
    if let Some(status) = status.filter(|status| *status != CustomerStatus::Click) {
        return match state.programs[program].readings.repeated_lead {
            RepeatedLead::Idempotent => Ok(tracked()),
            RepeatedLead::Refused => Err(Reply::error(
                400,
                format!("Customer status cannot be updated to lead. Current status: {}", status.as_str()),
            )),
        };
    }

    let provisional = server.is_none() && state.programs[program].lead_auth == LeadAuth::ServerRequired;
    if !provisional {
        state.customers[customer].status = CustomerStatus::Lead;
    }
    if let Some(key) = &customer_key {
        state.bind_key(customer, key);
    }
    // The lead with the key settles a provisional one.
    let customer_id = state.customers[customer].id;
    state.leads.retain(|lead| !(lead.provisional && lead.customer_id == customer_id));
    let id = state.next_id();
    let last_click = state.last_click(customer).map(|click| click.click_id.clone());
    state.leads.push(LeadRecord {
        id,
        program_id: state.programs[program].id,
        customer_id,
        customer_key,
        click_id: click_id.filter(|id| state.customer_of_click(id).is_some()).or(last_click),
        email_sha256: email.map(|email| hash(&email)),
        click_ids,
        provisional,
        at_ms: call.now_ms,
        additional_data,
    });
    if provisional {
        return Ok(Reply::ok(json!({
            "success": true,
            "provisional": true,
            "message": "Lead recorded as provisional. It settles when the server-side lead arrives.",
        })));
    }
    Ok(tracked())
}

fn tracked() -> Reply {
    Reply::ok(json!({ "success": true, "message": "Lead tracked successfully" }))
}

/// The SHA-256 of an address, without regard to case and white space around it.
fn hash(email: &str) -> String {
    Sha256::digest(email.trim().to_lowercase()).iter().map(|byte| format!("{byte:02x}")).collect()
}
