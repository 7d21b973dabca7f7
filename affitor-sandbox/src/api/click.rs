//! *Track click*. The key is ignored. Checks, in this order:
//!
//! 1. test mode: the event is recorded separately and nothing else is checked
//! 2. `affiliate_url`: present, a URL, with a non-empty `aff` parameter
//! 3. the types of the other fields
//! 4. the link: known, correctly configured and active
//!
//! A visitor with a known `existing_click_id` stays the same customer. If their last click was on a link of the same
//! partner, no new click is recorded and the response contains the id of that click.

use serde::Serialize;
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;

use super::{
    Call, Decision, Fields,
    test_mode::{self, TestEvent, TestResponse},
};
use crate::reply::{ErrorText, Reply};
use crate::{change::Change, memory, program::PartnerState, record::ClickRecord, state::State};

/// Request body of a click.
#[derive(ToSchema)]
pub(super) struct ClickRequest {
    /// Complete landing URL, including `?aff=`.
    #[schema(example = "https://shop.example/pricing?aff=PARTNER123")]
    affiliate_url: String,
    page_url: Option<String>,
    page_title: Option<String>,
    referrer_url: Option<String>,
    session_id: Option<String>,
    /// Default: the request's header.
    user_agent: Option<String>,
    screen_resolution: Option<String>,
    viewport_size: Option<String>,
    language: Option<String>,
    timezone: Option<String>,
    /// Click id that the visitor already has.
    #[schema(max_length = 512)]
    existing_click_id: Option<String>,
    #[schema(value_type = Option<Object>)]
    additional_data: Option<Value>,
}

#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, clippy::large_enum_variant, reason = "used for the OpenAPI document only")]
pub(super) enum ClickBody {
    Click(ClickRequest),
    Test(TestEvent),
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum ClickResponse {
    Recorded(RecordedClick),
    Inactive(InactiveLink),
    #[allow(dead_code, reason = "constructed in test_mode")]
    Test(TestResponse),
}

/// The click was recorded.
#[derive(Serialize, ToSchema)]
pub(super) struct RecordedClick {
    success: bool,
    /// `cust_<customer>_<milliseconds since 1970>`.
    click_id: String,
    partner_code: String,
    /// Lifetime of the visitor's cookie, in days.
    cookie_window_days: u32,
}

/// The link is inactive: the status is 200, but nothing is recorded.
#[derive(Serialize, ToSchema)]
pub(super) struct InactiveLink {
    success: bool,
    message: &'static str,
}

/// Records a click.
#[utoipa::path(
    post, path = "/api/v1/track/click", tag = "Tracking", operation_id = "trackClick",
    request_body = ClickBody,
    responses(
        (status = 200, description = "Recorded, or the link is inactive (`success: false`)", body = ClickResponse),
        (status = 400, description = "A field is missing or invalid, or the link is unknown", body = ErrorText),
    ),
)]
pub(super) fn click(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let fields = call.fields()?;
    if fields.is_test() {
        return Ok(test_mode::record(state, call.now_ms, fields, "click", None));
    }
    let (sent, code) = read(fields)?;
    let bad = |text: &str| Reply::error(400, text);
    let partner = state.partner(&code).ok_or_else(|| bad("Referral link not found"))?;
    match state.partners[partner].state {
        PartnerState::LinkInvalid | PartnerState::Deleted => return Err(bad("Invalid referral link configuration")),
        PartnerState::LinkInactive | PartnerState::LeftProgram => {
            let inactive = InactiveLink { success: false, message: "Referral link is inactive" };
            return Ok(Reply::nothing_recorded("Referral link is inactive", &ClickResponse::Inactive(inactive)).into());
        }
        PartnerState::Active => {}
    }
    let program = &state.programs[state.partners[partner].program];
    let known = sent
        .existing_click_id
        .and_then(|click_id| state.customer_of_click(&click_id))
        .filter(|customer| state.programs[customer.program].id == program.id);
    let recorded = |click_id: &str| {
        Reply::ok(&ClickResponse::Recorded(RecordedClick {
            success: true,
            click_id: click_id.to_owned(),
            partner_code: code.clone(),
            cookie_window_days: program.cookie_window_days,
        }))
    };
    let customer_id = known.map_or_else(|| state.next_customer_id(), |customer| customer.id);
    let click_id = state.fresh_click_id(customer_id, call.now_ms);
    let reply = recorded(&click_id);
    let click = ClickRecord {
        id: state.event_id_after(1),
        click_id,
        program_id: program.id,
        partner_code: code,
        customer_id,
        at_ms: call.now_ms,
        affiliate_url: sent.affiliate_url,
        page_url: sent.page_url,
        page_title: sent.page_title,
        referrer_url: sent.referrer_url,
        session_id: sent.session_id,
        screen_resolution: sent.screen_resolution,
        viewport_size: sent.viewport_size,
        language: sent.language,
        timezone: sent.timezone,
        additional_data: sent.additional_data,
        user_agent: sent.user_agent.or_else(|| call.user_agent.map(|agent| memory::cut(agent.to_owned()))),
    };
    let reply = match fields.hint_if_too_large(&["additional_data"]) {
        Some(hint) => reply.with_hint(hint),
        None => reply,
    };
    Ok(Decision::changing(Change::Click(Box::new(click)), reply))
}

/// Parses the request. Returns it with the partner's code from its URL.
fn read(fields: &Fields) -> Result<(ClickRequest, String), Reply> {
    let bad = |text: &str| Reply::error(400, text);
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
    let sent = ClickRequest {
        affiliate_url: memory::cut(affiliate_url.to_owned()),
        page_title: fields.text("page_title")?,
        screen_resolution: fields.text("screen_resolution")?,
        viewport_size: fields.text("viewport_size")?,
        language: fields.text("language")?,
        timezone: fields.text("timezone")?,
        additional_data: fields.additional_data()?,
        page_url: fields.text("page_url")?,
        referrer_url: fields.text("referrer_url")?,
        session_id: fields.text("session_id")?,
        user_agent: fields.text("user_agent")?,
        existing_click_id: fields.key("existing_click_id")?,
    };
    Ok((sent, code))
}
