//! The same JSON, as programs write it again after they have parsed it.

/// Returns the text as JavaScript, Python and PHP would write it. The order of the members stays.
pub(super) fn rewritten(text: &str) -> [String; 3] {
    [spaced(text, "", ""), spaced(text, " ", ""), spaced(text, "", "\\")]
}

/// Writes JSON on one line, with something after each comma and colon, and before each slash in a string.
fn spaced(text: &str, after: &str, before_slash: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let (mut in_string, mut is_escaped) = (false, false);
    for character in text.chars() {
        if !in_string && character.is_ascii_whitespace() {
            continue;
        }
        if in_string && character == '/' && !is_escaped {
            written.push_str(before_slash);
        }
        written.push(character);
        if !in_string && matches!(character, ',' | ':') {
            written.push_str(after);
        }
        in_string ^= character == '"' && !is_escaped;
        is_escaped = in_string && character == '\\' && !is_escaped;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::rewritten;

    #[test]
    fn as_other_languages_write_it() {
        let text = "{\n  \"b\": \"a, \\\"b\\\": c\\\\\",\n  \"a\": [1, \"x/y\"]\n}\n";
        let expected = [
            r#"{"b":"a, \"b\": c\\","a":[1,"x/y"]}"#,
            r#"{"b": "a, \"b\": c\\", "a": [1, "x/y"]}"#,
            r#"{"b":"a, \"b\": c\\","a":[1,"x\/y"]}"#,
        ];
        assert_eq!(rewritten(text), expected);
    }
}
