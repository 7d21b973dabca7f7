//! The sandbox in its own process, and what Linux says about that process.

use std::{fs, process::Stdio};

use affitor_sandbox::Sandbox;
use clap::Args;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[arg(long)]
    memory_limit_mib: usize,
}

/// Serves until the process is killed, with the URL on the first line of standard output.
pub(crate) async fn serve(arguments: &Arguments) -> bool {
    let builder = Sandbox::builder().partner("PARTNER123").partner("abc123");
    let sandbox = builder.memory_limit(arguments.memory_limit_mib * 1024 * 1024).start().await;
    let sandbox = sandbox.expect("the sandbox starts");
    println!("{}", sandbox.url());
    std::future::pending().await
}

/// A running sandbox, killed when it is dropped.
pub(crate) struct SandboxProcess {
    pub(crate) url: String,
    process: Child,
}

impl SandboxProcess {
    /// Starts a sandbox that can open at most this many file descriptors.
    pub(crate) async fn start(memory_limit_mib: usize, descriptors: Option<u32>) -> Self {
        let program = std::env::current_exe().expect("the program has a path");
        let limit = descriptors.map_or_else(String::new, |limit| format!("ulimit -n {limit}; "));
        let mut process = Command::new("sh")
            .args(["-c", &format!("{limit}exec \"$0\" sandbox --memory-limit-mib {memory_limit_mib}")])
            .arg(program)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("sh is installed");
        let stdout = process.stdout.take().expect("stdout is piped");
        let url = BufReader::new(stdout).lines().next_line().await.expect("stdout can be read").expect("a URL");
        Self { url, process }
    }

    fn path(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.process.id().expect("the sandbox is running"))
    }

    /// Number of open file descriptors.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(self.path("fd")).expect("Linux").count()
    }

    /// A field of `/proc/<id>/status` in MiB, such as `VmRSS` (memory now) or `VmHWM` (its maximum).
    pub(crate) fn memory_mib(&self, field: &str) -> u64 {
        let status = fs::read_to_string(self.path("status")).expect("Linux");
        let line = status.lines().find(|line| line.starts_with(field)).expect("the field exists");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
    }

    /// Sends a request to a route of the sandbox's own.
    pub(crate) async fn control(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let mut request =
            reqwest::Client::new().request(method.parse().expect("a method"), format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("the sandbox responds");
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.expect("JSON")
    }
}
