//! A headless Chromium, which opens a page and runs its scripts.

use std::{env, path::PathBuf, process::Stdio, time::Duration};

use reqwest::Url;
use tempfile::TempDir;
use tokio::time::timeout;

use super::process::{self, Group};
use crate::failure::Failure;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A browser with a page open.
#[derive(Debug)]
pub(super) struct Browser {
    child: Group,
    /// Removed when the browser has ended.
    _profile: TempDir,
}

/// Opens a page with a new profile.
///
/// # Errors
///
/// Returns a failure if there is no browser.
pub(super) fn open(url: &Url, proxy: Option<&str>) -> Result<Browser, Failure> {
    let program = find().ok_or_else(|| {
        Failure::usage(
            format!("there is no browser: none of {} is in PATH", NAMES.join(", ")),
            "install one, or leave --browser out",
        )
    })?;
    let profile = tempfile::tempdir()
        .map_err(|error| Failure::usage(format!("cannot create a folder for the browser: {error}"), "check TMPDIR"))?;
    let spawned = process::spawn(program.as_os_str(), |command| {
        command.args(["--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"]);
        // Keeps the page open.
        command.arg("--remote-debugging-port=0");
        // Chromium refuses its sandbox to root, for example in a container.
        if is_root() {
            command.arg("--no-sandbox");
        }
        if let Some(proxy) = proxy {
            command.arg(format!("--proxy-server=https={proxy}"));
        }
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg(url.as_str());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    });
    let child = spawned.map_err(|error| {
        Failure::usage(format!("cannot start {}: {error}", program.display()), "leave --browser out")
    })?;
    Ok(Browser { child, _profile: profile })
}

impl Browser {
    pub(super) async fn close(&mut self) {
        if self.child.start_kill().is_ok() {
            // The profile can only be removed once the browser has ended.
            let _ = timeout(STOP_TIMEOUT, self.child.wait()).await;
        }
    }
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    NAMES.iter().find_map(|name| env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()))
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // The owner of the process's own entry, where there is one.
    std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
