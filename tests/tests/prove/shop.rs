//! A shop in a process of its own, with a sandbox and a stand-in for Stripe.

use std::{process::Stdio, time::Duration};

use affitor_sandbox::{ApiCall, RequestRecord, Sandbox, Snapshot};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use super::{Framework, stripe::Stripe};

/// A running shop. It is killed when it is dropped.
pub(crate) struct Shop {
    pub(crate) url: String,
    pub(crate) sandbox: Sandbox,
    pub(crate) stripe: Stripe,
    _child: Child,
    _folder: TempDir,
}

impl Shop {
    /// Starts a shop. `{folder}` in its arguments is a folder of its own.
    pub(crate) async fn start(framework: Framework, arguments: &[&str]) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let stripe = Stripe::start().await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(framework.binary());
        // Through a proxy, the client would not use the closed port that stands for the real service.
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        for name in ["AFFITOR_API_TOKEN", "AFFITOR_API_BASE", "AFFITOR_API_KEY_FILE"] {
            command.env_remove(name);
        }
        let mut child = command
            .args(arguments.iter().map(|argument| argument.replace("{folder}", path)))
            .env("PORT", "0")
            .env("AFFITOR_API_URL", sandbox.url())
            .env("AFFITOR_API_KEY", sandbox.api_key())
            .env("AFFITOR_PROGRAM_ID", sandbox.program_id().to_string())
            .env("STRIPE_WEBHOOK_SECRET", Stripe::SECRET)
            .env("AFFITOR_STRIPE_REPORTER", "app")
            .env("STRIPE_API_URL", &stripe.url)
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await.expect("it starts in time");
        let Some(url) = line.unwrap() else {
            panic!("the shop ended: {}", std::fs::read_to_string(folder.path().join("log")).unwrap());
        };
        Self { url, sandbox, stripe, _child: child, _folder: folder }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Waits for records in the sandbox.
    pub(crate) async fn wait_for(&self, what: &str, condition: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let found = self.sandbox.wait_for(condition).await;
        found.unwrap_or_else(|_| panic!("{what} does not arrive: {:#?}", self.sandbox.requests()))
    }

    /// The calls of one kind that the shop made, as transaction id or click id.
    pub(crate) fn calls(&self, call: ApiCall, id: impl Fn(&RequestRecord) -> Option<String>) -> Vec<Option<String>> {
        let requests = self.sandbox.requests();
        requests.iter().filter(|request| request.call == Some(call)).map(id).collect()
    }
}
