//! Requests as bytes on a socket.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A request, written by hand.
#[derive(Clone, Debug)]
pub struct Raw {
    path: &'static str,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Body,
    pause: bool,
}

#[derive(Clone, Debug)]
enum Body {
    None,
    Whole(Vec<u8>),
    /// So much is announced, and so much is sent before the client goes away.
    CutOff(usize, Vec<u8>),
    Chunked(Vec<Vec<u8>>, &'static str),
    /// Chunks without an end: the client waits for the answer first.
    Open(Vec<Vec<u8>>),
    /// So much is announced, and so much is sent; the client waits for the answer.
    Stalled(usize, Vec<u8>),
    /// Sent when the server says `100 Continue`.
    Expected(Vec<u8>),
}

impl Raw {
    /// A POST without headers and body.
    pub fn post(path: &'static str) -> Self {
        Self { path, headers: Vec::new(), body: Body::None, pause: false }
    }

    /// Adds a header, of any bytes.
    pub fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    /// A body with its length.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Body::Whole(body.as_ref().to_vec());
        self
    }

    /// The second half of the body comes when the server has had time to see the first one.
    pub fn in_two_parts(mut self) -> Self {
        self.pause = true;
        self
    }

    /// A body of which less comes than was announced.
    pub fn cut_off(mut self, announced: usize, sent: impl AsRef<[u8]>) -> Self {
        self.body = Body::CutOff(announced, sent.as_ref().to_vec());
        self
    }

    /// A body in chunks, with trailers (`name: value\r\n`).
    pub fn chunked(mut self, chunks: &[&[u8]], trailers: &'static str) -> Self {
        self.body = Body::Chunked(chunks.iter().map(|chunk| chunk.to_vec()).collect(), trailers);
        self
    }

    /// Chunks that don't end before the answer is there.
    pub fn open(mut self, chunks: &[&[u8]]) -> Self {
        self.body = Body::Open(chunks.iter().map(|chunk| chunk.to_vec()).collect());
        self
    }

    /// A body of which the rest does not come before the answer is there.
    pub fn stalled(mut self, announced: usize, sent: impl AsRef<[u8]>) -> Self {
        self.body = Body::Stalled(announced, sent.as_ref().to_vec());
        self
    }

    /// A body that waits for `100 Continue`.
    pub fn expected(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Body::Expected(body.as_ref().to_vec());
        self
    }

    /// Sends it, and waits for the answer's first line (unless the client has gone away by then).
    pub async fn send(&self, to: SocketAddr) -> String {
        let sending = self.send_now(to);
        tokio::time::timeout(Duration::from_secs(20), sending).await.expect("an answer")
    }

    async fn send_now(&self, to: SocketAddr) -> String {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let mut head = format!("POST {} HTTP/1.1\r\nhost: shop.example\r\n", self.path).into_bytes();
        for (name, value) in &self.headers {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        match &self.body {
            Body::None => {}
            Body::Whole(body) => head.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes()),
            Body::CutOff(announced, _) | Body::Stalled(announced, _) => {
                head.extend_from_slice(format!("content-length: {announced}\r\n").as_bytes());
            }
            Body::Chunked(..) | Body::Open(_) => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            Body::Expected(body) => {
                head.extend_from_slice(
                    format!("content-length: {}\r\nexpect: 100-continue\r\n", body.len()).as_bytes(),
                );
            }
        }
        head.extend_from_slice(b"\r\n");
        stream.write_all(&head).await.unwrap();
        match &self.body {
            Body::None => {}
            Body::Whole(body) if self.pause => {
                let (first, second) = body.split_at(body.len() / 2);
                stream.write_all(first).await.unwrap();
                // Not a wait for something: what arrives apart is the case.
                tokio::time::sleep(Duration::from_millis(20)).await;
                stream.write_all(second).await.unwrap();
            }
            Body::Whole(body) => stream.write_all(body).await.unwrap(),
            Body::CutOff(_, sent) => {
                stream.write_all(sent).await.unwrap();
                stream.shutdown().await.unwrap();
            }
            Body::Chunked(chunks, trailers) => {
                write_chunks(&mut stream, chunks).await;
                stream.write_all(format!("0\r\n{trailers}\r\n").as_bytes()).await.unwrap();
            }
            Body::Open(chunks) => write_chunks(&mut stream, chunks).await,
            Body::Stalled(_, sent) => stream.write_all(sent).await.unwrap(),
            Body::Expected(body) => {
                let line = first_line(&mut stream).await;
                assert_eq!(line, "HTTP/1.1 100 Continue");
                stream.write_all(body).await.unwrap();
            }
        }
        first_line(&mut stream).await
    }
}

/// Each chunk in a write of its own. A server may have had enough before the last one; its answer says so.
async fn write_chunks(stream: &mut TcpStream, chunks: &[Vec<u8>]) {
    for chunk in chunks {
        let mut framed = format!("{:x}\r\n", chunk.len()).into_bytes();
        framed.extend_from_slice(chunk);
        framed.extend_from_slice(b"\r\n");
        if stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}

/// Reads to the end of a head, and says its first line.
async fn first_line(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned()
}
