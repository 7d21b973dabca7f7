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
    fields::Fields,
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
    let fields = call.fields()?;
    if fields.is_test() {
        return Ok(test_mode::record(state, call.now_ms, fields, "lead", server));
    }
    let click_id = fields.text("click_id")?;
    let customer_key = fields.text("customer_key")?;
    let email = fields.text("email")?;
    let session_id = fields.text("session_id")?;
    let page_url = fields.text("page_url")?;
    let event_name = fields.event_name()?;
    let click_ids = fields.texts("click_ids")?;
    if click_ids.len() > HISTORY {
        return Err(Reply::error(400, format!("click_ids must hold at most {HISTORY} ids")));
    }
    let additional_data = fields.additional_data()?;
    if click_id.is_none() && customer_key.is_none() {
        return Err(Reply::error(400, "click_id or customer_key is required"));
    }

    // The click says the program; without one the key does, or the page, or it is the first.
    let by_click = click_id.as_deref().and_then(|id| state.customer_of_click(id));
    let program = match (by_click, server) {
        (Some(customer), _) => state.customers[customer].program,
        (None, Some(program)) => program,
        (None, None) => program_of_page(state, fields).unwrap_or(0),
    };
    let by_key = customer_key.as_deref().and_then(|key| state.customer_of_key(program, key));
    let customer = match by_click.or(by_key) {
        Some(customer) => customer,
        None if click_id.is_none() && state.programs[program].readings.unknown_lead == UnknownLead::Unattributed => {
            state.add_customer(program)
        }
        None => return Err(Reply::error(400, "Customer not found. Provide a valid click_id or customer_key.")),
    };
    if server.is_some_and(|server| server != program) {
        return Err(Reply::error(400, "Customer does not belong to this program"));
    }

    let status = [Some(customer), by_key].into_iter().flatten().map(|place| state.customers[place].status).max();
    if let Some(status) = status.filter(|status| *status != CustomerStatus::Click) {
        return match state.programs[program].readings.repeated_lead {
            RepeatedLead::Idempotent => {
                if let (Some(_), Some(key)) = (server, &customer_key) {
                    state.bind_key(customer, key);
                }
                Ok(tracked())
            }
            RepeatedLead::Refused => Err(Reply::error(
                400,
                format!("Customer status cannot be updated to lead. Current status: {}", status.as_str()),
            )),
        };
    }

    let provisional = server.is_none() && state.programs[program].lead_auth == LeadAuth::ServerRequired;
    let customer_id = state.customers[customer].id;
    if !provisional {
        state.customers[customer].status = CustomerStatus::Lead;
        // Only now: anybody can send a provisional lead, under any customer key.
        if let Some(key) = &customer_key {
            state.bind_key(customer, key);
        }
        // What was provisional is settled.
        let program_id = state.programs[program].id;
        state.leads.retain(|lead| {
            let same_key = lead.program_id == program_id && customer_key.is_some() && lead.customer_key == customer_key;
            !(lead.provisional && (lead.customer_id == customer_id || same_key))
        });
    }
    let id = state.next_id();
    let last_click = state.last_click(customer).map(|click| click.click_id.clone());
    state.leads.push(LeadRecord {
        id,
        program_id: state.programs[program].id,
        customer_id,
        customer_key,
        click_id: click_id.filter(|id| state.customer_of_click(id).is_some()).or(last_click),
        email_sha256: email.map(|email| hash(&email)),
        session_id,
        page_url,
        event_name,
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

/// The program that the tracker sends, at the top level or in `additional_data`.
fn program_of_page(state: &State, fields: &Fields) -> Option<usize> {
    let sent = fields.get("program_id").or_else(|| fields.additional("program_id"))?;
    let id = sent.as_u64().or_else(|| sent.as_str()?.parse().ok())?;
    state.programs.iter().position(|program| program.id == id)
}

fn tracked() -> Reply {
    Reply::ok(json!({ "success": true, "message": "Lead tracked successfully" }))
}

/// The SHA-256 of an address, without regard to case and white space around it.
fn hash(email: &str) -> String {
    Sha256::digest(email.trim().to_lowercase()).iter().map(|byte| format!("{byte:02x}")).collect()
}
