//! The tag of the browser tracker, in every way in which it gets into a page.

use affitor::ScriptTag;

const HOSTILE: &str = r#""></script><script>alert('x & y')</script>"#;

#[test]
fn every_value_is_escaped() {
    let tag = ScriptTag::new(HOSTILE).api_url(HOSTILE).nonce(HOSTILE).cookie_domain(HOSTILE).debug(true).to_string();
    assert_eq!(tag.matches('<').count(), 2, "{tag}");
    assert_eq!(tag.matches('>').count(), 2, "{tag}");
    assert!(!tag.contains('\''), "{tag}");
    assert_eq!(tag.matches("&quot;&gt;&lt;/script&gt;").count(), 4, "{tag}");
    assert_eq!(tag.matches("&#39;x &amp; y&#39;").count(), 4, "{tag}");
}

#[test]
fn attributes() {
    let tag = ScriptTag::new(42).api_url("http://127.0.0.1:4010/").cookie_domain("shop.example").debug(true);
    assert_eq!(
        tag.to_string(),
        r#"<script src="http://127.0.0.1:4010/js/affitor-tracker.js" data-affitor-program-id="42" data-affitor-cookie-domain="shop.example" data-affitor-debug="true" defer></script>"#
    );
}

#[cfg(feature = "maud")]
#[test]
fn in_a_maud_template() {
    use maud::Render as _;
    let tag = ScriptTag::new("4&2");
    assert_eq!(tag.render().into_string(), tag.to_string());
}

#[cfg(feature = "askama")]
#[test]
fn in_an_askama_template() {
    use askama::Template;

    #[derive(Template)]
    #[template(source = "<head>{{ tag }}</head>", ext = "html")]
    struct Page {
        tag: ScriptTag,
    }

    let tag = ScriptTag::new("4&2");
    assert_eq!(Page { tag: tag.clone() }.render().unwrap(), format!("<head>{tag}</head>"));
}
