//! What cookies a visitor has, and which they get.

use crate::capture::row::{FORGET_RETRY, Row, captured_as, encoded, row, visit};

const LANDING: &str = "http://shop.example/?aff=A";
const AGE: &str = "; Path=/; Max-Age=7776000";

/// The cookies of a visitor with a click of partner B.
const OF_B: &str = "affitor_click_id=cust_7_7; affitor_click_ids=cust_7_7; \
                    affitor_aff_url=http%3A%2F%2Fshop.example%2F%3Faff%3DB; customer_code=cust_7_7";

/// The cookies of a click after another one.
fn second(first: &str, rest: &str) -> Vec<String> {
    let mut lines = captured_as("{1}", LANDING, rest);
    lines[1] = format!("affitor_click_ids={}; SameSite=Lax{rest}", encoded(&format!("{first}|{{1}}")));
    lines
}

pub(super) fn rows() -> Vec<Row> {
    let row = |name| row("cookies and domains", name);
    let twice = |cookies: &str| visit("/?aff=A").header("cookie", cookies);
    vec![
        row("the same partner again")
            .step(visit("/?aff=A").sets(captured_as("{1}", LANDING, AGE)))
            .step(visit("/?aff=A").lacks("cache-control").body("tag true"))
            .step(visit("/other?aff=A&utm_source=x"))
            .clicks([LANDING]),
        row("another partner, last one wins").step(twice(OF_B).sets(second("cust_7_7", AGE))).clicks([LANDING]),
        row("A, B, then A again").step(visit("/?aff=A").sets(captured_as("{1}", LANDING, AGE)))
            .step(visit("/?aff=B").sets({
                let mut lines = captured_as("{2}", "http://shop.example/?aff=B", AGE);
                lines[1] = format!("affitor_click_ids={}; SameSite=Lax{AGE}", encoded("{1}|{2}"));
                lines
            }))
            .step(visit("/?aff=A").sets({
                let mut lines = captured_as("{3}", LANDING, AGE);
                lines[1] = format!("affitor_click_ids={}; SameSite=Lax{AGE}", encoded("{1}|{2}|{3}"));
                lines
            }))
            .clicks([LANDING, "http://shop.example/?aff=B", LANDING]),
        row("a click id without a landing URL")
            .step(twice("affitor_click_id=cust_7_7").sets(second("cust_7_7", AGE)))
            .clicks([LANDING]),
        row("only the old name")
            .step(twice("customer_code=cust_7_7").sets(second("cust_7_7", AGE)))
            .clicks([LANDING]),
        row("the old name, set by another product")
            .step(twice("customer_code=SUMMER").sets(captured_as("{1}", LANDING, AGE)))
            .clicks([LANDING]),
        row("a landing URL that an old tracker wrote without encoding it")
            .step(twice("affitor_click_id=cust_7_7; affitor_aff_url=https://shop.example/?x=1&aff=A"))
            .no_click(),
        row("a landing URL that a semicolon cut short")
            .step(
                twice("affitor_click_id=cust_7_7; affitor_aff_url=https://shop.example/?x=1;y&aff=A")
                    .sets(second("cust_7_7", AGE)),
            )
            .clicks([LANDING]),
        row("a landing URL of an old tracker with another link in a parameter")
            .step(
                twice("affitor_click_id=cust_7_7; affitor_aff_url=https://shop.example/?aff=B&next=%2F%3Faff%3DA")
                    .sets(second("cust_7_7", AGE)),
            )
            .clicks([LANDING]),
        row("broken cookies of ours")
            .step(
                twice("affitor_click_id=\"; affitor_click_ids=%zz|%7C; affitor_aff_url=%%%; ~affitor_retry=x.y")
                    .sets(captured_as("{1}", LANDING, AGE).into_iter().chain([FORGET_RETRY.to_owned()])),
            )
            .clicks([LANDING]),
        row("a history of twenty clicks")
            .step({
                let ids: Vec<String> = (1..=20).map(|number| format!("cust_7_{number}")).collect();
                let kept = format!("{}|{{1}}", ids[1..].join("|"));
                let mut lines = captured_as("{1}", LANDING, AGE);
                lines[1] = format!("affitor_click_ids={}; SameSite=Lax{AGE}", encoded(&kept));
                twice(&format!("affitor_click_ids={}", encoded(&ids.join("|")))).sets(lines)
            })
            .clicks([LANDING]),
        row("a domain")
            .domain("shop.example")
            .step(
                visit("/?aff=A")
                    .header("host", "www.shop.example")
                    .sets(captured_as("{1}", "http://www.shop.example/?aff=A", "; Path=/; Domain=shop.example; Max-Age=7776000")),
            )
            .clicks(["http://www.shop.example/?aff=A"]),
        row("a domain on https")
            .domain(".Shop.Example")
            .settings(|builder| builder.origin("https://www.shop.example"))
            .step(
                visit("/?aff=A")
                    .sets(captured_as("{1}", "https://www.shop.example/?aff=A", "; Secure; Path=/; Domain=shop.example; Max-Age=7776000")),
            )
            .clicks(["https://www.shop.example/?aff=A"]),
        row("a host outside of the domain")
            .domain("shop.example")
            .step(visit("/?aff=A").header("host", "myshop.example").lacks("cache-control").body("tag true"))
            .no_click(),
        row("cookies of two domains")
            .domain("shop.example")
            .step(
                visit("/?aff=A")
                    .header("host", "eu.app.shop.example")
                    .header("cookie", "affitor_click_id=cust_7_7; affitor_click_id=cust_8_8; affitor_aff_url=https://shop.example/?aff=B")
                    .sets({
                        let rest = "; Path=/; Domain=shop.example; Max-Age=7776000";
                        let mut lines = captured_as("{1}", "http://eu.app.shop.example/?aff=A", rest);
                        lines[1] = format!("affitor_click_ids={}; SameSite=Lax{rest}", encoded("cust_7_7|{1}"));
                        let others = ["", "; Domain=eu.app.shop.example", "; Domain=app.shop.example"];
                        let removals = others.map(|domain| format!("affitor_click_id=; Path=/{domain}; Max-Age=0"));
                        removals.into_iter().chain(lines).collect::<Vec<_>>()
                    }),
            )
            .clicks(["http://eu.app.shop.example/?aff=A"]),
        row("two landing URLs that agree")
            .step(twice("affitor_click_id=cust_7_7; affitor_aff_url=https://shop.example/?aff=A; affitor_aff_url=https://shop.example/x?aff=A"))
            .no_click(),
        row("two landing URLs that disagree, on one host")
            .step(
                twice("affitor_click_id=cust_7_7; affitor_aff_url=https://shop.example/?aff=A; affitor_aff_url=https://shop.example/?aff=B")
                    .sets({
                        let mut lines = second("cust_7_7", AGE);
                        lines.insert(2, "affitor_aff_url=; Path=/; Domain=shop.example; Max-Age=0".to_owned());
                        lines
                    }),
            )
            .clicks([LANDING]),
        row("a response that sets other cookies")
            .step(visit("/own-cookies?aff=A").sets({
                let ours = captured_as("{1}", "http://shop.example/own-cookies?aff=A", AGE);
                ["a=1".to_owned(), "b=2".to_owned()].into_iter().chain(ours).collect::<Vec<_>>()
            }))
            .clicks(["http://shop.example/own-cookies?aff=A"]),
        row("a response that already sets our cookie")
            .step(visit("/own-click?aff=A").sets(["affitor_click_id=cust_9_9; Path=/"]))
            .clicks(["http://shop.example/own-click?aff=A"]),
    ]
}
