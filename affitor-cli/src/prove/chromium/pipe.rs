//! The browser's debugging protocol over two pipes: JSON messages, each followed by a null byte.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{ChildStdin, ChildStdout},
    time::timeout,
};

use super::super::process::{self, Group};
use crate::failure::Failure;

/// Time limit of a call.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Largest message, in bytes.
const LIMIT: u64 = 16 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Pipe {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    last: u64,
    session: Option<String>,
}

/// Starts the browser. It reads from file descriptor 3, and writes to 4, which a shell makes of its standard streams. Its temporary
/// files are in `folder`, because it leaves them behind when it is killed.
pub(super) fn spawn(program: &Path, folder: &Path, arguments: &[String]) -> Result<(Group, Pipe), Failure> {
    if !cfg!(unix) {
        return Err(Failure::usage("--browser works on Linux and macOS only", "leave --browser out, or use --manual"));
    }
    let failed = |error: std::io::Error| {
        Failure::usage(format!("cannot start {}: {error}", program.display()), "leave --browser out")
    };
    let mut child = process::spawn("/bin/sh".as_ref(), |command| {
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1"]).arg(program);
        command.arg("--remote-debugging-pipe").args(arguments).env("TMPDIR", folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    })
    .map_err(failed)?;
    let (to, from) = (child.stdin().take(), child.stdout().take());
    let (to, from) = to.zip(from).ok_or_else(|| failed(std::io::ErrorKind::BrokenPipe.into()))?;
    Ok((child, Pipe { to, from: BufReader::new(from), last: 0, session: None }))
}

impl Pipe {
    /// Sends the calls that follow to a page.
    pub(super) fn attach(&mut self, session: Option<&str>) {
        self.session = session.map(str::to_owned);
    }

    /// Makes a call. An error of the browser is a null result, because pages change at any time.
    ///
    /// # Errors
    ///
    /// Returns a failure if the browser has ended, or hangs.
    pub(super) async fn call(&mut self, method: &str, parameters: &Value) -> Result<Value, Failure> {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let result = timeout(TIMEOUT, self.exchange(&message)).await.ok().flatten();
        result.ok_or_else(|| {
            Failure::usage(
                format!("the browser has ended, or hangs in {method}"),
                "repeat the command, or leave --browser out",
            )
        })
    }

    async fn exchange(&mut self, message: &Value) -> Option<Value> {
        self.to.write_all(format!("{message}\0").as_bytes()).await.ok()?;
        loop {
            let mut reply = Vec::new();
            (&mut self.from).take(LIMIT).read_until(0, &mut reply).await.ok()?;
            // Without the null byte, it has ended.
            let mut reply: Value = serde_json::from_slice(reply.strip_suffix(b"\0")?).ok()?;
            if reply["id"] == message["id"] {
                return Some(reply["result"].take());
            }
        }
    }
}
