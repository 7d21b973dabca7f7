//! Finding a click id gives the value that a handler reads from the same request, for arbitrary requests.

use affitor_core::{
    ClickHistory, ClickId,
    find::{FIELDS, Header, Names, Source, Sources, cookie},
};
use proptest::prelude::*;
use serde_json::Value;

use crate::head::{Head, in_form, in_head, in_header, in_json};

fn valid(text: &str) -> Option<ClickId> {
    ClickId::new(text).ok()
}

#[test]
fn which_texts_are_click_ids() {
    for (text, valid) in [
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
        assert_eq!(id.is_ok(), valid, "{text:?}");
        if let Ok(id) = id {
            assert_eq!(id.as_str(), text);
            assert_eq!(id.to_string(), text);
            assert_eq!(text.parse::<ClickId>().unwrap(), id);
            assert_eq!(serde_json::from_value::<ClickId>(serde_json::to_value(&id).unwrap()).unwrap(), id);
        }
    }
    for (text, reason) in
        [("", "empty"), (&"x".repeat(129), "at most 128 bytes, this one has 129"), ("a b", "visible ASCII")]
    {
        let error = ClickId::new(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn settings_of_sources() {
    let sources = Sources::default().order([Source::Cookie, Source::Cookie, Source::Header]).header("X-Click");
    assert_eq!(sources.get_order(), [Source::Cookie, Source::Header]);
    assert_eq!(sources.get_header(), "x-click");
    assert_eq!(Sources::default().fields(["", "a"]).get_fields().len(), 1);
    assert_eq!(Sources::default().cookies(["", "a"]).get_cookies().len(), 1);
    assert_eq!(Sources::default().get_body_limit(), 65_536);
    assert_eq!(Sources::default().body_limit(7).get_body_limit(), 7);
    assert_eq!(Sources::default().get_body_timeout(), std::time::Duration::from_secs(2));
    assert!(!Sources::default().get_allow_unknown_length());
    for name in ["", "a b", "a:b", "é", &"x".repeat(257)] {
        assert!(std::panic::catch_unwind(|| Sources::default().header(name)).is_err(), "{name:?}");
    }
}

/// One search for several names finds the same as one search per name, even if the names overlap.
#[test]
fn overlapping_cookie_names() {
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

/// The first valid value of a duplicated cookie counts, under either name.
#[test]
fn duplicate_cookies() {
    let names = Sources::default();
    let found = |header: &'static str| cookie::click_id([header.as_bytes()], names.get_cookies()).unwrap();
    assert_eq!(found("customer_code=cust_1_1; customer_code=cust_2_2"), "cust_1_1");
    assert_eq!(found("affitor_click_id=cust_1_1; affitor_click_id=cust_2_2"), "cust_1_1");
}

#[test]
fn a_history_keeps_the_newest_ids() {
    let ids = |range: std::ops::Range<usize>| range.map(|n| format!("c_{n}")).collect::<Vec<_>>();
    let history = |value: &str| {
        let header = format!("a=b; affitor_click_ids={value}; c=d");
        cookie::history([header.as_bytes()]).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(history("c_0%7Cc_1%7cc_2"), ids(0..3));
    assert_eq!(history("c_0|c_1"), ids(0..2));
    assert_eq!(history(&ids(0..30).join("%7C")), ids(30 - ClickHistory::MAX_LEN..30));
    assert_eq!(history("c_1%7Cc_0%7Cc_1"), ["c_0", "c_1"]);
    assert_eq!(history("%7C%7Cc_0%7C%20%7C%FF%7C"), ["c_0"]);
    assert_eq!(history(""), Vec::<String>::new());
    assert_eq!(cookie::history([&b"affitor_click_ids=%7C"[..], b"affitor_click_ids=c_1"]).len(), 1);
}

#[test]
fn a_history_is_bounded_and_has_no_duplicates() {
    let ids = |numbers: &[usize]| numbers.iter().map(|n| ClickId::new(format!("c_{n}")).unwrap()).collect::<Vec<_>>();
    let all: Vec<usize> = (0..30).collect();
    assert_eq!(*ClickHistory::from(ids(&all)), ids(&all[10..]));
    assert_eq!(*ClickHistory::from(ids(&[1, 0, 1])), ids(&[0, 1]));
    let json = serde_json::to_value(ids(&all)).unwrap();
    assert_eq!(*serde_json::from_value::<ClickHistory>(json).unwrap(), ids(&all[10..]));
    assert!(ClickHistory::default().is_empty());
}

#[test]
fn the_first_valid_header_value_counts() {
    for (values, expected) in
        [(&[&b""[..], b" cust_1_1\t", b"cust_2_2"][..], Some("cust_1_1")), (&[b"a b", b"\xff"], None), (&[], None)]
    {
        assert_eq!(in_header(values).as_ref().map(ClickId::as_str), expected, "{values:?}");
    }
}

/// Reference implementation: pairs separated by semicolons, with white space around name and value removed.
fn cookies<'h>(header: &'h [u8], name: &str) -> Vec<&'h [u8]> {
    header
        .split(|byte| *byte == b';')
        .filter_map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=')?;
            (pair[..at].trim_ascii() == name.as_bytes()).then(|| pair[at + 1..].trim_ascii())
        })
        .collect()
}

fn cookie_header() -> impl Strategy<Value = Vec<u8>> {
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

fn json_value() -> impl Strategy<Value = String> {
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

fn json_key() -> impl Strategy<Value = &'static str> {
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

fn json_object() -> impl Strategy<Value = String> {
    let space = prop_oneof![Just(""), Just(" "), Just("\n\t")];
    prop::collection::vec((json_key(), space, json_value()), 0..7).prop_map(|pairs| {
        let pairs: Vec<_> =
            pairs.iter().map(|(key, space, value)| format!("\"{key}\"{space}:{space}{value}")).collect();
        format!("{{{}}}", pairs.join(","))
    })
}

/// Reference implementation: the value in a map that the whole document is parsed into.
fn field(body: &[u8], fields: &[&str]) -> Option<ClickId> {
    let document: Value = serde_json::from_slice(body).ok()?;
    fields.iter().find_map(|field| valid(document.as_object()?.get(*field)?.as_str()?))
}

/// What a handler's struct skips may hold what a `Value` rejects. The handler gets its fields, so the click id counts.
#[test]
fn skipped_fields_are_read_as_a_struct_reads_them() {
    #[derive(serde::Deserialize)]
    struct SignUp {
        #[serde(rename = "affitorClickId")]
        click_id: String,
    }
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    for skipped in ["1e999", "-1e999", r#""\ud800""#, r#"["\udc00"]"#, &deep] {
        let body = format!(r#"{{"a":{skipped},"affitorClickId":"cust_1_2"}}"#);
        assert!(serde_json::from_str::<Value>(&body).is_err(), "{skipped:.20}");
        assert_eq!(serde_json::from_str::<SignUp>(&body).unwrap().click_id, "cust_1_2", "{skipped:.20}");
        assert_eq!(in_json(body.as_bytes(), FIELDS), valid("cust_1_2"), "{skipped:.20}");
    }
}

fn form_body() -> impl Strategy<Value = Vec<u8>> {
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
    #[test]
    fn cookies_agree_with_the_reference(headers in prop::collection::vec(cookie_header(), 0..4)) {
        let found = cookie::click_id(headers.iter().map(Vec::as_slice), Sources::default().get_cookies());
        let all = |name: &str| headers.iter().flat_map(|header| cookies(header, name)).collect::<Vec<_>>();
        let expected = all("affitor_click_id").into_iter().find_map(|value| ClickId::new(value).ok()).or_else(|| {
            all("customer_code").into_iter().filter(|value| value.starts_with(b"cust_")).find_map(|value| ClickId::new(value).ok())
        });
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn json_fields_agree_with_the_reference(object in json_object()) {
        let found = in_json(object.as_bytes(), FIELDS);
        prop_assert_eq!(found, field(object.as_bytes(), &FIELDS));
        // A name that JSON can represent in several ways.
        for fields in [&["e\\mail", "email"][..], &["e\\mail"]] {
            let found = in_json(object.as_bytes(), fields.iter().copied());
            prop_assert_eq!(found, field(object.as_bytes(), fields));
        }
    }

    #[test]
    fn malformed_json_has_no_field(object in json_object(), at: prop::sample::Index, garbage: u8) {
        let cut = &object.as_bytes()[..at.index(object.len())];
        prop_assert_eq!(in_json(cut, FIELDS), None);
        let mut broken = object.clone().into_bytes();
        broken.push(garbage);
        prop_assert_eq!(in_json(&broken, FIELDS), field(&broken, &FIELDS));
        let mut broken = object.into_bytes();
        let place = at.index(broken.len());
        broken[place] = garbage;
        // If the changed document is still well-formed, both find the same.
        if let Some(id) = field(&broken, &FIELDS) {
            prop_assert_eq!(in_json(&broken, FIELDS), Some(id));
        }
    }

    #[test]
    fn form_fields_agree_with_the_reference(form in form_body()) {
        let found = in_form(&form, FIELDS);
        let expected = FIELDS.iter().find_map(|field| {
            let last = form_urlencoded::parse(&form).filter(|(name, _)| name == field).last()?;
            valid(&last.1)
        });
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let sources = Sources::default();
        let _ = in_header(&[&bytes]);
        let _ = cookie::click_id([bytes.as_slice()], sources.get_cookies());
        let _ = cookie::history([bytes.as_slice()]);
        let _ = in_json(&bytes, FIELDS);
        let _ = in_form(&bytes, FIELDS);
        let _ = in_head(&sources, &Head::default().and(Header::ContentType, bytes.clone()));
    }
}

#[test]
fn a_form_field_name_with_a_space() {
    assert_eq!(in_form(b"click+id=cust_1_2", ["click id"]).unwrap(), "cust_1_2");
    assert_eq!(in_form(b"click%20id=cust_1_2", ["click id"]).unwrap(), "cust_1_2");
}
