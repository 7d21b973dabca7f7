//! The pages.

use std::fmt::Display;

use crate::consent;

/// The page with the form. The tracker's script is in it once the visitor has agreed; until then, the banner is.
pub(crate) fn form(script_tag: &dyn Display, cookies: Option<&str>) -> String {
    let (tag, banner) = match consent::is_given(cookies) {
        true => (script_tag.to_string(), ""),
        false => (String::new(), include_str!("banner.html")),
    };
    [include_str!("head.html"), &tag, include_str!("body.html"), banner].concat()
}

pub(crate) fn welcome(user_id: &str) -> String {
    format!("<!doctype html><title>Welcome</title><p>Welcome, <b>{user_id}</b>.")
}
