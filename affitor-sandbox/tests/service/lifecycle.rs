//! Start and stop of a sandbox, errors of the builder, and the clock.

use crate::support::{Visitor, builder, start};
use affitor_sandbox::Sandbox;

#[tokio::test]
async fn duplicates_in_the_builder_are_errors() {
    for doubled in [
        builder().partner("abc123"),
        builder().other_program(42, "k", "p"),
        builder().other_program(8, "test_key", "p"),
        builder().other_program(8, "k", "abc123"),
    ] {
        assert_eq!(doubled.start().await.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn a_taken_port_is_an_error() {
    let sandbox = start(builder()).await;
    let error = Sandbox::builder().port(sandbox.address().port()).start().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn dropping_stops_the_server_and_its_connections() {
    let sandbox = start(builder()).await;
    let url = format!("{}/api/elsewhere", sandbox.url());
    let client = reqwest::Client::new();
    assert_eq!(client.get(&url).send().await.unwrap().status(), 404);
    drop(sandbox);
    // The task ends at its next turn.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(client.get(&url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn stop_frees_the_port() {
    let sandbox = start(builder()).await;
    let port = sandbox.address().port();
    sandbox.stop().await;
    let again = builder().port(port).start().await.unwrap();
    assert_eq!(again.address().port(), port);
    let taken = builder().port(port).start().await.unwrap_err();
    assert!(taken.to_string().contains(&port.to_string()), "{taken}");
}

#[tokio::test]
async fn the_clock_saturates() {
    let sandbox = start(builder()).await;
    for _ in 0..2 {
        sandbox.advance(std::time::Duration::MAX);
        let before = sandbox.now_ms();
        Visitor::server(&sandbox).bought(&format!("user_{before}"), &format!("t_{before}")).await;
        assert!(sandbox.now_ms() >= before);
    }
}
