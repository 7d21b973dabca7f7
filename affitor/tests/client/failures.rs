//! Network failures, timeouts and malformed responses: which error the client returns, and what it retries.

use std::time::Duration;

use crate::support::{KEY, Reply, Server, http, json};
use affitor::{Click, Client, Currency, Lead, LeadsWithoutClick, Refund, RefundOutcome, Sale, SaleOutcome};

const RECORDED: &str = r#"{"success":true,"sale_id":1,"commission_id":2}"#;

fn sale() -> Sale {
    Sale::new("in_1", 4_900, Currency::USD).customer_key("user_7")
}

/// A port on which nothing listens, and that no other server gets.
fn closed_port() -> String {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    std::mem::forget(socket);
    url
}

#[tokio::test]
async fn connection_refused() {
    let client = Client::builder().api_key(KEY).api_url(closed_port()).build().unwrap();
    let error = client.track_sale(sale()).await.unwrap_err();
    assert!(error.is_transport() && error.is_retryable() && !error.may_have_arrived(), "{error:?}");
    assert_eq!(error.status(), None);
    assert!(error.to_string().contains("refused"), "{error}");
    // Nothing was sent, so even clicks and partial refunds may be retried.
    assert!(client.track_click(Click::landing("https://shop.example/?aff=a")).await.unwrap_err().is_retryable());
    assert!(client.track_refund(Refund::partial("in_1", 1)).await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn a_reset_before_and_during_the_response() {
    for (received, status) in [("", None), ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"succ", Some(200))] {
        let server = Server::start([Reply::Reset(received.into())]).await;
        let error = server.client().track_sale(sale()).await.unwrap_err();
        assert!(error.is_transport() && error.is_retryable() && error.may_have_arrived(), "{error:?}");
        assert_eq!(error.status(), status, "{error:?}");
        let error = server.client().track_refund(Refund::partial("in_1", 1)).await.unwrap_err();
        assert!(!error.is_retryable() && error.may_have_arrived(), "{error:?}");
    }
}

#[tokio::test]
async fn a_response_that_ends_early() {
    let server = Server::start([Reply::Raw(b"HTTP/1.1 409 Conflict\r\ncontent-length: 100\r\n\r\n{".into())]).await;
    let error = server.client().track_sale(sale()).await.unwrap_err();
    assert!(error.is_transport(), "{error:?}");
    assert_eq!(error.status(), Some(409));
}

#[tokio::test]
async fn an_attempt_and_the_call_time_out() {
    let server = Server::start([Reply::Stall]).await;
    let client = server.builder().request_timeout(Duration::from_millis(50)).build().unwrap();
    let error = client.track_sale(sale()).await.unwrap_err();
    assert!(error.is_timeout() && error.is_retryable() && error.may_have_arrived(), "{error:?}");
    assert_eq!(server.requests().len(), 3);

    // The limit of the whole call applies, whatever the number of attempts.
    let client = server.builder().timeout(Duration::from_millis(300)).max_attempts(1_000).build().unwrap();
    assert!(client.track_sale(sale()).await.unwrap_err().is_timeout());
}

/// `Duration::MAX` is a common way to say "no limit". It must not overflow.
#[tokio::test]
async fn the_longest_timeouts() {
    let server = Server::start([json(200, RECORDED)]).await;
    let longest = Duration::MAX;
    let client = server.builder().timeout(longest).request_timeout(longest).connect_timeout(longest).build().unwrap();
    assert!(client.track_sale(sale()).await.is_ok());
}

/// The app's own `reqwest::Client` follows redirects. Then the response is not the service's, and is not trusted.
#[tokio::test]
async fn a_redirect_followed_by_a_custom_http_client() {
    let other = Server::start([json(200, RECORDED)]).await;
    let server = Server::start([http(307, &format!("location: {}/elsewhere\r\n", other.url), "")]).await;
    let client = server.builder().http_client(affitor::reqwest::Client::new()).build().unwrap();
    let error = client.track_sale(sale()).await.unwrap_err();
    assert!(error.is_unexpected() && !error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn a_response_that_is_too_large() {
    let body = "x".repeat(1024 * 1024 + 1);
    let server = Server::start([http(200, "", &body)]).await;
    let error = server.client().track_sale(sale()).await.unwrap_err();
    assert!(error.is_unexpected() && !error.is_retryable(), "{error:?}");
    assert_eq!((error.status(), error.message()), (Some(200), Some("the response is larger than 1 MiB")));

    let body = format!(r#"{{"success":true,"commission_id":2,"sale_id":1,"more":"{}"}}"#, "x".repeat(1024 * 1024 - 60));
    let server = Server::start([http(200, "", &body)]).await;
    assert!(matches!(server.client().track_sale(sale()).await, Ok(SaleOutcome::Recorded { .. })));
}

#[tokio::test]
async fn which_calls_are_retried() {
    let busy = || json(503, r#"{"error":"busy"}"#);
    let server = Server::start([busy(), busy(), json(200, RECORDED)]).await;
    let client = server.builder().build().unwrap();
    assert!(matches!(client.track_sale(sale()).await, Ok(SaleOutcome::Recorded { .. })));
    assert_eq!(server.requests().len(), 3);

    let server = Server::start([busy(), json(200, r#"{"success":true,"click_id":"cust_1_2"}"#)]).await;
    let client = server.builder().build().unwrap();
    assert_eq!(
        client.track_click(Click::landing("https://shop.example/?aff=a")).await.unwrap_err().status(),
        Some(503)
    );
    assert_eq!(server.requests().len(), 1);

    let server = Server::start([busy(), json(200, r#"{"success":true,"status":"refunded"}"#)]).await;
    let client = server.builder().build().unwrap();
    let error = client.track_refund(Refund::partial("in_1", 1_000)).await.unwrap_err();
    assert!(!error.is_retryable() && error.may_have_arrived(), "{error:?}");
    assert_eq!(server.requests().len(), 1);

    // A 429 certainly had no effect, so even a partial refund is retried.
    let server =
        Server::start([http(429, "retry-after: 0\r\n", ""), json(200, r#"{"success":true,"status":"refunded"}"#)]);
    let server = server.await;
    let client = server.builder().build().unwrap();
    assert!(matches!(client.track_refund(Refund::partial("in_1", 1_000)).await, Ok(RefundOutcome::Refunded { .. })));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_long_retry_after_ends_the_call_at_once() {
    let server = Server::start([http(429, "retry-after: 3600\r\n", "")]).await;
    let error = server.builder().build().unwrap().track_sale(sale()).await.unwrap_err();
    assert!(error.is_rate_limited() && error.is_retryable());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3_600)));
    assert_eq!(server.requests().len(), 1);
}

/// A 409 after a 5xx: the first attempt may have recorded the id without creating the commission.
#[tokio::test]
async fn a_duplicate_after_a_lost_attempt_is_uncertain() {
    let duplicate = || json(409, r#"{"error":"Duplicate transaction_id."}"#);
    for (first, uncertain) in [
        (json(500, r#"{"error":"Failed to create commission"}"#), true),
        (Reply::Reset(Vec::new()), true),
        (http(429, "retry-after: 0\r\n", ""), false),
    ] {
        let server = Server::start([first, duplicate()]).await;
        let outcome = server.builder().build().unwrap().track_sale(sale()).await.unwrap();
        let SaleOutcome::AlreadyRecorded { uncertain: actual, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(actual, uncertain);
    }
}

/// If the first attempt is lost and the second is refused, the first may still have arrived.
#[tokio::test]
async fn an_error_accounts_for_earlier_attempts() {
    for refused in [http(429, "retry-after: 3600\r\n", ""), json(401, ""), json(400, r#"{"error":"no"}"#)] {
        let server = Server::start([Reply::Reset(Vec::new()), refused]).await;
        let error = server.builder().build().unwrap().track_sale(sale()).await.unwrap_err();
        assert!(error.status().is_some() && error.may_have_arrived(), "{error:?}");
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let other = Server::start([json(200, RECORDED)]).await;
    for status in [301, 302, 307, 308] {
        let server = Server::start([http(status, &format!("location: {}\r\n", other.url), "")]).await;
        let error = server.client().track_sale(sale()).await.unwrap_err();
        assert!(error.is_unexpected(), "{error:?}");
        assert_eq!(error.status(), Some(status));
    }
    assert!(other.requests().is_empty());
}

/// A call that has started completes even if its future is dropped. Frameworks drop it when a visitor disconnects.
#[tokio::test]
async fn a_dropped_call_completes() {
    let server = Server::start([json(503, ""), json(200, RECORDED)]).await;
    let client = server.builder().build().unwrap();
    {
        let mut call = std::pin::pin!(client.track_sale(sale()));
        std::future::poll_fn(|cx| {
            assert!(call.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    }
    tokio::time::timeout(Duration::from_secs(10), async {
        while server.requests().len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the second attempt arrives");
}

#[test]
fn a_call_without_a_runtime_is_an_error() {
    let client = Client::builder().api_key(KEY).api_url("http://127.0.0.1:9").build().unwrap();
    let mut call = std::pin::pin!(client.track_sale(sale()));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(result) = call.as_mut().poll(&mut cx) else { panic!("pending") };
    assert!(result.unwrap_err().is_transport());
}

#[tokio::test]
async fn a_disabled_client_validates_and_sends_nothing() {
    let client = Client::disabled();
    assert_eq!(client.track_sale(sale()).await.unwrap(), SaleOutcome::Disabled);
    assert!(client.track_sale(Sale::new("", 1, Currency::USD)).await.unwrap_err().is_invalid());
    assert!(client.track_refund(Refund::partial("in_1", 0)).await.unwrap_err().is_invalid());
    assert!(client.readiness().await.unwrap_err().is_disabled());
}

#[tokio::test]
async fn a_client_in_test_mode_marks_events_and_sends_no_refunds() {
    let server = Server::start([json(200, r#"{"success":true,"data":{"eventId":1,"test_mode":true}}"#)]).await;
    let client = server.builder().test_mode(true).build().unwrap();
    assert!(matches!(client.track_sale(sale()).await, Ok(SaleOutcome::Test { .. })));
    assert!(client.track_click(Click::default()).await.is_ok());
    assert!(client.track_lead(Lead::default()).await.is_ok());
    for request in server.requests() {
        assert!(request.contains(r#""additional_data":{"program_id":"42","test_mode":true}"#), "{request}");
    }
    assert_eq!(client.track_refund(Refund::full("in_1")).await.unwrap(), RefundOutcome::Test);
    assert_eq!(server.requests().len(), 3);
}

/// What leaves the process for a sign-up that no partner brought, and for one that a partner brought.
#[tokio::test]
async fn leads_without_a_click() {
    use LeadsWithoutClick::{Complete, NotSent, WithoutEmail};
    let click_id = affitor::ClickId::new("cust_1_2").unwrap();
    let history: affitor::ClickHistory = [click_id.clone()].into_iter().collect();
    let lead = || Lead::new("user_7").email("jo@example.com");
    for (setting, lead, expected) in [
        (None, lead(), Some(r#"{"customer_key":"user_7"}"#)),
        (Some(WithoutEmail), lead(), Some(r#"{"customer_key":"user_7"}"#)),
        (Some(Complete), lead(), Some(r#"{"customer_key":"user_7","email":"jo@example.com"}"#)),
        (Some(NotSent), lead(), None),
        (
            None,
            lead().click_id(click_id.clone()),
            Some(r#"{"customer_key":"user_7","click_id":"cust_1_2","email":"jo@example.com"}"#),
        ),
        (
            Some(NotSent),
            lead().click_ids(history),
            Some(r#"{"customer_key":"user_7","email":"jo@example.com","click_ids":["cust_1_2"]}"#),
        ),
    ] {
        let server = Server::start([json(200, r#"{"success":true}"#)]).await;
        let builder = server.builder();
        let builder = setting.into_iter().fold(builder, affitor::ClientBuilder::leads_without_click);
        let outcome = builder.build().unwrap().track_lead(lead).await.unwrap();
        let requests = server.requests();
        match expected {
            Some(body) => assert!(requests.len() == 1 && requests[0].ends_with(body), "{setting:?}: {requests:?}"),
            None => assert_eq!((format!("{outcome:?}").as_str(), requests.len()), ("NotAttributed(NotSent)", 0)),
        }
    }
}
