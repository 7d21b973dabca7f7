//! Slow, dead and lying services, and visitors who disconnect.

use std::time::Duration;

use affitor_sandbox::{Fault, PartnerState};

use crate::capture::row::{Api, FORGET_RETRY, Row, Step, captured, captured_as, retry, retry_later, row, visit};

const LANDING: &str = "http://shop.example/?aff=A";

/// A retry cookie without a call.
const TAB: &str = "~affitor_retry=077777777777777777777777777777777.http%3A%2F%2Fshop.example%2F%3Faff%3DA";

/// The cookies of a click that came late.
fn late() -> Vec<String> {
    captured(LANDING).into_iter().chain([FORGET_RETRY.to_owned()]).collect()
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = slow();
    rows.extend(instances());
    rows.extend(failures());
    rows.extend(disconnects());
    rows
}

fn slow() -> Vec<Row> {
    let never_wait = |name| row("budget", name).settings(|builder| builder.budget(Duration::ZERO));
    let landing = || visit("/?aff=A").sets([retry(LANDING)]).has("cache-control", "private").body("tag false");
    vec![
        row("budget", "the page and the call run concurrently")
            .step(visit("/waits?aff=A").sets(captured("http://shop.example/waits?aff=A")).body("has waited"))
            .clicks(["http://shop.example/waits?aff=A"]),
        never_wait("a late click, with the next page")
            .step(landing())
            .step(Step::Settle)
            .step(visit("/pricing").sets(late()).has("cache-control", "private").body("click {1}, tag true"))
            .step(visit("/pricing").body("click {1}"))
            .step(Step::Counts([1, 0, 0, 0]))
            .clicks([LANDING]),
        never_wait("a late click, with a form that is submitted from the landing page")
            .step(landing())
            .step(Step::Settle)
            .step(
                visit("/sign-up")
                    .method("POST")
                    .header("content-length", "0")
                    .header("sec-fetch-mode", "cors")
                    .header("sec-fetch-dest", "empty")
                    .sets(late())
                    .body("click {1}"),
            )
            .clicks([LANDING]),
        never_wait("a late click is not given to images and scripts")
            .step(landing())
            .step(Step::Settle)
            .step(
                visit("/logo.png")
                    .header("sec-fetch-mode", "no-cors")
                    .header("sec-fetch-dest", "image")
                    .body("click none"),
            )
            .step(visit("/pricing").sets(late()))
            .clicks([LANDING]),
        never_wait("a late click, with the same landing again")
            .step(landing())
            .step(Step::Settle)
            .step(visit("/?aff=A").sets(late()).body("click {1}, tag false"))
            .clicks([LANDING]),
        never_wait("a late click and another partner's link")
            .step(landing())
            .step(Step::Settle)
            .step(visit("/?aff=B").sets(captured(LANDING).into_iter().chain([retry("http://shop.example/?aff=B")])))
            .step(Step::Settle)
            .step(visit("/pricing").sets({
                let mut lines = captured_as("{2}", "http://shop.example/?aff=B", "; Path=/; Max-Age=7776000");
                lines[1] = "affitor_click_ids={1}%7C{2}; SameSite=Lax; Path=/; Max-Age=7776000".to_owned();
                lines.into_iter().chain([FORGET_RETRY.to_owned()])
            }))
            .clicks([LANDING, "http://shop.example/?aff=B"]),
        never_wait("a late click and a link of nobody")
            .step(landing())
            .step(Step::Settle)
            .step(
                visit("/?aff=NOBODY")
                    .sets(captured(LANDING).into_iter().chain([retry("http://shop.example/?aff=NOBODY")])),
            )
            .step(Step::Settle)
            .step(visit("/pricing").sets([FORGET_RETRY]).body("click {1}"))
            .clicks([LANDING]),
        never_wait("a late click and a prefetch of another partner's link")
            .step(landing())
            .step(Step::Settle)
            .step(visit("/?aff=B").header("sec-purpose", "prefetch"))
            .step(visit("/pricing").sets(late()))
            .clicks([LANDING]),
        never_wait("a late click is not given to HEAD and OPTIONS")
            .step(landing())
            .step(Step::Settle)
            .step(visit("/").method("HEAD"))
            .step(visit("/").method("OPTIONS").body("click none"))
            .step(visit("/pricing").sets(late()))
            .clicks([LANDING]),
        row("budget", "two tabs with one retry cookie")
            .step(visit("/a").header("cookie", TAB).sets(late()).body("click none"))
            .step(visit("/b").header("cookie", TAB).sets(late()).body("click {1}"))
            .clicks([LANDING]),
        row("budget", "a service that never responds")
            .settings(|builder| builder.budget(Duration::from_millis(50)))
            .step(Step::Fault(Fault::Stall.times(1)))
            .step(visit("/?aff=A").sets([retry(LANDING)]))
            .step(visit("/pricing"))
            .no_click(),
        row("budget", "more landings than calls in flight")
            .settings(|builder| builder.budget(Duration::ZERO).calls_in_flight(1))
            .step(Step::Fault(Fault::Latency(Duration::from_millis(500)).times(1)))
            .step(visit("/?aff=A").header("cookie", "").sets([retry(LANDING)]))
            .step(
                visit("/?aff=B")
                    .header("cookie", "")
                    .sets([retry_later("http://shop.example/?aff=B")])
                    .body("tag true"),
            )
            .step(Step::Counts([0, 0, 1, 0]))
            .clicks([LANDING]),
        row("budget", "more landings than calls per second")
            .settings(|builder| builder.calls_per_second(1))
            .step(visit("/?aff=A").header("cookie", "").sets(captured(LANDING)))
            .step(visit("/?aff=B").header("cookie", "").sets([retry_later("http://shop.example/?aff=B")]))
            .clicks([LANDING]),
    ]
}

fn instances() -> Vec<Row> {
    let row = |name| row("instances", name).settings(|builder| builder.budget(Duration::ZERO));
    let first = || visit("/?aff=A").sets([retry(LANDING)]);
    let second =
        || captured_as("{2}", LANDING, "; Path=/; Max-Age=7776000").into_iter().chain([FORGET_RETRY.to_owned()]);
    vec![
        row("another instance repeats the call")
            .step(first())
            .step(Step::Settle)
            .step(Step::OtherInstance)
            .step(visit("/pricing"))
            .step(Step::Settle)
            .step(visit("/pricing").sets(second()))
            .step(Step::Counts([1, 1, 0, 0]))
            .clicks([LANDING, LANDING]),
        row("a form at another instance repeats nothing")
            .step(first())
            .step(Step::Settle)
            .step(Step::OtherInstance)
            .step(visit("/sign-up").method("POST").header("content-length", "0").body("click none"))
            .clicks([LANDING]),
        row("a result that is too old")
            .settings(|builder| builder.budget(Duration::ZERO).keep_results(Duration::ZERO))
            .step(first())
            .step(Step::Settle)
            .step(visit("/pricing"))
            .step(Step::Counts([0, 1, 0, 0]))
            .clicks([LANDING, LANDING]),
    ]
}

fn failures() -> Vec<Row> {
    let row = |name| row("failures", name);
    // The page leaves out the tag, so a cache must not give it to others.
    let page = || visit("/?aff=A").has("cache-control", "private").body("click none, tag false");
    vec![
        row("a service that is down").api(Api::Dead).step(visit("/?aff=A").sets([retry_later(LANDING)])).no_click(),
        row("a call that failed late is repeated with the next page")
            .api(Api::Dead)
            .settings(|builder| builder.budget(Duration::ZERO))
            .step(visit("/?aff=A").sets([retry(LANDING)]))
            .step(Step::Settle)
            .step(visit("/pricing").sets([retry(LANDING)]))
            .step(Step::Settle)
            .step(Step::Counts([0, 0, 0, 2]))
            .no_click(),
        row("a service that rejects all calls gets no second one")
            .api(Api::Fixed(403, r#"{"error":"forbidden"}"#))
            .step(page())
            .step(visit("/pricing"))
            .no_click(),
        row("a click that may have arrived is not repeated")
            .step(Step::Fault(Fault::ResetAfterWrite.times(1)))
            .step(page())
            .step(visit("/pricing"))
            .step(Step::Counts([0, 0, 0, 1]))
            .clicks([LANDING]),
        row("a service with too many requests")
            .step(Step::Fault(Fault::RateLimited(Duration::from_secs(30)).times(1)))
            .step(visit("/?aff=A").sets([retry_later(LANDING)]))
            .step(visit("/pricing").sets(late()))
            .clicks([LANDING]),
        row("an unknown partner").step(visit("/?aff=NOBODY").has("cache-control", "private")).no_click(),
        row("a link that is switched off").step(Step::Partner("A", PartnerState::LinkInactive)).step(page()).no_click(),
        row("a late call for an unknown partner")
            .settings(|builder| builder.budget(Duration::ZERO))
            .step(visit("/?aff=NOBODY").sets([retry("http://shop.example/?aff=NOBODY")]))
            .step(Step::Settle)
            .step(visit("/pricing").sets([FORGET_RETRY]))
            .no_click(),
        row("HTML instead of JSON").api(Api::Fixed(200, "<html>maintenance</html>")).step(page()).no_click(),
        row("a click id with a semicolon")
            .api(Api::Fixed(200, r#"{"success":true,"click_id":"a; Domain=evil.example","cookie_window_days":90}"#))
            .step(page())
            .no_click(),
        row("a click id with a line break")
            .api(Api::Fixed(200, r#"{"success":true,"click_id":"a\r\nset-cookie: b=c","cookie_window_days":90}"#))
            .step(page())
            .no_click(),
        row("a lifetime of -1 day")
            .api(Api::Fixed(200, r#"{"success":true,"click_id":"cust_1_1","cookie_window_days":-1}"#))
            .step(visit("/?aff=A").sets(captured_as("cust_1_1", LANDING, "; Path=/; Max-Age=5184000")))
            .no_click(),
        row("a lifetime of 1,000,000,000 days")
            .api(Api::Fixed(200, r#"{"success":true,"click_id":"cust_1_1","cookie_window_days":1000000000}"#))
            .step(visit("/?aff=A").sets(captured_as("cust_1_1", LANDING, "; Path=/; Max-Age=5184000")))
            .no_click(),
        row("a lifetime of 1 day")
            .api(Api::Fixed(200, r#"{"success":true,"click_id":"cust_1_1","cookie_window_days":1}"#))
            .step(visit("/?aff=A").sets(captured_as("cust_1_1", LANDING, "; Path=/; Max-Age=86400")))
            .no_click(),
    ]
}

fn disconnects() -> Vec<Row> {
    vec![
        row("disconnects", "a visitor who leaves before the page is ready")
            .step(Step::Fault(Fault::Latency(Duration::from_millis(200)).times(1)))
            .step(visit("/never?aff=A").disconnects())
            .step(Step::Clicks(1))
            .clicks(["http://shop.example/never?aff=A"]),
        row("disconnects", "a visitor who leaves while the service is slow")
            .step(Step::Fault(Fault::Latency(Duration::from_millis(200)).times(1)))
            .step(visit("/?aff=A").disconnects())
            .step(Step::Clicks(1))
            .clicks([LANDING]),
    ]
}
