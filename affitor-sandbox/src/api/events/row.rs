//! Rows of the list: a click, a lead or a conversion.

use serde::Serialize;
use utoipa::ToSchema;

use super::visitor::Visitor;
use crate::{
    clock,
    record::{ClickRecord, LeadRecord, SaleRecord},
    state::State,
};

/// A record of one of the three types.
pub(super) enum Record<'s> {
    Click(&'s ClickRecord),
    Lead(&'s LeadRecord),
    Sale(&'s SaleRecord),
}

impl Record<'_> {
    pub(super) fn program_id(&self) -> u64 {
        match self {
            Self::Click(click) => click.program_id,
            Self::Lead(lead) => lead.program_id,
            Self::Sale(sale) => sale.program_id,
        }
    }

    pub(super) fn at_ms(&self) -> i64 {
        match self {
            Self::Click(click) => click.at_ms,
            Self::Lead(lead) => lead.at_ms,
            Self::Sale(sale) => sale.at_ms,
        }
    }

    pub(super) fn order(&self) -> (i64, u64) {
        (self.at_ms(), self.id())
    }

    fn id(&self) -> u64 {
        match self {
            Self::Click(click) => click.id,
            Self::Lead(lead) => lead.id,
            Self::Sale(sale) => sale.event_id,
        }
    }

    fn customer_id(&self) -> u64 {
        match self {
            Self::Click(click) => click.customer_id,
            Self::Lead(lead) => lead.customer_id,
            Self::Sale(sale) => sale.customer_id,
        }
    }

    fn click_id(&self) -> Option<&String> {
        match self {
            Self::Click(click) => Some(&click.click_id),
            Self::Lead(lead) => lead.click_id.as_ref(),
            Self::Sale(sale) => Some(&sale.click_id),
        }
    }
}

/// An event of the list.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "at most 100 exist at a time")]
pub(super) enum Event {
    Click(ClickEvent),
    Lead(LeadEvent),
    Conversion(ConversionEvent),
}

/// Fields of every event.
#[derive(Serialize, ToSchema)]
pub(super) struct EventHead {
    id: u64,
    #[schema(pattern = "^(click|lead|conversion)$")]
    event_type: &'static str,
    #[schema(format = DateTime)]
    timestamp: String,
    click_id: Option<String>,
    #[serde(rename = "createdAt")]
    #[schema(format = DateTime)]
    created_at: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ClickEvent {
    #[serde(flatten)]
    head: EventHead,
    /// Whether the customer has paid.
    converted: bool,
    session_id: Option<String>,
    page_url: Option<String>,
    referrer_url: Option<String>,
    #[serde(flatten)]
    visitor: Visitor,
}

#[derive(Serialize, ToSchema)]
pub(super) struct LeadEvent {
    #[serde(flatten)]
    head: EventHead,
    /// Whether the customer has paid.
    converted: bool,
    customer_key: Option<String>,
    session_id: Option<String>,
    page_url: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ConversionEvent {
    #[serde(flatten)]
    head: EventHead,
    amount_cents: u64,
    currency: String,
    sale_type: String,
    payment_status: &'static str,
    /// The sale's `transaction_id`.
    processor_event_id: String,
    is_recurring: bool,
}

impl Event {
    pub(super) fn of(state: &State, record: &Record<'_>) -> Self {
        let timestamp = clock::iso(record.at_ms());
        let head = |event_type| EventHead {
            id: record.id(),
            event_type,
            click_id: record.click_id().cloned(),
            created_at: timestamp.clone(),
            timestamp,
        };
        let has_paid = || state.customer(record.customer_id()).is_some_and(|customer| !customer.sales.is_empty());
        match record {
            Record::Click(click) => Self::Click(ClickEvent {
                head: head("click"),
                converted: has_paid(),
                session_id: click.session_id.clone(),
                page_url: click.page_url.clone(),
                referrer_url: click.referrer_url.clone(),
                visitor: Visitor::of(click.timezone.as_deref(), click.user_agent.as_deref()),
            }),
            Record::Lead(lead) => Self::Lead(LeadEvent {
                head: head("lead"),
                converted: has_paid(),
                customer_key: lead.customer_key.clone(),
                session_id: lead.session_id.clone(),
                page_url: lead.page_url.clone(),
            }),
            Record::Sale(sale) => Self::Conversion(ConversionEvent {
                head: head("conversion"),
                amount_cents: sale.amount_cents,
                currency: sale.currency.clone(),
                sale_type: sale.sale_type.clone(),
                payment_status: "paid",
                processor_event_id: sale.transaction_id.clone(),
                is_recurring: sale.is_recurring,
            }),
        }
    }
}
