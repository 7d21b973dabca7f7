//! Payments through a connected Stripe account, whose webhooks the service reads itself.
//!
//! `POST /api/v1/cli/stripe-connect` connects an account. `POST /webhooks/stripe/<program>` then receives its events, which
//! the shop (or Stripe's own command line) delivers. So does the service's own address, `POST /api/webhook-distributor/stripe`, which
//! takes the program from the metadata, or from the payment that is refunded. Checks of an event, in this order:
//!
//! 1. the program exists and Stripe is connected to it
//! 2. the signature: `t.body` with the endpoint's secret, not older than 5 minutes by the machine's clock
//! 3. the event is one of those below, is paid, and names this program in its metadata
//! 4. the customer: by click id, e-mail address, Stripe customer, then customer key
//! 5. the attribution, as for *track sale*
//!
//! | event | becomes |
//! |---|---|
//! | `checkout.session.completed`, `checkout.session.async_payment_succeeded` | a sale, once it is paid |
//! | `invoice.paid`, `invoice.payment_succeeded` | a sale, for the invoices that [`StripeInvoices`](crate::StripeInvoices) selects, once per invoice |
//! | `charge.refunded` | a refund of what the charge's running total has grown by |
//! | `customer.created` | a lead, if its metadata names this program and a known click or customer |
//! | `invoice.payment_failed`, `customer.subscription.deleted` | nothing |
//!
//! Other events are acknowledged and ignored. So is an event whose sale is already known: Stripe delivers events again.

mod connect;
mod event;
mod payment;
mod signature;

#[doc(hidden)]
pub(super) use connect::__path_connect;
pub(super) use connect::connect;
pub(crate) use signature::sign;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Call, Decision};
use crate::reply::{ErrorText, Reply};
use crate::state::State;

/// The event was received. It may have been ignored.
#[derive(Serialize, ToSchema)]
pub(super) struct ReceivedEvent {
    received: bool,
    /// Outcome of the event.
    result: String,
}

/// Receives an event of the connected Stripe account.
#[utoipa::path(
    post, path = "/webhooks/stripe/{program}", tag = "Stripe", operation_id = "receiveStripeEvent",
    params(
        ("program" = u64, Path, description = "The program's id", example = 42),
        ("Stripe-Signature" = String, Header, description = "`t=<seconds>,v1=<HMAC-SHA256 of t.body in hexadecimal>`"),
    ),
    request_body(content = Object, description = "A Stripe event"),
    responses(
        (status = 200, description = "Received", body = ReceivedEvent),
        (status = 400, description = "The signature or the body is invalid", body = ErrorText),
        (status = 404, description = "There is no such program, or Stripe is not connected to it", body = ErrorText),
    ),
)]
pub(super) fn webhook(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = state.program_of_id(call.path_id).ok_or_else(|| Reply::error(404, "Program not found"))?;
    receive(state, call, program)
}

/// Receives an event of any connected Stripe account, at the address of the service.
#[utoipa::path(
    post, path = "/api/webhook-distributor/stripe", tag = "Stripe", operation_id = "distributeStripeEvent",
    params(("Stripe-Signature" = String, Header, description = "`t=<seconds>,v1=<HMAC-SHA256 of t.body in hexadecimal>`")),
    request_body(content = Object, description = "A Stripe event"),
    responses(
        (status = 200, description = "Received", body = ReceivedEvent),
        (status = 400, description = "The signature or the body is invalid", body = ErrorText),
        (status = 404, description = "Stripe is not connected to the program that the event names", body = ErrorText),
    ),
)]
pub(super) fn distributor(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    call.fields()?;
    let event: Value = serde_json::from_slice(call.raw).map_err(|_| Reply::error(400, "The body is not valid JSON"))?;
    let object = &event["data"]["object"];
    let named = event::program_id(object).and_then(|id| state.program_index(id));
    let of_payment = || {
        let ids = event::payment_ids(object);
        (0..state.programs.len()).find(|program| ids.iter().any(|id| state.sale_of_stripe_id(*program, id).is_some()))
    };
    let connected = || state.programs.iter().position(|program| program.stripe.is_some());
    receive(state, call, named.or_else(of_payment).or_else(connected).unwrap_or(0))
}

fn receive(state: &State, call: &Call<'_>, program: usize) -> Result<Decision, Reply> {
    let settings = &state.programs[program];
    let connection = settings.stripe.as_ref().ok_or_else(|| {
        Reply::error(404, "Stripe is not connected").with_hint(
            "Connect it with `affitor sandbox --stripe-webhook-secret`, Sandbox::builder().stripe_webhook_secret(), or \
             POST /api/v1/cli/stripe-connect"
                .to_owned(),
        )
    })?;
    call.fields()?;
    signature::verify(&connection.webhook_secret.0, call.stripe_signature, call.raw)
        .map_err(|reason| Reply::error(400, reason))?;
    let event: Value = serde_json::from_slice(call.raw).map_err(|_| Reply::error(400, "The body is not valid JSON"))?;
    Ok(payment::decide(state, program, &event, call.now_ms))
}

/// Acknowledges an event that was recorded.
fn recorded(result: String) -> Reply {
    Reply::ok(&ReceivedEvent { received: true, result })
}

/// Acknowledges an event for which nothing was recorded.
fn ignored(reason: &str) -> Reply {
    Reply::nothing_recorded(reason, &ReceivedEvent { received: true, result: format!("ignored: {reason}") })
}
