//! Finding a click id agrees with what a handler reads from the same request, whatever the request.

use affitor::{
    ClickId,
    find::{
        BodyKind, FIELDS, HISTORY_LEN, Names, Source, Sources,
        adapter::{BodyHead, Head, Prefix, Search},
        cookie, form, header, json,
    },
};
use proptest::prelude::*;
use serde_json::Value;

fn valid(text: &str) -> Option<ClickId> {
    ClickId::new(text).ok()
}

#[test]
fn which_texts_are_click_ids() {
    for (text, good) in [
        ("cust_42_1714000000000", true),
        ("x", true),
        ("!#$&()*+-./:<=>?@[]^_`{}~", true),
        (&"x".repeat(128), true),
        (&"x".repeat(129), false),
        ("", false),
        (" ", false),
        ("a b", false),
        ("a\tb", false),
        ("a\u{7f}", false),
        ("\"a\"", false),
        ("'a'", false),
        ("a,b", false),
        ("a;b", false),
        ("a\\b", false),
        ("a|b", false),
        ("a%7Cb", false),
        ("é", false),
    ] {
        let id = ClickId::new(text);
        assert_eq!(id.is_ok(), good, "{text:?}");
        if let Ok(id) = id {
            assert_eq!(id.as_str(), text);
            assert_eq!(id.to_string(), text);
            assert_eq!(text.parse::<ClickId>().unwrap(), id);
            assert_eq!(serde_json::from_value::<ClickId>(serde_json::to_value(&id).unwrap()).unwrap(), id);
        }
    }
    for (text, words) in
        [("", "empty"), (&"x".repeat(129), "at most 128 bytes, this one 129"), ("a b", "visible ASCII")]
    {
        let error = ClickId::new(text).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn which_bodies_are_looked_into() {
    let json = || BodyHead { content_type: Some(b"application/json"), length: Some(10), ..BodyHead::default() };
    let sources = Sources::default().body_limit(100);
    let chunked = Sources::default().unknown_length(true);
    for (what, sources, head, expected) in [
        ("json", &sources, json(), Some(BodyKind::Json)),
        (
            "any case and parameters",
            &sources,
            BodyHead { content_type: Some(b" Application/JSON ;charset=x"), ..json() },
            Some(BodyKind::Json),
        ),
        (
            "suffix",
            &sources,
            BodyHead { content_type: Some(b"application/vnd.api+JSON"), ..json() },
            Some(BodyKind::Json),
        ),
        (
            "a bare suffix",
            &sources,
            BodyHead { content_type: Some(b"application/+json"), ..json() },
            Some(BodyKind::Json),
        ),
        (
            "form",
            &sources,
            BodyHead { content_type: Some(b"application/x-www-form-urlencoded"), ..json() },
            Some(BodyKind::Form),
        ),
        ("multipart", &sources, BodyHead { content_type: Some(b"multipart/form-data; boundary=json"), ..json() }, None),
        ("text", &sources, BodyHead { content_type: Some(b"text/json"), ..json() }, None),
        ("jsonp", &sources, BodyHead { content_type: Some(b"application/jsonp"), ..json() }, None),
        ("short", &sources, BodyHead { content_type: Some(b"json"), ..json() }, None),
        ("no type", &sources, BodyHead { content_type: None, ..json() }, None),
        ("at the limit", &sources, BodyHead { length: Some(100), ..json() }, Some(BodyKind::Json)),
        ("over the limit", &sources, BodyHead { length: Some(101), ..json() }, None),
        ("empty", &sources, BodyHead { length: Some(0), ..json() }, None),
        ("unknown length", &sources, BodyHead { length: None, ..json() }, None),
        ("unknown length, asked for", &chunked, BodyHead { length: None, ..json() }, Some(BodyKind::Json)),
        ("compressed", &sources, BodyHead { content_encoding: Some(b"gzip"), ..json() }, None),
        ("identity", &sources, BodyHead { content_encoding: Some(b" Identity "), ..json() }, Some(BodyKind::Json)),
        ("expected", &sources, BodyHead { expects: true, ..json() }, None),
        ("no fields", &Sources::default().fields([]), json(), None),
    ] {
        assert_eq!(sources.look(&head), expected, "{what}");
    }
}

#[test]
fn sources_take_what_they_are_told() {
    let sources = Sources::default().order([Source::Cookie, Source::Cookie, Source::Header]).header("X-Click");
    assert_eq!(sources.in_order(), [Source::Cookie, Source::Header]);
    assert_eq!(sources.header_name(), "x-click");
    assert_eq!(Sources::default().fields(["", "a"]).field_names().len(), 1);
    assert_eq!(Sources::default().cookies(["", "a"]).cookie_names().len(), 1);
    assert_eq!(Sources::default().limit(), 65_536);
    assert_eq!(Sources::default().body_limit(7).limit(), 7);
    for name in ["", "a b", "a:b", "é"] {
        assert!(std::panic::catch_unwind(|| Sources::default().header(name)).is_err(), "{name:?}");
    }
}

/// One search for all names finds what a search for each of them finds, whatever they have in common.
#[test]
fn cookies_of_any_names() {
    let header: &[u8] = b"aab=1_1; ab=2_2; ba=3_3; b=4_4; aaab=5_5";
    for (names, expected) in [
        (&["aab"][..], Some("1_1")),
        (&["ab"], Some("2_2")),
        (&["b", "aab"], Some("4_4")),
        (&["x", "ba"], Some("3_3")),
        (&["x", "y"], None),
        (&["aaab", "aab", "ab"], Some("5_5")),
        (&[], None),
    ] {
        let found = cookie::click_id([header], &Names::new(names.iter().copied()));
        assert_eq!(found.as_ref().map(ClickId::as_str), expected, "{names:?}");
    }
}

/// A request with a header, a body and a cookie, each of which may be missing.
struct Request {
    header: Option<&'static str>,
    body: bool,
    cookie: Option<&'static str>,
}

impl Head for Request {
    fn forwarded(&self) -> impl Iterator<Item = &[u8]> {
        self.header.iter().map(|value| value.as_bytes())
    }

    fn cookies(&self) -> impl Iterator<Item = &[u8]> {
        self.cookie.iter().map(|value| value.as_bytes())
    }

    fn body(&self) -> Option<BodyKind> {
        self.body.then_some(BodyKind::Json)
    }
}

/// The search stops where the body is needed, and goes on behind it.
#[test]
fn the_order_of_the_search() {
    const COOKIE: &str = "affitor_click_id=cookie";
    let body: &[u8] = br#"{"affitorClickId":"body"}"#;
    let order = |order: &[Source]| Sources::default().order(order.iter().copied());
    let (usual, reversed) = (Sources::default(), order(&[Source::Cookie, Source::Body, Source::Header]));
    for (sources, header, body, cookie, expected) in [
        (&usual, Some("header"), Some(Some(body)), Some(COOKIE), Some("header")),
        (&usual, None, Some(Some(body)), Some(COOKIE), Some("body")),
        (&usual, None, Some(Some(&b"{}"[..])), Some(COOKIE), Some("cookie")),
        (&usual, None, Some(None), Some(COOKIE), Some("cookie")),
        (&usual, None, None, Some(COOKIE), Some("cookie")),
        (&usual, None, Some(None), None, None),
        (&usual, None, None, None, None),
        (&reversed, Some("header"), Some(Some(body)), Some(COOKIE), Some("cookie")),
        (&reversed, Some("header"), Some(Some(body)), None, Some("body")),
        (&reversed, Some("header"), Some(None), None, Some("header")),
        (&order(&[]), Some("header"), Some(Some(body)), Some(COOKIE), None),
    ] {
        let request = Request { header, body: body.is_some(), cookie };
        let found = match (sources.search(&request), body) {
            (Search::Done(found), _) => found,
            (Search::Body(unfinished), Some(body)) => sources.resume(unfinished, body, &request),
            (Search::Body(_), None) => panic!("there is no body"),
        };
        assert_eq!(found.as_ref().map(ClickId::as_str), expected, "{header:?} {body:?} {cookie:?}");
    }
}

/// Of doubles the first valid one counts, under either name.
#[test]
fn doubled_cookies() {
    let names = Sources::default();
    let found = |header: &'static str| cookie::click_id([header.as_bytes()], names.cookie_names()).unwrap();
    assert_eq!(found("customer_code=cust_1_1; customer_code=cust_2_2"), "cust_1_1");
    assert_eq!(found("affitor_click_id=cust_1_1; affitor_click_id=cust_2_2"), "cust_1_1");
}

#[test]
fn a_history_keeps_the_newest() {
    let ids = |range: std::ops::Range<usize>| range.map(|n| format!("c_{n}")).collect::<Vec<_>>();
    let history = |value: &str| {
        let header = format!("a=b; affitor_click_ids={value}; c=d");
        cookie::history([header.as_bytes()]).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(history("c_0%7Cc_1%7cc_2"), ids(0..3));
    assert_eq!(history("c_0|c_1"), ids(0..2));
    assert_eq!(history(&ids(0..30).join("%7C")), ids(30 - HISTORY_LEN..30));
    assert_eq!(history("c_1%7Cc_0%7Cc_1"), ["c_0", "c_1"]);
    assert_eq!(history("%7C%7Cc_0%7C%20%7C%FF%7C"), ["c_0"]);
    assert_eq!(history(""), Vec::<String>::new());
    assert_eq!(cookie::history([&b"affitor_click_ids=%7C"[..], b"affitor_click_ids=c_1"]).len(), 1);
}

#[test]
fn a_header_s_first_valid_value() {
    for (values, expected) in
        [(&[&b""[..], b" cust_1_1\t", b"cust_2_2"][..], Some("cust_1_1")), (&[b"a b", b"\xff"], None), (&[], None)]
    {
        assert_eq!(header::click_id(values.iter().copied()).as_ref().map(ClickId::as_str), expected, "{values:?}");
    }
}

/// A body that ends early is not whole, although no error says so.
#[test]
fn which_prefix_is_the_whole_body() {
    for (expected, frames, whole) in [
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
        assert_eq!(prefix.whole(), whole.map(str::as_bytes), "{expected:?} {frames:?}");
    }
}

#[test]
fn a_prefix_holds_no_more_than_the_limit_and_one_frame() {
    let mut prefix = Prefix::new(5, None);
    assert!(prefix.push(b"ab".as_slice().into()));
    assert!(prefix.push(b"".as_slice().into()));
    assert!(prefix.push(b"cde".as_slice().into()));
    assert_eq!(prefix.as_slice(), b"abcde");
    assert!(!prefix.push(b"f".as_slice().into()));
    assert_eq!((prefix.as_slice(), prefix.held()), (&b"abcde"[..], 6));
    assert_eq!(prefix.pop().unwrap(), "abcde");
    assert_eq!(prefix.held(), 1);
    assert_eq!(prefix.pop().unwrap(), "f");
    assert_eq!((prefix.pop(), prefix.held()), (None, 0));
}

/// The value of a cookie by its plain definition: pairs between semicolons, white space around name and value dropped.
fn cookies<'h>(header: &'h [u8], name: &str) -> Vec<&'h [u8]> {
    header
        .split(|byte| *byte == b';')
        .filter_map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=')?;
            (pair[..at].trim_ascii() == name.as_bytes()).then(|| pair[at + 1..].trim_ascii())
        })
        .collect()
}

fn a_cookie_header() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(&b"affitor_click_id"[..]),
        Just(&b"affitor_click_ids"[..]),
        Just(&b"xaffitor_click_id"[..]),
        Just(&b"customer_code"[..]),
        Just(&b"=cust_1_2"[..]),
        Just(&b"=cust_3_4"[..]),
        Just(&b"=abc"[..]),
        Just(&b"=\"cust_1_2\""[..]),
        Just(&b"="[..]),
        Just(&b"; "[..]),
        Just(&b";"[..]),
        Just(&b" "[..]),
        Just(&b"\t"[..]),
        Just(&b"\xff\xfe"[..]),
        Just(&b"theme=dark"[..]),
    ];
    prop::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
}

fn a_value() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(r#""cust_1_2""#.to_owned()),
        2 => Just(r#""cust_3_4""#.to_owned()),
        1 => Just(r#""cu\u0073t_5_6""#.to_owned()),
        1 => Just(r#""not valid""#.to_owned()),
        1 => Just("null".to_owned()),
        1 => Just("17".to_owned()),
        1 => Just("-1.5e3".to_owned()),
        1 => Just("true".to_owned()),
        1 => Just(r#"{"affitorClickId":"cust_7_8"}"#.to_owned()),
        1 => Just(r#"["affitorClickId",[{"a":null}]]"#.to_owned()),
    ]
}

fn a_key() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        3 => Just("affitorClickId"),
        2 => Just("affitor_click_id"),
        1 => Just(r"affitor\u0043lickId"),
        1 => Just(r"\u0061ffitor_click_id"),
        2 => Just("email"),
        1 => Just(r"e\\mail"),
        1 => Just("click_id"),
    ]
}

fn an_object() -> impl Strategy<Value = String> {
    let space = prop_oneof![Just(""), Just(" "), Just("\n\t")];
    prop::collection::vec((a_key(), space, a_value()), 0..7).prop_map(|pairs| {
        let pairs: Vec<_> =
            pairs.iter().map(|(key, space, value)| format!("\"{key}\"{space}:{space}{value}")).collect();
        format!("{{{}}}", pairs.join(","))
    })
}

/// The field by its plain definition: what a handler has that reads the whole document into a map.
fn field(body: &[u8], fields: &[&str]) -> Option<ClickId> {
    let document: Value = serde_json::from_slice(body).ok()?;
    fields.iter().find_map(|field| valid(document.as_object()?.get(*field)?.as_str()?))
}

fn a_form() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(&b"affitorClickId"[..]),
        Just(&b"affitor%43lickId"[..]),
        Just(&b"affitor_click_id"[..]),
        Just(&b"affitor+click_id"[..]),
        Just(&b"email"[..]),
        Just(&b"=cust_1_2"[..]),
        Just(&b"=c%75st_3_4"[..]),
        Just(&b"=a+b"[..]),
        Just(&b"=%FF"[..]),
        Just(&b"=%4"[..]),
        Just(&b"="[..]),
        Just(&b"&"[..]),
        Just(&b"&"[..]),
        Just(&b"\xff"[..]),
    ];
    prop::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn cookies_are_found_as_they_are_defined(headers in prop::collection::vec(a_cookie_header(), 0..4)) {
        let found = cookie::click_id(headers.iter().map(Vec::as_slice), Sources::default().cookie_names());
        let all = |name: &str| headers.iter().flat_map(|header| cookies(header, name)).collect::<Vec<_>>();
        let expected = all("affitor_click_id").into_iter().find_map(|value| ClickId::new(value).ok()).or_else(|| {
            all("customer_code").into_iter().filter(|value| value.starts_with(b"cust_")).find_map(|value| ClickId::new(value).ok())
        });
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn json_is_read_as_a_handler_reads_it(object in an_object()) {
        let found = json::click_id(object.as_bytes(), &Names::new(FIELDS));
        prop_assert_eq!(found, field(object.as_bytes(), &FIELDS));
        // A name that JSON may write in more than one way.
        for odd in [&["e\\mail", "email"][..], &["e\\mail"]] {
            let names = Names::new(odd.iter().copied());
            prop_assert_eq!(json::click_id(object.as_bytes(), &names), field(object.as_bytes(), odd));
        }
    }

    #[test]
    fn broken_json_has_no_field(object in an_object(), at: prop::sample::Index, garbage: u8) {
        let cut = &object.as_bytes()[..at.index(object.len())];
        prop_assert_eq!(json::click_id(cut, &Names::new(FIELDS)), None);
        let mut broken = object.clone().into_bytes();
        broken.push(garbage);
        prop_assert_eq!(json::click_id(&broken, &Names::new(FIELDS)), field(&broken, &FIELDS));
        let mut broken = object.into_bytes();
        let place = at.index(broken.len());
        broken[place] = garbage;
        // A handler that takes only what is well-formed everywhere sees no more than this one.
        if let Some(id) = field(&broken, &FIELDS) {
            prop_assert_eq!(json::click_id(&broken, &Names::new(FIELDS)), Some(id));
        }
    }

    #[test]
    fn forms_are_read_as_a_handler_reads_them(form in a_form()) {
        let found = form::click_id(&form, &Names::new(FIELDS));
        let expected = FIELDS.iter().find_map(|field| {
            let last = form_urlencoded::parse(&form).filter(|(name, _)| name == field).last()?;
            valid(&last.1)
        });
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let sources = Sources::default();
        let _ = header::click_id([bytes.as_slice()]);
        let _ = cookie::click_id([bytes.as_slice()], sources.cookie_names());
        let _ = cookie::history([bytes.as_slice()]);
        let _ = json::click_id(&bytes, sources.field_names());
        let _ = form::click_id(&bytes, sources.field_names());
        let _ = BodyKind::of(&bytes);
    }
}

#[test]
fn forms_with_an_unusual_field_name() {
    let fields = Names::new(["click id"]);
    assert_eq!(form::click_id(b"click+id=cust_1_2", &fields).unwrap(), "cust_1_2");
    assert_eq!(form::click_id(b"click%20id=cust_1_2", &fields).unwrap(), "cust_1_2");
}
