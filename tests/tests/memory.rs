//! A body of 512 MiB in chunks goes through the layer with looking into chunked bodies switched on: no more of it is held
//! than the limit and a frame.

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
const CHUNK: usize = 64 * 1024;

/// The peak of this process's resident memory, in bytes, where the system says it.
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
    let mut chunk = format!("{CHUNK:x}\r\n").into_bytes();
    chunk.resize(chunk.len() + CHUNK, b'x');
    chunk.extend_from_slice(b"\r\n");
    // An object with the field in front, and a text that doesn't end.
    stream.write_all(b"20\r\n{\"affitorClickId\":\"cust_1_1\",\"a\"\r\n").await.unwrap();
    for _ in 0..chunks {
        stream.write_all(&chunk).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_long_body_is_not_held() {
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

    // Once in small, so that what is set up once is there.
    let small = send(address, 16).await;
    assert!(small.ends_with(&format!("{} None", 16 * CHUNK + 32)), "{small}");

    ALLOCATOR.reset_peak_usage();
    let (before, resident_before) = (ALLOCATOR.current_usage(), resident_peak());
    let answer = send(address, CHUNKS).await;
    assert!(answer.ends_with(&format!("{} None", CHUNKS * CHUNK + 32)), "{answer}");
    let grown = ALLOCATOR.peak_usage().saturating_sub(before);
    let resident = resident_before.zip(resident_peak()).map(|(before, after)| after.saturating_sub(before));
    println!("{} MiB sent, {grown} bytes more on the heap, {resident:?} bytes more resident", CHUNKS * CHUNK / MIB);
    assert!(grown < 4 * MIB, "{grown} bytes");
    assert!(resident.is_none_or(|grown| grown < 4 * MIB), "{resident:?} bytes");
}
