//! *Track sale*. Checks, in this order:
//!
//! 1. the key
//! 2. test mode: recorded apart, nothing else is checked
//! 3. `transaction_id`, then `amount_cents`, then the types of the other fields
//! 4. the duplicate, across all programs
//! 5. the customer: by customer key, else by click id
//! 6. that a click of this program is theirs; that its partner still is one; that it is not too old

use serde_json::{Value, json};

use super::{Call, test_mode};
use crate::{
    auth,
    clock::DAY_MS,
    fields::{Fields, wrong},
    program::{CommissionKind, DuplicateSale, ExpiredWindow, PartnerState, WindowStart},
    record::{CommissionRecord, CommissionStatus, CustomerStatus, SaleRecord},
    reply::Reply,
    state::State,
};

pub(crate) fn sale(state: &mut State, call: &Call<'_>) -> Reply {
    record(state, call).unwrap_or_else(|refused| refused)
}

/// A sale as it was sent.
struct Sent {
    transaction_id: String,
    amount_cents: u64,
    currency: String,
    customer_key: Option<String>,
    click_id: Option<String>,
    sale_type: String,
    is_recurring: bool,
    subscription_id: Option<String>,
    subscription_interval: Option<String>,
    product_id: Option<String>,
    line_items: Option<Value>,
    event_name: Option<String>,
    additional_data: Option<Value>,
}

fn record(state: &mut State, call: &Call<'_>) -> Result<Reply, Reply> {
    let program = auth::program_of(&state.programs, call.authorization)?;
    let fields = call.fields()?;
    if fields.is_test() {
        return Ok(test_mode::record(state, call.now_ms, fields, "sale", Some(program)));
    }
    let sent = read(fields)?;
    if state.sale_of(&sent.transaction_id).is_some() {
        return Err(duplicate(state.programs[program].readings.duplicate_sale));
    }

    let bad = |text: &str| Reply::error(400, text);
    let by_key = sent.customer_key.as_deref().and_then(|key| state.customer_of_key(program, key));
    let by_click = || sent.click_id.as_deref().and_then(|id| state.customer_of_click(id));
    let customer =
        by_key.or_else(by_click).ok_or_else(|| bad("Customer not found. Provide customer_key or click_id."))?;
    let credited = state
        .last_click(customer)
        .filter(|_| state.customers[customer].program == program)
        .ok_or_else(|| bad("No affiliate attribution found for this customer in this program"))?;
    let (click_id, partner_code, credited_ms) =
        (credited.click_id.clone(), credited.partner_code.clone(), credited.at_ms);
    match state.partner(&partner_code).map(|partner| state.partners[partner].state) {
        Some(PartnerState::LeftProgram) | None => {
            return Err(bad("No partner-program relationship found for this customer"));
        }
        Some(PartnerState::Deleted) => return Err(bad("partnerId required to create commission")),
        Some(_) => {}
    }

    let settings = state.programs[program].clone();
    let anchor_ms = match settings.readings.window_start {
        WindowStart::CreditedClick => credited_ms,
        WindowStart::FirstClick => {
            state.customers[customer].clicks.first().map_or(credited_ms, |first| state.clicks[*first].at_ms)
        }
    };
    let age_days = (call.now_ms - anchor_ms).div_euclid(DAY_MS);
    let expired = age_days > i64::from(settings.attribution_window_days);
    if expired && settings.readings.expired_window == ExpiredWindow::NotRecorded {
        return Ok(Reply::ok(json!({
            "success": true,
            "attributed": false,
            "reason": "attribution_window_expired",
            "click_age_days": age_days,
            "window_days": settings.attribution_window_days,
            "sale_id": null,
            "commission_id": null,
        })));
    }

    let first_sale_ms = *state.customers[customer].first_sale_ms.get_or_insert(call.now_ms);
    let pays = match settings.commission.map(|commission| commission.kind) {
        None => false,
        Some(CommissionKind::OneTime) => {
            !state.sales.iter().any(|sale| sale.customer_id == state.customers[customer].id)
        }
        Some(CommissionKind::Recurring { months }) => call.now_ms - first_sale_ms < i64::from(months) * 30 * DAY_MS,
        Some(CommissionKind::Lifetime) => true,
    };
    let sale_id = state.next_id();
    let commission_id = (pays && !expired).then(|| state.next_id());
    if let Some(commission_id) = commission_id {
        state.commissions.push(CommissionRecord {
            commission_id,
            program_id: settings.id,
            sale_id,
            partner_code: partner_code.clone(),
            amount_cents: share(
                sent.amount_cents,
                settings.commission.map_or(0, |commission| commission.percent).into(),
                100,
            ),
            refunded_cents: 0,
            deducted_cents: 0,
            status: CommissionStatus::Earned,
            held_until_ms: call.now_ms + i64::from(settings.hold_days) * DAY_MS,
        });
    }
    state.customers[customer].status = CustomerStatus::Conversion;
    state.add_sale(SaleRecord {
        sale_id,
        program_id: settings.id,
        transaction_id: sent.transaction_id,
        amount_cents: sent.amount_cents,
        currency: sent.currency,
        customer_id: state.customers[customer].id,
        customer_key: sent.customer_key,
        click_id,
        partner_code,
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
    });
    let message = if expired {
        "Sale tracked — attribution window expired, no commission created"
    } else {
        "Sale tracked successfully"
    };
    Ok(Reply::ok(json!({
        "success": true, "sale_id": sale_id, "commission_id": commission_id, "message": message,
    })))
}

fn read(fields: &Fields) -> Result<Sent, Reply> {
    let transaction_id = fields
        .get("transaction_id")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Reply::error(400, "transaction_id is required and must be a string"))?
        .to_owned();
    let amount_cents = fields
        .get("amount_cents")
        .and_then(Value::as_u64)
        .filter(|amount| *amount > 0)
        .ok_or_else(|| Reply::error(400, "amount_cents is required and must be a positive integer"))?;
    let customer_key = fields.text("customer_key")?;
    let click_id = fields.text("click_id")?;
    let currency = fields.text("currency")?.unwrap_or_else(|| "USD".to_owned());
    if currency.len() != 3 || !currency.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Err(wrong("currency", "a currency code of three capital letters"));
    }
    let sale_type = fields.text("sale_type")?.unwrap_or_else(|| "payment".to_owned());
    if !matches!(sale_type.as_str(), "payment" | "subscription") {
        return Err(wrong("sale_type", "payment or subscription"));
    }
    let is_recurring = fields.flag("is_recurring")?;
    let subscription_id = fields.text("subscription_id")?;
    let subscription_interval = fields.text("subscription_interval")?;
    let product_id = fields.text("product_id")?;
    let line_items = fields.get("line_items").cloned();
    let event_name = fields.event_name()?;
    let additional_data = fields.additional_data()?;
    Ok(Sent {
        transaction_id,
        amount_cents,
        currency,
        customer_key,
        click_id,
        sale_type,
        is_recurring,
        subscription_id,
        subscription_interval,
        product_id,
        line_items,
        event_name,
        additional_data,
    })
}

fn duplicate(reading: DuplicateSale) -> Reply {
    match reading {
        DuplicateSale::Error => Reply::error(409, "Duplicate transaction_id. This sale has already been recorded."),
        DuplicateSale::Conflict => Reply::new(
            409,
            json!({ "error": "Conflict", "message": "transaction_id already recorded", "statusCode": 409 }),
        ),
    }
}

/// `amount · part / whole`, rounded to the nearest unit.
pub(super) fn share(amount: u64, part: u64, whole: u64) -> u64 {
    let (amount, part, whole) = (u128::from(amount), u128::from(part), u128::from(whole.max(1)));
    u64::try_from((amount * part + whole / 2) / whole).unwrap_or(u64::MAX)
}
