//! What becomes of an event: a sale, a refund, or nothing.

use serde_json::Value;

use super::{
    event::{self, Meaning, Payment, Refund},
    ignored, recorded,
};
use crate::{
    api::{
        Decision,
        attribution::{Window, credited_click},
        commission,
        refund::{self, RefundSource},
    },
    change::Change,
    interpretations::{ExpiredWindow, StripeSaleId},
    record::{CustomerStatus, LeadRecord, SaleRecord, SaleSource},
    state::{Customer, State},
};

pub(super) fn decide(state: &State, program: usize, event: &Value, now_ms: i64) -> Decision {
    match event::read(event, state.programs[program].interpretations.stripe_invoices) {
        Meaning::Payment(payment) => sale(state, program, *payment, now_ms),
        Meaning::Customer(customer) => lead(state, program, *customer, now_ms),
        Meaning::Refund(refund) => refunded(state, program, &refund, now_ms),
        Meaning::Nothing(reason) => ignored(reason).into(),
    }
}

fn lead(state: &State, program: usize, sent: event::Customer, now_ms: i64) -> Decision {
    let settings = &state.programs[program];
    if sent.program_id != Some(settings.id) {
        return ignored("metadata.program_id is missing or names another program").into();
    }
    let by_click = sent.click_id.as_deref().and_then(|id| state.customer_of_click(id));
    let by_key = sent.customer_key.as_deref().and_then(|key| state.customer_of_key(program, key));
    let Some(customer) = by_click.or(by_key).filter(|customer| customer.program == program) else {
        return ignored("no customer has this click id or customer key").into();
    };
    if customer.status != CustomerStatus::Click {
        return ignored("the customer is a lead already").into();
    }
    let lead = LeadRecord {
        id: state.event_id_after(1),
        program_id: settings.id,
        customer_id: customer.id,
        customer_key: sent.customer_key,
        click_id: state.last_click(customer).map(|click| click.click_id.clone()),
        email_sha256: sent.email_sha256,
        session_id: None,
        page_url: None,
        event_name: None,
        click_ids: Vec::new(),
        provisional: false,
        from_server: true,
        at_ms: now_ms,
        additional_data: None,
    };
    Decision::changing(Change::Lead(Box::new(lead)), recorded("lead".to_owned()))
}

fn sale(state: &State, program: usize, payment: Payment, now_ms: i64) -> Decision {
    let settings = &state.programs[program];
    if payment.program_id != Some(settings.id) {
        return ignored("metadata.program_id is missing or names another program").into();
    }
    let transaction_id = transaction_id(settings.interpretations.stripe_sale_id, &payment);
    let known = state.sale_of(&transaction_id).is_some()
        || payment.ids.iter().any(|id| state.sale_of_stripe_id(program, id).is_some());
    if known {
        return ignored("the payment is already recorded").into();
    }
    let Some(customer) = find_customer(state, program, &payment) else {
        return ignored("no customer has this click id, e-mail address, Stripe customer or customer key").into();
    };
    let click = match credited_click(state, program, customer) {
        Ok(click) => click,
        Err(refused) => return ignored(refused.reason.as_deref().unwrap_or("no attribution")).into(),
    };
    let window = Window::of(settings, customer, click, now_ms);
    if window.expired && settings.interpretations.expired_window == ExpiredWindow::NotRecorded {
        return ignored("the attribution window has expired").into();
    }
    let commission = (!window.expired)
        .then(|| {
            commission::for_sale(
                state,
                settings,
                customer,
                click,
                (payment.amount_cents, payment.product_id.as_deref()),
                now_ms,
            )
        })
        .flatten();
    let sale_type = if payment.subscription_id.is_some() { "subscription" } else { "payment" };
    let sale = SaleRecord {
        sale_id: state.next_sale_id(),
        event_id: state.event_id_after(1),
        program_id: settings.id,
        transaction_id,
        amount_cents: payment.amount_cents,
        currency: payment.currency,
        customer_id: customer.id,
        customer_key: payment.customer_key,
        click_id: click.click_id.clone(),
        partner_code: click.partner_code.clone(),
        sale_type: sale_type.to_owned(),
        is_recurring: payment.is_recurring,
        subscription_id: payment.subscription_id,
        subscription_interval: None,
        product_id: payment.product_id,
        line_items: None,
        event_name: None,
        additional_data: None,
        commission_id: commission.as_ref().map(|commission| commission.commission_id),
        source: SaleSource::Stripe,
        stripe_ids: payment.ids,
        stripe_customer: payment.stripe_customer,
        at_ms: now_ms,
    };
    let reply = recorded(format!("sale {}", sale.transaction_id));
    Decision::changing(Change::Sale { sale: Box::new(sale), commission }, reply)
}

/// The service's own id is not one of Stripe's, so that it never equals an id that the app tracks.
fn transaction_id(which: StripeSaleId, payment: &Payment) -> String {
    match which {
        StripeSaleId::Own => format!("affitor_stripe_{}", payment.object_id),
        StripeSaleId::Object => payment.object_id.clone(),
        StripeSaleId::PaymentIntent => payment.payment_intent.clone().unwrap_or_else(|| payment.object_id.clone()),
    }
}

fn find_customer<'s>(state: &'s State, program: usize, payment: &Payment) -> Option<&'s Customer> {
    let by_click = payment.click_id.as_deref().and_then(|id| state.customer_of_click(id));
    let by_email = payment.email_sha256.as_deref().and_then(|email| state.customer_of_email(program, email));
    let by_stripe = payment.stripe_customer.as_deref().and_then(|id| state.customer_of_stripe(program, id));
    let by_key = payment.customer_key.as_deref().and_then(|key| {
        state.customer_of_key(program, key).or_else(|| state.customer_with_provisional_lead(program, key))
    });
    let found = [by_click, by_email, by_stripe, by_key].into_iter().flatten();
    let mut found = found.filter(|customer| customer.program == program);
    // As for *track sale*, a customer with a click takes precedence over one without.
    found.clone().find(|customer| state.last_click(customer).is_some()).or_else(|| found.next())
}

fn refunded(state: &State, program: usize, sent: &Refund, now_ms: i64) -> Decision {
    let settings = &state.programs[program];
    // Unless the service has ids of its own, a sale that the app tracked may have one of Stripe's.
    let tracked = |id: &String| {
        let shared = settings.interpretations.stripe_sale_id != StripeSaleId::Own;
        state.sale_of(id).filter(|sale| shared && sale.program_id == settings.id)
    };
    let found = sent.ids.iter().find_map(|id| state.sale_of_stripe_id(program, id).or_else(|| tracked(id)));
    let Some(sale) = found else {
        return ignored("no sale of the connected Stripe account has this charge").into();
    };
    let amount = sent.refunded_cents.saturating_sub(state.refunded_by_charge(sale, sent.charge.as_deref()));
    if amount == 0 {
        return ignored("the refund is already recorded").into();
    }
    let before = sale.commission_id.and_then(|id| state.commission(id)).map_or(0, |known| known.refunded_cents);
    let full = before.saturating_add(amount) >= sale.amount_cents;
    let source = RefundSource { reason: None, stripe_charge: sent.charge.clone() };
    let decision = refund::decide(state, settings, sale, (!full).then_some(amount), source, now_ms);
    match decision.changes.is_empty() {
        true => ignored(decision.reply.reason.as_deref().unwrap_or("nothing to reverse")).into(),
        false => Decision { reply: recorded(format!("refund of {}", sale.transaction_id)), ..decision },
    }
}
