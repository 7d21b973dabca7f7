//! Commands that a person copies into a shell.

/// The text as one word of a POSIX shell.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A path as one word that no command takes for a flag.
pub(crate) fn path(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    quoted(&if text.starts_with('-') { format!("./{text}") } else { text })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{path, quoted};

    #[test]
    fn words_stay_words() {
        for (text, expected) in [
            ("path=../affitor", "path=../affitor"),
            ("https://api.example/?a=1&b=2", "'https://api.example/?a=1&b=2'"),
            ("my app", "'my app'"),
            ("Jo's", r"'Jo'\''s'"),
            ("$(id)", "'$(id)'"),
            ("~", "'~'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(text), expected);
        }
        assert_eq!(path(Path::new("-x y")), "'./-x y'");
    }
}
