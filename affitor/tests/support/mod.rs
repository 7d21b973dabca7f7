//! A server on a real socket that answers as a test says.

#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use affitor::{Client, ClientBuilder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub(crate) const KEY: &str = "aff_very_secret";

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Sends this and closes the connection.
    Raw(Vec<u8>),
    /// Sends this and resets the connection.
    Reset(Vec<u8>),
    /// Sends nothing and keeps the connection.
    Stall,
}

/// A whole answer with a JSON body.
pub(crate) fn json(status: u16, body: &str) -> Reply {
    http(status, "content-type: application/json\r\n", body)
}

/// A whole answer.
pub(crate) fn http(status: u16, headers: &str, body: &str) -> Reply {
    let len = body.len();
    Reply::Raw(
        format!("HTTP/1.1 {status} X\r\n{headers}content-length: {len}\r\nconnection: close\r\n\r\n{body}").into(),
    )
}

/// A server that gives its answers in turn, the last one for ever.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(answers: impl Into<Vec<Reply>>) -> Self {
        let answers = answers.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        let task = tokio::spawn(async move {
            let mut answers = answers.into_iter().peekable();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                seen.lock().unwrap().push(request);
                let answer = match answers.peek().cloned() {
                    Some(answer) => {
                        if answers.len() > 1 {
                            answers.next();
                        }
                        answer
                    }
                    None => Reply::Stall,
                };
                tokio::spawn(give(stream, answer));
            }
        });
        Self { url, requests, task }
    }

    /// The requests so far, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A client for this server, which gives up soon.
    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder().api_key(KEY).api_url(&self.url).program_id(42).timeout(Duration::from_secs(5))
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().max_attempts(1).build().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn give(mut stream: TcpStream, answer: Reply) {
    match answer {
        Reply::Raw(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Reset(bytes) => {
            let _ = stream.write_all(&bytes).await;
            // Without this the kernel would still deliver the bytes and then a clean end.
            let _ = stream.set_zero_linger();
        }
        Reply::Stall => {
            let _ = stream.read(&mut [0]).await;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return text.into_owned();
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}
