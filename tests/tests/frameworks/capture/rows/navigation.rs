//! Which requests are landings.

use crate::capture::{
    apps::Framework,
    row::{FORGET_RETRY, Row, captured, captured_as, retry_later, row, visit},
};

const LANDING: &str = "http://shop.example/?aff=A";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = navigation();
    rows.extend(prefetch());
    rows.extend(nest());
    rows
}

fn navigation() -> Vec<Row> {
    let row = |name| row("navigation", name);
    vec![
        row("a landing")
            .step(
                visit("/?aff=A").sets(captured(LANDING)).has("cache-control", "private").body("click none, tag false"),
            )
            .clicks([LANDING]),
        row("a page without a partner").step(visit("/pricing").lacks("cache-control").body("tag true")).no_click(),
        row("path and utm parameters are kept, others are not")
            .step(
                visit("/pricing?token=secret&aff=A&utm_source=blog&email=jo@example.com")
                    .sets(captured("http://shop.example/pricing?aff=A&utm_source=blog")),
            )
            .clicks(["http://shop.example/pricing?aff=A&utm_source=blog"]),
        row("parameters that the app keeps")
            .settings(|builder| builder.keep_parameters(["campaign"]))
            .step(visit("/?campaign=1&aff=A&x=2").sets(captured("http://shop.example/?aff=A&campaign=1")))
            .clicks(["http://shop.example/?aff=A&campaign=1"]),
        row("another parameter name")
            .settings(|builder| builder.parameter("ref"))
            .step(visit("/?aff=B"))
            .step(visit("/?ref=A").sets(captured(LANDING)))
            .clicks([LANDING]),
        row("an old browser").step(visit("/?aff=A").old_browser().sets(captured(LANDING))).clicks([LANDING]),
        row("an old browser's image").step(visit("/?aff=A").old_browser().header("accept", "image/png")).no_click(),
        row("an old browser without Accept").step(visit("/?aff=A").old_browser().without("accept")).no_click(),
        row("a frame").step(visit("/?aff=A").header("sec-fetch-dest", "iframe")).no_click(),
        row("a script's request")
            .step(visit("/?aff=A").header("sec-fetch-mode", "cors").header("sec-fetch-dest", "empty"))
            .no_click(),
        row("only Sec-Fetch-Mode, which is not a navigation")
            .step(visit("/?aff=A").without("sec-fetch-dest").header("sec-fetch-mode", "no-cors"))
            .no_click(),
        row("a form").step(visit("/?aff=A").method("POST").header("content-length", "0")).no_click(),
        row("HEAD").step(visit("/?aff=A").method("HEAD")).no_click(),
        row("a websocket")
            .step(visit("/?aff=A").header("connection", "upgrade").header("upgrade", "websocket"))
            .no_click(),
        row("a crawler")
            .step(visit("/?aff=A").header("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1)"))
            .no_click(),
        row("crawlers that pass for browsers")
            .step(visit("/?aff=A").header("user-agent", "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36 (compatible; GoogleOther)"))
            .step(visit("/?aff=A").header("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36"))
            .step(visit("/?aff=A").header("user-agent", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ChatGPT-User/1.0; +https://openai.com/bot)"))
            .step(visit("/?aff=A").header("user-agent", "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)"))
            .no_click(),
        row("two capture layers")
            .step(visit("/twice/page?aff=A").sets(captured("http://shop.example/twice/page?aff=A")))
            .clicks(["http://shop.example/twice/page?aff=A"]),
        row("a phone whose brand ends with bot")
            .step(visit("/?aff=A").header("user-agent", "Mozilla/5.0 (Linux; CUBOT_X18)").sets(captured(LANDING)))
            .clicks([LANDING]),
        row("no user agent").step(visit("/?aff=A").without("user-agent")).no_click(),
        row("a page that the app excludes")
            .settings(|builder| builder.capture_when(|head| !head.path().starts_with("/docs")))
            .step(visit("/docs/intro?aff=A").lacks("cache-control").body("tag true"))
            .no_click(),
        row("a page that is not found")
            .step(visit("/missing?aff=A").status(404).sets(captured("http://shop.example/missing?aff=A")))
            .clicks(["http://shop.example/missing?aff=A"]),
        row("a handler that fails")
            .step(visit("/error?aff=A").status(500).sets(captured("http://shop.example/error?aff=A")))
            .clicks(["http://shop.example/error?aff=A"]),
    ]
}

fn prefetch() -> Vec<Row> {
    let row = |name| row("prefetch", name);
    let later = || retry_later(LANDING);
    vec![
        row("Sec-Purpose: prefetch, and the visitor stays")
            .step(visit("/?aff=A").header("sec-purpose", "prefetch").sets([later()]).has("cache-control", "private"))
            .no_click(),
        row("Sec-Purpose: prerender, and the visitor goes on")
            .step(visit("/?aff=A").header("sec-purpose", "prefetch;prerender").sets([later()]).body("tag true"))
            .step(visit("/pricing").sets(captured(LANDING).into_iter().chain([FORGET_RETRY.to_owned()])))
            .step(visit("/pricing"))
            .clicks([LANDING]),
        row("Purpose: prefetch").step(visit("/?aff=A").header("purpose", "prefetch").sets([later()])).no_click(),
        row("X-Purpose: preview").step(visit("/?aff=A").header("x-purpose", "preview").sets([later()])).no_click(),
        row("X-Moz: prefetch").step(visit("/?aff=A").header("x-moz", "prefetch").sets([later()])).no_click(),
        row("a prefetch of a page without a partner")
            .step(visit("/pricing").header("sec-purpose", "prefetch"))
            .no_click(),
        row("the prefetched page, opened with another request")
            .step(visit("/?aff=A").header("sec-purpose", "prefetch").sets([later()]))
            .step(visit("/?aff=A").sets(captured(LANDING).into_iter().chain([FORGET_RETRY.to_owned()])))
            .clicks([LANDING]),
        row("a prefetched page whose tracker reported the click")
            .step(visit("/?aff=A").header("sec-purpose", "prefetch").sets([later()]))
            .step(visit("/pricing").header("cookie", TRACKED).sets([FORGET_RETRY]))
            .no_click(),
    ]
}

/// What the tracker and the prefetch have left.
const TRACKED: &str = "affitor_click_id=cust_7_7; affitor_aff_url=http%3A%2F%2Fshop.example%2F%3Faff%3DA; \
                       ~affitor_retry=000000000000000000000000000000000.http%3A%2F%2Fshop.example%2F%3Faff%3DA";

fn nest() -> Vec<Row> {
    let row = |name| row("nested routers", name);
    // Inside `Router::nest` the path has no prefix. A scope of actix-web keeps it.
    let axum = captured_as("{1}", "http://shop.example/page?aff=A", "; Path=/; Max-Age=7776000");
    vec![
        row("a layer inside Router::nest")
            .only(Framework::Axum)
            .step(visit("/nested/page?aff=A").sets(axum))
            .clicks(["http://shop.example/page?aff=A"]),
        row("a scope")
            .only(Framework::Actix)
            .step(visit("/nested/page?aff=A").sets(captured("http://shop.example/nested/page?aff=A")))
            .clicks(["http://shop.example/nested/page?aff=A"]),
    ]
}
