//! Keeping cookies out of shared caches.

use crate::capture::row::{Row, Visit, captured, row, visit};

/// A landing on one of the pages with their own `Cache-Control`.
fn landing(path: &str) -> Visit {
    visit(format!("{path}?aff=A")).sets(captured(&format!("http://shop.example{path}?aff=A")))
}

pub(super) fn rows() -> Vec<Row> {
    let row = |name| row("caches", name);
    vec![
        row("a public response")
            .step(
                landing("/public")
                    .has("cache-control", "max-age=60, private")
                    .lacks("cdn-cache-control")
                    .lacks("surrogate-control")
                    .lacks("x-accel-expires")
                    .lacks("akamai-cache-control")
                    .lacks("fastly-cache-control"),
            )
            .step(
                visit("/public")
                    .has("cache-control", "public, max-age=60, s-maxage=600")
                    .has("cdn-cache-control", "max-age=600"),
            )
            .clicks(["http://shop.example/public?aff=A"]),
        row("no-store stays")
            .step(landing("/no-store").has("cache-control", "no-store"))
            .clicks(["http://shop.example/no-store?aff=A"]),
        row("private stays")
            .step(landing("/private").has("cache-control", "private, max-age=60"))
            .clicks(["http://shop.example/private?aff=A"]),
        row("private fields do not make a response private")
            .step(landing("/private-field").has("cache-control", "max-age=60, private"))
            .clicks(["http://shop.example/private-field?aff=A"]),
        row("no-cache is kept by shared caches")
            .step(landing("/no-cache").has("cache-control", "no-cache, private"))
            .clicks(["http://shop.example/no-cache?aff=A"]),
        row("304")
            .step(landing("/unchanged").status(304).has("cache-control", "private").has("etag", "\"1\""))
            .clicks(["http://shop.example/unchanged?aff=A"]),
        row("a response that must stay public, decided from the request")
            .settings(|builder| builder.capture_when(|head| head.path() != "/public"))
            .step(visit("/public?aff=A").has("cache-control", "public, max-age=60, s-maxage=600"))
            .no_click(),
    ]
}
