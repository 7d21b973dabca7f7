//! A mock of the service's published contract, which responds with an error to requests that violate it.
//!
//! The contract is not part of this project: `AFFITOR_CONTRACT` is the path of its file. The mock is Prism
//! (`npm install @stoplight/prism-cli`): `PRISM` is the path of its program (default: `prism`). If either is missing, the
//! test prints that it is skipped. With `AFFITOR_TESTS_FORBID_SKIP` set, it fails if Prism is missing.

use std::{
    env,
    io::{self, Write as _},
    net::TcpListener,
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// A running mock, stopped when it is dropped.
pub(crate) struct ContractMock {
    pub(crate) url: String,
    _process: Child,
}

impl ContractMock {
    /// Starts the mock. Returns `None`, and prints why, if the contract or Prism is missing.
    pub(crate) async fn start() -> Option<Self> {
        let skip = |reason: &str| writeln!(&mut io::stderr(), "SKIPPED: contract: {reason}").unwrap();
        let Ok(contract) = env::var("AFFITOR_CONTRACT") else {
            skip("AFFITOR_CONTRACT is not set");
            return None;
        };
        let prism = env::var("PRISM").unwrap_or_else(|_| "prism".to_owned());
        // If another program takes the port before the mock does, the mock reports that and the test fails.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        match start(&prism, &contract, port).await {
            Ok(process) => Some(Self { url: format!("http://127.0.0.1:{port}"), _process: process }),
            Err(error) if env::var_os("AFFITOR_TESTS_FORBID_SKIP").is_none() => {
                skip(&format!("{prism}: {error}"));
                None
            }
            Err(error) => panic!("{prism}: {error}"),
        }
    }
}

async fn start(prism: &str, contract: &str, port: u16) -> io::Result<Child> {
    let mut child = Command::new(prism)
        .args(["mock", "--errors", "--host", "127.0.0.1", "--port", &port.to_string(), contract])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let mut output = String::new();
    tokio::time::timeout(Duration::from_secs(60), async {
        while let Some(line) = lines.next_line().await.unwrap() {
            output += &line;
            output += "\n";
            if line.contains("is listening on") {
                return;
            }
        }
        panic!("the mock does not start:\n{output}");
    })
    .await
    .expect("the mock starts within a minute");
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(child)
}
