//! A headless Chromium, which runs the scripts of pages. It is controlled over a pipe, so no other process can reach it.

mod pipe;

use std::{collections::BTreeMap, env, path::PathBuf, time::Duration};

use reqwest::Url;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout};

use self::pipe::Pipe;
use super::{process::Group, visitor::AGENT};
use crate::failure::Failure;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit of a page.
const LOAD_TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// Fills a form in by the names of its fields, and sends it. Returns whether there is one.
const SUBMIT: &str = "(fields) => {
    const names = Object.keys(fields);
    const form = [...document.forms].find((form) => names.every((name) => form.elements.namedItem(name)));
    if (!form) return false;
    for (const name of names) {
        const named = form.elements.namedItem(name);
        // Several controls of one name: the one with the value, or else the one that is shown.
        const controls = named instanceof RadioNodeList ? [...named] : [named];
        const field = controls.find((control) => control.value === fields[name])
            ?? controls.find((control) => control.type !== 'hidden') ?? controls[0];
        if (field.type === 'checkbox' || field.type === 'radio') {
            field.checked = true;
        } else {
            // The setter of the class: frameworks replace that of the element.
            const setter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value')?.set;
            setter ? setter.call(field, fields[name]) : (field.value = fields[name]);
        }
        for (const event of ['input', 'change']) field.dispatchEvent(new Event(event, { bubbles: true }));
    }
    window.isOldPage = true;
    form.requestSubmit();
    return true;
}";

/// A browser with one page.
#[derive(Debug)]
pub(super) struct Chromium {
    pipe: Pipe,
    child: Group,
    /// Removed when the browser has ended.
    _profile: TempDir,
}

impl Chromium {
    /// Starts the browser with a new profile. `proxy` is for `https`.
    ///
    /// # Errors
    ///
    /// Returns a failure if there is no browser, or it does not work.
    pub(super) async fn start(proxy: Option<&str>) -> Result<Self, Failure> {
        let program = find().ok_or_else(|| {
            Failure::usage(
                format!("there is no browser: none of {} is in PATH", NAMES.join(", ")),
                "install one, or leave --browser out",
            )
        })?;
        let profile = tempfile::tempdir().map_err(|error| {
            Failure::usage(format!("cannot create a folder for the browser: {error}"), "check TMPDIR")
        })?;
        let mut arguments: Vec<String> = ["--headless", "--disable-gpu", "--no-first-run"].map(str::to_owned).into();
        arguments.push("--disable-background-networking".to_owned());
        arguments.push(format!("--user-agent={AGENT}"));
        // Chromium refuses its sandbox to root, for example in a container.
        if is_root() {
            arguments.push("--no-sandbox".to_owned());
        }
        arguments.extend(proxy.map(|proxy| format!("--proxy-server=https={proxy}")));
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        let (child, mut pipe) = pipe::spawn(&program, profile.path(), &arguments)?;
        let target = pipe.call("Target.createTarget", &json!({ "url": "about:blank" })).await?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = pipe.call("Target.attachToTarget", &attach).await?;
        pipe.attach(session["sessionId"].as_str());
        Ok(Self { pipe, child, _profile: profile })
    }

    /// Opens a page, and waits until it is loaded.
    pub(super) async fn open(&mut self, url: &Url) -> Result<(), Failure> {
        self.pipe.call("Page.navigate", &json!({ "url": url.as_str() })).await?;
        self.wait_until("document.readyState === 'complete'", LOAD_TIMEOUT).await
    }

    /// Fills in and sends the form that has these fields. Returns whether there is one.
    pub(super) async fn submit(&mut self, fields: &BTreeMap<String, String>) -> Result<bool, Failure> {
        let is_there = self.evaluate(&format!("({SUBMIT})({})", json!(fields))).await?;
        if is_there != Value::Bool(true) {
            return Ok(false);
        }
        // A script may send the form, and stay on the page.
        let next = "!window.isOldPage && document.readyState === 'complete'";
        self.wait_until(next, Duration::from_secs(3)).await?;
        Ok(true)
    }

    /// The URL of the page.
    pub(super) async fn url(&mut self) -> Result<Option<Url>, Failure> {
        let url = self.evaluate("location.href").await?;
        Ok(url.as_str().and_then(|url| Url::parse(url).ok()))
    }

    /// Names and values of the cookies that are sent to a URL.
    pub(super) async fn cookies(&mut self, url: &Url) -> Result<Vec<(String, String)>, Failure> {
        let result = self.pipe.call("Network.getCookies", &json!({ "urls": [url.as_str()] })).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let cookies = result["cookies"].as_array().into_iter().flatten();
        Ok(cookies.map(|cookie| (text(&cookie["name"]), text(&cookie["value"]))).collect())
    }

    pub(super) async fn close(mut self) {
        if self.child.kill() {
            // The profile can only be removed once the browser has ended.
            let _ = timeout(STOP_TIMEOUT, self.child.wait()).await;
        }
    }

    /// Waits until an expression is true. A page that never is has shown what it can. No call is cancelled: its response would be read
    /// as that of the next one.
    async fn wait_until(&mut self, expression: &str, limit: Duration) -> Result<(), Failure> {
        let end = Instant::now() + limit;
        while self.evaluate(expression).await? != Value::Bool(true) && Instant::now() < end {
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Returns the value of an expression, or null if the page changes meanwhile.
    async fn evaluate(&mut self, expression: &str) -> Result<Value, Failure> {
        let parameters = json!({ "expression": expression, "returnByValue": true });
        let mut result = self.pipe.call("Runtime.evaluate", &parameters).await?;
        Ok(result["result"]["value"].take())
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
