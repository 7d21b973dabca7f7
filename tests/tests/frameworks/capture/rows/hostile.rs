//! Hostile and unusual input.

use crate::capture::row::{Row, captured, encoded, row, visit};

const LANDING: &str = "http://shop.example/?aff=A";

pub(super) fn rows() -> Vec<Row> {
    let row = |name| row("hostile input", name);
    let forged =
        |url: &str| visit("/").header("cookie", format!("~affitor_retry=0{}.{}", "7".repeat(32), encoded(url)));
    vec![
        row("an empty code").step(visit("/?aff=")).step(visit("/?aff")).step(visit("/?aff=%20")).no_click(),
        row("a repeated code: the first one counts")
            .step(visit("/?aff=A&aff=B").sets(captured(LANDING)))
            .clicks([LANDING]),
        row("a percent-encoded code")
            .step(visit("/?aff=%41").sets(captured(LANDING)))
            .step(visit("/?aff=A"))
            .clicks([LANDING]),
        row("a code with spaces and separators")
            .step(visit("/?aff=a+b%26c").sets(captured("http://shop.example/?aff=a+b%26c")))
            .step(visit("/?aff=a%20b%26c"))
            .clicks(["http://shop.example/?aff=a+b%26c"]),
        row("a code of 8 KiB").step(visit(format!("/?aff={}", "A".repeat(8 * 1024)))).no_click(),
        row("a code with control bytes").step(visit("/?aff=A%00%0D%0Aset-cookie:%20a=b")).no_click(),
        row("a code that is not UTF-8").step(visit("/?aff=%FF%FE").has("cache-control", "private")).no_click(),
        row("a name that contains the parameter's").step(visit("/?staff=A&affected=B&x=aff=A")).no_click(),
        row("a query of 60 KiB")
            .step(visit(format!("/?{}aff=A", "x=1&".repeat(15 * 1024))).sets(captured(LANDING)))
            .clicks([LANDING]),
        row("many utm parameters")
            .step(visit(format!("/?aff=A&utm_source={}", "x".repeat(1_100))).sets(captured(LANDING)))
            .clicks([LANDING]),
        row("a path of 4 KiB")
            .step(visit(format!("/{}?aff=A", "x".repeat(4 * 1024))).sets(captured(LANDING)))
            .clicks([LANDING]),
        row("header injection by the path")
            .step(
                visit("/%0D%0Aset-cookie:%20a=b?aff=A")
                    .sets(captured("http://shop.example/%0D%0Aset-cookie:%20a=b?aff=A")),
            )
            .clicks(["http://shop.example/%0D%0Aset-cookie:%20a=b?aff=A"]),
        row("header injection by a utm parameter")
            .step(
                visit("/?aff=A&utm_source=%0D%0Aset-cookie:%20a%3Db;%20Path")
                    .sets(captured("http://shop.example/?aff=A&utm_source=%0D%0Aset-cookie%3A+a%3Db%3B+Path")),
            )
            .clicks(["http://shop.example/?aff=A&utm_source=%0D%0Aset-cookie%3A+a%3Db%3B+Path"]),
        row("a user agent that is not ASCII")
            .step(visit("/?aff=A").header("user-agent", "Mozilla/5.0 (Haus-Gerät)").sets(captured(LANDING)))
            .clicks([LANDING]),
        row("a user agent of 4 KiB")
            .step(visit("/?aff=A").header("user-agent", "Mozilla/5.0 ".repeat(340)).sets(captured(LANDING)))
            .clicks([LANDING]),
        row("a referrer that is not a URL")
            .step(visit("/?aff=A").header("referer", "javascript:alert(1)").sets(captured(LANDING)))
            .clicks([LANDING]),
        row("a retry cookie for another host").step(forged("http://evil.example/?aff=A")).no_click(),
        row("a retry cookie with another scheme").step(forged("javascript://shop.example/?aff=A")).no_click(),
        row("a retry cookie without a partner").step(forged("http://shop.example/")).no_click(),
        row("a retry cookie of 60 KiB")
            .step(forged(&format!("http://shop.example/?aff=A&x={}", "x".repeat(60 * 1024))))
            .no_click(),
        row("a retry cookie with an invented token")
            .step(
                visit("/sign-up")
                    .method("POST")
                    .header("content-length", "0")
                    .header("cookie", format!("~affitor_retry=1{}.{}", "7".repeat(32), encoded(LANDING)))
                    .body("click none"),
            )
            .no_click(),
        row("five hundred cookies")
            .step(visit("/?aff=A").header("cookie", "affitor_aff_url=https://shop.example/?aff=A; ".repeat(500)).sets(
                {
                    let mut lines = captured(LANDING);
                    lines.insert(2, "affitor_aff_url=; Path=/; Domain=shop.example; Max-Age=0".to_owned());
                    lines
                },
            ))
            .clicks([LANDING]),
    ]
}
