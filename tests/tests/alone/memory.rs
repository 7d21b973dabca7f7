//! Sends a body of 512 MiB in chunks through a layer that inspects chunked bodies. The layer must hold no more of it than the
//! limit and one frame.

use affitor_axum::{AffitorClickId, AffitorLayer, Client, Sources};
use axum::{Router, body::Body, routing::post};
use http_body_util::BodyExt as _;
use peak_alloc::PeakAlloc;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MIB: usize = 1024 * 1024;
const CHUNKS: usize = 8 * 1024;
const CHUNK_SIZE: usize = 64 * 1024;

/// Returns the peak of this process's resident memory in bytes, or `None` if the system does not report it.
fn resident_peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? * 1024)
}

async fn send(address: std::net::SocketAddr, chunks: usize) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\
                connection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut chunk = format!("{CHUNK_SIZE:x}\r\n").into_bytes();
    chunk.resize(chunk.len() + CHUNK_SIZE, b'x');
    chunk.extend_from_slice(b"\r\n");
    // An object that starts with the field, followed by a string without an end.
    stream.write_all(b"20\r\n{\"affitorClickId\":\"cust_1_1\",\"a\"\r\n").await.unwrap();
    for _ in 0..chunks {
        stream.write_all(&chunk).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test]
async fn a_long_body_is_not_buffered() {
    if !crate::is_alone("memory::a_long_body_is_not_buffered") {
        return;
    }
    async fn count(AffitorClickId(id): AffitorClickId, mut body: Body) -> String {
        let mut len = 0;
        while let Some(frame) = body.frame().await {
            len += frame.unwrap().into_data().unwrap().len();
        }
        format!("{len} {id:?}")
    }
    let layer = AffitorLayer::new(Client::disabled()).sources(Sources::default().allow_unknown_length(true));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", post(count)).layer(layer);
    tokio::spawn(async move { axum::serve(listener, router).await });

    // A small body first, to exclude one-time allocations.
    let small = send(address, 16).await;
    assert!(small.ends_with(&format!("{} None", 16 * CHUNK_SIZE + 32)), "{small}");

    ALLOCATOR.reset_peak_usage();
    let (before, resident_before) = (ALLOCATOR.current_usage(), resident_peak());
    let large = send(address, CHUNKS).await;
    assert!(large.ends_with(&format!("{} None", CHUNKS * CHUNK_SIZE + 32)), "{large}");
    let heap = ALLOCATOR.peak_usage().saturating_sub(before);
    let resident = resident_before.zip(resident_peak()).map(|(before, after)| after.saturating_sub(before));
    println!("{} MiB sent, {heap} bytes more on the heap, {resident:?} bytes more resident", CHUNKS * CHUNK_SIZE / MIB);
    assert!(heap < 4 * MIB, "{heap} bytes on the heap");
    assert!(resident.is_none_or(|bytes| bytes < 4 * MIB), "{resident:?} bytes resident");
}
