//! What went wrong: payments with two sales, dropped records, and failed requests. And the test events.

use maud::{Markup, html};

use super::{
    now::Now,
    parts::stamp,
    story::{Story, Test},
    text::{grouped, money, short},
};
use crate::request_log::RequestRecord;

/// What concerns the whole sandbox.
pub(super) fn alerts(data: &Story) -> Markup {
    let memory = &data.memory;
    let dropped = memory.dropped_bodies + memory.dropped_clicks;
    html! {
        @if !data.doubles.is_empty() {
            section.alert.bad aria-label="Payments with two sales" {
                p { b { (grouped(data.doubles.len() as u64)) @if data.doubles.len() == 1 { " payment has two sales." } @else { " payments have two sales." } }
                    " Partners are paid twice: the app reported a sale that Stripe's webhooks reported too. Stop reporting sales from the app, or restart the sandbox without Stripe." }
                ul {
                    @for double in data.doubles.iter().rev().take(5) {
                        li { (money(double.amount_cents, &double.currency)) ": " code { (short(&double.tracked_transaction_id)) } " tracked, "
                            code { (short(&double.stripe_transaction_id)) } " from Stripe" }
                    }
                }
            }
        }
        @if dropped > 0 {
            section.alert aria-label="Dropped records" { "To stay within the memory limit of " (grouped((memory.limit_bytes / (1024 * 1024)) as u64)) " MiB, "
                (grouped(memory.dropped_bodies)) " old details and " (grouped(memory.dropped_clicks)) " old clicks were dropped." }
        }
    }
}

/// Number of problems that are shown at once. On a phone, they come below the visitors.
const FIRST: usize = 3;

/// The failed requests, newest first.
pub(super) fn list(data: &Story, now: Now) -> Markup {
    html! {
        section.problems #problems aria-labelledby="problems-title" data-empty[data.problems.is_empty()] tabindex="-1" {
            h2 #problems-title { "Problems " small { (grouped(data.problem_count as u64)) } }
            @if data.problems.is_empty() { p.none { "No failed requests." } }
            ol { @for request in data.problems.iter().take(FIRST) { (problem(request, now)) } }
            @if data.problems.len() > FIRST {
                details.more {
                    summary { "Show older ones" }
                    ol { @for request in data.problems.iter().skip(FIRST) { (problem(request, now)) } }
                }
            }
        }
    }
}

fn problem(request: &RequestRecord, now: Now) -> Markup {
    let status = request.status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
    let ids = [&request.customer_key, &request.click_id, &request.transaction_id];
    html! {
        li {
            span.code .refused[request.status != Some(200) && !request.is_without_partner()] { (status) }
            div.what {
                code { (request.method) " " (request.path) }
                @if request.is_without_partner() { div { "no partner (normal)" } } @else if let Some(why) = &request.error { div { (why) } }
                @if let Some(hint) = &request.hint { div.hint { (hint) } }
                @if let Some(fault) = &request.fault {
                    div.fault { "fault " code { (fault) } ": " @if request.changed { "the event was recorded" } @else { "nothing was recorded" } }
                }
                div.sub { @for id in ids.into_iter().flatten() { code { (short(id)) } " " } }
            }
            (stamp(request.at_ms, now))
        }
    }
}

/// The chains and test events, newest first.
pub(super) fn tests(data: &Story, now: Now) -> Markup {
    html! {
        aside.tests aria-label="Other requests" {
            @if !data.without_effect.is_empty() {
                h2 { "Not recorded" }
                p.sub { "Sign-ups without a partner, duplicates, expired windows and ignored webhooks, which are normal." }
                ol.list { @for request in &data.without_effect { (problem(request, now)) } }
            }
            h2 { "Chains and test events" }
            @if data.tests.is_empty() { p.none { "None yet. “Test chain” runs one, as the command " code { "affitor test chain" } " does." } }
            ol { @for test in &data.tests { (test_event(test, now)) } }
        }
    }
}

fn test_event(test: &Test, now: Now) -> Markup {
    html! {
        li {
            div.what {
                @match test {
                    Test::Chain(chain) if chain.attributed => "Test chain: click, lead and sale attributed",
                    Test::Chain(_) => "Test chain: sale not attributed, because the program has no commission policy that pays for sales",
                    Test::Event { event_type, .. } => { "A test " (event_type) },
                }
            }
            (stamp(test.at_ms(), now))
        }
    }
}
