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
