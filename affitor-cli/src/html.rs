//! What a browser without scripts needs of a page: the hidden inputs of its forms, and the tracker's tags.

use std::convert::Infallible;

use html5gum::{StartTag, Token, Tokenizer, emitters::default::DefaultEmitter};
use reqwest::Url;

/// A form of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// Where the form is sent.
    pub(crate) action: Url,
    /// Whether the form is sent with `POST`.
    pub(crate) is_post: bool,
    /// Names and values of its hidden inputs.
    pub(crate) hidden: Vec<(String, String)>,
}

/// A tag of the browser tracker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrackerTag {
    pub(crate) src: Option<String>,
    /// Of the tag, or of a script that sets `window.AFFITOR_PROGRAM_ID`.
    pub(crate) program_id: Option<String>,
    pub(crate) api_base: Option<String>,
    pub(crate) cookie_domain: Option<String>,
    pub(crate) nonce: Option<String>,
}

impl TrackerTag {
    /// URL of the script.
    pub(crate) fn source(&self, page: &Url) -> Option<Url> {
        page.join(self.src.as_deref()?.trim()).ok()
    }
}

/// Returns the forms of a page.
pub(crate) fn forms(html: &str, page: &Url) -> Vec<Form> {
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
pub(crate) fn metas(html: &str) -> Vec<(String, String)> {
    let meta = |token| {
        let Token::StartTag(tag) = token else { return None };
        let name = attribute(&tag, "name").filter(|_| &**tag.name == b"meta")?;
        Some((name, attribute(&tag, "content").unwrap_or_default()))
    };
    tokens(html).flatten().filter_map(meta).collect()
}

/// Returns where `<meta http-equiv="refresh">` sends a browser at once, which is within 5 seconds.
pub(crate) fn refresh(html: &str, page: &Url) -> Option<Url> {
    let content = |token| {
        let Token::StartTag(tag) = token else { return None };
        let equivalent = attribute(&tag, "http-equiv").filter(|_| &**tag.name == b"meta")?;
        attribute(&tag, "content").filter(|_| equivalent.trim().eq_ignore_ascii_case("refresh"))
    };
    let content = tokens(html).flatten().find_map(content)?;
    let (delay, target) = content.split_once([';', ','])?;
    let seconds: f32 = delay.trim().parse().ok()?;
    let target = target.trim();
    let url = target
        .get(..3)
        .filter(|start| start.eq_ignore_ascii_case("url"))
        .map_or(target, |_| target[3..].trim_start().strip_prefix('=').unwrap_or(&target[3..]).trim());
    (seconds <= 5.0).then(|| page.join(url.trim_matches(['"', '\''])).ok()).flatten()
}

/// Returns the tags of the tracker.
pub(crate) fn tracker_tags(html: &str) -> Vec<TrackerTag> {
    let (mut tags, mut global, mut script) = (Vec::new(), None, None);
    for Ok(token) in tokens(html) {
        match token {
            Token::StartTag(tag) if &**tag.name == b"script" => {
                script = Some(String::new());
                tags.extend(tracker_tag(&tag));
            }
            Token::String(text) => {
                if let Some(script) = &mut script {
                    script.push_str(&String::from_utf8_lossy(&text));
                }
            }
            Token::EndTag(_) => global = global.or(script.take().and_then(|script| global_program_id(&script))),
            _ => {}
        }
    }
    for tag in &mut tags {
        tag.program_id = tag.program_id.take().or_else(|| global.clone());
    }
    tags
}

fn tracker_tag(tag: &StartTag<()>) -> Option<TrackerTag> {
    let src = attribute(tag, "src");
    let program_id = attribute(tag, "data-affitor-program-id").or_else(|| attribute(tag, "data-affitor-program"));
    let file = src.as_deref().and_then(|src| src.split(['?', '#']).next()?.rsplit('/').next());
    let is_tracker = file.is_some_and(|file| file.trim_start().starts_with("affitor-tracker"));
    (is_tracker || (program_id.is_some() && src.is_some())).then(|| TrackerTag {
        src,
        program_id,
        api_base: attribute(tag, "data-affitor-api-base"),
        cookie_domain: attribute(tag, "data-affitor-cookie-domain"),
        nonce: attribute(tag, "nonce"),
    })
}

/// The number in `AFFITOR_PROGRAM_ID = 42`, as a script sets it for the tracker.
fn global_program_id(script: &str) -> Option<String> {
    let (_, rest) = script.split_once("AFFITOR_PROGRAM_ID")?;
    let value = rest.trim_start_matches(['"', '\'', ']']).trim_start().strip_prefix('=')?;
    let digits = value.trim_start().trim_start_matches(['"', '\'']);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    (end > 0).then(|| digits[..end].to_owned())
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
    use super::{Form, TrackerTag, forms, metas, tracker_tags};
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
            assert_eq!(tracker_tags(html), []);
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
    fn refreshed_pages() {
        for (content, expected) in [
            ("0; url=/home", Some("/home")),
            ("0;URL='/home'", Some("/home")),
            ("3, /home", Some("/home")),
            ("30; url=/home", None),
            ("0", None),
            ("; url=/home", None),
            ("é; url", None),
            ("0; ür", Some("/%C3%BCr")),
        ] {
            let html = format!("<meta http-equiv=Refresh content=\"{content}\">");
            let found = super::refresh(&html, &page()).map(|url| url.path().to_owned());
            assert_eq!(found.as_deref(), expected, "{content}");
        }
        assert_eq!(super::refresh("<meta name=refresh content='0; url=/home'>", &page()), None);
    }

    #[test]
    fn the_tags_of_the_tracker() {
        let src = "https://api.affitor.com/js/affitor-tracker.js";
        let tag = |id: &str| TrackerTag {
            src: Some(src.to_owned()),
            program_id: Some(id.to_owned()),
            ..TrackerTag::default()
        };
        let library = affitor::ScriptTag::new(42).to_string();
        let nonce = tracker_tags(&affitor::ScriptTag::new(42).nonce("a&b").to_string()).remove(0).nonce;
        assert_eq!(nonce.as_deref(), Some("a&b"));
        for (html, expected) in [
            (library.clone(), vec![tag("42")]),
            (format!("<HTML><SCRIPT\n DEFER SRC='{src}' Data-Affitor-Program=7></SCRIPT>"), vec![tag("7")]),
            (format!("<script async src={src} data-affitor-program-id=42></script>"), vec![tag("42")]),
            (format!("<script>window.AFFITOR_PROGRAM_ID = \"8\";</script><script src={src}></script>"), vec![tag("8")]),
            (format!("<script>window['AFFITOR_PROGRAM_ID']=9</script><script src={src}></script>"), vec![tag("9")]),
            (format!("{library}{library}"), vec![tag("42"), tag("42")]),
            (format!("<!-- {library} --><p>a < b</p>{library}"), vec![tag("42")]),
            (format!("<script>document.write('{}')</script>", library.replace("</", "<\\/")), vec![]),
            (format!("<script>let a = 1 <n;</script><script src=/js/app.js></script>{library}"), vec![tag("42")]),
            (format!("<!-- {library}"), vec![]),
            ("<script src=/js/affitor-other.js></script>".to_owned(), vec![]),
            ("<scripts src=affitor-tracker.js><script src=other.js data-x=1 = =>".to_owned(), vec![]),
            ("<script".to_owned(), vec![]),
            ("<script src=\"".to_owned(), vec![]),
            ("é<script ü=é src='".to_owned(), vec![]),
        ] {
            assert_eq!(tracker_tags(&html), expected, "{html}");
        }
        let html = "<script src='/js/affitor-tracker.js?v=1' data-affitor-program-id='42' \
                    data-affitor-api-base='https://a.example?x=1&amp;y' data-affitor-cookie-domain=shop.example></script>";
        let tag = &tracker_tags(html)[0];
        assert_eq!(tag.source(&page()).unwrap().as_str(), "http://127.0.0.1:3000/js/affitor-tracker.js?v=1");
        assert_eq!(tag.api_base.as_deref(), Some("https://a.example?x=1&y"));
        assert_eq!(tag.cookie_domain.as_deref(), Some("shop.example"));
    }
}
