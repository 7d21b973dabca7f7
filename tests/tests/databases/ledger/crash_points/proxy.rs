//! A proxy in front of the database or the service. It counts the requests of each kind, and at one of them does what is planned.

use std::{
    collections::BTreeMap,
    io::Error,
    process::Command,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::wire::{Protocol, Requests, failing, response};

/// A place in the sequence of requests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) label: String,
    /// Counted from 1.
    pub(crate) occurrence: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The process gets SIGKILL. The server does not get the request.
    KillBefore,
    /// The server executes the request, and the process gets SIGKILL in place of the response.
    KillAfter,
    CutBefore,
    /// The server executes the request, and the connection is closed in place of the response.
    CutAfter,
    /// Postgres responds with this SQLSTATE.
    Fail(&'static str),
}

#[derive(Debug, Default)]
struct State {
    seen: BTreeMap<String, usize>,
    points: Vec<Point>,
    plan: Option<(Point, Action)>,
    victim: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port, in front of another port of this machine.
    pub(crate) async fn start(protocol: Protocol, target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, state) = (listener.local_addr().unwrap().port(), Arc::<Mutex<State>>::default());
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // An error is a connection that either side has closed.
                tokio::spawn(async move { connection(client, protocol, target, &state).await.ok() });
            }
        });
        Self { port, state, task }
    }

    /// Begins to count, and plans what happens at a point.
    pub(crate) fn begin(&self, plan: Option<(Point, Action)>) {
        *self.state.lock().unwrap() = State { plan, ..State::default() };
    }

    /// The process that a plan kills.
    pub(crate) fn set_victim(&self, id: u32) {
        self.state.lock().unwrap().victim = Some(id);
    }

    /// Returns the points since the count has begun.
    pub(crate) fn points(&self) -> Vec<Point> {
        self.state.lock().unwrap().points.clone()
    }

    /// Returns whether the planned point was reached.
    pub(crate) fn is_reached(&self) -> bool {
        self.state.lock().unwrap().plan.is_none()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    /// Counts a request. Returns what happens at it.
    fn reach(&mut self, label: String) -> Option<Action> {
        let occurrence = self.seen.entry(label.clone()).or_default();
        *occurrence += 1;
        let point = Point { label, occurrence: *occurrence };
        let (_, action) = self.plan.take_if(|(planned, _)| *planned == point).unzip();
        self.points.push(point);
        action
    }

    fn kill(&self) {
        let id = self.victim.expect("a process").to_string();
        assert!(Command::new("kill").args(["-9", &id]).status().unwrap().success());
    }
}

async fn connection(mut client: TcpStream, protocol: Protocol, target: u16, state: &Mutex<State>) -> Result<(), Error> {
    let mut server = TcpStream::connect(("127.0.0.1", target)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut requests, mut from_client, mut from_server) = (Requests::new(protocol), vec![0; 16_384], vec![0; 16_384]);
    loop {
        tokio::select! {
            count = client.read(&mut from_client) => {
                match count? {
                    0 => return Ok(()),
                    count => requests.push(&from_client[..count]),
                }
                while let Some(request) = requests.next() {
                    let action = request.label.and_then(|label| state.lock().unwrap().reach(label));
                    match action {
                        None => server.write_all(&request.bytes).await?,
                        Some(Action::Fail(code)) => server.write_all(&failing(code)).await?,
                        Some(action) => {
                            if matches!(action, Action::KillAfter | Action::CutAfter) {
                                server.write_all(&request.bytes).await?;
                                response(&mut server, protocol).await?;
                            }
                            if matches!(action, Action::KillBefore | Action::KillAfter) {
                                state.lock().unwrap().kill();
                            }
                            return Ok(());
                        }
                    }
                }
            }
            count = server.read(&mut from_server) => match count? {
                0 => return Ok(()),
                count => client.write_all(&from_server[..count]).await?,
            },
        }
    }
}
