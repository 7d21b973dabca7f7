//! Splits what a client sends into requests: the statements of Postgres's protocol, and the requests of HTTP.

use std::collections::HashMap;

use tokio::{
    io::{AsyncReadExt as _, Error, ErrorKind},
    net::TcpStream,
};

/// A request, whole.
#[derive(Debug)]
pub(crate) struct Request {
    /// The statement, or method and path. `None` for what opens and closes a connection.
    pub(crate) label: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Postgres,
    Http,
}

/// The requests of one connection.
#[derive(Debug)]
pub(crate) struct Requests {
    protocol: Protocol,
    received: Vec<u8>,
    is_open: bool,
    /// The statements that are prepared, by name.
    prepared: HashMap<Vec<u8>, String>,
}

/// The request that opens a TLS connection. It is declined in one byte.
const SSL_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();
/// Length of a label, so that it can be read.
const LABEL: usize = 90;

impl Requests {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self { protocol, received: Vec::new(), is_open: false, prepared: HashMap::new() }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// Returns the next request, if it is whole.
    pub(crate) fn next(&mut self) -> Option<Request> {
        match self.protocol {
            Protocol::Http => {
                let (head, length) = http_message(&self.received)?;
                let label = head.split(' ').take(2).collect::<Vec<_>>().join(" ");
                Some(Request { label: Some(label), bytes: self.received.drain(..length).collect() })
            }
            Protocol::Postgres if !self.is_open => {
                let length = u32::from_be_bytes(self.received.get(..4)?.try_into().ok()?) as usize;
                self.is_open = self.received.get(4..8)? != SSL_REQUEST;
                let bytes = (self.received.len() >= length).then(|| self.received.drain(..length).collect())?;
                Some(Request { label: None, bytes })
            }
            Protocol::Postgres => self.statement(),
        }
    }

    /// The messages up to the one that the server responds to.
    fn statement(&mut self) -> Option<Request> {
        let (mut at, mut label, mut executes) = (0, None, false);
        loop {
            let (kind, message) = postgres_message(&self.received[at..])?;
            let text =
                |from: &[u8]| String::from_utf8_lossy(from.split(|byte| *byte == 0).next().unwrap()).into_owned();
            match kind {
                b'Q' => (label, executes) = (Some(text(message)), true),
                b'P' => {
                    let mut parts = message.split(|byte| *byte == 0);
                    let (name, sql) = (parts.next()?.to_vec(), text(parts.next()?));
                    self.prepared.insert(name, sql.clone());
                    label = Some(sql);
                }
                b'B' => {
                    let name = message.split(|byte| *byte == 0).nth(1)?;
                    label = self.prepared.get(name).cloned();
                }
                b'E' => executes = true,
                _ => {}
            }
            at += 5 + message.len();
            // Sync, a simple query, a password, the end, a flush.
            if b"SQpXH".contains(&kind) {
                break;
            }
        }
        let label = label.map(|sql| {
            let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
            let sql: String = sql.chars().take(LABEL).collect();
            if executes { sql } else { format!("prepare {sql}") }
        });
        Some(Request { label, bytes: self.received.drain(..at).collect() })
    }
}

/// The kind and content of the first message.
fn postgres_message(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let length = u32::from_be_bytes(bytes.get(1..5)?.try_into().ok()?) as usize;
    Some((bytes[0], bytes.get(5..length + 1)?))
}

/// The first line of a message and its length, if it is whole.
fn http_message(bytes: &[u8]) -> Option<(String, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let length = if header("transfer-encoding").is_some() {
        bytes.windows(5).position(|window| window == b"0\r\n\r\n")? + 5
    } else {
        end + header("content-length").map_or(0, |length| length.parse().unwrap())
    };
    (bytes.len() >= length).then(|| (head.lines().next().unwrap_or_default().to_owned(), length))
}

/// A statement that fails with this SQLSTATE, in place of another one.
pub(crate) fn failing(code: &str) -> Vec<u8> {
    let sql = format!("DO $$ BEGIN RAISE EXCEPTION 'planned' USING ERRCODE = '{code}'; END $$\0");
    let length = u32::try_from(sql.len() + 4).unwrap();
    [b"Q", &length.to_be_bytes()[..], sql.as_bytes()].concat()
}

/// Reads a response to its end.
pub(crate) async fn response(server: &mut TcpStream, protocol: Protocol) -> Result<(), Error> {
    let (mut received, mut buffer) = (Vec::new(), vec![0; 4096]);
    loop {
        match server.read(&mut buffer).await? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => received.extend_from_slice(&buffer[..count]),
        }
        match protocol {
            Protocol::Http if http_message(&received).is_some() => return Ok(()),
            Protocol::Http => {}
            Protocol::Postgres => {
                let mut at = 0;
                while let Some((kind, message)) = postgres_message(&received[at..]) {
                    if kind == b'Z' {
                        return Ok(());
                    }
                    at += 5 + message.len();
                }
            }
        }
    }
}
