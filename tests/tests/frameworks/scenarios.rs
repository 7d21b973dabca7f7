//! One table about finding the click id, with the same expectations for every framework. Each row is sent to an app with the
//! layer and to one without: both handlers must receive the same body.

use std::{
    collections::{HashMap, hash_map::Entry},
    io::{self, Write as _},
};

use affitor_tests::{
    apps::{App, Framework, Setup},
    raw::Raw,
};

const ID: &str = "cust_42_1714000000000";

struct Row {
    name: &'static str,
    setup: Setup,
    request: Raw,
    expected: Option<String>,
}

/// A row for the layer with default settings.
fn row(name: &'static str, expected: impl Into<Option<&'static str>>, request: Raw) -> Row {
    with(Setup::Default, name, expected, request)
}

fn with(setup: Setup, name: &'static str, expected: impl Into<Option<&'static str>>, request: Raw) -> Row {
    Row { name, setup, request, expected: expected.into().map(str::to_owned) }
}

fn post() -> Raw {
    Raw::post("/sign-up")
}

fn cookie(value: impl AsRef<[u8]>) -> Raw {
    post().header("cookie", value)
}

fn forwarded(value: impl AsRef<[u8]>) -> Raw {
    post().header("x-affitor-click-id", value)
}

fn json(body: impl AsRef<[u8]>) -> Raw {
    post().header("content-type", "application/json").body(body)
}

fn form(body: impl AsRef<[u8]>) -> Raw {
    post().header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// A JSON object of this length in bytes, with the field at the end.
fn padded(len: usize) -> String {
    let unpadded = format!(r#"{{"padding":"","affitorClickId":"{ID}"}}"#).len();
    format!(r#"{{"padding":"{}","affitorClickId":"{ID}"}}"#, "x".repeat(len - unpadded))
}

fn in_head() -> Vec<Row> {
    vec![
        row("no click id", None, post()),
        // the header
        row("a forwarded header", ID, forwarded(ID)),
        row("a header with white space around it", ID, forwarded(format!("  {ID}\t"))),
        row("a header name in upper case", ID, post().header("X-AFFITOR-CLICK-ID", ID)),
        row("an empty header", None, forwarded("")),
        row("a quoted header", None, forwarded(format!("\"{ID}\""))),
        row("a header of 128 bytes", Some("x".repeat(128).leak() as &str), forwarded("x".repeat(128))),
        row("a header of 129 bytes", None, forwarded("x".repeat(129))),
        row("a header that is not UTF-8", None, forwarded(b"cust_\xff\xfe")),
        row("a header with a space in the middle", None, forwarded("cust 42")),
        row("two headers joined by a proxy", None, forwarded("cust_1_1, cust_2_2")),
        row("two headers, the first valid", "cust_1_1", forwarded("cust_1_1").header("x-affitor-click-id", "cust_2_2")),
        row("two headers, the second valid", "cust_2_2", forwarded("").header("x-affitor-click-id", "cust_2_2")),
        row("another network's header", None, post().header("x-click-id", ID)),
        // the cookie
        row("a cookie", ID, cookie(format!("affitor_click_id={ID}"))),
        row("a cookie among others", ID, cookie(format!("a=b; affitor_click_id={ID}; c=d"))),
        row("cookies without spaces between them", ID, cookie(format!("a=b;affitor_click_id={ID};c=d"))),
        row(
            "a cookie with white space around name and value",
            ID,
            cookie(format!("a=b;  affitor_click_id = {ID} ;c=d")),
        ),
        row("a cookie whose name ends with the name", None, cookie(format!("my_affitor_click_id={ID}"))),
        row("a cookie whose name begins with the name", None, cookie(format!("affitor_click_ids={ID}"))),
        row("a cookie whose value contains the name", None, cookie(format!("a=affitor_click_id={ID}"))),
        row("a cookie name in another case", None, cookie(format!("Affitor_Click_Id={ID}"))),
        row("a quoted cookie", None, cookie(format!("affitor_click_id=\"{ID}\""))),
        row("an empty cookie", None, cookie("affitor_click_id=; a=b")),
        row("a cookie without a value", None, cookie("affitor_click_id; a=b")),
        row("a percent-encoded cookie", None, cookie("affitor_click_id=cust%5F42")),
        row("a cookie that is too long", None, cookie(format!("affitor_click_id={}", "x".repeat(129)))),
        row("a duplicated cookie", "cust_1_1", cookie("affitor_click_id=cust_1_1; affitor_click_id=cust_2_2")),
        row(
            "a duplicated cookie, the first invalid",
            "cust_2_2",
            cookie("affitor_click_id=; affitor_click_id=cust_2_2"),
        ),
        row("another cookie that is not UTF-8", ID, cookie([b"a=\xff\xfe; affitor_click_id=", ID.as_bytes()].concat())),
        row("another cookie with an unclosed quote", ID, cookie(format!("a=\"b; affitor_click_id={ID}"))),
        row("the old cookie", "cust_1_1", cookie("customer_code=cust_1_1")),
        row("the old cookie, set by another product", None, cookie("customer_code=SUMMER")),
        row(
            "the old cookie and the new cookie",
            "cust_2_2",
            cookie("customer_code=cust_1_1; affitor_click_id=cust_2_2"),
        ),
        row(
            "the old cookie and an invalid new cookie",
            "cust_1_1",
            cookie("customer_code=cust_1_1; affitor_click_id=\"\""),
        ),
        row(
            "the new cookie in a second header",
            "cust_2_2",
            cookie("customer_code=cust_1_1").header("cookie", "affitor_click_id=cust_2_2"),
        ),
        row(
            "ten cookie headers",
            ID,
            (0..9)
                .fold(post(), |request, _| request.header("cookie", "a=b"))
                .header("cookie", format!("affitor_click_id={ID}")),
        ),
        row("a cookie header of 16 KiB", ID, cookie(format!("a={}; affitor_click_id={ID}", "x".repeat(16 * 1024)))),
        row(
            "the header takes precedence over the cookie",
            "cust_1_1",
            forwarded("cust_1_1").header("cookie", "affitor_click_id=cust_2_2"),
        ),
        row(
            "an invalid header does not take precedence",
            "cust_2_2",
            forwarded("a b").header("cookie", "affitor_click_id=cust_2_2"),
        ),
        with(
            Setup::CookieFirst,
            "cookie first",
            "cust_2_2",
            forwarded("cust_1_1").header("cookie", "affitor_click_id=cust_2_2"),
        ),
        with(Setup::HeaderOnly, "header only, with a cookie", None, cookie(format!("affitor_click_id={ID}"))),
        with(Setup::HeaderOnly, "header only, with a header", ID, forwarded(ID)),
        with(Setup::OtherNames, "another header name", ID, post().header("x-click", ID)),
        with(Setup::OtherNames, "another cookie name", ID, cookie(format!("click={ID}"))),
        with(
            Setup::OtherNames,
            "other names, with the default names",
            None,
            forwarded(ID).header("cookie", format!("affitor_click_id={ID}")),
        ),
    ]
}

fn in_body() -> Vec<Row> {
    let field = format!(r#"{{"email":"jo@example.com","affitorClickId":"{ID}"}}"#);
    let typed = |content_type: &'static str| post().header("content-type", content_type).body(&field);
    let without_body = |content_type: &'static str| post().header("content-type", content_type);
    vec![
        // JSON
        row("a JSON field", ID, json(&field)),
        row("a JSON field in snake case", ID, json(format!(r#"{{"affitor_click_id":"{ID}"}}"#))),
        row(
            "both fields, the first name wins",
            "cust_1_1",
            json(r#"{"affitor_click_id":"cust_2_2","affitorClickId":"cust_1_1"}"#),
        ),
        row(
            "both fields, the first name null",
            "cust_2_2",
            json(r#"{"affitor_click_id":"cust_2_2","affitorClickId":null}"#),
        ),
        row("another network's field", None, json(r#"{"click_id":"cust_1_1"}"#)),
        row("a nested field", None, json(r#"{"user":{"affitorClickId":"cust_1_1"}}"#)),
        row("a field in an array", None, json(r#"[{"affitorClickId":"cust_1_1"}]"#)),
        row("the field name as a value", None, json(r#"{"a":"affitorClickId","b":"cust_1_1"}"#)),
        row(
            "a duplicated field, the last one wins",
            "cust_2_2",
            json(r#"{"affitorClickId":"cust_1_1","affitorClickId":"cust_2_2"}"#),
        ),
        row(
            "a duplicated field, the last one invalid",
            None,
            json(r#"{"affitorClickId":"cust_1_1","affitorClickId":""}"#),
        ),
        row("an escaped key", "cust_1_1", json(r#"{"affitor\u0043lickId":"cust_1_1"}"#)),
        row("an escaped value", "cust_1_1", json(r#"{"affitorClickId":"cust\u005f1_1"}"#)),
        row("a number as value", None, json(r#"{"affitorClickId":17}"#)),
        row("an object as value", None, json(r#"{"affitorClickId":{"id":"cust_1_1"}}"#)),
        row("truncated JSON", None, json(r#"{"affitorClickId":"cust_1_1""#)),
        row("JSON followed by garbage", None, json(r#"{"affitorClickId":"cust_1_1"}x"#)),
        row("JSON that is not UTF-8", None, json(b"{\"affitorClickId\":\"cust_1_1\",\"a\":\"\xff\"}")),
        row("a content type with a charset, in another case", ID, typed("Application/JSON;charset=UTF-8")),
        row("a content type with a JSON suffix", ID, typed("application/vnd.api+json")),
        row("JSON without a content type", None, post().body(&field)),
        row("JSON with a text content type", None, typed("text/plain")),
        row("compressed JSON", None, json(&field).header("content-encoding", "gzip")),
        row("JSON with the encoding `identity`", ID, json(&field).header("content-encoding", "identity")),
        row("64 KiB of JSON", ID, json(padded(65_536))),
        row("64 KiB and one byte of JSON", None, json(padded(65_537))),
        row("1 MiB of JSON", None, json(padded(1024 * 1024))),
        row("an empty body", None, json("")),
        row("malformed JSON, and a cookie", "cust_2_2", json("{").header("cookie", "affitor_click_id=cust_2_2")),
        row("a field takes precedence over the cookie", ID, json(&field).header("cookie", "affitor_click_id=cust_2_2")),
        row(
            "the header takes precedence over a field",
            "cust_1_1",
            json(&field).header("x-affitor-click-id", "cust_1_1"),
        ),
        with(
            Setup::CookieFirst,
            "cookie first, with a field",
            "cust_2_2",
            json(&field).header("cookie", "affitor_click_id=cust_2_2"),
        ),
        with(Setup::CookieFirst, "cookie first, without a cookie", ID, json(&field)),
        with(Setup::BodyFirst, "body first, with a header", ID, json(&field).header("x-affitor-click-id", "cust_1_1")),
        with(
            Setup::BodyFirst,
            "body first, without a field",
            "cust_1_1",
            json("{}").header("x-affitor-click-id", "cust_1_1"),
        ),
        with(Setup::HeaderOnly, "header only, with a field", None, json(&field)),
        with(Setup::OtherNames, "another field name", ID, json(format!(r#"{{"click_id":"{ID}"}}"#))),
        with(Setup::SmallLimit, "a body within a small limit", ID, json(&field)),
        with(Setup::SmallLimit, "a body over a small limit", None, json(padded(101))),
        with(Setup::OnlySignUp, "a path whose bodies are inspected", ID, json(&field)),
        with(
            Setup::OnlySignUp,
            "a path whose bodies are not inspected",
            None,
            Raw::post("/other").header("content-type", "application/json").body(&field),
        ),
        // forms
        row("a form field", ID, form(format!("email=jo%40example.com&affitorClickId={ID}"))),
        row("a form field in snake case", ID, form(format!("affitor_click_id={ID}&a=b"))),
        row("a duplicated form field", "cust_2_2", form("affitorClickId=cust_1_1&affitorClickId=cust_2_2")),
        row("an escaped form field", "cust_1_1", form("affitor%43lickId=cust%5F1_1")),
        row("an invalid form field", None, form("affitorClickId=cust+1&a=b")),
        row("a form field that is not UTF-8", None, form("affitorClickId=%FF%FE")),
        row("a malformed form", ID, form(format!("%&&=&%4&affitorClickId={ID}&"))),
        row(
            "a multipart form",
            None,
            post().header("content-type", "multipart/form-data; boundary=x").body(format!(
                "--x\r\ncontent-disposition: form-data; name=\"affitorClickId\"\r\n\r\n{ID}\r\n--x--\r\n"
            )),
        ),
        // transfer of the body
        row("chunked", None, without_body("application/json").chunked(&[field.as_bytes()], "")),
        row(
            "chunked, with a cookie",
            "cust_2_2",
            without_body("application/json")
                .header("cookie", "affitor_click_id=cust_2_2")
                .chunked(&[field.as_bytes()], ""),
        ),
        row(
            "chunked with trailers",
            None,
            without_body("application/json").chunked(&[b"{", b"}"], "x-checksum: 1\r\n"),
        ),
        with(
            Setup::UnknownLength,
            "chunked, allowed",
            ID,
            without_body("application/json").chunked(&[field.as_bytes()], ""),
        ),
        with(
            Setup::UnknownLength,
            "many chunks, allowed",
            ID,
            without_body("application/json").chunked(&field.as_bytes().chunks(7).collect::<Vec<_>>(), ""),
        ),
        with(
            Setup::UnknownLength,
            "chunked with trailers, allowed",
            ID,
            without_body("application/json").chunked(&[field.as_bytes()], "x-checksum: 1\r\n"),
        ),
        with(
            Setup::UnknownLength,
            "more chunks than the limit, allowed",
            None,
            without_body("application/json").chunked(&padded(5_000).as_bytes().chunks(400).collect::<Vec<_>>(), ""),
        ),
        row(
            "an unfinished chunked body, early response",
            None,
            Raw::post("/early").header("content-type", "application/json").open(&[b"{"]),
        ),
        row(
            "an unfinished chunked body with a cookie, early response",
            ID,
            Raw::post("/early")
                .header("content-type", "application/json")
                .header("cookie", format!("affitor_click_id={ID}"))
                .open(&[b"{"]),
        ),
        with(
            Setup::ShortWait,
            "an incomplete body, early response",
            None,
            Raw::post("/early").header("content-type", "application/json").stalled(100, "{"),
        ),
        with(
            Setup::ShortWait,
            "an incomplete body with a cookie, early response",
            ID,
            Raw::post("/early")
                .header("content-type", "application/json")
                .header("cookie", format!("affitor_click_id={ID}"))
                .stalled(100, "{"),
        ),
        row(
            "an upgrade, early response",
            None,
            Raw::post("/early")
                .header("content-type", "application/json")
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .body("{}"),
        ),
        row("Expect: 100-continue", None, without_body("application/json").expected(&field)),
        row(
            "Expect: 100-continue, with a cookie",
            "cust_2_2",
            without_body("application/json").header("cookie", "affitor_click_id=cust_2_2").expected(&field),
        ),
        row("a body that is cut off", None, without_body("application/json").cut_off(field.len() + 1, &field)),
        row(
            "a body that is cut off, with a cookie",
            "cust_2_2",
            without_body("application/json")
                .header("cookie", "affitor_click_id=cust_2_2")
                .cut_off(field.len() + 1, &field),
        ),
        row(
            "a form that is cut off",
            None,
            without_body("application/x-www-form-urlencoded").cut_off(1_000, "affitorClickId=cust_1_1"),
        ),
        row("a long body that is cut off", None, without_body("application/json").cut_off(1024 * 1024, &field)),
    ]
}

/// What sending one row to the apps of one framework showed to be wrong.
async fn check(row: &Row, framework: Framework, apps: &mut HashMap<(Framework, Setup), App>) -> Vec<String> {
    let Row { name, setup, request, expected } = row;
    let mut results = Vec::new();
    for setup in [*setup, Setup::NoLayer] {
        let app = match apps.entry((framework, setup)) {
            Entry::Occupied(app) => app.into_mut(),
            Entry::Vacant(entry) => entry.insert(App::start(framework, setup).await),
        };
        let response = request.send(app.address).await;
        results.push((app.received().await, response));
    }
    let (without_layer, response_without_layer) = results.pop().unwrap();
    let (with_layer, response) = results.pop().unwrap();
    let mut wrong = Vec::new();
    if with_layer.click_id != *expected {
        wrong.push(format!("{framework:?}, {name}: expected {expected:?}, got {:?}", with_layer.click_id));
    }
    if (&with_layer.body, &with_layer.end, &response)
        != (&without_layer.body, &without_layer.end, &response_without_layer)
    {
        wrong.push(format!(
            "{framework:?}, {name}: the handler receives {} bytes, {:?}, and the response is {response:?}; \
             without the layer {} bytes, {:?}, {response_without_layer:?}",
            with_layer.body.len(),
            with_layer.end,
            without_layer.body.len(),
            without_layer.end,
        ));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_framework_finds_the_same_id() {
    let mut rows = in_head();
    rows.extend(in_body());
    let mut apps = HashMap::new();
    let mut wrong = Vec::new();
    for row in &rows {
        for framework in Framework::ALL {
            wrong.extend(check(row, framework, &mut apps).await);
        }
    }
    // `writeln!`, because the test harness captures `eprintln!`.
    writeln!(io::stderr(), "scenarios: {} rows in {} frameworks", rows.len(), Framework::ALL.len()).unwrap();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The adapter of `examples/adapter` is for a framework that the workspace has no crate for. `tiny_http` accepts only headers in
/// ASCII, and the adapter has neither `body_when` nor a timeout.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adapter_written_with_the_core_finds_the_same_id() {
    let is_supported = |row: &Row| {
        let other_setup = matches!(row.setup, Setup::UnknownLength | Setup::ShortWait | Setup::OnlySignUp);
        let other_server = ["not UTF-8", "unfinished", "Expect", "cut off", "upgrade", "trailers"];
        !other_setup && !other_server.iter().any(|part| row.name.contains(part))
    };
    let mut rows = in_head();
    rows.extend(in_body());
    rows.retain(is_supported);
    let mut apps = HashMap::new();
    let mut wrong = Vec::new();
    for row in &rows {
        wrong.extend(check(row, Framework::TinyHttp, &mut apps).await);
    }
    writeln!(io::stderr(), "scenarios: {} rows in tiny_http", rows.len()).unwrap();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
