//! The building blocks of framework adapters: the search over a request, and the part of a body that was read ahead.

use affitor_core::{
    ClickId,
    find::{BodyAccess, Header, Prefix, Search, Source, Sources, search},
};

use crate::head::Head;

#[test]
fn which_bodies_are_inspected() {
    use Header::{ContentEncoding, ContentLength, ContentType, Expect, Upgrade};
    let json = || Head::default().with(ContentType, "application/json").with(ContentLength, "10");
    let sources = Sources::default().body_limit(100);
    let unknown_length = Sources::default().allow_unknown_length(true);
    for (name, sources, head, expected) in [
        ("json", &sources, json(), true),
        ("any case and parameters", &sources, json().with(ContentType, " Application/JSON ;charset=x"), true),
        ("suffix", &sources, json().with(ContentType, "application/vnd.api+JSON"), true),
        ("only a suffix", &sources, json().with(ContentType, "application/+json"), true),
        ("form", &sources, json().with(ContentType, "application/x-www-form-urlencoded"), true),
        ("multipart", &sources, json().with(ContentType, "multipart/form-data; boundary=json"), false),
        ("text", &sources, json().with(ContentType, "text/json"), false),
        ("jsonp", &sources, json().with(ContentType, "application/jsonp"), false),
        ("type without a slash", &sources, json().with(ContentType, "json"), false),
        ("no type", &sources, json().with(ContentType, None), false),
        ("at the limit", &sources, json().with(ContentLength, "100"), true),
        ("over the limit", &sources, json().with(ContentLength, "101"), false),
        ("empty", &sources, json().with(ContentLength, "0"), false),
        ("unknown length", &sources, json().with(ContentLength, None), false),
        ("malformed length", &sources, json().with(ContentLength, "ten"), false),
        ("unknown length, allowed", &unknown_length, json().with(ContentLength, None), true),
        ("compressed", &sources, json().with(ContentEncoding, "gzip"), false),
        ("identity", &sources, json().with(ContentEncoding, " Identity "), true),
        ("expect", &sources, json().with(Expect, "100-continue"), false),
        ("upgrade", &sources, json().with(Upgrade, "websocket"), false),
        ("no field names", &Sources::default().fields([]), json(), false),
    ] {
        let inspects = |access| matches!(search(sources, &head, access), Search::NeedsBody(_));
        assert_eq!(inspects(BodyAccess::Readable { length: None }), expected, "{name}");
        assert!(!inspects(BodyAccess::HeadOnly), "{name}, head only");
        assert!(!inspects(BodyAccess::Readable { length: Some(0) }), "{name}, known to be empty");
    }
    // What the framework knows takes precedence over the header.
    let chunked = json().with(ContentLength, None);
    let Search::NeedsBody(pending) = search(&sources, &chunked, BodyAccess::Readable { length: Some(7) }) else {
        panic!("the length is known")
    };
    assert_eq!(pending.body_length(), Some(7));
}

/// The search stops when it needs the body, and continues once the body is read.
#[test]
fn sources_are_searched_in_order() {
    const COOKIE: &str = "affitor_click_id=cookie";
    let body: &[u8] = br#"{"affitorClickId":"body"}"#;
    let order = |order: &[Source]| Sources::default().order(order.iter().copied());
    let (default_order, reversed) = (Sources::default(), order(&[Source::Cookie, Source::Body, Source::Header]));
    for (sources, header, body, cookie, expected) in [
        (&default_order, Some("header"), Some(Some(body)), Some(COOKIE), Some("header")),
        (&default_order, None, Some(Some(body)), Some(COOKIE), Some("body")),
        (&default_order, None, Some(Some(&b"{}"[..])), Some(COOKIE), Some("cookie")),
        (&default_order, None, Some(None), Some(COOKIE), Some("cookie")),
        (&default_order, None, None, Some(COOKIE), Some("cookie")),
        (&default_order, None, Some(None), None, None),
        (&default_order, None, None, None, None),
        (&reversed, Some("header"), Some(Some(body)), Some(COOKIE), Some("cookie")),
        (&reversed, Some("header"), Some(Some(body)), None, Some("body")),
        (&reversed, Some("header"), Some(None), None, Some("header")),
        (&order(&[]), Some("header"), Some(Some(body)), Some(COOKIE), None),
    ] {
        let head = Head::default()
            .with(Header::ClickId, header)
            .with(Header::Cookie, cookie)
            .with(Header::ContentType, "application/json");
        let access = if body.is_some() { BodyAccess::Readable { length: Some(10) } } else { BodyAccess::HeadOnly };
        let found = match (search(sources, &head, access), body) {
            (Search::Done(found), _) => found,
            (Search::NeedsBody(pending), Some(body)) => pending.finish(sources, &head, body),
            (Search::NeedsBody(_), None) => panic!("there is no body"),
        };
        assert_eq!(found.as_ref().map(ClickId::as_str), expected, "{header:?} {body:?} {cookie:?}");
    }
}

/// A body that ends early is not complete, even without an error.
#[test]
fn which_prefixes_are_complete_bodies() {
    for (expected, frames, complete) in [
        (None, &["ab", "c"][..], Some("abc")),
        (None, &[], Some("")),
        (Some(3), &["ab", "c"], Some("abc")),
        (Some(3), &["ab"], None),
        (Some(1), &["ab"], None),
        (None, &["abc", "def"], None), // over the limit
        (Some(3), &["abc", "def"], None),
    ] {
        let mut prefix = Prefix::new(5, expected);
        for frame in frames {
            let _ = prefix.push(frame.as_bytes().to_vec().into());
        }
        assert_eq!(prefix.complete(), complete.map(str::as_bytes), "{expected:?} {frames:?}");
    }
}

#[test]
fn a_prefix_holds_at_most_the_limit_and_one_frame() {
    let mut prefix = Prefix::new(5, None);
    assert!(prefix.push(b"ab".as_slice().into()));
    assert!(prefix.push(b"".as_slice().into()));
    assert!(prefix.push(b"cde".as_slice().into()));
    assert_eq!(prefix.complete(), Some(&b"abcde"[..]));
    assert!(!prefix.push(b"f".as_slice().into()));
    assert_eq!((prefix.complete(), prefix.held()), (None, 6));
    assert_eq!(prefix.pop().unwrap(), "abcde");
    assert_eq!(prefix.held(), 1);
    assert_eq!(prefix.pop().unwrap(), "f");
    assert_eq!((prefix.pop(), prefix.held()), (None, 0));
}
