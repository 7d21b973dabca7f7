//! The partners: what each of them brought and earned, and why.

use maud::{Markup, html};

use super::{
    now::Now,
    parts::{action, amounts, copyable, query, stamp},
    story::{Money, PartnerStory, Story},
    text::{grouped, money, short},
    visitors::hold,
};
use crate::{
    commission::{Commission, CommissionKind},
    policy::AttributionModel,
    program::PartnerState,
    record::{CommissionRecord, SaleRecord},
};

pub(super) fn list(data: &Story, url: &str, now: Now) -> Markup {
    html! {
        main.main aria-labelledby="partners-title" {
            h2 #partners-title { "Partners " small { (grouped(data.partners.len() as u64)) } }
            (policies(data, now))
            (action("/_sandbox/payouts", "Pay what is payable", "", &[]))
            @for (place, partner) in data.partners.iter().enumerate() { (card(partner, place == 0, url, now)) }
        }
    }
}

/// The policies, from the newest to the one that applies where no other does.
fn policies(data: &Story, now: Now) -> Markup {
    let model = match data.model {
        AttributionModel::LastClick => "the last click",
        AttributionModel::FirstClick => "the first click",
    };
    html! {
        details.card #policies open[!data.policies.is_empty()] {
            summary { h3 { "Policies" } span.partner { (model) " is credited" } }
            table {
                thead { tr { th scope="col" { "Group" } th scope="col" { "Product" } th scope="col" { "From" } th scope="col" { "Commission" } } }
                tbody {
                    @for version in &data.policies {
                        tr {
                            td { (short(&version.group)) }
                            td { @if let Some(id) = &version.product_id { code { (short(id)) } } @else { "all" } }
                            td { @if let Some(start) = version.starts_ms { (stamp(start, now)) } @else { "the beginning" } }
                            td { (policy(Some(version.commission))) }
                        }
                    }
                    tr { td { "all" } td { "all" } td { "the beginning" } td { (policy(data.policy)) } }
                }
            }
        }
    }
}

fn card(partner: &PartnerStory, is_first: bool, url: &str, now: Now) -> Markup {
    // Without a click, the test shop is the only page that is known.
    let page = partner.landing.clone().unwrap_or_else(|| format!("{url}/_sandbox/shop"));
    let link = format!("{page}?{}", query(&[("aff", &partner.code)]));
    html! {
        details.card id=(format!("partner-{}", partner.code)) data-version=(partner.clicks + partner.sales) open[is_first] {
            summary {
                h3 { (short(&partner.code)) }
                span.partner { "program " (partner.program_id) ", group " (short(&partner.group)) @if let Some(state) = state(partner.state) { ", " (state) } }
                b.earned { @if partner.held.is_empty() && partner.payable.is_empty() {
                    @if !partner.overpaid.is_empty() { "balance −" (amounts(&partner.overpaid)) }
                    @else if !partner.paid.is_empty() { "all paid" }
                    @else if partner.deducted.is_empty() { "nothing earned" } @else { "all reversed" }
                } @else { (earned(partner)) } }
            }
            p.sub { "Link" }
            (copyable(&link, "the link"))
            dl.sums {
                (sum("Clicks", &html! { (grouped(partner.clicks)) }))
                (sum("Leads", &html! { (grouped(partner.leads)) }))
                (sum("Sales", &html! { (grouped(partner.sales)) }))
                (sum("On hold", &amount(&partner.held)))
                (sum("Payable", &amount(&partner.payable)))
                (sum("Paid", &amount(&partner.paid)))
                (sum("Reversed", &amount(&partner.deducted)))
                @if !partner.overpaid.is_empty() { (sum("Balance", &html! { "−" (amounts(&partner.overpaid)) })) }
            }
            @if partner.commissions.is_empty() && partner.unpaid.is_empty() {
                p.none { "No sales yet. A visitor who follows the link, signs up and pays brings a commission: " (policy(partner.policy)) "." }
            }
            ol.timeline {
                @for (commission, sale) in &partner.commissions { (row(commission, sale, now)) }
                @for sale in &partner.unpaid {
                    li.refund {
                        span.kind { "none" }
                        div.what { (money(sale.amount_cents, &sale.currency)) " from " (buyer(sale)) ", no commission"
                            div.sub { code { (short(&sale.transaction_id)) } } }
                        div.when { (stamp(sale.at_ms, now)) }
                    }
                }
            }
            @if partner.older > 0 { p.none { (grouped(partner.older)) " older commissions" } }
        }
    }
}

fn row(commission: &CommissionRecord, sale: &SaleRecord, now: Now) -> Markup {
    html! {
        li.sale {
            span.kind { "sale" }
            div.what {
                (money(sale.amount_cents, &sale.currency)) " from " (buyer(sale)) " (" (policy(Some(commission.policy))) ")"
                @if let Some(product) = &sale.product_id { " for the product " code { (short(product)) } }
                div.sub { code { (short(&sale.transaction_id)) } " credited to click " code { (short(&sale.click_id)) } }
                div.sub { (hold(commission, now))
                    @if commission.deducted_cents > 0 { ", " (money(commission.deducted_cents, &sale.currency)) " deducted after a refund" } }
            }
            div.when { b { (money(commission.amount_cents - commission.deducted_cents, &sale.currency)) } (stamp(sale.at_ms, now)) }
        }
    }
}

fn buyer(sale: &SaleRecord) -> String {
    match &sale.customer_key {
        Some(key) => short(key).into_owned(),
        None => format!("visitor {}", sale.customer_id),
    }
}

fn earned(partner: &PartnerStory) -> Markup {
    html! {
        (amounts(&partner.payable))
        @if !partner.payable.is_empty() && !partner.held.is_empty() { " + " }
        @if !partner.held.is_empty() { (amounts(&partner.held)) " on hold" }
    }
}

fn sum(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn amount(money: &Money) -> Markup {
    html! { @if money.is_empty() { "–" } @else { (amounts(money)) } }
}

fn policy(policy: Option<Commission>) -> String {
    let Some(policy) = policy else { return "no commission policy".to_owned() };
    let rate = policy.fixed_cents().map_or_else(|| format!("{} %", policy.percent()), |cents| money(cents, "USD"));
    match policy.kind() {
        CommissionKind::OneTime => format!("{rate} of the first sale"),
        CommissionKind::Recurring { months } => format!("{rate} of each sale for {months} months"),
        CommissionKind::Lifetime => format!("{rate} of each sale"),
        CommissionKind::PerClick => "paid per click".to_owned(),
        CommissionKind::PerLead => "paid per lead".to_owned(),
    }
}

fn state(state: PartnerState) -> Option<&'static str> {
    match state {
        PartnerState::Active => None,
        PartnerState::LinkInactive => Some("link inactive"),
        PartnerState::LinkInvalid => Some("link misconfigured"),
        PartnerState::LeftProgram => Some("left the program"),
        PartnerState::Deleted => Some("deleted"),
    }
}
