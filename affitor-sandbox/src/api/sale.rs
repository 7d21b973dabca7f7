//! *Track sale*. Checks, in this order:
//!
//! 1. the key
//! 2. test mode: recorded apart, nothing else is checked
//! 3. `transaction_id`, then `amount_cents`, then the types of the other fields
//! 4. the duplicate, across all programs
//! 5. the customer: by customer key, else by click id; one with a click before one without
//! 6. that a click of this program is theirs; that its partner still is one; that it is not too old

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    Call, Decision, Fields, Reply, auth,
    fields::wrong,
    reply::{Conflict, ErrorText, null},
    test_mode::{self, TestAnswer, TestEvent},
};
use crate::{
    change::Change,
    clock::DAY_MS,
    program::{CommissionKind, DuplicateSale, ExpiredWindow, PartnerState, Program, SaleLookup, WindowStart},
    record::{CommissionRecord, CommissionStatus, CustomerStatus, SaleRecord},
    state::{Customer, State},
};

/// What is sent of a payment.
#[derive(ToSchema)]
pub(super) struct SaleRequest {
    /// The shop's id of the payment: unique, and the key of idempotency.
    #[schema(min_length = 1, example = "txn_abc123")]
    transaction_id: String,
    /// In the currency's smallest unit.
    #[schema(minimum = 1, example = 9_999)]
    amount_cents: u64,
    /// ISO 4217. `USD` where it is absent.
    #[schema(pattern = "^[A-Z]{3}$", value_type = Option<String>)]
    currency: String,
    /// Looked up first.
    #[schema(example = "user_123")]
    customer_key: Option<String>,
    click_id: Option<String>,
    /// `payment` (where it is absent) or `subscription`.
    #[schema(pattern = "^(payment|subscription)$", value_type = Option<String>)]
    sale_type: String,
    #[schema(value_type = Option<bool>)]
    is_recurring: bool,
    subscription_id: Option<String>,
    /// `monthly`, `quarterly`, `annual`, or another.
    subscription_interval: Option<String>,
    product_id: Option<String>,
    /// Any JSON.
    #[schema(required = false)]
    line_items: Option<Value>,
    event_name: Option<String>,
    #[schema(value_type = Option<Object>)]
    additional_data: Option<Value>,
}

#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, clippy::large_enum_variant, reason = "it describes what is read")]
pub(super) enum SaleBody {
    Sale(SaleRequest),
    Test(TestEvent),
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum SaleAnswer {
    Tracked(TrackedSale),
    NotAttributed(NotAttributedSale),
    #[allow(dead_code, reason = "made in its own room")]
    Test(TestAnswer),
}

/// The sale is recorded, with or without a commission.
#[derive(Serialize, ToSchema)]
pub(super) struct TrackedSale {
    success: bool,
    sale_id: u64,
    commission_id: Option<u64>,
    message: &'static str,
}

/// The attribution window is over: nothing is recorded.
#[derive(Serialize, ToSchema)]
pub(super) struct NotAttributedSale {
    success: bool,
    attributed: bool,
    reason: &'static str,
    click_age_days: i64,
    window_days: u32,
    #[schema(schema_with = null)]
    sale_id: (),
    #[schema(schema_with = null)]
    commission_id: (),
}

/// The two bodies of a 409.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "it describes what Reply makes")]
pub(super) enum DuplicateAnswer {
    Text(ErrorText),
    Conflict(Conflict),
}

/// Records a sale, and makes the commission.
#[utoipa::path(
    post, path = "/api/v1/track/sale", tag = "Tracking", operation_id = "trackSale",
    security(("key" = [])),
    request_body = SaleBody,
    responses(
        (status = 200, description = "Recorded, or not attributed", body = SaleAnswer),
        (status = 400, description = "A field is missing or wrong, or no partner brought the customer", body = ErrorText),
        (status = 401, description = "The key is missing or wrong", body = ErrorText),
        (status = 409, description = "The transaction id is known", body = DuplicateAnswer),
    ),
)]
pub(super) fn sale(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = auth::program_of(&state.programs, call.authorization)?;
    let fields = call.fields()?;
    if fields.is_test() {
        return Ok(test_mode::record(state, call.now_ms, fields, "sale", Some(program)));
    }
    let sent = read(fields)?;
    let settings = &state.programs[program];
    if state.sale_of(&sent.transaction_id).is_some() {
        return Err(match settings.readings.duplicate_sale {
            DuplicateSale::Error => Reply::error(409, "Duplicate transaction_id. This sale has already been recorded."),
            DuplicateSale::Conflict => Reply::conflict("transaction_id already recorded"),
        });
    }

    let bad = |text: &str| Reply::error(400, text);
    let by_key = sent.customer_key.as_deref().and_then(|key| state.customer_of_key(program, key));
    let by_click = sent.click_id.as_deref().and_then(|id| state.customer_of_click(id));
    let (first, second) = match settings.readings.sale_lookup {
        SaleLookup::CustomerKeyFirst => (by_key, by_click),
        SaleLookup::ClickIdFirst => (by_click, by_key),
    };
    // A customer without a click (an unattributed lead) does not stand in the way of the click that was sent along.
    let has_click = |place: &usize| state.last_click(*place).is_some();
    let place = first
        .filter(has_click)
        .or(second.filter(has_click))
        .or(first)
        .or(second)
        .ok_or_else(|| bad("Customer not found. Provide customer_key or click_id."))?;
    let customer = &state.customers[place];
    let credited = state
        .last_click(place)
        .filter(|_| customer.program == program)
        .ok_or_else(|| bad("No affiliate attribution found for this customer in this program"))?;
    match state.partner(&credited.partner_code).map(|partner| state.partners[partner].state) {
        Some(PartnerState::LeftProgram) | None => {
            return Err(bad("No partner-program relationship found for this customer"));
        }
        Some(PartnerState::Deleted) => return Err(bad("partnerId required to create commission")),
        Some(_) => {}
    }

    let anchor_ms = match settings.readings.window_start {
        WindowStart::FirstClick => customer.clicks.first().map_or(credited.at_ms, |first| state.clicks[*first].at_ms),
        WindowStart::CreditedClick | WindowStart::UntilBound => credited.at_ms,
    };
    // Whole days: the last day of a window is in it.
    let age_days = call.now_ms.saturating_sub(anchor_ms).div_euclid(DAY_MS);
    let bound = settings.readings.window_start == WindowStart::UntilBound && customer.status != CustomerStatus::Click;
    let expired = age_days > i64::from(settings.attribution_window_days) && !bound;
    if expired && settings.readings.expired_window == ExpiredWindow::NotRecorded {
        let words = format!(
            "not attributed: the click is {age_days} days old, and the window {} days",
            settings.attribution_window_days
        );
        let answer = NotAttributedSale {
            success: true,
            attributed: false,
            reason: "attribution_window_expired",
            click_age_days: age_days,
            window_days: settings.attribution_window_days,
            sale_id: (),
            commission_id: (),
        };
        return Ok(Reply::nothing_done(&words, &SaleAnswer::NotAttributed(answer)).into());
    }

    let sale_id = state.id_after(1);
    let percent = if expired { None } else { percent(state, settings, customer, call.now_ms) };
    let commission = percent.map(|percent| CommissionRecord {
        commission_id: state.id_after(2),
        program_id: settings.id,
        sale_id,
        partner_code: credited.partner_code.clone(),
        amount_cents: share(sent.amount_cents, percent.into(), 100),
        refunded_cents: 0,
        deducted_cents: 0,
        status: CommissionStatus::Earned,
        held_until_ms: call.now_ms.saturating_add(i64::from(settings.hold_days) * DAY_MS),
    });
    let commission_id = commission.as_ref().map(|commission| commission.commission_id);
    let sale = SaleRecord {
        sale_id,
        program_id: settings.id,
        transaction_id: sent.transaction_id,
        amount_cents: sent.amount_cents,
        currency: sent.currency,
        customer_id: customer.id,
        customer_key: sent.customer_key,
        click_id: credited.click_id.clone(),
        partner_code: credited.partner_code.clone(),
        sale_type: sent.sale_type,
        is_recurring: sent.is_recurring,
        subscription_id: sent.subscription_id,
        subscription_interval: sent.subscription_interval,
        product_id: sent.product_id,
        line_items: sent.line_items,
        event_name: sent.event_name,
        additional_data: sent.additional_data,
        commission_id,
        at_ms: call.now_ms,
    };
    let message = if expired {
        "Sale tracked — attribution window expired, no commission created"
    } else {
        "Sale tracked successfully"
    };
    let reply = Reply::ok(&SaleAnswer::Tracked(TrackedSale { success: true, sale_id, commission_id, message }));
    Ok(Decision::changing(Change::Sale { sale: Box::new(sale), commission }, reply))
}

/// The share that the customer's next sale pays, where it pays one.
fn percent(state: &State, settings: &Program, customer: &Customer, now_ms: i64) -> Option<u32> {
    let commission = settings.commission?;
    let first_sale_ms = customer.sales.first().map_or(now_ms, |first| state.sales[*first].at_ms);
    let pays = match commission.kind {
        CommissionKind::OneTime => customer.sales.is_empty(),
        CommissionKind::Recurring { months } => {
            now_ms.saturating_sub(first_sale_ms) < i64::from(months).saturating_mul(30 * DAY_MS)
        }
        CommissionKind::Lifetime => true,
    };
    pays.then_some(commission.percent)
}

fn read(fields: &Fields) -> Result<SaleRequest, Reply> {
    let transaction_id = fields
        .get("transaction_id")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Reply::error(400, "transaction_id is required and must be a string"))?
        .to_owned();
    let amount_cents = fields
        .get("amount_cents")
        .and_then(Fields::amount)
        .filter(|amount| *amount > 0)
        .ok_or_else(|| Reply::error(400, "amount_cents is required and must be a positive integer"))?;
    let customer_key = fields.text("customer_key")?;
    let click_id = fields.text("click_id")?;
    let currency = fields.get("currency").map_or(Some("USD"), Value::as_str);
    let currency = currency
        .filter(|code| code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_uppercase()))
        .ok_or_else(|| wrong("currency", "a currency code of three capital letters"))?
        .to_owned();
    let sale_type = fields.choice("sale_type", &["payment", "subscription"], "payment or subscription")?;
    Ok(SaleRequest {
        transaction_id,
        amount_cents,
        currency,
        customer_key,
        click_id,
        sale_type: sale_type.unwrap_or_else(|| "payment".to_owned()),
        is_recurring: fields.flag("is_recurring")?,
        subscription_id: fields.text("subscription_id")?,
        subscription_interval: fields.text("subscription_interval")?,
        product_id: fields.text("product_id")?,
        line_items: fields.get("line_items").cloned(),
        event_name: fields.event_name()?,
        additional_data: fields.additional_data()?,
    })
}

/// `amount · part / whole`, rounded to the nearest unit.
pub(super) fn share(amount: u64, part: u64, whole: u64) -> u64 {
    let (amount, part, whole) = (u128::from(amount), u128::from(part), u128::from(whole.max(1)));
    u64::try_from((amount * part + whole / 2) / whole).unwrap_or(u64::MAX)
}
