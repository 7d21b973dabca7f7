//! Clients that give up, with every fault and few file descriptors.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use affitor_sandbox::Fault;
use clap::Args;
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::process::SandboxProcess;

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Duration of the run in seconds
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// Maximum number of file descriptors of the sandbox
    #[arg(long, default_value_t = 256)]
    descriptors: u32,
    /// Number of concurrent clients
    #[arg(long, default_value_t = 60)]
    clients: usize,
}

const REQUEST: &str =
    "POST /api/v1/track/lead HTTP/1.1\r\nhost: localhost\r\ncontent-length: 26\r\n\r\n{\"customer_key\": \"user_7\"}";

pub(crate) async fn run(arguments: &Arguments) -> bool {
    let sandbox = SandboxProcess::start(512, Some(arguments.descriptors)).await;
    let address = sandbox.url.trim_start_matches("http://").to_owned();
    let delay = Fault::Latency(Duration::from_secs(3_600));
    for fault in Fault::ALL.iter().copied().chain([delay]) {
        let rule = fault.with_probability(0.3).on(affitor_sandbox::ApiCall::Lead).to_string();
        sandbox.control("POST", "/_sandbox/faults", Some(json!({ "rule": rule }))).await;
    }
    let idle = sandbox.descriptors();
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..arguments.clients)
        .map(|place| {
            let (stop, sent, address) = (stop.clone(), sent.clone(), address.clone());
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(place as u64);
                while !stop.load(Ordering::Relaxed) {
                    // A client whose connection is refused or reset opens the next one.
                    let Ok(mut client) = TcpStream::connect(&address).await else { continue };
                    if client.write_all(REQUEST.as_bytes()).await.is_ok() {
                        sent.fetch_add(1, Ordering::Relaxed);
                    }
                    // It gives up after up to 200 ms, whatever has arrived by then.
                    tokio::time::sleep(Duration::from_millis(random.u64(..200))).await;
                }
            })
        })
        .collect();
    println!("{:>8} {:>10} {:>12}", "seconds", "requests", "descriptors");
    let (started, mut most) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_secs(arguments.seconds) {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let open = sandbox.descriptors();
        most = most.max(open);
        println!("{:>8} {:>10} {open:>12}", started.elapsed().as_secs(), sent.load(Ordering::Relaxed));
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("a client does not panic");
    }
    sandbox.control("DELETE", "/_sandbox/faults", None).await;
    let mut served = 0;
    for _ in 0..500 {
        let request = reqwest::Client::new().post(format!("{}/api/v1/track/lead", sandbox.url)).body("{}");
        served += u32::from(request.send().await.is_ok_and(|response| response.status() == 400));
    }
    // What is left are the connections of the last moments.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let left = sandbox.descriptors();
    let requests = sent.load(Ordering::Relaxed);
    println!("requests={requests} idle={idle} most={most} left={left} served={served}/500");
    let limit = idle + arguments.clients * 2;
    most <= limit && left <= idle + 5 && served == 500
}
