//! The writes of a process to its SQLite files, which `strace` counts, and at one of which it kills the process.

use std::{collections::BTreeMap, fs, io::Write as _, path::Path, process::Command};

/// The calls that write to a database and its log.
const CALLS: &str = "pwrite64,fdatasync,ftruncate";

/// Whether the writes of a process can be counted. If not, says so.
pub(crate) fn can_be_traced() -> bool {
    // `writeln!`, because the test harness captures `eprintln!`.
    let skip = |message: &str| writeln!(&mut std::io::stderr(), "SKIPPED: {message}").unwrap();
    match Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status() {
        Ok(status) if status.success() => return true,
        Ok(_) => skip("the writes to SQLite's files: this system does not permit strace"),
        Err(_) => {
            assert!(std::env::var_os("AFFITOR_TESTS_FORBID_SKIP").is_none(), "strace is not installed");
            skip("the writes to SQLite's files: strace is not installed (Debian: `apt install strace`)");
        }
    }
    false
}

/// A program that runs under `strace`. The process that is started is the program's, so a signal to it ends both.
///
/// With `kill_at`, the first thread that makes its write with this number gets SIGKILL, before it writes.
pub(crate) fn traced(program: &str, trace: &Path, kill_at: Option<usize>) -> Command {
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-qq", "-o"]).arg(trace).args(["-e", &format!("trace={CALLS}")]);
    if let Some(number) = kill_at {
        command.args(["-e", &format!("inject={CALLS}:signal=KILL:when={number}")]);
    }
    command.arg(program);
    command
}

/// Returns how many writes the busiest thread has made.
pub(crate) fn count(trace: &Path) -> usize {
    let mut by_thread = BTreeMap::<String, usize>::new();
    for line in fs::read_to_string(trace).unwrap_or_default().lines() {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        if CALLS.split(',').any(|name| call.trim_start().starts_with(name)) {
            *by_thread.entry(thread.to_owned()).or_default() += 1;
        }
    }
    by_thread.into_values().max().unwrap_or_default()
}
