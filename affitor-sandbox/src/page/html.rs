//! The page's HTML. Whatever came from outside goes through maud, which escapes it.

use maud::{DOCTYPE, Markup, html};

use super::{
    story::{Event, Filter, Story, Test, Visitor},
    text::{distance, grouped, money, short, when},
};
use crate::{
    ApiCall,
    clock::iso,
    fault::FAULTS,
    record::{CommissionRecord, CommissionStatus, CustomerStatus, SaleRecord},
    request_log::RequestRecord,
};

const STAGES: [(&str, &str); 4] =
    [("click", "clicked only"), ("lead", "signed up"), ("conversion", "paid"), ("refund", "refunded")];

/// The whole page.
pub(super) fn page(told: &Story, url: &str) -> Markup {
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
                    p.live { span.dot #live-dot {} span #live { "reload to see what is new" } }
                    (tools())
                }
                p.toast #toast role="status" hidden {}
                (filters(told))
                div #story { (story(told, url)) }
                footer.foot {
                    a href=(format!("/_sandbox/shop?aff={}", encoded(first_partner(told)))) { "A shop to click through" }
                    a href="/openapi.json" { "OpenAPI document" }
                    a href="/_sandbox/snapshot" { "All of it as JSON" }
                    a href="/_sandbox/requests" { "Requests as JSON" }
                }
            }
        }
    }
}

fn first_partner(told: &Story) -> &str {
    told.partners.first().map_or("", String::as_str)
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A form that one button sends.
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
        nav.tools aria-label="What to do" {
            (action("/_sandbox/chain", "Run a chain", "primary", &[]))
            details.menu {
                summary { "Clock" }
                div.sheet {
                    p { "Moves ahead only. Windows, holds and the hourly limit of chains follow it." }
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
                        label { "What goes wrong "
                            select name="fault" { @for fault in FAULTS { option value=(fault) { (fault) } } }
                        }
                        label { "In which call "
                            select name="call" {
                                option value="" { "every one" }
                                @for call in ApiCall::ALL { option value=(call) { (call) } }
                            }
                        }
                        label { "How often "
                            select name="chance" {
                                option value="1x" { "the next request" }
                                option value="3x" { "the next three" }
                                option value="0.1" { "one in ten" }
                                option value="0.5" { "every other one" }
                                option value="" { "always" }
                            }
                        }
                        button { "Turn on" }
                    }
                }
            }
            details.menu {
                summary { "Reset" }
                div.sheet {
                    p { "Forgets every event and request, and sets the clock back." }
                    (action("/_sandbox/reset", "Forget everything", "danger", &[]))
                }
            }
        }
    }
}

fn filters(told: &Story) -> Markup {
    let Filter { q, partner, stage, .. } = &told.filter;
    html! {
        form.filters #filters method="get" action="/" role="search" {
            label { span { "Find" }
                input type="search" name="q" value=(q) placeholder="customer key, click id, transaction id, URL";
            }
            label { span { "Partner" }
                select name="partner" {
                    option value="" { "all" }
                    @for code in &told.partners { option value=(code) selected[code == partner] { (code) } }
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

/// What the script fetches anew when something has happened.
pub(super) fn story(told: &Story, url: &str) -> Markup {
    let totals = &told.totals;
    html! {
        section.totals aria-label="In all" {
            (total("Clicks", totals.clicks))
            (total("Leads", totals.leads))
            (total("Sales", totals.sales))
            (total("Commissions", totals.commissions))
            (total("Refunds", totals.refunds))
            div.total.clock {
                b { time datetime=(iso(told.now_ms)) { (when(told.now_ms, told.now_ms)) } }
                span {
                    (iso(told.now_ms).get(..10).unwrap_or_default())
                    @if told.ahead_ms > 0 { ", " (distance(told.ahead_ms)) " ahead" } @else { " UTC" }
                }
            }
        }
        @if !told.faults.is_empty() {
            section.faults aria-label="Faults that are on" {
                b { "Faults on" }
                @for rule in &told.faults { code { (rule) } }
                (action("/_sandbox/faults/clear", "Turn off", "", &[]))
            }
        }
        div.columns {
            main aria-label="Visitors" {
                h2 { "Visitors " small { (grouped(told.found as u64)) } }
                @if told.visitors.is_empty() { (nobody(told, url)) }
                @for visitor in &told.visitors { (card(visitor, told.now_ms)) }
                (pages(told))
            }
            aside {
                h2 { "What went wrong" }
                @if told.wrong.is_empty() { p.none { "Nothing was refused, and no fault was met." } }
                ol.wrong { @for request in &told.wrong { (wrong(request, told.now_ms)) } }
                h2 { "Chains and test events" }
                @if told.tests.is_empty() { p.none { "None yet. “Run a chain” checks the way from click to sale." } }
                ol.tests { @for test in &told.tests { (test_event(test, told.now_ms)) } }
            }
        }
    }
}

fn total(name: &str, count: usize) -> Markup {
    html! { div.total { b { (grouped(count as u64)) } span { (name) } } }
}

fn pages(told: &Story) -> Markup {
    let link = |skip: usize| {
        let Filter { q, partner, stage, .. } = &told.filter;
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", q).append_pair("partner", partner).append_pair("stage", stage);
        format!("/?{}", query.append_pair("skip", &skip.to_string()).finish())
    };
    let step = told.visitors.len().max(25);
    html! {
        nav.pages aria-label="More visitors" {
            @if told.filter.skip > 0 { a href=(link(told.filter.skip.saturating_sub(step))) { "← later" } }
            @if told.more { a href=(link(told.filter.skip.saturating_add(step))) { "earlier →" } }
        }
    }
}

/// Instead of visitors: how to begin.
fn nobody(told: &Story, url: &str) -> Markup {
    if told.filter.is_set() || told.filter.skip > 0 {
        return html! { p.none { "Nobody matches. " a href="/" { "Show all" } } };
    }
    let partner = first_partner(told);
    html! {
        div.begin {
            p { "Nobody has come yet. Begin in one of three ways:" }
            ol {
                li { a href=(format!("/_sandbox/shop?aff={}", encoded(partner))) { "Click through a shop" }
                    ", as a visitor whom partner " b { (partner) } " sent: sign up, pay, get the money back." }
                li { "Start your app with"
                    pre { "AFFITOR_API_URL=" (url) "\nAFFITOR_API_KEY=" (told.key_to_show) "\nAFFITOR_PROGRAM_ID=" (told.program_id) }
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
                ol.chain aria-label="How far" {
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
                @if lead.provisional { "Signed up, provisionally: a lead with the key settles it" } @else { "Signed up" }
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
                    Some(amount) => { "Got back " b { (money(amount, currency)) } }
                    None => { "Got " b { "all" } " back" }
                }
                " of " code { (short(&refund.transaction_id)) }
                div.sub { (money(refund.deduction_cents, currency)) " of the commission taken back, which is " (status(refund.status)) " now" }
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
                Some(made) => {
                    span.commission { (money(made.amount_cents, &sale.currency)) } " commission for " b { (made.partner_code) }
                    ", " (status(made.status)) ", held until " (iso(made.held_until_ms).get(..10).unwrap_or_default())
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
    let status = request.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    let ids = [&request.customer_key, &request.click_id, &request.transaction_id];
    html! {
        li {
            span.status .refused[request.status != Some(200)] { (status) }
            div.what {
                code { (request.method) " " (request.path) }
                @if let Some(why) = &request.error { div { (why) } }
                @if let Some(fault) = &request.fault {
                    div.fault { "fault " code { (fault) } ": " @if request.changed { "recorded all the same" } @else { "nothing recorded" } }
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
                    Test::Chain(_) => "A chain: its sale was not attributed (no commission policy)",
                    Test::Event { event_type, .. } => { "A test " (event_type) },
                }
            }
            time datetime=(iso(test.at_ms())) { (when(test.at_ms(), now_ms)) }
        }
    }
}
