//! *Track click*. The key is not looked at. Checks, in this order:
//!
//! 1. test mode: recorded apart, nothing else is checked
//! 2. `affiliate_url`: there, a URL, with an `aff` in it
//! 3. the types of the other fields
//! 4. the link: known, pointing somewhere, switched on
//!
//! A visitor who is known by `existing_click_id` keeps their customer; when the last of their clicks was on the same
//! partner's link, it stays their last click, and its id is answered again.

use serde_json::json;
use url::Url;

use super::{Call, test_mode};
use crate::{program::PartnerState, record::ClickRecord, reply::Reply, state::State};

pub(crate) fn click(state: &mut State, call: &Call<'_>) -> Reply {
    record(state, call).unwrap_or_else(|refused| refused)
}

fn record(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    let bad = |text: &str| Reply::error(400, text);
    let fields = call.fields()?;
    if fields.is_test() {
        return Ok(test_mode::record(state, call.now_ms, fields, "click", None));
    }
    let affiliate_url = match fields.get("affiliate_url") {
        None => return Err(bad("affiliate_url is required")),
        Some(url) => url.as_str().ok_or_else(|| bad("Invalid affiliate_url"))?,
    };
    if affiliate_url.is_empty() {
        return Err(bad("affiliate_url is required"));
    }
    let url = Url::parse(affiliate_url).map_err(|_| bad("Invalid affiliate_url"))?;
    let code = url
        .query_pairs()
        .find_map(|(name, code)| (name == "aff" && !code.is_empty()).then(|| code.into_owned()))
        .ok_or_else(|| bad("No aff parameter found in affiliate_url"))?;

    let page_title = fields.text("page_title")?;
    let screen_resolution = fields.text("screen_resolution")?;
    let viewport_size = fields.text("viewport_size")?;
    let language = fields.text("language")?;
    let timezone = fields.text("timezone")?;
    let additional_data = fields.additional_data()?;
    let page_url = fields.text("page_url")?;
    let referrer_url = fields.text("referrer_url")?;
    let session_id = fields.text("session_id")?;
    let user_agent = fields.text("user_agent")?.or_else(|| call.user_agent.map(str::to_owned));
    let existing = fields.text("existing_click_id")?;

    let partner = state.partner(&code).ok_or_else(|| bad("Referral link not found"))?;
    match state.partners[partner].state {
        PartnerState::LinkInvalid | PartnerState::Deleted => return Err(bad("Invalid referral link configuration")),
        PartnerState::LinkInactive | PartnerState::LeftProgram => {
            return Ok(Reply::ok(json!({ "success": false, "message": "Referral link is inactive" })));
        }
        PartnerState::Active => {}
    }
    let program = state.partners[partner].program;
    let known = existing
        .and_then(|click_id| state.customer_of_click(&click_id))
        .filter(|customer| state.customers[*customer].program == program);
    let again = known
        .and_then(|customer| state.last_click(customer))
        .filter(|click| click.partner_code == code)
        .map(|click| click.click_id.clone());
    let click_id = match again {
        Some(click_id) => click_id,
        None => {
            let customer = known.unwrap_or_else(|| state.add_customer(program));
            let customer_id = state.customers[customer].id;
            let click_id = state.fresh_click_id(customer_id, call.now_ms);
            let click = ClickRecord {
                id: state.next_id(),
                click_id: click_id.clone(),
                program_id: state.programs[program].id,
                partner_code: code.clone(),
                customer_id,
                at_ms: call.now_ms,
                affiliate_url: affiliate_url.to_owned(),
                page_url,
                page_title,
                referrer_url,
                session_id,
                screen_resolution,
                viewport_size,
                language,
                timezone,
                additional_data,
                user_agent,
            };
            state.add_click(customer, click);
            click_id
        }
    };
    Ok(Reply::ok(json!({
        "success": true,
        "click_id": click_id,
        "partner_code": code,
        "cookie_window_days": state.programs[program].cookie_window_days,
    })))
}
