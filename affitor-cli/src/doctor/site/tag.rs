//! Finds the tag of the browser tracker in a page, without running scripts.

/// A tag of the tracker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) src: Option<String>,
    pub(super) program_id: Option<String>,
    pub(super) api_base: Option<String>,
    pub(super) cookie_domain: Option<String>,
}

/// Returns the tags in a page.
pub(super) fn find(html: &str) -> Vec<Tag> {
    let scripts = scripts(html);
    let global = scripts.iter().find_map(|script| global_program_id(script.text));
    let tag = |script: Script<'_>| {
        let get =
            |name: &str| script.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let program_id = get("data-affitor-program-id").or_else(|| get("data-affitor-program"));
        let src = get("src");
        let file = src.as_deref().and_then(|src| src.split(['?', '#']).next()?.rsplit('/').next());
        let is_tracker = file.is_some_and(|file| file.starts_with("affitor-tracker"));
        (is_tracker || (program_id.is_some() && src.is_some())).then(|| Tag {
            src,
            program_id: program_id.or_else(|| global.clone()),
            api_base: get("data-affitor-api-base"),
            cookie_domain: get("data-affitor-cookie-domain"),
        })
    };
    scripts.into_iter().filter_map(tag).collect()
}

/// The number in `AFFITOR_PROGRAM_ID = 42`, as a script sets it for the tracker.
fn global_program_id(script: &str) -> Option<String> {
    let (_, rest) = script.split_once("AFFITOR_PROGRAM_ID")?;
    let value = rest.trim_start_matches(['"', '\'', ']']).trim_start().strip_prefix('=')?;
    let digits = value.trim_start().trim_start_matches(['"', '\'']);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    (end > 0).then(|| digits[..end].to_owned())
}

/// A `script` element.
struct Script<'h> {
    /// Names in lower case, and values.
    attributes: Vec<(String, String)>,
    text: &'h str,
}

/// Returns the elements outside of comments.
fn scripts(html: &str) -> Vec<Script<'_>> {
    // Has the same offsets as the page.
    let lower = html.to_ascii_lowercase();
    let (mut scripts, mut at) = (Vec::new(), 0);
    while let Some(found) = lower[at..].find('<') {
        at += found;
        let rest = &lower[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            at += comment.find("-->").map_or(rest.len(), |end| end + 7);
            continue;
        }
        let after =
            rest.strip_prefix("<script").filter(|rest| rest.starts_with([' ', '\t', '\n', '\r', '\u{c}', '/', '>']));
        if after.is_none() {
            at += 1;
            continue;
        }
        let begin = at + "<script".len();
        let (attributes, length) = attributes(&html[begin..]);
        let text = begin + length;
        let end = lower[text..].find("</script").map_or(html.len(), |end| text + end);
        scripts.push(Script { attributes, text: &html[text..end] });
        at = end;
    }
    scripts
}

/// Reads attributes until the tag ends. Also returns the length of what was read.
fn attributes(html: &str) -> (Vec<(String, String)>, usize) {
    let mut found = Vec::new();
    let mut rest = html;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() || rest.starts_with('>') {
            let length = html.len() - rest.len() + usize::from(!rest.is_empty());
            return (found, length);
        }
        // A name may begin with `=`.
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let end = rest[first..].find(|c: char| c.is_ascii_whitespace() || "/>=".contains(c));
        let (name, after) = rest.split_at(end.map_or(rest.len(), |end| first + end));
        let after_space = after.trim_start();
        let Some(value) = after_space.strip_prefix('=') else {
            found.push((name.to_ascii_lowercase(), String::new()));
            rest = after;
            continue;
        };
        let value = value.trim_start();
        let quoted = ['"', '\''].into_iter().find_map(|quote| Some((quote, value.strip_prefix(quote)?)));
        let (text, after) = match quoted {
            Some((quote, value)) => value.split_once(quote).unwrap_or((value, "")),
            None => value.split_at(value.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(value.len())),
        };
        found.push((name.to_ascii_lowercase(), decoded(text)));
        rest = after;
    }
}

/// Decodes the entities that occur in URLs and names.
fn decoded(text: &str) -> String {
    let pairs = [("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&#x2F;", "/"), ("&amp;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_in_pages() {
        let src = "https://api.affitor.com/js/affitor-tracker.js";
        let tag = |id: &str| Tag { src: Some(src.to_owned()), program_id: Some(id.to_owned()), ..Tag::default() };
        let library = affitor::ScriptTag::new(42).nonce("a&b").to_string();
        for (html, expected) in [
            (library.clone(), vec![tag("42")]),
            (format!("<HTML><SCRIPT\n DEFER SRC='{src}' Data-Affitor-Program=7></SCRIPT>"), vec![tag("7")]),
            (format!("<script async src={src} data-affitor-program-id=42></script>"), vec![tag("42")]),
            (format!("<script>window.AFFITOR_PROGRAM_ID = \"8\";</script><script src={src}></script>"), vec![tag("8")]),
            (format!("<script>window['AFFITOR_PROGRAM_ID']=9</script><script src={src}></script>"), vec![tag("9")]),
            (format!("{library}{library}"), vec![tag("42"), tag("42")]),
            (format!("<!-- {library} --><p>a < b</p>{library}"), vec![tag("42")]),
            (format!("<script>document.write('{}')</script>", library.replace("</", "<\\/")), vec![]),
            (format!("<!-- {library}"), vec![]),
            ("<scripts src=affitor-tracker.js><script src=other.js data-x=1 = =>".to_owned(), vec![]),
            ("<script".to_owned(), vec![]),
            ("<script src=\"".to_owned(), vec![]),
            ("é<script ü=é src='".to_owned(), vec![]),
        ] {
            assert_eq!(find(&html), expected, "{html}");
        }
        let html = "<script src='/js/affitor-tracker.js?v=1' data-affitor-program-id='42' \
                    data-affitor-api-base='https://a.example?x=1&amp;y' data-affitor-cookie-domain=shop.example></script>";
        let tag = &find(html)[0];
        assert_eq!(tag.api_base.as_deref(), Some("https://a.example?x=1&y"));
        assert_eq!(tag.cookie_domain.as_deref(), Some("shop.example"));
    }
}
