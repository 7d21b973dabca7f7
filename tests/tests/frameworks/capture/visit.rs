//! A visitor: requests over a socket, and the cookies of a browser.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::capture::row::Visit;

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// The cookies of a browser, by name and domain.
#[derive(Debug, Default)]
pub(crate) struct Jar(BTreeMap<(String, Option<String>), String>);

impl Jar {
    /// Stores what a response sets.
    pub(crate) fn store(&mut self, lines: &[&str]) {
        for line in lines {
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let (name, value) = pair.split_once('=').expect("a cookie has a name");
            let attribute = |name: &str| {
                attributes
                    .split(';')
                    .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
                    .map(str::to_owned)
            };
            let key = (name.to_owned(), attribute("Domain"));
            if attribute("Max-Age").as_deref() == Some("0") {
                self.0.remove(&key);
            } else {
                self.0.insert(key, value.to_owned());
            }
        }
    }

    fn header(&self) -> Option<String> {
        let pairs: Vec<String> = self.0.iter().map(|((name, _), value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// Sends a request. Returns `None` if the server closes the connection without a response.
pub(crate) async fn send(address: SocketAddr, visit: &Visit, jar: &Jar) -> Option<Response> {
    let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", visit.method, visit.target).into_bytes();
    for (name, value) in &visit.headers {
        head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    let has_own = visit.headers.iter().any(|(name, _)| *name == "cookie");
    if let (false, Some(cookies)) = (has_own, jar.header()) {
        head.extend_from_slice(format!("cookie: {cookies}\r\n").as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // A server may reject a head that is too long before it has all of it.
        let _ = stream.write_all(&head).await;
        let mut bytes = Vec::new();
        // A reset after the response is no problem.
        let _ = stream.read_to_end(&mut bytes).await;
        bytes
    };
    let bytes = tokio::time::timeout(Duration::from_secs(30), exchange).await.expect("a response");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    Some(Response { status, headers: headers.collect(), body: body.to_owned() })
}
