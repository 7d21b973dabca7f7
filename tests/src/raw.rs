//! Requests written to a socket byte by byte, to test malformed and unusual ones.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A raw HTTP/1.1 request.
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
    /// `Content-Length`, and the bytes that are sent before the client disconnects.
    CutOff(usize, Vec<u8>),
    Chunked(Vec<Vec<u8>>, &'static str),
    /// Chunks without an end. The client waits for the response.
    Open(Vec<Vec<u8>>),
    /// `Content-Length`, and the bytes that are sent. The client then waits for the response.
    Stalled(usize, Vec<u8>),
    /// Sent after the server's `100 Continue`.
    Expected(Vec<u8>),
}

impl Raw {
    /// Creates a POST request without headers and body.
    pub fn post(path: &'static str) -> Self {
        Self { path, headers: Vec::new(), body: Body::None, pause: false }
    }

    /// Adds a header. The value may be any bytes.
    pub fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    /// Sets a body with `Content-Length`.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Body::Whole(body.as_ref().to_vec());
        self
    }

    /// Sends the second half of the body 20 ms after the first, so that they arrive separately.
    pub fn in_two_parts(mut self) -> Self {
        self.pause = true;
        self
    }

    /// Sets a body that is shorter than its `Content-Length`. The client closes its side of the connection after it.
    pub fn cut_off(mut self, content_length: usize, sent: impl AsRef<[u8]>) -> Self {
        self.body = Body::CutOff(content_length, sent.as_ref().to_vec());
        self
    }

    /// Sets a body in chunks, with trailers (`name: value\r\n`).
    pub fn chunked(mut self, chunks: &[&[u8]], trailers: &'static str) -> Self {
        self.body = Body::Chunked(chunks.iter().map(|chunk| chunk.to_vec()).collect(), trailers);
        self
    }

    /// Sets a body in chunks that does not end before the response.
    pub fn open(mut self, chunks: &[&[u8]]) -> Self {
        self.body = Body::Open(chunks.iter().map(|chunk| chunk.to_vec()).collect());
        self
    }

    /// Sets a body of which the rest is not sent before the response.
    pub fn stalled(mut self, content_length: usize, sent: impl AsRef<[u8]>) -> Self {
        self.body = Body::Stalled(content_length, sent.as_ref().to_vec());
        self
    }

    /// Sets a body that is sent after `100 Continue`.
    pub fn expected(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Body::Expected(body.as_ref().to_vec());
        self
    }

    /// Sends the request. Returns the first line of the response, or an empty string if the connection is closed without one.
    pub async fn send(&self, address: SocketAddr) -> String {
        let response = self.send_without_timeout(address);
        tokio::time::timeout(Duration::from_secs(20), response).await.expect("a response")
    }

    async fn send_without_timeout(&self, address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
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
            Body::CutOff(content_length, _) | Body::Stalled(content_length, _) => {
                head.extend_from_slice(format!("content-length: {content_length}\r\n").as_bytes());
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
                // Not a wait for a condition: the test is that the halves arrive separately.
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

/// Writes each chunk separately. The server may respond and close the connection before the last one.
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

/// Reads the head of a response. Returns its first line.
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
