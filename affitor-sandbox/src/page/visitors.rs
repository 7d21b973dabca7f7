//! The visitors: a timeline each, of which the newest is open.

use maud::{Markup, html};

use super::{
    begin::begin,
    now::Now,
    parts::{query, stamp},
    story::{Event, Filter, Story, Visitor},
    text::{grouped, money, short},
};
use crate::{
    clock::iso,
    record::{CommissionRecord, CommissionStatus, CustomerStatus, SaleRecord, SaleSource},
};

pub(super) fn list(data: &Story, url: &str, now: Now) -> Markup {
    html! {
        main.main aria-labelledby="visitors-title" {
            h2 #visitors-title { "Visitors " small { (grouped(data.found as u64)) } }
            @if data.visitors.is_empty() {
                @if data.filter.is_set() || data.filter.skip > 0 {
                    p.none { "No visitor matches the filter. " a href="/" { "Show all visitors" } }
                } @else { (begin(data, url)) }
            }
            @for (place, visitor) in data.visitors.iter().enumerate() { (card(visitor, place == 0, now)) }
            (pages(data))
        }
    }
}

fn pages(data: &Story) -> Markup {
    let Filter { q, partner, stage, .. } = &data.filter;
    let link = |skip: usize| {
        format!("/?{}", query(&[("q", q), ("partner", partner), ("stage", stage), ("skip", &skip.to_string())]))
    };
    let step = data.visitors.len().max(25);
    html! {
        @if data.filter.skip > 0 || data.more {
            nav.pages aria-label="More visitors" {
                @if data.filter.skip > 0 { a href=(link(data.filter.skip.saturating_sub(step))) { "← Newer" } }
                @if data.more { a href=(link(data.filter.skip.saturating_add(step))) { "Older →" } }
            }
        }
    }
}

fn card(visitor: &Visitor, is_newest: bool, now: Now) -> Markup {
    let name = visitor.key.clone().unwrap_or_else(|| format!("visitor {}", visitor.number));
    let reached = |stage: CustomerStatus| visitor.status >= stage;
    let stages = [
        ("click", !visitor.events.is_empty() && visitor.partner.is_some()),
        ("lead", reached(CustomerStatus::Lead)),
        ("sale", reached(CustomerStatus::Conversion)),
        ("refund", visitor.refunded),
    ];
    html! {
        details.card id=(format!("visitor-{}", visitor.number)) data-version=(visitor.last_event) open[is_newest] {
            summary {
                h3 { (short(&name)) }
                @if let Some(partner) = &visitor.partner { span.partner { "by " (partner) } }
                span.stages {
                    @for (stage, done) in stages {
                        span class=(stage) data-done[done] { (stage) @if !done { span.hidden { " not yet" } } " " }
                    }
                }
            }
            ol.timeline { @for event in &visitor.events { (event_row(event, now)) } }
            @if visitor.older > 0 { p.none { (visitor.older) " older " @if visitor.older == 1 { "event" } @else { "events" } } }
        }
    }
}

fn event_row(event: &Event, now: Now) -> Markup {
    let (kind, body, amount) = match event {
        Event::Click(click) => (
            "click",
            html! {
                "Clicked a link of " b { (click.partner_code) }
                div.sub { code { (short(&click.click_id)) } " " span.url { (short(&click.affiliate_url)) } }
            },
            None,
        ),
        Event::Lead(lead) => (
            "lead",
            html! {
                @if lead.provisional { "Signed up (provisional until a lead with the API key arrives)" } @else { "Signed up" }
                div.sub {
                    @if let Some(key) = &lead.customer_key { "as " code { (short(key)) } }
                    @if let Some(click_id) = &lead.click_id { " with " code { (short(click_id)) } }
                }
            },
            None,
        ),
        Event::Sale(sale, commission) => {
            ("sale", sale_text(sale, commission.as_ref(), now), Some(money(sale.amount_cents, &sale.currency)))
        }
        Event::Refund(refund, currency, cents) => (
            "refund",
            html! {
                @match refund.refund_amount_cents {
                    Some(_) => "Refunded in part",
                    None => "Refunded in full",
                }
                ", " code { (short(&refund.transaction_id)) }
                div.sub { (money(refund.deduction_cents, currency)) " deducted from the commission, now " (status(refund.status)) }
            },
            Some(format!("−{}", money(*cents, currency))),
        ),
    };
    html! {
        li class=(kind) {
            span.kind { (kind) }
            div.what { (body) }
            div.when { @if let Some(amount) = amount { b { (amount) } } (stamp(event.at_ms(), now)) }
        }
    }
}

fn sale_text(sale: &SaleRecord, commission: Option<&CommissionRecord>, now: Now) -> Markup {
    html! {
        @if sale.is_recurring { "Paid a renewal, " } @else { "Paid, " } code { (short(&sale.transaction_id)) }
        @if let Some(product) = &sale.product_id { " for the product " code { (short(product)) } }
        @if sale.source == SaleSource::Stripe { " (from Stripe)" }
        div.sub {
            @match commission {
                Some(commission) => {
                    span.commission { (money(commission.amount_cents - commission.deducted_cents, &sale.currency)) }
                    " commission for " b { (commission.partner_code) }
                    @if commission.deducted_cents > 0 { " (" (money(commission.amount_cents, &sale.currency)) " before the refund)" }
                    ", " (hold(commission, now))
                }
                None => "no commission",
            }
        }
    }
}

/// What becomes of a commission: one that is reversed is never paid, so it has no hold.
pub(super) fn hold(commission: &CommissionRecord, now: Now) -> String {
    let day = iso(commission.held_until_ms).chars().take(10).collect::<String>();
    match commission.status {
        CommissionStatus::Reversed => "reversed".to_owned(),
        _ if commission.paid_cents > 0 => format!("{}, paid", status(commission.status)),
        _ if commission.held_until_ms > now.ms => format!("{}, held until {day}", status(commission.status)),
        _ => format!("{}, payable since {day}", status(commission.status)),
    }
}

fn status(status: CommissionStatus) -> &'static str {
    match status {
        CommissionStatus::Earned => "earned",
        CommissionStatus::Refunded => "partly reversed",
        CommissionStatus::Reversed => "reversed",
    }
}
