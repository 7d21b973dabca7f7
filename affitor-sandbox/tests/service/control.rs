//! The routes under `/_sandbox` and their part of the OpenAPI document; who may use them; and other addresses.

use std::collections::BTreeMap;

use crate::support::{Visitor, builder, start};
use serde_json::{Value, json};

type Route = (&'static str, &'static str, Option<Value>, u16);

/// Each route, a request and its status.
fn routes() -> Vec<Route> {
    vec![
        ("GET", "/snapshot", None, 200),
        ("GET", "/requests", None, 200),
        ("GET", "/memory", None, 200),
        ("GET", "/changes", None, 200),
        ("GET", "/faults", None, 200),
        ("POST", "/faults", Some(json!({ "rule": "stall@sale:1x" })), 200),
        ("POST", "/faults", Some(json!({ "rule": "moon" })), 400),
        ("DELETE", "/faults", None, 200),
        ("GET", "/clock", None, 200),
        ("POST", "/clock", Some(json!({ "days": 1 })), 200),
        ("POST", "/clock", Some(json!({})), 400),
        ("POST", "/partners", Some(json!({ "partner": "abc123", "state": "active" })), 200),
        ("POST", "/partners", Some(json!({ "partner": "abc123", "state": "moon" })), 400),
        ("POST", "/partners", Some(json!({ "partner": "nobody", "state": "active" })), 404),
        ("POST", "/partners", Some(json!({ "partner": "abc123", "state": "active", "more": 1 })), 400),
        ("POST", "/profile", Some(json!({ "logo": "https://shop.example/logo.svg" })), 200),
        ("POST", "/profile", Some(json!({ "colour": "red" })), 400),
        ("POST", "/profile", Some(json!({ "program_id": 8 })), 404),
        ("POST", "/groups", Some(json!({ "partner": "abc123", "group": "Friends" })), 200),
        ("POST", "/groups", Some(json!({ "partner": "abc123", "group": "" })), 400),
        ("POST", "/groups", Some(json!({ "partner": "nobody", "group": "Friends" })), 404),
        ("POST", "/policies", Some(json!({ "commission": "recurring:12.5:12", "product_id": "prod_1" })), 200),
        ("POST", "/policies", Some(json!({ "commission": "lifetime:5", "colour": "red" })), 400),
        ("POST", "/policies", Some(json!({ "commission": "lifetime:5", "program_id": 8 })), 404),
        ("POST", "/attribution-model", Some(json!({ "model": "first_click" })), 200),
        ("POST", "/attribution-model", Some(json!({ "model": "linear" })), 400),
        ("POST", "/attribution-model", Some(json!({ "model": "last_click", "program_id": 8 })), 404),
        ("POST", "/pause", Some(json!({ "paused": true })), 200),
        ("POST", "/pause", Some(json!({ "paused": "perhaps" })), 400),
        ("POST", "/pause", Some(json!({ "paused": false, "program_id": 8 })), 404),
        ("POST", "/payouts", None, 200),
        ("POST", "/payouts", Some(json!({ "amount": 1 })), 400),
        ("POST", "/payouts", Some(json!({ "program_id": 8 })), 404),
        ("POST", "/key", Some(json!({})), 200),
        ("POST", "/key", Some(json!({ "program_id": -1 })), 400),
        ("POST", "/key", Some(json!({ "program_id": 8 })), 404),
        ("POST", "/chain", None, 200),
        ("POST", "/reset", None, 200),
    ]
}

#[tokio::test]
async fn the_document_contains_every_route_and_status() {
    let sandbox = start(builder()).await;
    let document: Value = reqwest::get(format!("{}/openapi.json", sandbox.url())).await.unwrap().json().await.unwrap();
    let mut documented = BTreeMap::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let Some(path) = path.strip_prefix("/_sandbox") else { continue };
        for (method, operation) in operations.as_object().unwrap() {
            for status in operation["responses"].as_object().unwrap().keys() {
                documented.insert((method.to_uppercase(), path.to_owned(), status.parse::<u16>().unwrap()), false);
            }
        }
    }
    for (method, path, body, status) in routes() {
        let request =
            reqwest::Client::new().request(method.parse().unwrap(), format!("{}/_sandbox{path}", sandbox.url()));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let got = request.send().await.unwrap().status().as_u16();
        assert_eq!(got, status, "{method} {path}");
        let seen = documented.get_mut(&(method.to_owned(), path.to_owned(), status));
        *seen.unwrap_or_else(|| panic!("{method} {path} {status} is not documented")) = true;
    }
    // The limit of chains.
    for _ in 0..10 {
        reqwest::Client::new().post(format!("{}/_sandbox/chain", sandbox.url())).send().await.unwrap();
    }
    let limited = reqwest::Client::new().post(format!("{}/_sandbox/chain", sandbox.url())).send().await.unwrap();
    assert_eq!(limited.status(), 429);
    documented.insert(("POST".to_owned(), "/chain".to_owned(), 429), true);
    let unseen: Vec<_> = documented.iter().filter(|(_, seen)| !**seen).map(|(route, _)| route).collect();
    assert!(unseen.is_empty(), "documented, but never seen: {unseen:?}");
}

#[tokio::test]
async fn hosts() {
    let local = start(builder()).await;
    let shared = start(builder().allow_host("Sandbox.internal")).await;
    let get = async |url: &str, path: &str, host: &str| {
        let request = reqwest::Client::new().get(format!("{url}{path}")).header("host", host);
        request.send().await.unwrap().status().as_u16()
    };
    for path in ["/", "/_sandbox/snapshot", "/_sandbox/shop", "/api/tracking/events/42", "/api/tracking/performance/42"]
    {
        for (host, expected) in [
            ("localhost", [200, 200]),
            ("127.0.0.1:4010", [200, 200]),
            ("[::1]:4010", [200, 200]),
            ("app.localhost", [200, 200]),
            ("sandbox.internal", [403, 200]),
            ("sandbox.internal:4010", [403, 200]),
            ("evil.example", [403, 403]),
            ("localhost.evil.example", [403, 403]),
            ("10.0.0.1", [403, 403]),
        ] {
            let got = [get(local.url(), path, host).await, get(shared.url(), path, host).await];
            assert_eq!(got, expected, "{path} {host}");
        }
    }
    // Calls with a key, and those that only record, work under any host: a page can't read anything from them.
    let click = json!({ "affiliate_url": "https://shop.example/?aff=abc123" });
    let request = reqwest::Client::new().post(format!("{}/api/v1/track/click", local.url()));
    assert_eq!(request.header("host", "shop.example").json(&click).send().await.unwrap().status(), 200);
    let refused =
        reqwest::Client::new().get(format!("{}/api/tracking/events/42", local.url())).header("host", "evil.example");
    let refused: Value = refused.send().await.unwrap().json().await.unwrap();
    assert!(refused["error"]["message"].as_str().unwrap().contains("--allow-host"), "{refused}");
}

#[tokio::test]
async fn every_address() {
    let sandbox = start(builder().ip(std::net::Ipv4Addr::UNSPECIFIED)).await;
    assert!(sandbox.address().ip().is_unspecified());
    assert!(sandbox.url().starts_with("http://127.0.0.1:"), "{}", sandbox.url());
    Visitor::server(&sandbox).click("abc123", None).await;
}

/// Another machine can send any `Host`. This machine's own address stands for one.
#[tokio::test]
async fn other_machines() {
    let probe = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    // Sends nothing: it only chooses the address.
    let own = probe.connect("192.0.2.1:9").and_then(|()| probe.local_addr()).map(|address| address.ip());
    let Some(own) = own.ok().filter(|ip| !ip.is_loopback()) else {
        return eprintln!("SKIPPED: this machine has no address besides 127.0.0.1");
    };
    let closed = start(builder().ip(std::net::Ipv4Addr::UNSPECIFIED)).await;
    let shared = start(builder().ip(std::net::Ipv4Addr::UNSPECIFIED).allow_host("sandbox.internal")).await;
    for (sandbox, host, expected) in [
        (&closed, "localhost", 403),
        (&closed, "127.0.0.1", 403),
        (&shared, "localhost", 403),
        (&shared, "sandbox.internal", 200),
    ] {
        let url = format!("http://{own}:{}/_sandbox/snapshot", sandbox.address().port());
        let response = reqwest::Client::new().get(url).header("host", host).send().await.unwrap();
        assert_eq!(response.status(), expected, "{host}");
    }
}

#[tokio::test]
async fn invalid_host_names_are_errors() {
    for name in ["sandbox.internal:4010", "fd00::2", "", "a/b", "http://a"] {
        let error = builder().allow_host(name).start().await.unwrap_err();
        assert!(error.to_string().contains("is not a host name"), "{name}: {error}");
    }
    start(builder().allow_host("[fd00::2]")).await.stop().await;
    let error = builder().program_id(1 << 53).start().await.unwrap_err();
    assert!(error.to_string().contains("2^53"), "{error}");
}

/// Clients that send large bodies slowly can't use up the memory, and small bodies are still read.
#[tokio::test]
async fn few_large_bodies_at_a_time() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let sandbox = start(builder()).await;
    let head = "POST /api/v1/track/click HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n";
    let mut clients = Vec::new();
    for _ in 0..40 {
        let mut client = tokio::net::TcpStream::connect(sandbox.address()).await.unwrap();
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(&[b' '; 50_000]).await.unwrap();
        clients.push(client);
    }
    let mut refused = 0;
    for mut client in clients.drain(32..) {
        let mut status = [0; 12];
        // Which of the clients come first is open, so some of these may be read.
        let read = tokio::time::timeout(std::time::Duration::from_secs(5), client.read_exact(&mut status)).await;
        refused += u32::from(matches!(read, Ok(Ok(_))) && &status == b"HTTP/1.1 503");
    }
    assert!(refused > 0, "all large bodies are read at once");
    Visitor::server(&sandbox).click("abc123", None).await;
}

#[tokio::test]
async fn waiting_for_requests() {
    let sandbox = start(builder()).await;
    let browser = Visitor::browser(&sandbox);
    let (requests, ()) = tokio::join!(sandbox.wait_for_requests_after(0), async {
        browser.click("abc123", None).await;
    });
    assert_eq!((requests.len(), requests[0].number, requests[0].partner_code.as_deref()), (1, 1, Some("abc123")));
    for _ in 0..3 {
        browser.track("lead", json!({})).await;
    }
    let numbers: Vec<_> = sandbox.wait_for_requests_after(2).await.iter().map(|request| request.number).collect();
    assert_eq!(numbers, [3, 4]);
}

/// The clock of the runtime is paused, so the time limit passes as soon as everything waits.
#[tokio::test(start_paused = true)]
async fn bodies_have_a_time_limit() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let sandbox = start(builder()).await;
    for path in ["/_sandbox/clock", "/_sandbox/faults", "/_sandbox/shop/pay", "/api/v1/track/click"] {
        let mut client = tokio::net::TcpStream::connect(sandbox.address()).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{{\""
        );
        client.write_all(head.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        client.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 408", "{path}");
    }
}
