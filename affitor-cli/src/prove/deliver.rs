//! Delivers webhooks to the app, as a payment provider does.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use affitor::adapter::MissingLayer;
use reqwest::{Client, StatusCode, Url, header::CONTENT_TYPE};
use tokio::time::sleep;

use super::{
    finding::{Finding, FindingId},
    layer,
    provider::{Delivery, Signer},
    shown::{causes, first_line},
    visitor::client,
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
    /// Whether the app has accepted a webhook, and so has the right secret.
    has_accepted: AtomicBool,
}

/// The app's response to a delivery.
#[derive(Debug)]
struct Response {
    status: StatusCode,
    text: String,
    layer_problem: Option<MissingLayer>,
}

impl Endpoint {
    pub(super) fn new(url: Url, signer: Signer) -> Result<Self, Failure> {
        let http = client(&url, TIMEOUT)?;
        Ok(Self { http, url, signer, has_accepted: AtomicBool::new(false) })
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
                if response.status.is_server_error() && response.layer_problem.is_none() {
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
    pub(super) async fn deliver_once(&self, deliveries: &[Delivery]) -> Vec<Delivery> {
        let mut refused = Vec::new();
        for delivery in deliveries {
            // A provider redelivers as well if there is no response.
            if !self.send(delivery, &delivery.body).await.is_ok_and(|response| response.status.is_success()) {
                refused.push(delivery.clone());
            }
        }
        refused
    }

    async fn send(&self, delivery: &Delivery, body: &str) -> Result<Response, Finding> {
        let mut request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        for (name, value) in (self.signer)(&delivery.id, body) {
            request = request.header(name, value);
        }
        let failed = |error: reqwest::Error| {
            let message = format!(
                "{}: {} got no response: {}",
                self.url.path(),
                delivery.event_type,
                causes(&error.without_url())
            );
            FindingId::WebhookFailed.found(message)
        };
        let mut response = request.body(body.to_owned()).send().await.map_err(failed)?;
        let (status, layer_problem) = (response.status(), layer::problem_of(response.headers()));
        self.has_accepted.fetch_or(status.is_success(), Ordering::Relaxed);
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            text.extend_from_slice(&chunk);
            if text.len() > TEXT_LIMIT {
                break;
            }
        }
        Ok(Response { status, text: String::from_utf8_lossy(&text).into_owned(), layer_problem })
    }

    /// Finds out why the app rejected a webhook.
    async fn finding(&self, delivery: &Delivery, Response { status, text, layer_problem }: &Response) -> Finding {
        let (path, event_type) = (self.url.path(), delivery.event_type);
        let line = first_line(text);
        let message = format!("{path} responded to {event_type} with status {}{line}", status.as_u16());
        if let Some(problem) = *layer_problem {
            return layer::finding(problem, path);
        }
        match status.as_u16() {
            404 | 405 => FindingId::WebhookNotFound.found(message),
            300..=399 => FindingId::WebhookNotFound
                .because(message, "the route redirects, for example to a log-in page or to another path"),
            500..=599 => FindingId::WebhookFailed.found(message),
            _ if self.has_accepted.load(Ordering::Relaxed) => FindingId::WebhookFailed
                .because(message, "the handler rejects an event that it does not need: respond with 200 to those"),
            // The same event as a program would write it: it is accepted only if the app verifies what it has written itself.
            _ => match self.send(delivery, &delivery.canonical).await {
                Ok(response) if response.status.is_success() => FindingId::WebhookBodyParsed
                    .found(format!("{message}; it accepts the same event without line breaks and spaces")),
                _ if !self.responds_so_to_anyone(delivery, *status, text).await => {
                    FindingId::WebhookFailed.because(message, "the handler rejects a webhook whose signature is right")
                }
                _ => FindingId::WebhookSecret.found(message),
            },
        }
    }

    /// Returns whether the app gives the same response to a webhook with a wrong signature.
    async fn responds_so_to_anyone(&self, delivery: &Delivery, status: StatusCode, text: &str) -> bool {
        let mut request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        // The signature of another body.
        for (name, value) in (self.signer)(&delivery.id, "{}") {
            request = request.header(name, value);
        }
        let Ok(mut response) = request.body(delivery.body.clone()).send().await else { return false };
        let first = response.chunk().await.ok().flatten().unwrap_or_default();
        response.status() == status
            && text.as_bytes().get(..first.len().min(text.len())) == first.get(..text.len().min(first.len()))
    }
}
