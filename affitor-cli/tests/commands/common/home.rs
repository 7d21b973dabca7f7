//! A user with a configuration directory and a project of their own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use affitor_sandbox::Sandbox;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use super::{Finished, affitor};

/// The person who confirms logins.
pub(crate) const EMAIL: &str = "jo@example.com";

/// A user's folders. They are removed in the end.
pub(crate) struct Home {
    folder: TempDir,
    /// The service that the user's commands call, unless they name another one.
    url: String,
}

impl Home {
    pub(crate) fn new(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("shop")).unwrap();
        Self { folder, url: url.to_owned() }
    }

    /// A path in the user's folder.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file of the project.
    pub(crate) fn project(&self, path: &str, text: &str) {
        let path = self.path("shop").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let mut command = affitor(arguments);
        command.env("XDG_CONFIG_HOME", self.path("config")).env("AFFITOR_API_URL", &self.url);
        command.current_dir(self.path("shop"));
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with(arguments, &[]).await
    }

    /// Runs a command. Whatever it does, no secret is shown.
    pub(crate) async fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Finished {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        let output = tokio::time::timeout(Duration::from_secs(60), command.output()).await.expect("the run hangs");
        let run = Finished::new(&output.unwrap());
        self.assert_no_secret(&run);
        run
    }

    /// Logs in, and confirms it as a person does.
    pub(crate) async fn login(&self, sandbox: &Sandbox) -> Finished {
        let mut command = self.command(&["login", "--no-browser"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let page = loop {
            let line = lines.next_line().await.unwrap().expect("no URL is printed");
            if line.trim().starts_with("http") {
                break line.trim().to_owned();
            }
        };
        confirm(sandbox, &page).await;
        let mut out = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            out += &line;
        }
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).await.unwrap();
        let run = Finished { code: child.wait().await.unwrap().code().unwrap(), out, err };
        self.assert_no_secret(&run);
        run
    }

    /// The token and the keys in the user's files.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        for (folder, field) in [("sessions", "token"), ("keys", "api_key")] {
            for entry in fs::read_dir(self.path("config/affitor").join(folder)).into_iter().flatten() {
                let json: Value = serde_json::from_str(&text_of(&entry.unwrap().path())).unwrap_or_default();
                secrets.extend(json[field].as_str().map(ToOwned::to_owned));
            }
        }
        let env = text_of(&self.path("shop/.affitor/.env"));
        secrets.extend(env.lines().filter_map(|line| line.strip_prefix("AFFITOR_API_KEY=")).map(ToOwned::to_owned));
        secrets
    }

    fn assert_no_secret(&self, run: &Finished) {
        for secret in self.secrets() {
            assert!(
                !run.out.contains(&secret) && !run.err.contains(&secret),
                "a secret is shown: {}{}",
                run.out,
                run.err
            );
        }
    }
}

/// The text of a file. Opening a named pipe would block.
fn text_of(path: &Path) -> String {
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        fs::read_to_string(path).unwrap_or_default()
    } else {
        String::new()
    }
}

/// Confirms the login of this page.
pub(crate) async fn confirm(sandbox: &Sandbox, page: &str) {
    let state = page.split("state=").nth(1).expect("the page has a state");
    let url = format!("{}/_sandbox/consent", sandbox.url());
    let body = json!({ "state": state, "email": EMAIL }).to_string();
    let request = reqwest::Client::new().post(url).header("content-type", "application/json").body(body);
    let response = request.send().await.unwrap();
    assert!(response.status().is_success(), "{}", response.status());
}
