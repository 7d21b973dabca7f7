//! Visitors who come from another site with a carried visitor.

use std::time::{Duration, SystemTime};

use affitor_axum::{
    ClickId, Visitor,
    capture::ClickCaptureBuilder,
    carry::{LINK_LIFETIME, VisitorKey},
};

use crate::capture::row::{Row, Visit, captured_as, row, visit};

const SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const AGE: &str = "; Path=/; Max-Age=5184000";

fn key() -> VisitorKey {
    VisitorKey::new(42, SECRET).unwrap()
}

fn visitor_7() -> Visitor {
    Visitor::from(ClickId::new("cust_7_2000").unwrap())
}

/// A carried visitor with this click, signed at a time before now.
fn carried(click_id: &str, age: Duration) -> String {
    let visitor = Visitor::from(ClickId::new(click_id).unwrap());
    key().sign(&visitor, SystemTime::now() - age, LINK_LIFETIME).unwrap()
}

fn adopts(builder: ClickCaptureBuilder) -> ClickCaptureBuilder {
    builder.adopt_from(key(), ["https://www.shop.example", "https://marketing.example/"])
}

/// A link from the marketing site.
fn link(text: &str) -> Visit {
    visit(format!("/sign-up?plan=pro&affitor_visitor={text}")).header("referer", "https://marketing.example/")
}

/// The cookies of an adopted visitor, without a landing URL.
fn adopted(click_id: &str) -> Vec<String> {
    let mut lines = captured_as(click_id, "", AGE);
    lines.remove(2);
    lines
}

pub(super) fn rows() -> Vec<Row> {
    let row = |name| row("carried visitors", name).settings(adopts);
    let fresh = || carried("cust_7_2000", Duration::ZERO);
    // A minute ago.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let recent = format!("cust_8_{}", now - 60_000);
    let recent_body: &'static str = format!("click {recent}").leak();
    let with = |cookies: &str| link(&fresh()).header("cookie", cookies);
    vec![
        row("a link from a listed origin, opened twice")
            .step(
                link(&fresh())
                    .sets(adopted("cust_7_2000"))
                    .has("referrer-policy", "strict-origin-when-cross-origin")
                    .has("cache-control", "private")
                    .body("click cust_7_2000, tag true"),
            )
            .step(
                link(&fresh())
                    .has("referrer-policy", "strict-origin-when-cross-origin")
                    .lacks("cache-control")
                    .body("click cust_7_2000"),
            )
            .no_click(),
        row("a link from another origin").step(link(&fresh()).header("referer", "https://evil.example/")).no_click(),
        row("a link without a referrer").step(link(&fresh()).without("referer")).no_click(),
        row("not listed at all").settings(|builder| builder).step(link(&fresh()).lacks("referrer-policy")).no_click(),
        row("a script's request")
            .step(link(&fresh()).header("sec-fetch-mode", "cors").header("sec-fetch-dest", "empty"))
            .no_click(),
        row("a prefetch").step(link(&fresh()).header("sec-purpose", "prefetch")).no_click(),
        row("a newer click is kept").step(with("affitor_click_id=cust_8_3000").body("click cust_8_3000")).no_click(),
        row("a carried click from the future is not newer than its text")
            .step(
                link(&carried("cust_7_99999999999999", Duration::from_secs(300)))
                    .header("cookie", format!("affitor_click_id={recent}"))
                    .body(recent_body),
            )
            .no_click(),
        row("a visitor of another program")
            .step(link(
                &VisitorKey::new(43, SECRET).unwrap().sign(&visitor_7(), SystemTime::now(), LINK_LIFETIME).unwrap(),
            ))
            .no_click(),
        row("an older click is replaced")
            .step(with("affitor_click_id=cust_8_1000; affitor_aff_url=https%3A%2F%2Fshop.example%2F%3Faff%3DB").sets({
                let mut lines = adopted("cust_7_2000");
                lines[1] = format!("affitor_click_ids=cust_8_1000%7Ccust_7_2000; SameSite=Lax{AGE}");
                lines.insert(2, "affitor_aff_url=; Path=/; Max-Age=0".to_owned());
                lines
            }))
            .no_click(),
        row("a click whose age is unknown is kept").step(with("affitor_click_id=opaque")).no_click(),
        row("a link with a partner's code: the new click wins")
            .step(
                visit(format!("/?aff=A&affitor_visitor={}", fresh()))
                    .header("referer", "https://marketing.example/")
                    .sets(crate::capture::row::captured("http://shop.example/?aff=A")),
            )
            .clicks(["http://shop.example/?aff=A"]),
        row("a page with a policy of its own")
            .step(
                visit(format!("/strict-policy?affitor_visitor={}", fresh()))
                    .header("referer", "https://www.shop.example/pricing")
                    .sets(adopted("cust_7_2000"))
                    .has("referrer-policy", "no-referrer"),
            )
            .no_click(),
        row("a page with an unsafe policy")
            .step(
                visit(format!("/unsafe-policy?affitor_visitor={}", fresh()))
                    .header("referer", "https://www.shop.example/pricing")
                    .sets(adopted("cust_7_2000"))
                    .has("referrer-policy", "strict-origin-when-cross-origin"),
            )
            .no_click(),
        row("a page with several policies, the last one unsafe")
            .step(
                link(&fresh())
                    .header("referer", "https://evil.example/")
                    .has("referrer-policy", "strict-origin-when-cross-origin"),
            )
            .step(
                visit(format!("/two-policies?affitor_visitor={}", fresh()))
                    .has("referrer-policy", "strict-origin-when-cross-origin"),
            )
            .no_click(),
        row("forged").step(link("1.ZjFifGN1c3RfMV8x.AAAAAAAAAAAAAAAAAAAAAA")).no_click(),
        row("unsigned").step(link("cust_7_2000")).no_click(),
        row("expired").step(link(&carried("cust_7_2000", Duration::from_secs(601)))).no_click(),
        row("ancient").step(link(&carried("cust_7_2000", Duration::from_secs(1_000_000_000)))).no_click(),
        row("truncated").step(link(&fresh()[..fresh().len() - 1])).no_click(),
        row("another version").step(link(&format!("1{}", &fresh()[1..]))).no_click(),
        row("duplicated").step(link(&format!("{}&affitor_visitor={}", fresh(), fresh()))).no_click(),
        row("empty").step(link("")).no_click(),
        row("60 KiB long").step(link(&"A".repeat(60 * 1024))).no_click(),
    ]
}
