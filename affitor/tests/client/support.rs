//! A server on a real socket with scripted responses.

#![allow(dead_code, reason = "`secrets` uses a part")]

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
    /// Sends these bytes and closes the connection.
    Raw(Vec<u8>),
    /// Sends these bytes and resets the connection.
    Reset(Vec<u8>),
    /// Sends nothing and keeps the connection open.
    Stall,
}

/// A complete response with a JSON body.
pub(crate) fn json(status: u16, body: &str) -> Reply {
    http(status, "content-type: application/json\r\n", body)
}

/// A complete response.
pub(crate) fn http(status: u16, headers: &str, body: &str) -> Reply {
    let len = body.len();
    Reply::Raw(
        format!("HTTP/1.1 {status} X\r\n{headers}content-length: {len}\r\nconnection: close\r\n\r\n{body}").into(),
    )
}

/// A server that sends its replies in order, and repeats the last one.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(replies: impl Into<Vec<Reply>>) -> Self {
        let replies = replies.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let recorder = requests.clone();
        let task = tokio::spawn(async move {
            let mut replies = replies.into_iter().peekable();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                recorder.lock().unwrap().push(request);
                let reply = match replies.peek().cloned() {
                    Some(reply) => {
                        if replies.len() > 1 {
                            replies.next();
                        }
                        reply
                    }
                    None => Reply::Stall,
                };
                tokio::spawn(send(stream, reply));
            }
        });
        Self { url, requests, task }
    }

    /// Returns the requests received so far, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns a builder for a client of this server, with a timeout of 5 seconds.
    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder().api_key(KEY).api_url(&self.url).program_id(42).timeout(Duration::from_secs(5))
    }

    /// Returns a client that makes one attempt.
    pub(crate) fn client(&self) -> Client {
        self.builder().max_attempts(1).build().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn send(mut stream: TcpStream, reply: Reply) {
    match reply {
        Reply::Raw(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Reset(bytes) => {
            let _ = stream.write_all(&bytes).await;
            // Otherwise the kernel would deliver the bytes and then close the connection normally.
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
