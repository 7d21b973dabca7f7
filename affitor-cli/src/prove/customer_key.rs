//! Why a payment has another customer key than the lead.

use std::collections::HashSet;

use affitor_core::redact::may_hold_address;

use super::finding::{Finding, FindingId};

/// Returns the finding for two different customer keys. `known` are those of all visitors who have signed up.
pub(super) fn differs(message: String, sent: &str, lead: &str, known: &HashSet<String>) -> Finding {
    let found = FindingId::CustomerKeyDiffers;
    if known.contains(sent) {
        let reason = "the app keeps the last user for all requests, or takes the user's id from a place that another visitor wrote";
        return found.because(format!("{message}. The payment names another visitor"), reason);
    }
    if may_hold_address(sent) != may_hold_address(lead) {
        return found.because(
            message,
            "one of the two uses the user's e-mail address, and the other the id: use the id in both",
        );
    }
    if sent.eq_ignore_ascii_case(lead) {
        return found.because(message, "one of the two changes the case of the key");
    }
    if !sent.is_empty() && (lead.contains(sent) || sent.contains(lead)) {
        return found.because(
            message,
            "one of the two adds a prefix or a suffix, or cuts the key off: build the key in one place, for both",
        );
    }
    found.found(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason() {
        let known = HashSet::from(["user_7".to_owned(), "user_8".to_owned()]);
        for (sent, lead, reason) in [
            ("user_8", "user_7", "keeps the last user"),
            ("jo@example.com", "user_7", "e-mail address"),
            ("jo@example.com", "Jo@example.com", "changes the case"),
            ("shop:user_7", "user_7", "a prefix"),
            ("7", "user_7", "a prefix"),
            ("guest_1", "user_7", "another id"),
        ] {
            let finding = differs("They differ".to_owned(), sent, lead, &known);
            assert!(finding.hint.contains(reason), "{sent}: {}", finding.hint);
            assert!(!finding.message.contains('@'), "{}", finding.message);
        }
    }
}
