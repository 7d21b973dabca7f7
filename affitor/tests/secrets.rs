//! API keys and e-mail addresses never appear in logs or debug output. The only test in its file: a test that runs at the same
//! time could make `tracing` cache that a callsite is disabled.

#[path = "client/support.rs"]
mod support;

use std::{
    io,
    sync::{Arc, Mutex},
};

use affitor::{Click, Currency, Lead, Refund, Sale};
use support::{KEY, Reply, Server, json};

/// Inspects everything that is logged at level `TRACE`, by all crates, and the `Debug` and `Display` output.
#[tokio::test]
async fn no_key_or_address_in_logs_and_debug_output() {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let echo = format!(r#"{{"error":"key {KEY} of jo@example.com is wrong"}}"#);
    let mut output = String::new();
    for reply in [
        json(401, &echo),
        json(400, &echo),
        json(500, &echo),
        json(200, &echo),
        json(409, &echo),
        Reply::Reset(Vec::new()),
    ] {
        let server = Server::start([reply]).await;
        let client = server.client();
        let lead = Lead::new("jo@example.com").email("jo@example.com").additional("email", "jo@example.com");
        let event = affitor::Event::from(lead.clone());
        let bound = client.for_visitor(None);
        let stripe = affitor::stripe::Metadata::new(42, "jo@example.com").unwrap().for_subscription();
        output += &format!("{client:?} {bound:?} {lead:?} {event:?} {stripe:?} {:?}", server.builder());
        let sale = Sale::new("in_1", 1, Currency::USD).customer_key("jo@example.com");
        let refund = Refund::full("jo@example.com").refund_reason("jo@example.com");
        let click = Click::landing("https://shop.test/?aff=a&email=jo%40example.com")
            .page_url("https://shop.test/?e=jo@example.com");
        output += &format!("{sale:?} {refund:?} {click:?}");
        for result in [
            client.track_lead(lead).await.map(|outcome| format!("{outcome:?}")),
            client.track_sale(sale).await.map(|outcome| format!("{outcome:?}")),
            client.track_refund(refund).await.map(|outcome| format!("{outcome:?}")),
            client.track_click(click).await.map(|outcome| format!("{outcome:?}")),
            client.readiness().await.map(|readiness| format!("{readiness:?}")),
            client.run_test_chain().await.map(|chain| format!("{chain:?}")),
        ] {
            match result {
                Ok(outcome) => output += &outcome,
                Err(error) => {
                    output += &format!("{error} {error:?}");
                    let mut source = std::error::Error::source(&error);
                    while let Some(error) = source {
                        output += &format!("{error} {error:?}");
                        source = error.source();
                    }
                }
            }
        }
    }
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("track_lead") && logged.contains("failed"), "{logged}");
    for (name, text) in [("the output", &output), ("the log", &logged)] {
        for secret in [KEY, "jo@", "example.com"] {
            assert!(!text.contains(secret), "{secret} is in {name}: {text}");
        }
    }
}
