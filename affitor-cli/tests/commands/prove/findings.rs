//! The table of findings: what `affitor prove` says about each shop.

use std::sync::Arc;

use serde_json::Value;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{Running, broken_shop::Variant, ids, shop::SECRET, with_status};

/// Proofs that run at the same time. They mostly wait.
const CONCURRENCY: usize = 8;

/// Each shop, and what is found. `tests/tests/prove` has the shops with the other findings.
const ROWS: &[(Variant, &[&str])] = &[
    // Correct ones. They take the longest, so they start first.
    (Variant::LandingRedirects, &[]),
    (Variant::SearchForm, &[]),
    (Variant::SecureCookie, &[]),
    (Variant::Ipv6, &[]),
    (Variant::OwnReports, &[]),
    (Variant::OwnReportsSoldOnce, &[]),
    (Variant::CapturedClicks, &[]),
    (Variant::LeadRepeated, &[]),
    (Variant::NoTls, &["no-tls"]),
    (Variant::FirstClickKept, &["click-id-shared"]),
    (Variant::LatestClickKept, &["click-id-shared"]),
    (Variant::FormCached, &["click-id-shared"]),
    (Variant::LateDouble, &["double-reporting"]),
    (Variant::LateDoubleOfRenewal, &["double-reporting"]),
    // Its leads are not enqueued either.
    (Variant::ErrorIgnored, &["lead-lost-in-outage", "sale-lost-in-outage"]),
    (Variant::NoRenewal, &["no-renewal"]),
    (Variant::NoRefund, &["no-refund"]),
    (Variant::RefundOfFirstInvoice, &["refund-id-differs"]),
    (Variant::RunningTotal, &["wrong-amount"]),
    (Variant::NoSale, &["no-sale"]),
    (Variant::NoCustomer, &["no-sale"]),
    (Variant::OldClickId, &["sale-not-attributed"]),
    (Variant::Dollars, &["wrong-amount"]),
    (Variant::OtherCurrency, &["wrong-amount"]),
    (Variant::NoWebhook, &["webhook-not-found"]),
    (Variant::WebhookRedirects, &["webhook-not-found"]),
    (Variant::WebhookFails, &["webhook-failed"]),
    (Variant::UnknownWebhooksRejected, &["webhook-failed"]),
    (Variant::CheckoutFails, &["checkout-failed"]),
    (Variant::CheckoutElsewhere, &["checkout-failed"]),
    (Variant::OneCustomer, &["signup-failed"]),
    (Variant::FormShownAgain, &["signup-failed"]),
    (Variant::NoLead, &["no-lead"]),
    (Variant::ClickIdLost, &["click-id-lost"]),
    (Variant::NoSignUp, &["signup-failed"]),
    (Variant::NoLanding, &["landing-failed"]),
    (Variant::AffLost, &["aff-lost"]),
    (Variant::NoTracker, &["no-tracker"]),
];

/// About a minute for all rows: each proof waits for events that must not come.
#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_yields_exactly_its_finding() {
    let slots = Arc::new(Semaphore::new(CONCURRENCY));
    let mut proofs = JoinSet::new();
    for (_, &(variant, findings)) in (0..).zip(ROWS).filter(|(number, _)| shop_lives::is_in_share(*number, 0)) {
        let slots = Arc::clone(&slots);
        proofs.spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            check(variant, findings).await.map_err(|problem| format!("{variant:?}: {problem}"))
        });
    }
    let results = proofs.join_all().await;
    println!("{} rows", results.len());
    let problems: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    assert!(problems.is_empty(), "{} of {} rows differ:\n{}", problems.len(), ROWS.len(), problems.join("\n"));
}

/// Proves a shop. Returns what differs from the row.
async fn check(variant: Variant, findings: &[&str]) -> Result<(), String> {
    let shop = variant.bind().await;
    let flags: &[&str] = if variant == Variant::ErrorIgnored { &["--wait", "4"] } else { &["--wait", "4", "--quick"] };
    let mut proof = Running::start(&shop, flags);
    proof.read_variables().await;
    let client = variant.serve(&shop, &proof.variables);
    client.readiness().await.unwrap();
    let (code, report) = proof.finish().await;
    let expected_code = i32::from(!findings.is_empty());
    if (code, ids(&report)) != (expected_code, findings.to_vec()) {
        return Err(format!("exit code {code}, findings {:?}, expected {findings:?}\n{report:#}", ids(&report)));
    }
    if let Some(problem) = problem(&report) {
        return Err(format!("{problem}: {report:#}"));
    }
    Ok(())
}

/// Returns what is wrong with a report, whatever was found.
fn problem(report: &Value) -> Option<&'static str> {
    let text = report.to_string();
    if text.contains('@') || text.contains(SECRET) {
        return Some("an e-mail address or a secret is shown");
    }
    let findings = report["findings"].as_array().unwrap();
    let is_explained = |finding: &Value| {
        let explain = format!("affitor prove --explain {}", finding["id"].as_str().unwrap());
        let says = |field: &str| finding[field].as_str().is_some_and(|text| !text.trim().is_empty());
        finding["explain"] == explain && says("message") && says("hint")
    };
    if !findings.iter().all(is_explained) {
        return Some("a finding is not explained");
    }
    let passed = with_status(report, "passed");
    let checks = ["landing", "sign-up, cookie", "sale", "redelivery", "partial refund", "refund"];
    if findings.is_empty() && !checks.iter().all(|name| passed.contains(name)) {
        return Some("something was skipped");
    }
    None
}
