//! Clients that give up: their connections end, whatever the fault.

#![cfg(target_os = "linux")]

use std::{fs, time::Duration};

use crate::support::{Visitor, builder, start};
use affitor_sandbox::Fault;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Number of connections that a server on this port holds open. Those that the client has closed count until the server ends them.
fn connections(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    const CLOSE_WAIT: &str = "08";
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!(":{port:04X}");
    table
        .lines()
        .filter(|line| {
            let fields: Vec<&str> = line.split_whitespace().take(4).collect();
            matches!(fields[..], [_, address, _, ESTABLISHED | CLOSE_WAIT] if address.ends_with(&local))
        })
        .count()
}

async fn wait_for_connections(port: u16, why: &str) {
    let waiting = async {
        while connections(port) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    assert!(ended.is_ok(), "{why}: {} connections are open", connections(port));
}

const REQUEST: &str = "POST /api/v1/track/lead HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}";

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_client_ends_every_fault() {
    let sandbox = start(builder()).await;
    let address = sandbox.address();
    let open = TcpStream::connect(address).await.unwrap();
    assert_eq!(connections(address.port()), 1, "connections are counted");
    drop(open);
    Visitor::server(&sandbox).click("abc123", None).await;
    for fault in Fault::ALL.iter().copied().chain([Fault::Latency(Duration::from_secs(3_600))]) {
        sandbox.inject(fault.always());
        let expected = sandbox.requests().len() + 60;
        let mut clients = Vec::new();
        for place in 0..60 {
            let mut client = TcpStream::connect(address).await.unwrap();
            // Of some clients, more bytes are waiting to be read.
            let requests = if place % 3 == 0 { REQUEST.repeat(2) } else { REQUEST.to_owned() };
            client.write_all(requests.as_bytes()).await.unwrap();
            clients.push(client);
        }
        while sandbox.requests().len() < expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(clients);
        wait_for_connections(address.port(), &format!("{fault}")).await;
        sandbox.clear_faults();
        let (status, _) = Visitor::browser(&sandbox).track("lead", json!({})).await;
        assert_eq!(status, 400, "after {fault}, requests are served");
    }

    // Requests that were sent before the response are served after a delay.
    sandbox.inject(Fault::Latency(Duration::from_millis(50)).times(2));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(REQUEST.repeat(2).as_bytes()).await.unwrap();
    let mut received = String::new();
    while received.matches("HTTP/1.1 400 ").count() < 2 {
        let mut part = [0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(10), client.read(&mut part)).await.unwrap().unwrap();
        assert!(read > 0, "the connection was closed after: {received}");
        received += std::str::from_utf8(&part[..read]).unwrap();
    }
    drop(client);

    // A client that closes only its side still gets the response, early if there is a delay.
    sandbox.inject(Fault::Latency(Duration::from_secs(3_600)).always());
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(REQUEST.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    let mut response = String::new();
    let read = client.read_to_string(&mut response);
    tokio::time::timeout(Duration::from_secs(10), read).await.unwrap().unwrap();
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
}
