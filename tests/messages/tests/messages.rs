//! The compiler's messages for frequent mistakes.
//!
//! The messages in `tests/ui/` are those of Rust 1.95. `TRYBUILD=overwrite` updates them. It takes over a minute, because axum and the
//! client are compiled in a build of its own: `cargo test --workspace --test messages -- --ignored`.

use std::{env, process::Command};

const RUST: &str = "rustc 1.95.";

#[test]
#[ignore = "compiles for over a minute; `.ci/run` runs it"]
fn messages_name_the_mistake() {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = String::from_utf8(Command::new(rustc).arg("--version").output().unwrap().stdout).unwrap();
    if !version.starts_with(RUST) {
        assert!(env::var_os("AFFITOR_TESTS_FORBID_SKIP").is_none(), "the messages are those of {RUST}, not {version}");
        eprintln!("SKIPPED: the messages are those of {RUST}, and this is {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// The table of the guide has the messages that are really printed.
#[test]
fn the_guide_has_what_is_printed() {
    const GUIDE: &str = include_str!("../../../docs/guides/troubleshooting.md");
    for (file, message) in [
        ("not_an_event", "the trait bound `Event: From<&str>` is not satisfied"),
        ("own_error", "`?` couldn't convert the error to `AppError`"),
        ("not_a_sink", "does not accept Affitor events"),
        (
            "unknown_provider",
            "the method `track` exists for struct `PaymentEvent<MyProvider>`, but its trait bounds were not satisfied",
        ),
        ("event_without_an_id", "`User` doesn't implement `std::fmt::Display`"),
        ("missing_state", "the trait bound `PaymentEvent<Stripe>: FromRequest<AppState, _>` is not satisfied"),
        ("wrong_extractor_order", "the trait bound `PaymentEvent<Stripe>: FromRequestParts<"),
    ] {
        let path = format!("{}/tests/ui/{file}.stderr", env!("CARGO_MANIFEST_DIR"));
        let printed = std::fs::read_to_string(path).unwrap();
        assert!(printed.contains(message), "{file}: {message}");
        assert!(GUIDE.contains(message), "the guide does not have {message}");
    }
}
