//! The line with the clock and the settings that are on, and the tiles with the totals.

use maud::{Markup, html};

use super::{
    parts::{action, amounts},
    story::{Money, Story},
    text::{distance, grouped},
};
use crate::clock::iso;

/// The clock, enabled faults, and whether Stripe is connected.
pub(super) fn status(data: &Story) -> Markup {
    let now = iso(data.now_ms);
    html! {
        section.status aria-label="State of the sandbox" {
            p.clock { "Clock " time datetime=(now) { (now.get(..10).unwrap_or_default()) " " (now.get(11..19).unwrap_or_default()) " UTC" }
                @if data.ahead_ms > 0 { b { (distance(data.ahead_ms)) " ahead" } } }
            @if data.is_paused { p.note { "The program is paused" } (action("/_sandbox/pause", "Go on", "", &[("paused", "false")])) }
            @if data.stripe_connected { p.note { "Stripe is connected: the sandbox reads its webhooks" } }
            @if !data.faults.is_empty() {
                div.faults {
                    b { "Faults" }
                    @for rule in &data.faults { code { (rule) } }
                    (action("/_sandbox/faults/clear", "Disable all", "", &[]))
                }
            }
        }
    }
}

/// Totals with amounts. Problems come first, and only if there are any.
pub(super) fn tiles(data: &Story) -> Markup {
    let totals = &data.totals;
    let share = |part: usize, whole: u64| match whole {
        0 => String::new(),
        _ => format!("{:.0} % of the clicks", part as f64 * 100.0 / whole as f64),
    };
    html! {
        section.tiles aria-label="Totals" {
            @if data.problem_count > 0 {
                a.tile.bad href="#problems" { b { (grouped(data.problem_count as u64)) } span { "Problems" } }
            }
            (tile("Clicks", totals.clicks, &html! {}))
            (tile("Leads", totals.leads as u64, &html! { (share(totals.leads, totals.clicks)) }))
            (tile("Sales", totals.sales as u64, &sum(&totals.revenue, "")))
            (tile("Commissions", totals.commissions as u64, &sum(&totals.earned, "")))
            (tile("Refunds", totals.refunds as u64, &sum(&totals.deducted, " deducted")))
        }
    }
}

fn sum(money: &Money, suffix: &str) -> Markup {
    html! { @if !money.is_empty() { (amounts(money)) (suffix) } }
}

fn tile(name: &str, count: u64, detail: &Markup) -> Markup {
    html! { div.tile { b { (grouped(count)) } span { (name) } small { (detail) } } }
}
