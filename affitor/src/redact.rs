//! Keeping e-mail addresses out of `Debug`, errors and logs.

use std::fmt;

/// Shows a text unless it looks like an e-mail address: shops may use one as their customer key.
pub(crate) struct Redacted<'a>(pub &'a str);

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains('@') { f.write_str("[redacted]") } else { fmt::Debug::fmt(self.0, f) }
    }
}

/// A text that is present but never shown.
pub(crate) struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Somebody else's words made fit for an error: without the key, without e-mail addresses, one line, of bounded length.
#[cfg(feature = "client")]
pub(crate) fn words(text: &str, key: Option<&str>) -> String {
    const MOST: usize = 300;
    let keyless;
    let text = match key {
        Some(key) if !key.is_empty() && text.contains(key) => {
            keyless = text.replace(key, "[redacted]");
            &keyless
        }
        _ => text,
    };
    let mut kept = String::with_capacity(text.len().min(MOST));
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        let word = if word.contains('@') || word.contains("%40") { "[redacted]" } else { word };
        if !kept.is_empty() {
            kept.push(' ');
        }
        if kept.len() + word.len() > MOST {
            let room = MOST.saturating_sub(kept.len());
            kept.extend(word.char_indices().take_while(|(at, c)| at + c.len_utf8() <= room).map(|(_, c)| c));
            kept.push('…');
            break;
        }
        kept.push_str(word);
    }
    kept
}

#[cfg(all(test, feature = "client"))]
mod tests {
    use super::*;

    #[test]
    fn words_lose_key_and_addresses() {
        let shown = words("bad\nkey secret_1 for\tjo@example.com", Some("secret_1"));
        assert_eq!(shown, "bad key [redacted] for [redacted]");
    }

    #[test]
    fn words_are_bounded_and_cut_between_characters() {
        let shown = words(&"é".repeat(1_000), None);
        assert!(shown.len() <= 304, "{}", shown.len());
        assert!(shown.ends_with("é…"));
    }
}
