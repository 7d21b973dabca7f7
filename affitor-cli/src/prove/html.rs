//! What a visitor's browser needs of a page: the hidden inputs of its forms, and the tracker's tag.

use std::convert::Infallible;

use html5gum::{StartTag, Token, Tokenizer, emitters::default::DefaultEmitter};
use reqwest::Url;

/// A form of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// Where the form is sent.
    pub(super) action: Url,
    /// Whether the form is sent with `POST`.
    pub(super) is_post: bool,
    /// Names and values of its hidden inputs.
    pub(super) hidden: Vec<(String, String)>,
}

/// The tag of the browser tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TrackerTag {
    pub(super) source: Url,
    pub(super) program_id: Option<String>,
}

/// Returns the forms of a page.
pub(super) fn forms(html: &str, page: &Url) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut is_open = false;
    for Ok(token) in tokens(html) {
        match token {
            Token::StartTag(tag) if &**tag.name == b"form" => {
                let action = attribute(&tag, "action").filter(|action| !action.trim().is_empty());
                let action = action.map_or_else(|| Ok(page.clone()), |action| page.join(action.trim()));
                is_open = action.is_ok();
                let is_post =
                    attribute(&tag, "method").is_some_and(|method| method.trim().eq_ignore_ascii_case("post"));
                forms.extend(action.ok().map(|action| Form { action, is_post, hidden: Vec::new() }));
            }
            Token::EndTag(tag) if &**tag.name == b"form" => is_open = false,
            Token::StartTag(tag) if is_open && &**tag.name == b"input" => {
                let is_hidden = attribute(&tag, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("hidden"));
                if let (true, Some(name), Some(form)) = (is_hidden, attribute(&tag, "name"), forms.last_mut()) {
                    form.hidden.push((name, attribute(&tag, "value").unwrap_or_default()));
                }
            }
            _ => {}
        }
    }
    forms
}

/// Returns the names and contents of a page's `<meta>` tags.
pub(super) fn metas(html: &str) -> Vec<(String, String)> {
    let meta = |token| {
        let Token::StartTag(tag) = token else { return None };
        let name = attribute(&tag, "name").filter(|_| &**tag.name == b"meta")?;
        Some((name, attribute(&tag, "content").unwrap_or_default()))
    };
    tokens(html).flatten().filter_map(meta).collect()
}

/// Returns the tag of the tracker, if the page has one.
pub(super) fn tracker_tag(html: &str, page: &Url) -> Option<TrackerTag> {
    tokens(html).flatten().find_map(|token| {
        let Token::StartTag(tag) = token else { return None };
        let source = attribute(&tag, "src").filter(|_| &**tag.name == b"script")?;
        let source = page.join(source.trim()).ok()?;
        let is_tracker = source.path().rsplit('/').next()?.starts_with("affitor-tracker");
        let names = ["data-affitor-program-id", "data-affitor-program"];
        let program_id = names.iter().find_map(|name| attribute(&tag, name));
        is_tracker.then_some(TrackerTag { source, program_id })
    })
}

/// The tokens of a page. What stands in a script or a style sheet is text.
fn tokens(html: &str) -> impl Iterator<Item = Result<Token, Infallible>> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(html, emitter)
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    tag.attributes.get(name.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{Form, forms, metas, tracker_tag};
    use reqwest::Url;

    fn page() -> Url {
        Url::parse("http://127.0.0.1:3000/signup?plan=pro").unwrap()
    }

    #[test]
    fn hidden_inputs_belong_to_their_form() {
        let html = r#"<input type=hidden name=outside value=1>
            <form action="/search"><input name=q><input type=hidden name=s value=2></form>
            <!-- <form><input type=hidden name=comment value=3></form> -->
            <FORM method=post><INPUT TYPE="Hidden" NAME="csrf" VALUE="a&amp;b &#34;c&#34;"><input type="hidden" name="empty"></FORM>"#;
        let [search, sign_up] = &forms(html, &page())[..] else { panic!() };
        assert_eq!((search.action.path(), search.hidden.len()), ("/search", 1));
        let hidden = vec![("csrf".to_owned(), "a&b \"c\"".to_owned()), ("empty".to_owned(), String::new())];
        assert_eq!((sign_up, search.is_post), (&Form { action: page(), is_post: true, hidden }, false));
    }

    #[test]
    fn broken_pages_do_no_harm() {
        for html in [
            "",
            "<",
            "<form",
            "<form action=\"",
            "<form action='http://[::'><input type=hidden name=a>",
            "<input type=hidden",
        ] {
            assert!(forms(html, &page()).iter().all(|form| form.hidden.is_empty()), "{html}");
            assert_eq!(tracker_tag(html, &page()), None);
        }
    }

    #[test]
    fn the_contents_of_meta_tags() {
        let html = r#"<meta charset="utf-8"><meta name="csrf-token" content="a&amp;b"><META NAME=empty>"#;
        let expected =
            [("csrf-token", "a&b"), ("empty", "")].map(|(name, content)| (name.to_owned(), content.to_owned()));
        assert_eq!(metas(html), expected);
    }

    #[test]
    fn the_tag_of_the_tracker() {
        let html = r#"<script>let tag = '<script src="/js/affitor-tracker.js">' + (1 <n)</script><script src="/js/app.js"></script>
            <script src="http://127.0.0.1:4010/js/affitor-tracker.js" data-affitor-program-id="42" defer></script>"#;
        let tag = tracker_tag(html, &page()).unwrap();
        assert_eq!(
            (tag.source.as_str(), tag.program_id.as_deref()),
            ("http://127.0.0.1:4010/js/affitor-tracker.js", Some("42"))
        );
        assert_eq!(tracker_tag("<script src=/js/affitor-other.js></script>", &page()), None);
    }
}
