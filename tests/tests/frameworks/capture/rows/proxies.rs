//! The URL behind a proxy.

use affitor_axum::capture::ClickCaptureBuilder;

use crate::capture::row::{Row, captured, captured_as, row, visit};

const SECURE: &str = "; Secure; Path=/; Max-Age=7776000";

pub(super) fn rows() -> Vec<Row> {
    let row = |name| row("proxies", name);
    let forwarded =
        || visit("/?aff=A").header("x-forwarded-proto", "https").header("x-forwarded-host", "www.shop.example");
    vec![
        row("headers of a proxy that is not trusted")
            .step(
                forwarded()
                    .header("forwarded", "proto=https;host=evil.example")
                    .sets(captured("http://shop.example/?aff=A")),
            )
            .clicks(["http://shop.example/?aff=A"]),
        row("X-Forwarded-* of a trusted proxy")
            .settings(ClickCaptureBuilder::trust_forwarded_headers)
            .step(forwarded().sets(captured_as("{1}", "https://www.shop.example/?aff=A", SECURE)))
            .clicks(["https://www.shop.example/?aff=A"]),
        row("X-Forwarded-Proto alone")
            .settings(ClickCaptureBuilder::trust_forwarded_headers)
            .step(visit("/?aff=A").header("x-forwarded-proto", "https, http").sets(captured_as(
                "{1}",
                "https://shop.example/?aff=A",
                SECURE,
            )))
            .clicks(["https://shop.example/?aff=A"]),
        row("Forwarded without a host, and X-Forwarded-*")
            .settings(ClickCaptureBuilder::trust_forwarded_headers)
            .step(forwarded().header("forwarded", "for=10.0.0.1").sets(captured_as(
                "{1}",
                "https://www.shop.example/?aff=A",
                SECURE,
            )))
            .clicks(["https://www.shop.example/?aff=A"]),
        row("Forwarded of a trusted proxy")
            .settings(ClickCaptureBuilder::trust_forwarded_headers)
            .step(
                forwarded()
                    .header(
                        "forwarded",
                        "for=\"[2001:db8::1]\";Proto=https;host=\"eu.shop.example:8443\", for=10.0.0.1",
                    )
                    .sets(captured_as("{1}", "https://eu.shop.example:8443/?aff=A", SECURE)),
            )
            .clicks(["https://eu.shop.example:8443/?aff=A"]),
        row("a configured origin")
            .settings(|builder| builder.origin("https://shop.example/"))
            .step(visit("/a?aff=A").header("host", "10.0.0.1:3000").sets(captured_as(
                "{1}",
                "https://shop.example/a?aff=A",
                SECURE,
            )))
            .clicks(["https://shop.example/a?aff=A"]),
        row("a host with a port")
            .step(visit("/?aff=A").header("host", "localhost:3000").sets(captured("http://localhost:3000/?aff=A")))
            .clicks(["http://localhost:3000/?aff=A"]),
        row("an IP address")
            .step(visit("/?aff=A").header("host", "[::1]:3000").sets(captured("http://[::1]:3000/?aff=A")))
            .clicks(["http://[::1]:3000/?aff=A"]),
        row("a forwarded host that is not one")
            .settings(ClickCaptureBuilder::trust_forwarded_headers)
            .step(visit("/?aff=A").header("x-forwarded-host", "shop.example/evil?"))
            .step(visit("/?aff=A").header("x-forwarded-host", "user@shop.example"))
            .step(visit("/?aff=A").header("forwarded", "host=\"a b\""))
            .no_click(),
    ]
}
