//! The app: started as a child process, or already running.

use std::{
    ffi::OsString,
    io::Write as _,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use affitor::adapter::MissingLayer;
use anstream::adapter::strip_str;
use reqwest::Url;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader},
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{
    layer,
    process::{self, Group},
};
use crate::{dns::lookup, failure::Failure, output::DIM, sanitize::printable, url::host_and_port};

/// Longest line of the app's output that is read as one, in bytes.
const LINE_LIMIT: u64 = 8 * 1024;
/// Time that the app has to stop by itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Time after which it is said that the app does not listen yet.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause between two attempts to connect.
const POLL: Duration = Duration::from_millis(100);

/// Variables that would override those of the sandbox.
const REMOVED: [&str; 3] = ["AFFITOR_API_TOKEN", "AFFITOR_API_BASE", "AFFITOR_API_KEY_FILE"];

/// What the app has logged about a missing layer.
type Logged = Arc<Mutex<Option<MissingLayer>>>;

/// A child process with everything that it starts.
#[derive(Debug)]
pub(super) struct App {
    child: Group,
    logged: Logged,
    readers: Vec<JoinHandle<()>>,
}

impl App {
    /// Starts the app. Its output goes to standard error.
    pub(super) fn start(command: &[OsString], variables: &[(String, String)]) -> Result<Self, Failure> {
        let (program, arguments) =
            command.split_first().ok_or_else(|| Failure::usage("there is no command", "see --help"))?;
        let spawned = process::spawn(program, |command| {
            command.args(arguments);
            for name in REMOVED {
                command.env_remove(name);
            }
            command.envs(variables.iter().map(|(name, value)| (name, value)));
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        });
        let mut child = spawned.map_err(|error| {
            let message = format!("cannot start {}: {error}", program.to_string_lossy());
            Failure::usage(message, "check the command after `--`, or `app.start` in affitor.toml")
        })?;
        let logged = Logged::default();
        let mut readers = Vec::new();
        readers.extend(child.stdout().take().map(|stream| tokio::spawn(read(stream, logged.clone()))));
        readers.extend(child.stderr().take().map(|stream| tokio::spawn(read(stream, logged.clone()))));
        Ok(Self { child, logged, readers })
    }

    /// Waits until the app accepts connections.
    ///
    /// # Errors
    ///
    /// Returns what happened instead.
    pub(super) async fn listening(&mut self, url: &Url, limit: Duration) -> Result<(), String> {
        let until = Instant::now() + limit;
        let mut say_at = Some(Instant::now() + PATIENCE);
        loop {
            // First, so that another server on the port is not taken for an app that has ended.
            if let Ok(Some(status)) = self.child.try_wait() {
                // Lets the readers print the rest of the output.
                for reader in &mut self.readers {
                    let _ = timeout(STOP_TIMEOUT, reader).await;
                }
                return Err(format!("the app ended with {status} before it listened; its output says why"));
            }
            if is_listening(url).await {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("the app does not listen on {} after {} s", host_and_port(url), limit.as_secs()));
            }
            if say_at.is_some_and(|at| Instant::now() > at) {
                say_at = None;
                let _ = writeln!(
                    anstream::stderr(),
                    "still waiting for the app to listen on {}; if it has started elsewhere, see `app.url`, `app.port` and `app.env`",
                    host_and_port(url)
                );
            }
            sleep(POLL).await;
        }
    }

    /// Returns what the app has logged about a missing layer.
    pub(super) fn layer_problem(&self) -> Option<MissingLayer> {
        *lock(&self.logged)
    }

    /// Kills the app and everything that it has started, as a crash does.
    pub(super) async fn kill(mut self) {
        if self.child.kill() {
            let _ = timeout(STOP_TIMEOUT, self.child.wait()).await;
        }
        self.readers.iter().for_each(JoinHandle::abort);
    }

    /// Stops the app and everything that it has started.
    pub(super) async fn stop(mut self) {
        #[cfg(unix)]
        let asked = self.child.signal(15);
        #[cfg(not(unix))]
        let asked: std::io::Result<()> = Err(std::io::ErrorKind::Unsupported.into());
        let has_ended = asked.is_ok() && timeout(STOP_TIMEOUT, self.child.wait()).await.is_ok();
        // Also after the app has ended: it may have left processes of its own.
        let was_running = self.child.kill();
        if !has_ended && was_running {
            let _ = timeout(STOP_TIMEOUT, self.child.wait()).await;
        }
        self.readers.iter().for_each(JoinHandle::abort);
    }
}

/// Returns whether something accepts connections at a URL.
pub(super) async fn is_listening(url: &Url) -> bool {
    let connect = async {
        let addresses = lookup(url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80)).await?;
        TcpStream::connect(&addresses[..]).await
    };
    matches!(timeout(Duration::from_secs(1), connect).await, Ok(Ok(_)))
}

async fn read(stream: impl AsyncRead + Unpin, logged: Logged) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut stream).take(LINE_LIMIT).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        // The app's output must be read even if nobody can see it.
        // It could move the cursor, or write over the lines of the report.
        let shown = printable(&strip_str(text).to_string().replace('\t', "    "));
        let _ = writeln!(anstream::stderr(), "{DIM}app |{DIM:#} {shown}");
        let mut logged = lock(&logged);
        *logged = layer::problem_in(text).or(*logged);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
