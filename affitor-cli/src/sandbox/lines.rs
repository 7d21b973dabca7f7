//! Prints a line for each call: `lead  user_7 ← PARTNER123  recorded`.

use affitor_sandbox::{ApiCall, RequestRecord, Sandbox};
use anstyle::Style;

use crate::{
    output::{DIM, GREEN, Output, RED, YELLOW},
    sanitize::printable,
};

/// Prints a line for each call until the future is dropped.
pub(super) async fn print(sandbox: &Sandbox, output: Output) {
    // Requests that were restored from the data file are not new.
    let mut last = sandbox.requests().last().map_or(0, |request| request.number);
    loop {
        let requests = sandbox.wait_for_requests_after(last).await;
        for request in &requests {
            last = request.number;
            if is_shown(request) {
                for line in lines(request) {
                    output.line(&line);
                }
            }
        }
    }
}

/// Queries and scripts that succeed are not shown: a page that polls them would hide the events.
fn is_shown(request: &RequestRecord) -> bool {
    request.method != "GET" || request.status != Some(200)
}

fn lines(request: &RequestRecord) -> Vec<String> {
    let name = match (request.call, &request.event) {
        (Some(ApiCall::StripeWebhook), None) => "webhook".to_owned(),
        (Some(ApiCall::StripeWebhook), Some(event)) => event.clone(),
        (Some(call), _) => call.as_str().to_owned(),
        (None, _) => printable(&request.path),
    };
    let (style, result) = result(request);
    let mut line = format!("{:<8}  {}", name, subject(request));
    if let Some(amount) = request.amount() {
        line += &format!("  {}", printable(&amount));
    }
    if request.call == Some(ApiCall::StripeWebhook) {
        line += "  from Stripe";
    }
    line += &format!("  {style}{}{style:#}", printable(&result));
    let hint = request.hint.as_ref().map(|hint| format!("          {DIM}→{DIM:#} {}", printable(hint)));
    std::iter::once(line).chain(hint).collect()
}

/// Whom or what the call is about, and the partner: `user_7 ← PARTNER123`.
fn subject(request: &RequestRecord) -> String {
    let customer = request.customer_key.as_ref().or(request.click_id.as_ref());
    let subject = match request.call {
        Some(ApiCall::Sale | ApiCall::Refund | ApiCall::StripeWebhook) => {
            let transaction = request.transaction_id.as_ref();
            [transaction, customer].into_iter().flatten().map(|id| printable(id)).collect::<Vec<_>>().join(" ")
        }
        _ => customer.map(|id| printable(id)).unwrap_or_default(),
    };
    let subject = if subject.is_empty() { "-".to_owned() } else { subject };
    match &request.partner_code {
        Some(partner) => format!("{subject} ← {}", printable(partner)),
        None => subject,
    }
}

fn result(request: &RequestRecord) -> (Style, String) {
    let status = request.status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
    if let Some(fault) = request.fault {
        let recorded = if request.changed { "recorded" } else { "not recorded" };
        return (YELLOW, format!("{status}, fault {fault}, {recorded}"));
    }
    if request.is_without_partner() {
        return (DIM, "no partner (normal)".to_owned());
    }
    match (request.status, &request.error) {
        (Some(200), None) if request.changed => (GREEN, "recorded".to_owned()),
        (Some(200), None) => (DIM, "ok".to_owned()),
        // Nothing was recorded, but nothing is wrong: an inactive link, an expired window, a refund that is known.
        (Some(200), Some(reason)) => (YELLOW, reason.clone()),
        (Some(409), _) => (YELLOW, "409 already recorded".to_owned()),
        (_, reason) => (RED, format!("{status} {}", reason.as_deref().unwrap_or_default())),
    }
}
