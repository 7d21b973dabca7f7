//! Small parts of the pages. All data goes through maud, which escapes it.

use maud::{DOCTYPE, Markup, html};

use super::{
    now::Now,
    story::Money,
    text::{money, when},
};
use crate::clock::iso;

/// A whole document with the page's styles.
pub(super) fn document(title: &str, scripts: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/_sandbox/page.css";
                (scripts)
            }
            body { (body) }
        }
    }
}

/// A form that consists of one button.
pub(super) fn action(path: &str, name: &str, class: &str, fields: &[(&str, &str)]) -> Markup {
    html! {
        form.action method="post" action=(path) {
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button class=(class) { (name) }
        }
    }
}

/// Text to copy: a command, a link or settings. `what` names it for screen readers.
pub(super) fn copyable(text: &str, what: &str) -> Markup {
    html! {
        div.copyable {
            pre tabindex="0" aria-label=(what) { (text) }
            button.copy type="button" data-copy=(text) aria-label={ "Copy " (what) } { "Copy" }
        }
    }
}

/// The time of an event.
pub(super) fn stamp(at_ms: i64, now: Now) -> Markup {
    html! { time datetime=(iso(at_ms)) { (when(at_ms, now)) } }
}

/// An amount in each currency.
pub(super) fn amounts(sum: &Money) -> Markup {
    html! { @for (place, (currency, amount)) in sum.iter().enumerate() { @if place > 0 { ", " } (money(amount, currency)) } }
}

pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    query.finish()
}
