//! The page before the first visitor: how to begin.

use maud::{Markup, html};

use super::{
    parts::{copyable, query},
    story::Story,
};

/// How to begin: commands and links to copy.
pub(super) fn begin(data: &Story, url: &str) -> Markup {
    let code = first_code(data);
    let shop = format!("/_sandbox/shop?{}", query(&[("aff", code)]));
    let settings =
        format!("AFFITOR_API_URL={url}\nAFFITOR_API_KEY={}\nAFFITOR_PROGRAM_ID={}", data.key_to_show, data.program_id);
    let landing = format!("https://shop.example/?{}", query(&[("aff", code)]));
    let curl = format!("curl {url}/api/v1/track/click -d '{{\"affiliate_url\": \"{landing}\"}}'");
    html! {
        div.begin {
            p { "No visitors yet. There are three ways to begin:" }
            ol {
                li { a href=(shop) { "Click through the test shop" }
                    " as a visitor of partner " b { (code) } ": sign up, pay and get a refund." }
                li { "Start your app with these settings, and open one of its pages with " code { "?" (query(&[("aff", code)])) } "."
                    (copyable(&settings, "the settings")) }
                li { "Report a click yourself:" (copyable(&curl, "the command")) }
            }
        }
    }
}

pub(super) fn first_code(data: &Story) -> &str {
    data.codes.first().map_or("", String::as_str)
}
