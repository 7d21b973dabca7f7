//! HTML of the page. All data goes through maud, which escapes it.

use maud::{DOCTYPE, Markup, html};

use super::{
    story::{Event, Filter, Story, Test, Visitor},
    text::{distance, grouped, money, short, when},
};
use crate::{
    call::ApiCall,
    clock::iso,
    fault::Fault,
    record::{CommissionRecord, CommissionStatus, CustomerStatus, SaleRecord},
    request_log::RequestRecord,
};

const STAGES: [(&str, &str); 4] =
    [("click", "clicked only"), ("lead", "signed up"), ("conversion", "paid"), ("refund", "refunded")];

/// The whole page.
pub(super) fn page(data: &Story, url: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Affitor sandbox" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/_sandbox/page.css";
                script src="/_sandbox/page.js" defer {}
            }
            body {
                a.skip-link href="#story" { "Skip to the visitors" }
                header.top {
                    h1 { "Affitor " span { "sandbox" } }
                    p.live { span.dot #live-dot {} span #live { "reload to see new events" } }
                    (tools())
                }
                p.toast #toast role="status" hidden {}
                (filters(data))
                div #story { (story(data, url)) }
                footer.foot {
                    a href=(format!("/_sandbox/shop?aff={}", encoded(first_partner(data)))) { "Test shop" }
                    a href="/openapi.json" { "OpenAPI document" }
                    a href="/_sandbox/snapshot" { "State as JSON" }
                    a href="/_sandbox/requests" { "Requests as JSON" }
                }
            }
        }
    }
}

fn first_partner(data: &Story) -> &str {
    data.partners.first().map_or("", String::as_str)
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A form that consists of one button.
fn action(path: &str, name: &str, class: &str, fields: &[(&str, &str)]) -> Markup {
    html! {
        form.action method="post" action=(path) {
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button class=(class) { (name) }
        }
    }
}

fn tools() -> Markup {
    html! {
        nav.tools aria-label="Actions" {
            (action("/_sandbox/chain", "Run a chain", "primary", &[]))
            details.menu {
                summary { "Clock" }
                div.sheet {
                    p { "The clock only moves ahead. Windows, holds and the hourly limit of chains depend on it." }
                    div.row {
                        (action("/_sandbox/clock", "+1 hour", "", &[("seconds", "3600")]))
                        (action("/_sandbox/clock", "+1 day", "", &[("days", "1")]))
                        (action("/_sandbox/clock", "+61 days", "", &[("days", "61")]))
                    }
                    form.action.row method="post" action="/_sandbox/clock" {
                        label { "Days " input type="number" name="days" min="1" max="36500" value="16" required; }
                        button { "Move" }
                    }
                }
            }
            details.menu {
                summary { "Faults" }
                div.sheet {
                    form.action.fault method="post" action="/_sandbox/faults" {
                        label { "Fault "
                            select name="fault" { @for fault in Fault::ALL { option value=(fault) { (fault) } } }
                        }
                        label { "Call "
                            select name="call" {
                                option value="" { "all calls" }
                                @for call in ApiCall::ALL { option value=(call) { (call) } }
                            }
                        }
                        label { "How often "
                            select name="chance" {
                                option value="1x" { "the next request" }
                                option value="3x" { "the next three requests" }
                                option value="0.1" { "one in ten requests" }
                                option value="0.5" { "one in two requests" }
                                option value="" { "every request" }
                            }
                        }
                        button { "Enable" }
                    }
                }
            }
            details.menu {
                summary { "Reset" }
                div.sheet {
                    p { "Deletes all events and requests, and resets the clock." }
                    (action("/_sandbox/reset", "Delete everything", "danger", &[]))
                }
            }
        }
    }
}

fn filters(data: &Story) -> Markup {
    let Filter { q, partner, stage, .. } = &data.filter;
    html! {
        form.filters #filters method="get" action="/" role="search" {
            label { span { "Find" }
                input type="search" name="q" value=(q) placeholder="customer key, click id, transaction id, URL";
            }
            label { span { "Partner" }
                select name="partner" {
                    option value="" { "all" }
                    @for code in &data.partners { option value=(code) selected[code == partner] { (code) } }
                }
            }
            label { span { "Stage" }
                select name="stage" {
                    option value="" { "all" }
                    @for (value, name) in STAGES { option value=(value) selected[value == stage] { (name) } }
                }
            }
            button { "Show" }
        }
    }
}

/// The part of the page that the script fetches again after each change.
pub(super) fn story(data: &Story, url: &str) -> Markup {
    let totals = &data.totals;
    html! {
        section.totals aria-label="Totals" {
            (total("Clicks", totals.clicks))
            (total("Leads", totals.leads))
            (total("Sales", totals.sales))
            (total("Commissions", totals.commissions))
            (total("Refunds", totals.refunds))
            div.total.clock {
                b { time datetime=(iso(data.now_ms)) { (when(data.now_ms, data.now_ms)) } }
                span {
                    (iso(data.now_ms).get(..10).unwrap_or_default())
                    @if data.ahead_ms > 0 { ", " (distance(data.ahead_ms)) " ahead" } @else { " UTC" }
                }
            }
        }
        @if !data.faults.is_empty() {
            section.faults aria-label="Enabled faults" {
                b { "Enabled faults" }
                @for rule in &data.faults { code { (rule) } }
                (action("/_sandbox/faults/clear", "Disable all", "", &[]))
            }
        }
        div.columns {
            main aria-label="Visitors" {
                h2 { "Visitors " small { (grouped(data.found as u64)) } }
                @if data.visitors.is_empty() { (no_visitors(data, url)) }
                @for visitor in &data.visitors { (card(visitor, data.now_ms)) }
                (pages(data))
            }
            aside {
                h2 { "Failed requests" }
                @if data.wrong.is_empty() { p.none { "No request was refused or met a fault." } }
                ol.wrong { @for request in &data.wrong { (wrong(request, data.now_ms)) } }
                h2 { "Chains and test events" }
                @if data.tests.is_empty() { p.none { "None yet. “Run a chain” tests the path from click to sale." } }
                ol.tests { @for test in &data.tests { (test_event(test, data.now_ms)) } }
            }
        }
    }
}

fn total(name: &str, count: usize) -> Markup {
    html! { div.total { b { (grouped(count as u64)) } span { (name) } } }
}

fn pages(data: &Story) -> Markup {
    let link = |skip: usize| {
        let Filter { q, partner, stage, .. } = &data.filter;
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", q).append_pair("partner", partner).append_pair("stage", stage);
        format!("/?{}", query.append_pair("skip", &skip.to_string()).finish())
    };
    let step = data.visitors.len().max(25);
    html! {
        nav.pages aria-label="More visitors" {
            @if data.filter.skip > 0 { a href=(link(data.filter.skip.saturating_sub(step))) { "← later" } }
            @if data.more { a href=(link(data.filter.skip.saturating_add(step))) { "earlier →" } }
        }
    }
}

/// Shown while there are no visitors: how to begin.
fn no_visitors(data: &Story, url: &str) -> Markup {
    if data.filter.is_set() || data.filter.skip > 0 {
        return html! { p.none { "No visitor matches. " a href="/" { "Show all" } } };
    }
    let partner = first_partner(data);
    html! {
        div.begin {
            p { "No visitors yet. There are three ways to begin:" }
            ol {
                li { a href=(format!("/_sandbox/shop?aff={}", encoded(partner))) { "Click through the test shop" }
                    " as a visitor from partner " b { (partner) } ": sign up, pay and get a refund." }
                li { "Start your app with"
                    pre { "AFFITOR_API_URL=" (url) "\nAFFITOR_API_KEY=" (data.key_to_show) "\nAFFITOR_PROGRAM_ID=" (data.program_id) }
                    "and open one of its pages with " code { "?aff=" (partner) } "." }
                li { "Report a click yourself:"
                    pre { "curl " (url) "/api/v1/track/click -d '{\"affiliate_url\": \"https://shop.example/?aff=" (partner) "\"}'" } }
            }
        }
    }
}

fn card(visitor: &Visitor, now_ms: i64) -> Markup {
    let name = visitor.key.clone().unwrap_or_else(|| format!("visitor {}", visitor.number));
    let reached = |stage: CustomerStatus| visitor.status >= stage;
    let stages = [
        ("click", !visitor.events.is_empty() && visitor.partner.is_some()),
        ("lead", reached(CustomerStatus::Lead)),
        ("sale", reached(CustomerStatus::Conversion)),
        ("refund", visitor.refunded),
    ];
    html! {
        article.card id=(format!("visitor-{}", visitor.number)) data-version=(visitor.last_event) {
            header {
                h3 { (short(&name)) }
                @if let Some(partner) = &visitor.partner { span.partner { "by " (partner) } }
                ol.chain aria-label="Stages" {
                    @for (stage, done) in stages {
                        li class=(stage) data-done[done] { (stage) @if !done { span.hidden { " not yet" } } }
                    }
                }
            }
            ol.events { @for event in &visitor.events { (event_row(event, now_ms)) } }
            @if visitor.older > 0 { p.none { (visitor.older) " older " @if visitor.older == 1 { "event" } @else { "events" } } }
        }
    }
}

fn event_row(event: &Event, now_ms: i64) -> Markup {
    let (kind, body) = match event {
        Event::Click(click) => (
            "click",
            html! {
                "Clicked a link of " b { (click.partner_code) }
                div.sub { code { (short(&click.click_id)) } " " span.url { (short(&click.affiliate_url)) } }
            },
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
        ),
        Event::Sale(sale, commission) => ("sale", sale_text(sale, commission.as_ref())),
        Event::Refund(refund, currency) => (
            "refund",
            html! {
                @match refund.refund_amount_cents {
                    Some(amount) => { "Refunded " b { (money(amount, currency)) } }
                    None => { "Refunded in full" }
                }
                ", " code { (short(&refund.transaction_id)) }
                div.sub { (money(refund.deduction_cents, currency)) " deducted from the commission, now " (status(refund.status)) }
            },
        ),
    };
    html! {
        li class=(kind) {
            span.kind { (kind) }
            div.what { (body) }
            time datetime=(iso(event.at_ms())) { (when(event.at_ms(), now_ms)) }
        }
    }
}

fn sale_text(sale: &SaleRecord, commission: Option<&CommissionRecord>) -> Markup {
    html! {
        "Paid " b { (money(sale.amount_cents, &sale.currency)) } ", " code { (short(&sale.transaction_id)) }
        @if sale.is_recurring { " (renewal)" }
        div.sub {
            @match commission {
                Some(commission) => {
                    span.commission { (money(commission.amount_cents, &sale.currency)) } " commission for " b { (commission.partner_code) }
                    ", " (status(commission.status)) ", held until " (iso(commission.held_until_ms).get(..10).unwrap_or_default())
                }
                None => "no commission",
            }
        }
    }
}

fn status(status: CommissionStatus) -> &'static str {
    match status {
        CommissionStatus::Earned => "earned",
        CommissionStatus::Refunded => "partly reversed",
        CommissionStatus::Reversed => "reversed",
    }
}

fn wrong(request: &RequestRecord, now_ms: i64) -> Markup {
    let status = request.status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
    let ids = [&request.customer_key, &request.click_id, &request.transaction_id];
    html! {
        li {
            span.status .refused[request.status != Some(200)] { (status) }
            div.what {
                code { (request.method) " " (request.path) }
                @if let Some(why) = &request.error { div { (why) } }
                @if let Some(fault) = &request.fault {
                    div.fault { "fault " code { (fault) } ": " @if request.changed { "the event was recorded" } @else { "nothing was recorded" } }
                }
                div.sub { @for id in ids.into_iter().flatten() { code { (id) } " " } }
            }
            time datetime=(iso(request.at_ms)) { (when(request.at_ms, now_ms)) }
        }
    }
}

fn test_event(test: &Test, now_ms: i64) -> Markup {
    html! {
        li {
            div.what {
                @match test {
                    Test::Chain(chain) if chain.attributed => "A chain: attributed, from click to sale",
                    Test::Chain(_) => "A chain: not attributed (the program has no commission policy)",
                    Test::Event { event_type, .. } => { "A test " (event_type) },
                }
            }
            time datetime=(iso(test.at_ms())) { (when(test.at_ms(), now_ms)) }
        }
    }
}
