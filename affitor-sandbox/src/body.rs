//! The bodies of records: what no later call needs, so that it may be dropped.

use crate::{
    memory::{entry, optional, optional_json, record, text, texts},
    record::{ClickRecord, CommissionRecord, LeadRecord, RefundRecord, SaleRecord},
};

/// A record with a body.
pub(crate) trait Body {
    /// Size of the record without its body, in bytes. It includes the entries by which the record is found.
    fn essential_size(&self) -> usize;

    /// Size of the body, in bytes.
    fn body_size(&self) -> usize;

    /// Drops the body.
    fn strip(&mut self);
}

impl Body for ClickRecord {
    fn essential_size(&self) -> usize {
        record::<Self>() + text(&self.click_id) + text(&self.partner_code) + entry(&self.click_id)
    }

    fn body_size(&self) -> usize {
        let texts = [
            &self.page_url,
            &self.page_title,
            &self.referrer_url,
            &self.session_id,
            &self.screen_resolution,
            &self.viewport_size,
            &self.language,
            &self.timezone,
            &self.user_agent,
        ];
        text(&self.affiliate_url)
            + texts.into_iter().map(|value| optional(value.as_ref())).sum::<usize>()
            + optional_json(self.additional_data.as_ref())
    }

    fn strip(&mut self) {
        self.affiliate_url = String::new();
        self.page_url = None;
        self.page_title = None;
        self.referrer_url = None;
        self.session_id = None;
        self.screen_resolution = None;
        self.viewport_size = None;
        self.language = None;
        self.timezone = None;
        self.user_agent = None;
        self.additional_data = None;
    }
}

impl Body for LeadRecord {
    fn essential_size(&self) -> usize {
        record::<Self>()
            + optional(self.customer_key.as_ref())
            + optional(self.click_id.as_ref())
            // The hash is also the key of a map.
            + self.email_sha256.as_deref().map_or(0, |hash| text(hash) + entry(hash))
    }

    fn body_size(&self) -> usize {
        optional(self.session_id.as_ref())
            + optional(self.page_url.as_ref())
            + optional(self.event_name.as_ref())
            + texts(&self.click_ids)
            + optional_json(self.additional_data.as_ref())
    }

    fn strip(&mut self) {
        self.session_id = None;
        self.page_url = None;
        self.event_name = None;
        self.click_ids = Vec::new();
        self.additional_data = None;
    }
}

impl Body for SaleRecord {
    fn essential_size(&self) -> usize {
        record::<Self>()
            + text(&self.transaction_id)
            + entry(&self.transaction_id)
            + text(&self.currency)
            + optional(self.customer_key.as_ref())
            + text(&self.click_id)
            + text(&self.partner_code)
            + text(&self.sale_type)
            + texts(&self.stripe_ids)
            + self.stripe_ids.iter().chain(&self.stripe_customer).map(|id| entry(id)).sum::<usize>()
    }

    fn body_size(&self) -> usize {
        let texts = [&self.subscription_id, &self.subscription_interval, &self.product_id, &self.event_name];
        texts.into_iter().map(|value| optional(value.as_ref())).sum::<usize>()
            + optional_json(self.line_items.as_ref())
            + optional_json(self.additional_data.as_ref())
    }

    fn strip(&mut self) {
        self.subscription_id = None;
        self.subscription_interval = None;
        self.product_id = None;
        self.event_name = None;
        self.line_items = None;
        self.additional_data = None;
    }
}

impl Body for RefundRecord {
    fn essential_size(&self) -> usize {
        record::<Self>() + text(&self.transaction_id) + optional(self.stripe_charge.as_ref())
    }

    fn body_size(&self) -> usize {
        optional(self.refund_reason.as_ref())
    }

    fn strip(&mut self) {
        self.refund_reason = None;
    }
}

/// Size of a commission, which has no body, in bytes.
pub(crate) fn commission_size(commission: &CommissionRecord) -> usize {
    record::<CommissionRecord>() + text(&commission.partner_code) + entry("")
}
