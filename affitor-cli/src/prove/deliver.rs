//! Delivers webhooks to the app, as a payment provider does.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url, header::CONTENT_TYPE, redirect::Policy};
use tokio::time::sleep;

use super::{
    finding::{Finding, FindingId},
    layer::LayerProblem,
    provider::{Delivery, Signer},
};
use crate::failure::Failure;

/// Time limit of a delivery, as at Stripe.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Deliveries of a webhook, if the app asks for another one.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(300);
const TEXT_LIMIT: usize = 2_000;

/// The app's endpoint.
pub(super) struct Endpoint {
    http: Client,
    url: Url,
    signer: Signer,
}

/// The app's response to a delivery.
#[derive(Debug)]
struct Response {
    status: StatusCode,
    text: String,
}

impl Endpoint {
    pub(super) fn new(url: Url, signer: Signer) -> Result<Self, Failure> {
        let http = Client::builder().no_proxy().redirect(Policy::none()).timeout(TIMEOUT).build().map_err(|error| {
            Failure::usage(format!("cannot create an HTTP client: {error}"), "check the TLS settings of this machine")
        })?;
        Ok(Self { http, url, signer })
    }

    /// Delivers webhooks in order, and each again while the app asks for it.
    ///
    /// # Errors
    ///
    /// Returns the finding if the app rejects one.
    pub(super) async fn deliver(&self, deliveries: &[Delivery]) -> Result<(), Finding> {
        let mut open: Vec<_> = deliveries.iter().collect();
        for attempt in 1..=ATTEMPTS {
            let mut refused = Vec::new();
            for delivery in open {
                let response = self.send(delivery, &delivery.body).await?;
                if response.status.is_server_error() && LayerProblem::in_text(&response.text).is_none() {
                    refused.push((delivery, response));
                } else if !response.status.is_success() {
                    return Err(self.finding(delivery, &response).await);
                }
            }
            if attempt == ATTEMPTS
                && let Some((delivery, response)) = refused.first()
            {
                return Err(self.finding(delivery, response).await);
            }
            open = refused.into_iter().map(|(delivery, _)| delivery).collect();
            if open.is_empty() {
                break;
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Delivers each webhook once, and returns those that the app did not accept.
    pub(super) async fn deliver_once<'d>(&self, deliveries: &'d [Delivery]) -> Result<Vec<&'d Delivery>, Finding> {
        let mut refused = Vec::new();
        for delivery in deliveries {
            if !self.send(delivery, &delivery.body).await?.status.is_success() {
                refused.push(delivery);
            }
        }
        Ok(refused)
    }

    async fn send(&self, delivery: &Delivery, body: &str) -> Result<Response, Finding> {
        let mut request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        for (name, value) in (self.signer)(&delivery.id, body) {
            request = request.header(name, value);
        }
        let failed = |error: reqwest::Error| {
            let message =
                format!("{}: {} got no response: {}", self.url.path(), delivery.event_type, error.without_url());
            FindingId::WebhookFailed.found(message)
        };
        let response = request.body(body.to_owned()).send().await.map_err(failed)?;
        let status = response.status();
        let text = response.text().await.map_err(failed)?;
        Ok(Response { status, text: text.chars().take(TEXT_LIMIT).collect() })
    }

    /// Finds out why the app rejected a webhook.
    async fn finding(&self, delivery: &Delivery, Response { status, text }: &Response) -> Finding {
        let (path, event_type) = (self.url.path(), delivery.event_type);
        let line: String =
            text.lines().next().unwrap_or_default().chars().filter(|char| !char.is_control()).take(160).collect();
        let line = if line.is_empty() || line.starts_with('<') { String::new() } else { format!(": {line}") };
        let message = format!("{path} responded to {event_type} with status {}{line}", status.as_u16());
        if let Some(problem) = LayerProblem::in_text(text) {
            return problem.finding(path);
        }
        match status.as_u16() {
            404 | 405 => FindingId::WebhookNotFound.found(message),
            300..=399 => FindingId::WebhookNotFound
                .because(message, "the route redirects, for example to a log-in page or to another path"),
            500..=599 => FindingId::WebhookFailed.found(message),
            // The same event as a program would write it: it is accepted only if the app verifies what it has written itself.
            _ => match self.send(delivery, &delivery.canonical).await {
                Ok(response) if response.status.is_success() => FindingId::WebhookBodyParsed
                    .found(format!("{message}; it accepts the same event without line breaks and spaces")),
                _ => FindingId::WebhookSecret.found(message),
            },
        }
    }
}
