//! The record of a request in the log.

use super::{Inner, RequestLine};
use crate::{api::Call, call::ApiCall, change::Change, outcome::Outcome, request_log::RequestRecord, state::State};

/// Maximum length of a method, a path or a header in the log, in characters. Clients may send much longer ones.
const LOGGED_TEXT_LENGTH: usize = 256;

impl Inner {
    /// Returns a record without a result.
    pub(super) fn record(&self, call: Option<ApiCall>, line: RequestLine<'_>, at_ms: i64) -> RequestRecord {
        RequestRecord {
            number: self.log.next_number(),
            call,
            method: line.method.chars().take(LOGGED_TEXT_LENGTH).collect(),
            path: line.path.chars().take(LOGGED_TEXT_LENGTH).collect(),
            status: None,
            error: None,
            hint: None,
            changed: false,
            has_key: false,
            user_agent: None,
            fault: None,
            transaction_id: None,
            customer_key: None,
            click_id: None,
            event: None,
            partner_code: None,
            amount_cents: None,
            currency: None,
            at_ms,
        }
    }
}

impl RequestRecord {
    pub(super) fn set_outcome(&mut self, outcome: &Outcome) {
        (self.status, self.error, self.hint) = match outcome {
            Outcome::Response(reply) | Outcome::TruncatedResponse(reply) => {
                (Some(reply.status), reply.reason.clone(), reply.hint.clone())
            }
            Outcome::Reset | Outcome::Stall => (None, None, None),
        };
    }

    pub(super) fn set_ids(&mut self, call: &Call<'_>) {
        self.user_agent = call.user_agent.map(|text| text.chars().take(LOGGED_TEXT_LENGTH).collect());
        if let Ok(fields) = &call.body {
            self.transaction_id = fields.id("transaction_id");
            self.customer_key = fields.id("customer_key");
            self.click_id = fields.id("click_id");
        }
    }

    /// Adds what the recorded event says beyond the request.
    pub(super) fn set_event(&mut self, state: &State, changes: &[Change]) {
        match changes.first() {
            Some(Change::Click(click)) => {
                self.event = Some("click".to_owned());
                self.click_id = Some(click.click_id.clone());
                self.partner_code = Some(click.partner_code.clone());
            }
            Some(Change::Lead(lead)) => {
                self.event = Some("lead".to_owned());
                let click = state.customer(lead.customer_id).and_then(|customer| state.credited_click(customer));
                self.partner_code = click.map(|click| click.partner_code.clone());
            }
            Some(Change::Sale { sale, .. }) => {
                self.event = Some("sale".to_owned());
                self.transaction_id = Some(sale.transaction_id.clone());
                self.customer_key.clone_from(&sale.customer_key);
                self.partner_code = Some(sale.partner_code.clone());
                self.amount_cents = Some(sale.amount_cents);
                self.currency = Some(sale.currency.clone());
            }
            Some(Change::Refund(refund)) => {
                self.event = Some("refund".to_owned());
                self.transaction_id = Some(refund.transaction_id.clone());
                self.amount_cents = refund.refund_amount_cents;
                let sale = state.sale_of(&refund.transaction_id);
                self.partner_code = sale.map(|sale| sale.partner_code.clone());
                self.currency = sale.map(|sale| sale.currency.clone());
            }
            _ => {}
        }
    }
}
