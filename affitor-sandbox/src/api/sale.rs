//! *Track sale*. Checks, in this order:
//!
//! 1. the key
//! 2. test mode: the event is recorded separately, and nothing is checked but that a transaction id is new
//! 3. `transaction_id`, then `amount_cents`, then the types of the other fields
//! 4. that the transaction id is new, across all programs, and in test mode as well
//! 5. the customer: by customer key, else by click id; a customer with a click takes precedence over one without
//! 6. that the customer's last click is in this program, that its partner is still in the program, and that the
//!    attribution window has not expired

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    Call, Decision, Fields,
    attribution::{self, Window},
    auth, commission,
    fields::invalid_field,
    test_mode::{self, TestEvent, TestResponse},
};
use crate::reply::{Conflict, ErrorText, Reply, null};
use crate::{
    change::Change,
    interpretations::{DuplicateSale, ExpiredWindow},
    program::Program,
    record::{ClickRecord, SaleRecord, SaleSource},
    state::{Customer, State},
};

/// Request body of a sale.
#[derive(ToSchema)]
pub(super) struct SaleRequest {
    /// The shop's unique id of the payment, which serves as the idempotency key.
    #[schema(min_length = 1, max_length = 512, example = "txn_abc123")]
    transaction_id: String,
    /// In the currency's smallest unit.
    #[schema(minimum = 1, example = 9_999)]
    amount_cents: u64,
    /// ISO 4217 code in any case. Default: `USD`.
    #[schema(pattern = "^[A-Za-z]{3}$", value_type = Option<String>)]
    currency: String,
    /// The shop's user id. Takes precedence over `click_id`.
    #[schema(example = "user_123", max_length = 512)]
    customer_key: Option<String>,
    #[schema(max_length = 512)]
    click_id: Option<String>,
    /// `payment` (the default) or `subscription`.
    #[schema(pattern = "^(payment|subscription)$", value_type = Option<String>)]
    sale_type: String,
    #[schema(value_type = Option<bool>)]
    is_recurring: bool,
    subscription_id: Option<String>,
    /// Billing interval, such as `monthly`, `quarterly` or `annual`.
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
#[allow(dead_code, clippy::large_enum_variant, reason = "used for the OpenAPI document only")]
pub(super) enum SaleBody {
    Sale(SaleRequest),
    Test(TestEvent),
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum SaleResponse {
    Tracked(TrackedSale),
    NotAttributed(NotAttributedSale),
    #[allow(dead_code, reason = "constructed in test_mode")]
    Test(TestResponse),
}

/// The sale was recorded, with or without a commission.
#[derive(Serialize, ToSchema)]
pub(super) struct TrackedSale {
    success: bool,
    sale_id: u64,
    commission_id: Option<u64>,
    message: &'static str,
}

/// The attribution window has expired; nothing was recorded.
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

/// The two formats of a 409.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "used for the OpenAPI document only")]
pub(super) enum DuplicateResponse {
    Text(ErrorText),
    Conflict(Conflict),
}

/// Records a sale and its commission.
#[utoipa::path(
    post, path = "/api/v1/track/sale", tag = "Tracking", operation_id = "trackSale",
    security(("key" = [])),
    request_body = SaleBody,
    responses(
        (status = 200, description = "Recorded, or not attributed", body = SaleResponse),
        (status = 400, description = "A field is missing or invalid, or the customer has no partner", body = ErrorText),
        (status = 401, description = "The key is missing or invalid", body = ErrorText),
        (status = 409, description = "The transaction id is already recorded", body = DuplicateResponse),
    ),
)]
pub(super) fn sale(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = auth::program_of(state, call)?;
    let fields = call.fields()?;
    let settings = &state.programs[program];
    if fields.is_test() {
        // Without an id, one is made.
        if let Some(id) = test_mode::transaction_id(fields) {
            refuse_duplicate(state, settings, &id)?;
        }
        return Ok(test_mode::record(state, call.now_ms, fields, "sale", Some(program)));
    }
    let sent = read(fields)?;
    refuse_duplicate(state, settings, &sent.transaction_id)?;
    let customer = attribution::find_customer(state, program, sent.customer_key.as_deref(), sent.click_id.as_deref())?;
    let click = attribution::credited_click(state, program, customer)?;
    let window = Window::of(settings, customer, click, call.now_ms);
    if window.expired && settings.interpretations.expired_window == ExpiredWindow::NotRecorded {
        return Ok(not_attributed(settings, &window).into());
    }
    let commission = if window.expired {
        None
    } else {
        let what = (sent.amount_cents, sent.product_id.as_deref());
        commission::for_sale(state, settings, customer, click, what, call.now_ms)
    };
    let commission_id = commission.as_ref().map(|commission| commission.commission_id);
    let sale = SaleRecord { commission_id, ..record(state, settings, customer, click, sent, call.now_ms) };
    let mut reply = tracked(&sale, &window);
    reply.hint = fields.hint_if_too_large(&["line_items", "additional_data"]);
    Ok(Decision::changing(Change::Sale { sale: Box::new(sale), commission }, reply))
}

fn refuse_duplicate(state: &State, settings: &Program, transaction_id: &str) -> Result<(), Reply> {
    if state.sale_of(transaction_id).is_none() && !state.is_test_transaction(transaction_id) {
        return Ok(());
    }
    Err(match settings.interpretations.duplicate_sale {
        DuplicateSale::Error => Reply::error(409, "Duplicate transaction_id. This sale has already been recorded."),
        DuplicateSale::Conflict => Reply::conflict("transaction_id already recorded"),
    })
}

fn not_attributed(settings: &Program, window: &Window) -> Reply {
    let (age_days, window_days) = (window.age_days, settings.attribution_window_days);
    let reason = format!("not attributed: the click is {age_days} days old, and the window is {window_days} days");
    let body = NotAttributedSale {
        success: true,
        attributed: false,
        reason: "attribution_window_expired",
        click_age_days: age_days,
        window_days,
        sale_id: (),
        commission_id: (),
    };
    Reply::nothing_recorded(&reason, &SaleResponse::NotAttributed(body))
}

/// The record of a sale, without its commission.
fn record(
    state: &State,
    settings: &Program,
    customer: &Customer,
    click: &ClickRecord,
    sent: SaleRequest,
    now_ms: i64,
) -> SaleRecord {
    SaleRecord {
        sale_id: state.next_sale_id(),
        event_id: state.event_id_after(1),
        program_id: settings.id,
        transaction_id: sent.transaction_id,
        amount_cents: sent.amount_cents,
        currency: sent.currency,
        customer_id: customer.id,
        customer_key: sent.customer_key,
        click_id: click.click_id.clone(),
        partner_code: click.partner_code.clone(),
        sale_type: sent.sale_type,
        is_recurring: sent.is_recurring,
        subscription_id: sent.subscription_id,
        subscription_interval: sent.subscription_interval,
        product_id: sent.product_id,
        line_items: sent.line_items,
        event_name: sent.event_name,
        additional_data: sent.additional_data,
        commission_id: None,
        source: SaleSource::Api,
        stripe_ids: Vec::new(),
        stripe_customer: None,
        at_ms: now_ms,
    }
}

fn tracked(sale: &SaleRecord, window: &Window) -> Reply {
    let message = if window.expired {
        "Sale tracked — attribution window expired, no commission created"
    } else {
        "Sale tracked successfully"
    };
    let body = TrackedSale { success: true, sale_id: sale.sale_id, commission_id: sale.commission_id, message };
    Reply::ok(&SaleResponse::Tracked(body))
}

fn read(fields: &Fields) -> Result<SaleRequest, Reply> {
    let transaction_id = match fields.get("transaction_id") {
        Some(Value::String(id)) if !id.is_empty() => fields.key("transaction_id")?.unwrap_or_default(),
        _ => return Err(Reply::error(400, "transaction_id is required and must be a string")),
    };
    let amount_cents = fields
        .get("amount_cents")
        .and_then(Fields::amount)
        .filter(|amount| *amount > 0)
        .ok_or_else(|| Reply::error(400, "amount_cents is required and must be a positive integer"))?;
    let customer_key = fields.key("customer_key")?;
    let click_id = fields.key("click_id")?;
    let currency = fields.get("currency").map_or(Some("USD"), Value::as_str);
    let currency = currency
        .filter(|code| code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_alphabetic()))
        .ok_or_else(|| invalid_field("currency", "a currency code of three letters"))?
        .to_ascii_uppercase();
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
        line_items: fields.json("line_items"),
        event_name: fields.event_name()?,
        additional_data: fields.additional_data()?,
    })
}
