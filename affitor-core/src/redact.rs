//! Keeping keys and e-mail addresses out of `Debug`, errors and logs.

use std::fmt;

/// Shows a text unless it looks like an e-mail address, which an app may use as its customer key. `Display` is without quotes, for
/// logs; control characters are escaped.
///
/// ```
/// use affitor_core::redact::Redacted;
///
/// assert_eq!(format!("{:?}", Redacted("user_7")), "\"user_7\"");
/// assert_eq!(format!("{:?}", Redacted("jo@example.com")), "[redacted]");
/// assert_eq!(format!("{} {}", Redacted("user_7\n"), Redacted("jo@example.com")), "user_7\\n [redacted]");
/// ```
#[derive(Clone, Copy)]
pub struct Redacted<'a>(pub &'a str);

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if may_hold_address(self.0) { f.write_str("[redacted]") } else { fmt::Debug::fmt(self.0, f) }
    }
}

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if may_hold_address(self.0) { f.write_str("[redacted]") } else { write!(f, "{}", self.0.escape_debug()) }
    }
}

/// Shows a URL in `Debug` without its query and fragment, where password-reset tokens and the like are.
///
/// ```
/// use affitor_core::redact::RedactedUrl;
///
/// assert_eq!(format!("{:?}", RedactedUrl("https://shop.example/reset?token=abc")), "\"https://shop.example/reset\"");
/// ```
#[derive(Clone, Copy)]
pub struct RedactedUrl<'a>(pub &'a str);

impl fmt::Debug for RedactedUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.find(['?', '#']).unwrap_or(self.0.len());
        Redacted(&self.0[..end]).fmt(f)
    }
}

/// Returns whether a text may contain an e-mail address, plain or escaped for a URL, JSON or HTML.
///
/// ```
/// use affitor_core::redact::may_hold_address;
///
/// assert!(may_hold_address("?email=jo%40example.com"));
/// assert!(!may_hold_address("user_7"));
/// ```
pub fn may_hold_address(text: &str) -> bool {
    text.contains('@') || plain(text).contains('@')
}

/// The text in lower case, without the escapes of URLs, JSON and HTML.
fn plain(text: &str) -> String {
    let mut text = text.to_lowercase();
    for (escaped, plain) in [("\\u0040", "@"), ("&#64;", "@"), ("&#x40;", "@"), ("&commat;", "@"), ("\\/", "/")] {
        if text.contains(escaped) {
            text = text.replace(escaped, plain);
        }
    }
    // Twice, because a proxy may escape a text that is already escaped.
    for _ in 0..2 {
        if text.contains('%') {
            text = percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned();
        }
    }
    text
}

/// Stands for a value that `Debug` never shows.
#[derive(Clone, Copy)]
pub struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Makes a foreign text fit for an error: without the key, e-mail addresses and invisible characters, on one line, at most 300 bytes
/// long.
///
/// ```
/// use affitor_core::redact::message;
///
/// assert_eq!(message("bad\nkey aff_1", Some("aff_1")), "bad key [redacted]");
/// ```
pub fn message(text: &str, key: Option<&str>) -> String {
    const MOST: usize = 300;
    let visible: String;
    let text = if text.contains(is_invisible) {
        visible = text.chars().filter(|c| !is_invisible(*c)).collect();
        &visible
    } else {
        text
    };
    let keyless;
    let text = match key {
        Some(key) if !key.is_empty() && text.contains(key) => {
            keyless = text.replace(key, "[redacted]");
            &keyless
        }
        _ => text,
    };
    let mut kept = String::with_capacity(text.len().min(MOST));
    for word in text.split_whitespace() {
        let secret = may_hold_address(word) || key.is_some_and(|key| plain(word).contains(&key.to_lowercase()));
        let word = if secret { "[redacted]" } else { word };
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

/// Whether a character shows nothing, and so may hide in the middle of a key, or changes the direction of the text.
fn is_invisible(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_lose_key_and_addresses() {
        assert_eq!(message("a\u{202e}b\u{9b}c", None), "abc");
        for invisible in
            ['\u{200b}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{ad}', '\u{202e}', '\u{e0041}', '\0', '\u{fe0f}']
        {
            let hidden: String = "secret_1 jo@example.com".chars().flat_map(|c| [c, invisible]).collect();
            assert_eq!(message(&hidden, Some("secret_1")), "[redacted] [redacted]", "{invisible:?}");
        }
        let shown = message("bad\nkey secret_1 for\tjo@example.com", Some("secret_1"));
        assert_eq!(shown, "bad key [redacted] for [redacted]");
        for escaped in [
            "aff_a/b+c=s",
            "AFF_A/B+C=S",
            "aff_a%2Fb%2Bc%3Ds",
            "aff_a%252Fb%252Bc%253Ds",
            r"aff_a\/b+c=s",
            "jo%40example.com",
            "jo%2540example.com",
            r"jo\u0040example.com",
            "jo&#64;example.com",
        ] {
            assert_eq!(message(&format!("a {escaped} b"), Some("aff_a/b+c=s")), "a [redacted] b", "{escaped}");
        }
    }

    #[test]
    fn urls_lose_query_and_fragment() {
        for (url, shown) in [
            ("https://shop.example/reset?token=abc", r#""https://shop.example/reset""#),
            ("https://shop.example/#token=abc", r#""https://shop.example/""#),
            ("https://shop.example/", r#""https://shop.example/""#),
            ("https://jo@shop.example/?a", "[redacted]"),
        ] {
            assert_eq!(format!("{:?}", RedactedUrl(url)), shown);
        }
    }

    #[test]
    fn messages_are_bounded_and_cut_between_characters() {
        let shown = message(&"é".repeat(1_000), None);
        assert!(shown.len() <= 304, "{}", shown.len());
        assert!(shown.ends_with("é…"));
    }
}
