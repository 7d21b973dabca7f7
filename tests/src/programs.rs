//! Programs of other packages, which a test runs.

use std::{
    collections::HashMap,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// Builds programs of the workspace. Returns their paths by name.
///
/// Cargo tells a test only the paths of its own package's binaries. With the test `messages`, the selection has the features of
/// `cargo test --workspace`, so that only the programs themselves are compiled.
pub fn build(names: &[&str]) -> HashMap<String, PathBuf> {
    // `target/debug/deps/<test>`
    let test = env::current_exe().expect("the test has a path");
    let target = test.ancestors().nth(3).expect("the test is in a target folder");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.args(["build", "--workspace", "--test", "messages", "--message-format", "json"]);
    for name in names {
        cargo.args(["--bin", name]);
    }
    cargo.arg("--target-dir").arg(target).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    let output = cargo.stderr(Stdio::inherit()).output().expect("cargo is installed");
    assert!(output.status.success(), "the programs are built");
    let messages = String::from_utf8_lossy(&output.stdout);
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program = |artifact: Value| {
        let name = artifact["target"]["name"].as_str()?;
        let path = artifact["executable"].as_str().filter(|_| names.contains(&name))?;
        Some((name.to_owned(), PathBuf::from(path)))
    };
    artifacts.filter_map(program).collect()
}
