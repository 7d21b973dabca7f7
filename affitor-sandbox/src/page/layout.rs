//! The frame of the page: the header with its menus, the filters, and what the script fetches again after each change.

use maud::{Markup, html};

use super::{
    begin::first_code,
    now::Now,
    partners,
    parts::{action, document, query},
    problems,
    story::{Filter, Story},
    tiles, visitors,
};
use crate::{call::ApiCall, fault::Fault};

const STAGES: [(&str, &str); 4] =
    [("click", "clicked only"), ("lead", "signed up, not paid"), ("conversion", "paid"), ("refund", "refunded")];

/// The whole page.
pub(super) fn page(data: &Story, url: &str) -> Markup {
    let scripts = html! { script src="/_sandbox/page.js" defer {} };
    let shop = format!("/_sandbox/shop?{}", query(&[("aff", first_code(data))]));
    let body = html! {
        a.skip-link href="#story" { "Skip to the events" }
        header.top {
            h1 { "Affitor " span { "sandbox" } }
            p.live { span.dot #live-dot {} span #live { "reload to see new events" } }
            nav.views aria-label="Views" { (view("Visitors", "", data)) (view("Partners", "partners", data)) }
            (menus(data))
        }
        p.toast #toast role="status" hidden {}
        @if !data.filter.shows_partners() { (filters(data)) }
        div #story { (story(data, url)) }
        footer.foot {
            a href=(shop) { "Test shop" }
            a href="/openapi.json" { "OpenAPI document" }
            a href="/_sandbox/snapshot" { "State as JSON" }
            a href="/_sandbox/requests" { "Requests as JSON" }
        }
    };
    document("Affitor sandbox", &scripts, &body)
}

/// The part of the page that the script fetches again after each change.
pub(super) fn story(data: &Story, url: &str) -> Markup {
    let now = Now { ms: data.now_ms, moved: data.ahead_ms > 0 };
    html! {
        (tiles::status(data))
        (problems::alerts(data))
        (tiles::tiles(data))
        div.columns {
            @if data.filter.shows_partners() { (partners::list(data, url, now)) } @else { (visitors::list(data, url, now)) }
            (problems::list(data, now))
            (problems::tests(data, now))
        }
    }
}

fn view(name: &str, value: &str, data: &Story) -> Markup {
    let is_current = data.filter.shows_partners() == (value == "partners");
    let link = query(&[("view", value)]);
    let href = if link.is_empty() { "/".to_owned() } else { format!("/?{link}") };
    html! { a href=(href) aria-current=[is_current.then_some("page")] { (name) } }
}

/// A button that opens a sheet with an explanation and actions.
fn menu(name: &str, explanation: &str, actions: &Markup) -> Markup {
    html! {
        details.menu {
            summary { (name) }
            div.sheet { p { (explanation) } (actions) }
        }
    }
}

fn menus(data: &Story) -> Markup {
    let past_hold = format!("Past the hold (+{} days)", data.hold_days + 1);
    let past_window = format!("Past the attribution window (+{} days)", data.attribution_window_days + 1);
    let clock = html! {
        div.row {
            (action("/_sandbox/clock", "+1 hour", "", &[("seconds", "3600")]))
            (action("/_sandbox/clock", "+1 day", "", &[("days", "1")]))
            (action("/_sandbox/clock", &past_hold, "", &[("days", &(data.hold_days + 1).to_string())]))
            (action("/_sandbox/clock", &past_window, "", &[("days", &(data.attribution_window_days + 1).to_string())]))
        }
        form.action.row method="post" action="/_sandbox/clock" {
            label { "Days " input type="number" name="days" min="1" max="36500" value="7" required; }
            button { "Move" }
        }
    };
    let chain = action("/_sandbox/chain", "Run a chain", "primary", &[]);
    let key = html! {
        form.action #rotate method="post" action="/_sandbox/key" { button.danger { "Rotate the key" } }
        div #new-key hidden { p { "New key. Copy it now; it is not shown again:" } div #new-key-text {} }
    };
    let reset = action("/_sandbox/reset", "Delete everything", "danger", &[]);
    html! {
        nav.tools aria-label="Actions" {
            (menu("Test chain", "Runs a synthetic click, lead and sale, as readiness requires. Real events and totals don't \
                                 change. At most 10 per hour.", &chain))
            (menu("Clock", "Moves the clock ahead, for windows, holds and the hourly limit of chains. Only a reset moves it \
                           back.", &clock))
            (menu("Faults", "Injects failures, to test how your app handles them.", &faults()))
            (menu("API key", &format!("Replaces the key of program {}. Requests with the old key then get a 401.", data.program_id), &key))
            (menu("Reset", "Deletes all events and requests, and restores the clock and the keys.", &reset))
        }
    }
}

fn faults() -> Markup {
    html! {
        form.action.fault method="post" action="/_sandbox/faults" {
            label { span { "Fault" }
                select name="fault" { @for fault in Fault::ALL { option value=(fault) { (fault) ": " (fault.description()) } } }
            }
            label { span { "Call" }
                select name="call" {
                    option value="" { "all calls" }
                    @for call in ApiCall::ALL { option value=(call) { (call) } }
                }
            }
            label { span { "How often" }
                select name="chance" {
                    option value="1x" { "the next request" }
                    option value="3x" { "the next three requests" }
                    option value="0.1" { "one in ten requests" }
                    option value="0.5" { "one in two requests" }
                    option value="" { "every request" }
                }
            }
            button.primary { "Enable" }
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
                    @for code in &data.codes { option value=(code) selected[code == partner] { (code) } }
                }
            }
            label { span { "Stage" }
                select name="stage" {
                    option value="" { "all" }
                    @for (value, name) in STAGES { option value=(value) selected[value == stage] { (name) } }
                }
            }
            button { "Filter" }
        }
    }
}
