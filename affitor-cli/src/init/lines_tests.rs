//! The lines that are printed are in files that are compiled as tests: `tests/commands/lines`.

use super::{
    Detected,
    Framework::{self, ActixWeb, Axum, Tower},
    PaymentProvider::{LemonSqueezy, Paddle, Polar, Stripe},
    Source, steps,
};

/// Rust code without comments and white space.
fn bare(code: &str) -> String {
    let mut lines = String::new();
    for line in code.lines() {
        let code = line.split(" //").next().filter(|code| !code.trim_start().starts_with("//")).unwrap_or_default();
        let (before, after) = code
            .split_once("/*")
            .map_or((code, ""), |(before, rest)| (before, rest.split_once("*/").map_or("", |(_, after)| after)));
        lines.extend(before.chars().chain(after.chars()).filter(|c| !c.is_whitespace()));
    }
    lines.replace(",}", "}").replace(",)", ")")
}

fn printed(framework: Framework, has_tower: bool) -> Vec<String> {
    let providers = vec![Stripe, Polar, LemonSqueezy, Paddle];
    let detected = Detected { framework: Some(framework), providers, has_tower, ..Detected::default() };
    let steps = steps(&detected, "https://api.affitor.com", "42", None);
    steps.into_iter().filter(|step| !step.lines.starts_with("<script")).map(|step| step.lines).collect()
}

#[test]
fn the_printed_lines_are_compiled() {
    for (framework, has_tower, compiled) in [
        (Axum, false, include_str!("../../tests/commands/lines/axum.rs")),
        (ActixWeb, false, include_str!("../../tests/commands/lines/actix.rs")),
        (Tower, false, include_str!("../../tests/commands/lines/tower.rs")),
    ] {
        let compiled = bare(compiled);
        // Imports may be in another order.
        let printed = printed(framework, has_tower).join("\n\n").replace(";\nuse ", ";\n\nuse ");
        for paragraph in printed.split("\n\n") {
            assert!(compiled.contains(&bare(paragraph)), "{framework:?} does not compile:\n{paragraph}");
        }
    }
    assert!(printed(Tower, true)[0].contains("use tower::Layer;"));
}

#[test]
fn the_outbox_comes_from_the_same_source() {
    let detected = super::super::detect::detect(&super::super::manifest::dependencies_of(
        "[dependencies]\naxum = '0.8'\nsqlx = { version = '0.9', features = ['sqlite'] }",
        "",
    ));
    for (source, expected) in [
        (None, "--path ../affitor/affitor-outbox --no-default"),
        (Some("path=../my clone"), "--path '../my clone/affitor-outbox' --no-default"),
        (Some("git=https://example.com/a"), "--git https://example.com/a --no-default"),
        (Some("registry"), "--no-default"),
    ] {
        let source: Option<Source> = source.map(|source| source.parse().unwrap());
        let steps = steps(&detected, "https://api.affitor.com", "42", source.as_ref());
        let expected = format!("// cargo add affitor-outbox {expected}-features --features sqlite,rustls\n");
        assert!(steps.last().unwrap().lines.starts_with(&expected), "{expected} {}", steps.last().unwrap().lines);
    }
}
