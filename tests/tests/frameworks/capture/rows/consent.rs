//! Consent.

use affitor_axum::capture::Head;

use crate::capture::row::{Row, captured, row, visit};

const LANDING: &str = "http://shop.example/?aff=A";

fn agreed(head: &dyn Head) -> bool {
    head.cookie("consent") == Some("all") && head.header("sec-gpc") != Some("1")
}

pub(super) fn rows() -> Vec<Row> {
    let row = |name| row("consent", name).consent(agreed);
    let from = |page: &str| visit("/pricing").header("referer", page).header("sec-fetch-site", "same-origin");
    vec![
        row("without consent").step(visit("/?aff=A").lacks("cache-control").body("tag true")).no_click(),
        row("with consent")
            .step(visit("/?aff=A").header("cookie", "consent=all").sets(captured(LANDING)))
            .clicks([LANDING]),
        row("consent against the browser's signal")
            .step(visit("/?aff=A").header("cookie", "consent=all").header("sec-gpc", "1"))
            .no_click(),
        row("consent after the landing")
            .step(visit("/?aff=A"))
            .step(from("http://shop.example/?aff=A").header("cookie", "consent=all").sets(captured(LANDING)))
            .clicks([LANDING]),
        row("no consent after the landing")
            .step(from("http://shop.example/?aff=A").header("cookie", "consent=none"))
            .no_click(),
        row("a page of another origin before")
            .step(from("http://other.example/?aff=A").header("cookie", "consent=all"))
            .step(from("https://shop.example/?aff=A").header("cookie", "consent=all"))
            .no_click(),
        row("a visitor with a click who comes from an older landing")
            .step(from("http://shop.example/?aff=A").header("cookie", "consent=all; affitor_click_id=cust_7_7"))
            .no_click(),
        row("a prefetch without consent").step(visit("/?aff=A").header("sec-purpose", "prefetch")).no_click(),
        row("consent that was withdrawn after a late call")
            .settings(|builder| builder.budget(std::time::Duration::ZERO))
            .step(visit("/?aff=A").header("cookie", "consent=all").sets([crate::capture::row::retry(LANDING)]))
            .step(crate::capture::row::Step::Settle)
            .step(visit("/pricing"))
            .clicks([LANDING]),
    ]
}
