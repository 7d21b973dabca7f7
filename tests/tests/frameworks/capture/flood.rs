//! Floods of landings with invented codes, and from one client: the landings of known partners are captured meanwhile.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use affitor_axum::{
    Client,
    capture::{CaptureStats, ClickCapture, ClickCaptureBuilder},
};
use affitor_sandbox::{ApiCall, Fault, Sandbox};
use tokio::task::{AbortHandle, JoinSet};

use super::{
    apps::{Framework, Server},
    row::{Visit, visit},
    visit::{Jar, send},
};

/// Connections of the attacker.
const ATTACKERS: usize = 8;
/// Landings of visitors with a known partner's code.
const HONEST: usize = 40;

/// An app whose service takes 50 ms.
async fn start(
    framework: Framework,
    settings: fn(ClickCaptureBuilder) -> ClickCaptureBuilder,
) -> (Arc<Sandbox>, ClickCapture, Server) {
    let sandbox = Arc::new(Sandbox::builder().partner("A").start().await.unwrap());
    let client = Client::builder().api_key("test_key").api_url(sandbox.url()).program_id(sandbox.program_id()).build();
    let client = client.unwrap();
    let builder = ClickCapture::builder(client.clone()).domain("shop.example").without_consent_check();
    let capture = settings(builder.budget(Duration::from_secs(20))).build().unwrap();
    let server = framework.start(client, capture.clone(), Arc::clone(&sandbox)).await;
    sandbox.inject(Fault::Latency(Duration::from_millis(50)).always().on(ApiCall::Click));
    (sandbox, capture, server)
}

/// Whether a new visitor's landing is captured.
async fn is_captured(address: SocketAddr, landing: &Visit) -> bool {
    let response = send(address, landing, &Jar::default()).await.unwrap();
    assert_eq!(response.status, 200);
    response.values("set-cookie").iter().any(|line| line.starts_with("affitor_click_id="))
}

/// Lands with other codes all the time, until it is aborted.
fn flood(attackers: &mut JoinSet<()>, address: SocketAddr, number: usize) -> AbortHandle {
    attackers.spawn(async move {
        for code in 0_u64.. {
            let _ = send(address, &visit(format!("/?aff=X{number}_{code}")), &Jar::default()).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_codes_leave_room_for_known_partners() {
    for framework in [Framework::Axum, Framework::Actix] {
        let (sandbox, capture, server) = start(framework, |builder| builder).await;
        // Known from now on.
        assert!(is_captured(server.address, &visit("/?aff=A")).await);
        let mut attackers = JoinSet::new();
        for number in 0..ATTACKERS {
            flood(&mut attackers, server.address, number);
        }
        // The flood has reached the limit.
        while capture.stats().limited == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut captured = 0;
        for _ in 0..HONEST {
            captured += usize::from(is_captured(server.address, &visit("/?aff=A")).await);
        }
        let CaptureStats { limited, not_counted, .. } = capture.stats();
        attackers.shutdown().await;
        eprintln!("{framework:?}: {captured} of {HONEST} captured, {not_counted} invented codes asked, {limited} not");
        assert!(captured >= 38, "{framework:?}: {captured} of {HONEST}");
        assert!(limited > 0 && sandbox.clicks().len() > captured);
    }
}

/// A code that the service does not know makes one call in a minute.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_code_makes_one_call() {
    for framework in [Framework::Axum, Framework::Actix] {
        let (sandbox, capture, server) = start(framework, |builder| builder).await;
        for _ in 0..10 {
            assert!(!is_captured(server.address, &visit("/?aff=unknown")).await, "{framework:?}");
        }
        assert_eq!(sandbox.requests().len(), 1, "{framework:?}");
        assert_eq!(capture.stats().not_counted, 10, "{framework:?}");
    }
}

/// Behind a trusted proxy, a client has a share. A proxy that is not trusted says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn one_client_has_a_share_behind_a_trusted_proxy() {
    let trusts: fn(ClickCaptureBuilder) -> ClickCaptureBuilder =
        |builder| builder.trust_forwarded_headers().calls_per_second(4);
    for framework in [Framework::Axum, Framework::Actix] {
        // An address of its own, or a network of its own, is another client. The proxy appends what it sees, so the end counts.
        for (settings, addresses, expected) in [
            (trusts, ["203.0.113.7", "198.51.100.2, 203.0.113.7"], 1),
            (trusts, ["203.0.113.7", "203.0.113.8"], 2),
            (trusts, ["2001:db8:1:2::1", "2001:db8:1:2::2"], 1),
            (trusts, ["2001:db8:1:2::1", "2001:db8:1:3::1"], 2),
            // That of a proxy behind the proxy.
            (trusts, ["10.0.0.1", "10.0.0.1"], 2),
            (|builder| builder.calls_per_second(4), ["203.0.113.7", "203.0.113.7"], 2),
        ] {
            let (_, _, server) = start(framework, settings).await;
            let mut captured = 0;
            for address in addresses {
                let landing = visit("/?aff=A").header("x-forwarded-for", address);
                captured += usize::from(is_captured(server.address, &landing).await);
            }
            assert_eq!(captured, expected, "{framework:?} {addresses:?}");
        }
    }
}
