//! What of an app's values may be shown.

use affitor_core::redact::may_hold_address;

use crate::sanitize::printable;

/// Returns a customer key for a message. An app may use e-mail addresses, which are never shown.
pub(super) fn customer(key: &str) -> &str {
    if may_hold_address(key) { "(an e-mail address)" } else { key }
}

/// Returns the first line of a response for a message, with a colon before it. Pages are not shown.
pub(super) fn first_line(body: &str) -> String {
    let line = body.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let line: String = printable(line).chars().take(160).collect();
    if line.is_empty() || line.starts_with('<') || may_hold_address(&line) {
        String::new()
    } else {
        format!(": {line}")
    }
}

/// Returns an error with its causes.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{customer, first_line};

    #[test]
    fn no_addresses_and_no_pages() {
        assert_eq!(customer("user_7"), "user_7");
        assert_eq!(customer("jo@example.com"), "(an e-mail address)");
        assert_eq!(first_line("\n  no such user\nmore"), ": no such user");
        assert_eq!(first_line("\u{1b}[2Jno\u{202e}"), ": \u{fffd}[2Jno\u{fffd}");
        for hidden in ["", "<!doctype html>", "jo@example.com is taken"] {
            assert_eq!(first_line(hidden), "", "{hidden}");
        }
    }
}
