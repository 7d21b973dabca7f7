//! A proxy for the app's connections, which lets none reach the real service.

use std::{
    env, io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::Url;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use crate::url::host_and_port;

/// Largest head of a request, in bytes.
const HEAD_LIMIT: u64 = 16 * 1024;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The proxy, running until it is dropped.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) url: String,
    refused: Arc<Mutex<Option<String>>>,
    server: JoinHandle<()>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Guard {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let refused = Arc::new(Mutex::new(None));
        let seen = refused.clone();
        let server = tokio::spawn(async move {
            // Dropped with this task, which ends the connections.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let seen = seen.clone();
                connections.spawn(async move {
                    // A broken connection is the app's to report.
                    let _ = serve(stream, &seen).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { url, refused, server })
    }

    /// Returns the host of the real service that the app tried to reach.
    pub(super) fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(stream: TcpStream, refused: &Mutex<Option<String>>) -> io::Result<()> {
    let mut client = BufReader::new(stream);
    let head = timeout(HEAD_TIMEOUT, read_head(&mut client)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let Some((target, is_tunnel)) = target(&head) else {
        return client.write_all(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n").await;
    };
    if is_service(&target) {
        *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(target);
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    }
    let next = upstream();
    match TcpStream::connect(next.as_deref().unwrap_or(&target)).await {
        Ok(mut server) => {
            match next {
                // The other proxy's response goes to the app. So does that of the server to a request without a tunnel.
                Some(_) | None if !is_tunnel => server.write_all(for_one_request(&head).as_bytes()).await?,
                Some(_) => {
                    server.write_all(format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n").as_bytes()).await?;
                }
                None => client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?,
            }
            copy_bidirectional(&mut client, &mut server).await?;
            Ok(())
        }
        Err(_) => client.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await,
    }
}

/// Reads the head of a request.
async fn read_head(client: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut limited = client.take(HEAD_LIMIT);
    let mut head = String::new();
    loop {
        let before = head.len();
        if limited.read_line(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if head[before..].trim_end().is_empty() {
            return Ok(head);
        }
    }
}

/// Returns the `host:port` of a request, and whether it asks for a tunnel. Without one, an app uses plain http.
fn target(head: &str) -> Option<(String, bool)> {
    let mut words = head.lines().next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    if method == "CONNECT" {
        return Some((target.to_owned(), true));
    }
    let url = Url::parse(target).ok().filter(|url| url.scheme() == "http")?;
    Some((host_and_port(&url), false))
}

/// The head of a request without a tunnel. The next one may be for another host, so the connection ends with the response.
fn for_one_request(head: &str) -> String {
    let is_kept = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        !["connection", "proxy-connection", "keep-alive"].iter().any(|other| name.eq_ignore_ascii_case(other))
    };
    let lines: Vec<&str> = head.trim_end().lines().filter(is_kept).collect();
    format!("{}\r\nconnection: close\r\n\r\n", lines.join("\r\n"))
}

/// Returns `host:port` of the proxy that this machine uses.
fn upstream() -> Option<String> {
    let proxy =
        ["HTTPS_PROXY", "https_proxy"].iter().find_map(|name| env::var(name).ok().filter(|url| !url.is_empty()))?;
    let url = Url::parse(&proxy).ok().filter(|url| url.scheme() == "http")?;
    Some(host_and_port(&url))
}

fn is_service(target: &str) -> bool {
    let host = target.rsplit_once(':').map_or(target, |(host, _)| host).trim_end_matches('.').to_ascii_lowercase();
    host == "affitor.com" || host.ends_with(".affitor.com")
}

#[cfg(test)]
mod tests {
    use super::{for_one_request, is_service, target};

    #[test]
    fn requests_with_and_without_a_tunnel() {
        for (head, expected) in [
            ("CONNECT api.stripe.com:443 HTTP/1.1\r\n\r\n", Some(("api.stripe.com:443", true))),
            ("POST http://api.affitor.com/api/v1/track/lead HTTP/1.1\r\n\r\n", Some(("api.affitor.com:80", false))),
            ("GET /path HTTP/1.1\r\n\r\n", None),
            ("", None),
        ] {
            let expected = expected.map(|(target, is_tunnel): (&str, bool)| (target.to_owned(), is_tunnel));
            assert_eq!(target(head), expected, "{head}");
        }
    }

    #[test]
    fn a_connection_is_for_one_request() {
        let head = "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nProxy-Connection: keep-alive\r\n\r\n";
        let sent = "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nconnection: close\r\n\r\n";
        assert_eq!(for_one_request(head), sent);
    }

    #[test]
    fn only_the_service_is_refused() {
        for target in ["api.affitor.com:443", "affitor.com:443", "API.Affitor.com.:443", "staging.api.affitor.com"] {
            assert!(is_service(target), "{target}");
        }
        for target in ["api.stripe.com:443", "affitor.com.example:443", "notaffitor.com:443", "[::1]:443"] {
            assert!(!is_service(target), "{target}");
        }
    }
}
