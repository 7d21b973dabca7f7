//! The lines that are printed are in files that are compiled as tests: `tests/commands/lines`.

use super::{
    Code, Detected,
    Framework::{self, ActixWeb, Axum, Tower},
    OwnVariables,
    PaymentProvider::{LemonSqueezy, Paddle, Polar, Stripe},
    Service, Source, Step, steps,
};

fn all_steps(detected: &super::Detected, source: Option<&Source>) -> Vec<Step> {
    let service = Service { url: "https://api.affitor.com", program_id: "42", variables: OwnVariables::default() };
    steps(detected, service, source, &Code::default())
}

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
    let steps = all_steps(&detected, None);
    steps.into_iter().filter(|step| !step.lines.starts_with("<!--")).map(|step| step.lines).collect()
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
        let steps = all_steps(&detected, source.as_ref());
        let expected = format!("// cargo add affitor-outbox {expected}-features --features sqlite,ring\n");
        assert!(steps.last().unwrap().lines.starts_with(&expected), "{expected} {}", steps.last().unwrap().lines);
    }
}

#[test]
fn what_the_code_has_is_left_out() {
    let detected = Detected { framework: Some(Axum), providers: vec![Stripe, Paddle], ..Detected::default() };
    let service = Service { url: "https://api.affitor.com", program_id: "42", variables: OwnVariables::default() };
    let titles = |code: &str| -> Vec<String> {
        steps(&detected, service, None, &Code::from(code)).into_iter().map(|step| step.title).collect()
    };
    assert_eq!(titles("").len(), 6);
    let code = "AffitorLayer::new(client) affitor.enqueue(Lead::new(id)) PaymentEvent<Stripe> <head>{{ affitor.script_tag() }}";
    assert_eq!(titles(code), ["Report the payments of Paddle"]);
}

#[test]
fn an_app_with_a_configuration_of_its_own() {
    let detected = Detected { framework: Some(ActixWeb), ..Detected::default() };
    let variables = OwnVariables { api_key: Some("SHOP__KEY"), api_url: Some("SHOP__URL"), program_id: None };
    let service = Service { url: "https://api.affitor.com", program_id: "42", variables };
    let lines = &steps(&detected, service, None, &Code::default())[0].lines;
    let expected = "Client::builder().api_key(/* SHOP__KEY */).api_url(/* SHOP__URL */).build_or_disabled()?;";
    assert!(lines.contains(expected), "{lines}");
}

/// Other libraries than the outbox's SQLx: the functions are compiled in `tests/conformance`.
#[test]
fn each_library_gets_all_parts() {
    for (manifest, parts) in [
        (
            "sqlx = { version = '0.8', features = ['postgres'] }",
            ["PgPool::connect", "Transaction<'_, sqlx::Postgres>", "enqueue(&mut tx, lead).await"],
        ),
        (
            "sqlx = { version = '0.8', features = ['sqlite'] }",
            ["affitor outbox work", "Transaction<'_, sqlx::Sqlite>", "enqueue(&mut tx, lead).await"],
        ),
        ("tokio-postgres = '0.7'", ["PgPool::connect", "tx.savepoint(", "enqueue(&mut tx, lead).await"]),
        (
            "diesel = { version = '2', features = ['postgres'] }",
            ["Outbox::postgres(affitor_pool).start", "connection.transaction(", "enqueue(connection, lead) {"],
        ),
        (
            "sea-orm = { version = '2', features = ['sqlx-sqlite'] }",
            ["Outbox::sqlite(affitor_pool).start", "tx.begin()", "enqueue(&tx, lead).await"],
        ),
        (
            "sqlx = { version = '0.9', features = ['postgres'] }",
            ["Outbox::postgres(pool.clone()).start(client)", "delivery.client()", "enqueue_or_log(&mut tx, lead)"],
        ),
    ] {
        let manifest = format!("[dependencies]\naxum = '0.8'\n{manifest}");
        let detected = super::super::detect::detect(&super::super::manifest::dependencies_of(&manifest, ""));
        let lines = all_steps(&detected, None).pop().unwrap().lines;
        for part in parts {
            assert!(lines.contains(part), "{part} is not in\n{lines}");
        }
    }
}

/// The extractor is compiled in `tests/foreign`, and the guide shows it.
#[test]
fn axum_07_gets_an_extractor() {
    let detected =
        super::super::detect::detect(&super::super::manifest::dependencies_of("[dependencies]\naxum = '0.7'", ""));
    let lines = all_steps(&detected, None)[1].lines.clone();
    let extractor = include_str!("lines/axum_07.rs");
    assert!(lines.contains(extractor), "{lines}");
    assert!(include_str!("../../../docs/guides/tower.md").replace("\r\n", "\n").contains(extractor.trim_end()));
}
