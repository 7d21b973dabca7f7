//! The end of a client's queue: what could not be delivered in time is logged with its ids, and nothing else is lost.

use std::time::Duration;

use affitor::{Client, Currency, Lead, Sale};
use affitor_sandbox::{ApiCall, Fault, Interpretations, Sandbox, UnknownLead};
use affitor_tests::log::Log;

use crate::is_alone;

/// The lines that say that an event is lost.
fn lost(log: &Log) -> Vec<String> {
    log.text().lines().filter(|line| line.contains("an event is lost")).map(str::to_owned).collect()
}

#[test]
fn what_is_accepted_is_delivered_or_logged() {
    if !is_alone("shutdown::what_is_accepted_is_delivered_or_logged") {
        return;
    }
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut interpretations = Interpretations::default();
    interpretations.unknown_lead = UnknownLead::Unattributed;
    let sandbox = runtime.block_on(Sandbox::builder().interpretations(interpretations).start()).unwrap();
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();

    // Slow, and for a part not at all.
    sandbox.inject(Fault::Latency(Duration::from_millis(300)).always().on(ApiCall::Lead));
    sandbox.inject(Fault::BadGateway.always().on(ApiCall::Sale));
    for number in 0..40 {
        client.enqueue(Lead::new(format_args!("user_{number}")).email("jo@example.com"));
    }
    client.enqueue(Sale::new("in_1", 4_900, Currency::USD).customer_key("jo@example.com"));
    let stats = runtime.block_on(client.shutdown(Duration::from_millis(700)));

    assert!(stats.is_balanced() && stats.recorded > 0 && stats.pending > 1, "{stats:?}");
    let lost = lost(&log);
    assert_eq!(lost.len() as u64, stats.pending, "{lost:#?}");
    assert!(lost.iter().any(|line| line.contains("event=\"sale\"") && line.contains("in_1")), "{lost:#?}");
    assert!(lost.iter().any(|line| line.contains("event=\"lead\"") && line.contains("user_39")), "{lost:#?}");
    assert!(lost.iter().all(|line| !line.contains('@')), "{lost:#?}");
    // What is logged as lost may have arrived, but nothing is missing from both.
    let leads = sandbox.leads().len() as u64;
    assert!(leads >= stats.recorded && leads <= stats.recorded + stats.pending, "{leads} leads, {stats:?}");
}
