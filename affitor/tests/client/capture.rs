//! The settings of capture. What it does with requests is tested over sockets, in `tests/tests/capture`.

#![cfg(all(feature = "capture", feature = "carry"))]

use std::time::Duration;

use affitor::{
    Client,
    capture::{BUDGET, CALLS_IN_FLIGHT, CALLS_PER_SECOND, ClickCapture, ClickCaptureBuilder, KEEP_RESULTS},
    carry::VisitorKey,
};

fn host_only() -> ClickCaptureBuilder {
    ClickCapture::builder(Client::disabled()).host_only().without_consent_check()
}

fn shared() -> ClickCaptureBuilder {
    ClickCapture::builder(Client::disabled()).domain("shop.example").without_consent_check()
}

fn adopts_from(origin: &str) -> ClickCaptureBuilder {
    host_only().adopt_from(VisitorKey::new(42, "0f1e2d3c4b5a69788796a5b4c3d2e1f0").unwrap(), [origin])
}

/// Asserts that the settings are rejected, with a message that contains a text.
#[track_caller]
fn rejected(builder: ClickCaptureBuilder, message: &str) {
    let error = builder.build().expect_err(message).to_string();
    assert!(error.contains(message), "{error}");
}

#[test]
fn domains() {
    for domain in ["shop.example", ".Shop.Example", "a.b.shop.example"] {
        let capture = ClickCapture::builder(Client::disabled()).domain(domain).without_consent_check().build().unwrap();
        assert_eq!(capture.get_domain(), Some(domain.trim_start_matches('.').to_lowercase().as_str()));
    }
    for domain in [
        "",
        ".",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "shop.example.",
        "shop.example:443",
        "shop.example/a",
        "a@shop.example",
        "shop.example?a",
        "shop.example#a",
        "shop .example",
        "https://shop.example",
    ] {
        rejected(
            ClickCapture::builder(Client::disabled()).domain(domain).without_consent_check(),
            "the domain of the cookies",
        );
    }
}

#[test]
fn origins() {
    assert!(shared().origin("https://www.shop.example:8443/").build().is_ok());
    assert!(host_only().origin("http://localhost:3000").build().is_ok());
    for origin in
        ["", "www.shop.example", "ftp://shop.example", "https://", "https://shop.example/a", "https://a@shop.example"]
    {
        rejected(shared().origin(origin), "scheme and host");
        rejected(adopts_from(origin), "adopted from origins");
    }
    for origin in ["https://other.example", "https://myshop.example", "https://shop.example.evil.example"] {
        rejected(shared().origin(origin), "one of the domain of the cookies");
    }
}

#[test]
fn parameters_and_limits() {
    assert_eq!(host_only().parameter("via-1._").build().unwrap().get_parameter(), "via-1._");
    for parameter in ["", "a b", "a=b", "a&b", "%61ff", "\u{e4}"] {
        rejected(host_only().parameter(parameter), "the name of the parameter");
    }
    rejected(host_only().calls_in_flight(0), "must not be 0");
    rejected(host_only().calls_per_second(0), "must not be 0");
}

#[test]
fn getters() {
    let defaults = host_only().build().unwrap();
    assert_eq!((defaults.get_domain(), defaults.get_parameter()), (None, "aff"));
    assert_eq!((defaults.get_budget(), defaults.get_keep_results()), (BUDGET, KEEP_RESULTS));
    assert_eq!((defaults.get_calls_in_flight(), defaults.get_calls_per_second()), (CALLS_IN_FLIGHT, CALLS_PER_SECOND));
    let (budget, keep) = (Duration::from_millis(1), Duration::from_secs(2));
    let set = host_only().budget(budget).keep_results(keep).calls_in_flight(3).calls_per_second(4);
    let set = set.keep_parameters(["campaign", "plan"]).build().unwrap();
    assert_eq!((set.get_budget(), set.get_keep_results()), (budget, keep));
    assert_eq!((set.get_calls_in_flight(), set.get_calls_per_second()), (3, 4));
    assert!(set.get_keep_parameters().eq(["campaign", "plan"]));
}
