//! *Track click*. The key is not looked at. Checks, in this order:
//!
//! 1. test mode: recorded apart, nothing else is checked
//! 2. `affiliate_url`: there, a URL, with an `aff` in it
//! 3. the types of the other fields
//! 4. the link: known, pointing somewhere, switched on
//!
//! A visitor who is known by `existing_click_id` keeps their customer; when the last of their clicks was on the same
//! partner's link, it stays their last click, and its id is answered again.

use serde::Serialize;
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;

use super::{
    Call, Decision, Fields, Reply,
    reply::ErrorText,
    test_mode::{self, TestAnswer, TestEvent},
};
use crate::{change::Change, program::PartnerState, record::ClickRecord, state::State};

/// What is sent of a click.
#[derive(ToSchema)]
pub(super) struct ClickRequest {
    /// The whole landing URL, with `?aff=`.
    #[schema(example = "https://shop.example/pricing?aff=PARTNER123")]
    affiliate_url: String,
    page_url: Option<String>,
    page_title: Option<String>,
    referrer_url: Option<String>,
    session_id: Option<String>,
    /// Else the request's header counts.
    user_agent: Option<String>,
    screen_resolution: Option<String>,
    viewport_size: Option<String>,
    language: Option<String>,
    timezone: Option<String>,
    /// The click id that the visitor has already.
    existing_click_id: Option<String>,
    #[schema(value_type = Option<Object>)]
    additional_data: Option<Value>,
}

#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, clippy::large_enum_variant, reason = "it describes what is read")]
pub(super) enum ClickBody {
    Click(ClickRequest),
    Test(TestEvent),
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum ClickAnswer {
    Recorded(RecordedClick),
    Inactive(InactiveLink),
    #[allow(dead_code, reason = "made in its own room")]
    Test(TestAnswer),
}

/// The click counts.
#[derive(Serialize, ToSchema)]
pub(super) struct RecordedClick {
    success: bool,
    /// `cust_<customer>_<milliseconds since 1970>`
    click_id: String,
    partner_code: String,
    /// For how many days the visitor's cookie is to live.
    cookie_window_days: u32,
}

/// The link is switched off: 200, and yet no success.
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
        (status = 200, description = "Recorded, or the link is inactive (`success: false`)", body = ClickAnswer),
        (status = 400, description = "A field is missing or wrong, or there is no such link", body = ErrorText),
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
            return Ok(Reply::nothing_done("Referral link is inactive", &ClickAnswer::Inactive(inactive)).into());
        }
        PartnerState::Active => {}
    }
    let program = &state.programs[state.partners[partner].program];
    let known = sent
        .existing_click_id
        .and_then(|click_id| state.customer_of_click(&click_id))
        .filter(|customer| state.programs[state.customers[*customer].program].id == program.id);
    let again = known.and_then(|customer| state.last_click(customer)).filter(|click| click.partner_code == code);
    let answer = |click_id: &str| {
        Reply::ok(&ClickAnswer::Recorded(RecordedClick {
            success: true,
            click_id: click_id.to_owned(),
            partner_code: code.clone(),
            cookie_window_days: program.cookie_window_days,
        }))
    };
    if let Some(click) = again {
        return Ok(answer(&click.click_id).into());
    }
    let customer_id = known.map_or_else(|| state.next_customer_id(), |customer| state.customers[customer].id);
    let click_id = state.fresh_click_id(customer_id, call.now_ms);
    let reply = answer(&click_id);
    let click = ClickRecord {
        id: state.id_after(1),
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
        user_agent: sent.user_agent.or_else(|| call.user_agent.map(str::to_owned)),
    };
    Ok(Decision::changing(Change::Click(Box::new(click)), reply))
}

/// The request, and the partner's code in its URL.
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
        affiliate_url: affiliate_url.to_owned(),
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
        existing_click_id: fields.text("existing_click_id")?,
    };
    Ok((sent, code))
}
