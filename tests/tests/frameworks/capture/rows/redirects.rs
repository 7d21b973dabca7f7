//! Redirects, and errors of actix-web.

use crate::capture::{
    apps::Framework,
    row::{FORGET_RETRY, Row, captured, retry, row, visit},
};

pub(super) fn rows() -> Vec<Row> {
    let row_of = |name| row("redirects", name);
    let error = |name| row("actix errors", name).only(Framework::Actix);
    let target = "http://shop.example/target?aff=A";
    vec![
        row_of("a redirect that keeps the partner")
            .step(visit("/moved?aff=A").status(302).lacks("cache-control"))
            .step(visit("/target?aff=A").sets(captured(target)))
            .clicks([target]),
        row_of("a redirect that keeps the partner, after the call has begun")
            .step(visit("/moved-later?aff=A").status(302).sets([retry("http://shop.example/moved-later?aff=A")]))
            .step(
                visit("/target?aff=A").sets(
                    captured("http://shop.example/moved-later?aff=A").into_iter().chain([FORGET_RETRY.to_owned()]),
                ),
            )
            .clicks(["http://shop.example/moved-later?aff=A"]),
        row_of("a redirect that drops the partner")
            .step(visit("/welcome?aff=A").status(303).sets(captured("http://shop.example/welcome?aff=A")))
            .step(visit("/pricing"))
            .clicks(["http://shop.example/welcome?aff=A"]),
        row_of("a redirect whose fragment looks like a link")
            .step(visit("/fragment?aff=A").status(302).sets(captured("http://shop.example/fragment?aff=A")))
            .clicks(["http://shop.example/fragment?aff=A"]),
        row_of("a redirect to another partner's link")
            .step(visit("/partner?aff=A").status(302).sets(captured("http://shop.example/partner?aff=A")))
            .clicks(["http://shop.example/partner?aff=A"]),
        error("an error of a middleware").step(visit("/forbidden?aff=A").status(403).body("no")).no_click(),
        error("an error of a middleware, after the call has begun")
            .step(visit("/forbidden-later?aff=A").status(403).body("no"))
            .clicks(["http://shop.example/forbidden-later?aff=A"]),
    ]
}
