//! Servers that respond as no sandbox does.

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// Starts a server that sends these bytes in response to any request. Returns its URL.
pub(crate) async fn raw_server(response: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    stream.write_all(response.as_bytes()).await.ok();
                }
            });
        }
    });
    format!("http://{address}")
}

/// Starts a server that responds with a head and a body, depending on the target of the request and all of its text. The
/// target is a whole URL if the server is used as a proxy. Returns its URL.
pub(crate) async fn site(respond: impl Fn(&str, &str) -> (String, String) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 16 * 1024];
            let read = stream.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let (head, body) = respond(request.split(' ').nth(1).unwrap_or_default(), &request);
            let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            tokio::spawn(async move {
                stream.write_all(format!("{head}{body}").as_bytes()).await.ok();
                stream.shutdown().await.ok();
                stream.read_to_end(&mut Vec::new()).await.ok();
            });
        }
    });
    format!("http://{address}")
}

/// Starts a server that responds with a status and a JSON body, depending on the path and the number of earlier
/// requests. Returns its URL.
pub(crate) async fn server(respond: impl Fn(&str, usize) -> (&'static str, Value) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 16 * 1024];
            let read = stream.read(&mut request).await.unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let (status, body) = respond(request.split(' ').nth(1).unwrap_or_default(), number);
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.to_string().len());
            stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes()).await.ok();
            // Closing a socket with unread input resets the connection, and the response may be lost.
            tokio::spawn(async move {
                stream.shutdown().await.ok();
                stream.read_to_end(&mut Vec::new()).await.ok();
            });
        }
    });
    format!("http://{address}")
}
