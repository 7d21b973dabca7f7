//! The command `affitor`, which is another package's binary: built if necessary, and run.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::process::Command;

/// How long a proof may take.
const LIMIT: Duration = Duration::from_secs(180);

/// Builds the command, and returns its path.
///
/// Cargo tells a test only the paths of its own package's binaries. `cargo test --workspace` has built this one too, for the tests
/// called `commands`. The same selection of packages has the same features, so nothing is compiled twice.
pub(crate) async fn build() -> PathBuf {
    // `target/debug/prove_axum`
    let folder = Path::new(env!("CARGO_BIN_EXE_prove_axum")).parent().unwrap();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.args(["test", "--workspace", "--no-run", "--test", "commands", "--message-format", "json"]);
    cargo.arg("--target-dir").arg(folder.parent().unwrap());
    if let Some(profile) = folder.file_name().filter(|profile| *profile != "debug") {
        cargo.arg("--profile").arg(profile);
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).kill_on_drop(true);
    let output = cargo.stderr(Stdio::inherit()).output().await.expect("cargo is installed");
    assert!(output.status.success(), "the command is built");
    let messages = String::from_utf8(output.stdout).unwrap();
    let mut artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let path = artifacts.find_map(|message| {
        let is_command = message["target"]["name"] == "affitor" && message["target"]["kind"][0] == "bin";
        message["executable"].as_str().filter(|_| is_command).map(PathBuf::from)
    });
    path.unwrap_or_else(|| panic!("cargo does not name the command: {messages}"))
}

/// Runs `affitor prove --json` with the settings in a file and the command that starts the app.
pub(crate) async fn prove(affitor: &Path, flags: &[&str], settings: &Path, app: &[String]) -> Output {
    prove_with(affitor, flags, settings, app, None).await
}

/// Like [`prove`], with the developer's own choice of who reports Stripe's payments.
pub(crate) async fn prove_with(
    affitor: &Path,
    flags: &[&str],
    settings: &Path,
    app: &[String],
    reporter: Option<&str>,
) -> Output {
    let mut command = Command::new(affitor);
    command.args(["prove", "--json"]).args(flags).arg("--config").arg(settings).arg("--").args(app);
    // Variables of this machine that would change the result.
    let names = env::vars_os().map(|(name, _)| name);
    for name in names.filter(|name| name.to_string_lossy().to_ascii_uppercase().ends_with("_PROXY")) {
        command.env_remove(name);
    }
    for name in ["KEY", "KEY_FILE", "TOKEN", "URL", "BASE"] {
        command.env_remove(format!("AFFITOR_API_{name}"));
    }
    command.env_remove("AFFITOR_STRIPE_REPORTER");
    command.envs(reporter.map(|reporter| ("AFFITOR_STRIPE_REPORTER", reporter)));
    command.env_remove("AFFITOR_PROGRAM_ID").stdin(Stdio::null()).kill_on_drop(true);
    tokio::time::timeout(LIMIT, command.output()).await.expect("the proof hangs").unwrap()
}
