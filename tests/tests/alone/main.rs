//! Tests that need something of the whole process: its allocator, its recorder of metrics, its log.

#[cfg(unix)]
mod ending;
mod examples;
#[cfg(unix)]
mod leaks;
mod memory;
mod metrics;
mod payment_memory;
mod payments;
mod shutdown;

use std::process::Command;

/// Returns whether the calling test has a process of its own. If not, runs it in one, and fails if it fails there.
fn is_alone(test: &str) -> bool {
    const ALONE: &str = "AFFITOR_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut process = Command::new(std::env::current_exe().unwrap());
    let output = process.args(["--exact", test, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
    println!("{text}");
    false
}
