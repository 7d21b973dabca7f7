//! Programs that a test needs.

use std::{io::Write as _, path::PathBuf};

/// Reports that a part of the test can't run here. Panics where that is forbidden.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("AFFITOR_TESTS_FORBID_SKIP").is_none(), "SKIPPED: {reason}");
    skip_covered(reason);
}

/// Reports that a part of the test can't run here, although another part covers it. Never panics.
pub(crate) fn skip_covered(reason: &str) {
    let message = format!("SKIPPED: {reason}");
    // `writeln!`, because the test harness captures `eprintln!`.
    writeln!(&mut std::io::stderr(), "{message}").unwrap();
}

/// Folders with programs: those in `PATH`, and where Debian installs Postgres. The best come first.
pub(crate) fn folders() -> Vec<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut newest: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    newest.sort();
    newest.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(newest).collect()
}
