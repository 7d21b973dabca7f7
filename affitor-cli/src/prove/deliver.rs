//! Delivers webhooks to the app, as a payment provider does.

use std::{
    iter,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use affitor::adapter::MissingLayer;
use reqwest::{StatusCode, Url, header::CONTENT_TYPE};
use tokio::time::sleep;

use super::{
    finding::{Finding, FindingId},
    layer,
    rewritten::rewritten,
    shown::{causes, first_line},
};
use crate::{
    failure::Failure,
    http::read_beginning,
    payment::{Delivery, Sender, TIMEOUT, signer},
    provider::PaymentProvider,
};

/// Deliveries of a webhook, if the app asks for another one.
const ATTEMPTS: u32 = 4;
/// Longer than the most patient provider is documented to wait: Polar, 10 seconds.
const SLOW: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(300);
const TEXT_LIMIT: usize = 2_000;

/// The app's endpoint.
pub(super) struct Endpoint {
    pub(super) provider: PaymentProvider,
    sender: Sender,
    /// Whether the app has accepted a webhook, and so has the right secret.
    has_accepted: AtomicBool,
    /// Whether the app responded to a webhook with a page for people.
    has_shown_page: AtomicBool,
    /// The longest time that the app took for a webhook, in milliseconds.
    slowest: AtomicU64,
}

/// The app's response to a delivery.
#[derive(Debug)]
struct Response {
    status: StatusCode,
    text: String,
    layer_problem: Option<MissingLayer>,
}

impl Endpoint {
    pub(super) fn new(url: Url, provider: PaymentProvider, secret: &str) -> Result<Self, Failure> {
        let signer = signer(provider, secret)
            .map_err(|error| Failure::usage(error.to_string(), "check the variable that `webhook.secret` names"))?;
        let sender = Sender::new(url, signer).map_err(|error| Failure::no_http_client(&error))?;
        Ok(Self {
            provider,
            sender,
            has_accepted: AtomicBool::new(false),
            has_shown_page: AtomicBool::new(false),
            slowest: AtomicU64::new(0),
        })
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
        let began = Instant::now();
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                let (path, seconds) = (self.sender.url.path(), TIMEOUT.as_secs());
                return FindingId::WebhookSlow
                    .found(format!("{path} did not respond to {} within {seconds} s", delivery.event_type));
            }
            let (path, event_type) = (self.sender.url.path(), delivery.event_type);
            let why = causes(&error.without_url());
            FindingId::WebhookFailed.found(format!("{path}: {event_type} got no response: {why}"))
        };
        let response = self.sender.send(&delivery.id, body, body).await.map_err(failed)?;
        let (status, layer_problem) = (response.status(), layer::problem_of(response.headers()));
        self.has_accepted.fetch_or(status.is_success(), Ordering::Relaxed);
        let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.slowest.fetch_max(took, Ordering::Relaxed);
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_page = status.is_success() && kind.is_some_and(|kind| kind.starts_with("text/html"));
        let text = read_beginning(response, TEXT_LIMIT).await.map_err(failed)?;
        self.has_shown_page.fetch_or(is_page && text.contains("<form"), Ordering::Relaxed);
        Ok(Response { status, text, layer_problem })
    }

    pub(super) fn path(&self) -> &str {
        self.sender.url.path()
    }

    /// Whether the app responded with a page that has a form, such as a log-in, and status 200.
    pub(super) fn has_shown_page(&self) -> bool {
        self.has_shown_page.load(Ordering::Relaxed)
    }

    /// Returns what is wrong with the time that the app takes.
    pub(super) fn slowness(&self) -> Option<Finding> {
        let took = Duration::from_millis(self.slowest.load(Ordering::Relaxed));
        (took >= SLOW).then(|| {
            let (path, seconds) = (self.sender.url.path(), took.as_secs());
            FindingId::WebhookSlow.found(format!("{path} took {seconds} s for a webhook"))
        })
    }

    /// Finds out why the app rejected a webhook.
    async fn finding(&self, delivery: &Delivery, Response { status, text, layer_problem }: &Response) -> Finding {
        let (path, event_type) = (self.sender.url.path(), delivery.event_type);
        let line = first_line(text);
        let message = format!("{path} responded to {event_type} with status {}{line}", status.as_u16());
        if let Some(problem) = *layer_problem {
            return layer::finding(problem, path);
        }
        match status.as_u16() {
            401 | 403 if !self.has_accepted.load(Ordering::Relaxed) => FindingId::WebhookBlocked.found(message),
            404 | 405 => FindingId::WebhookNotFound.found(message),
            301 | 307 | 308 => {
                FindingId::WebhookNotFound.because(message, "the route redirects to another path or host")
            }
            300..=399 => FindingId::WebhookBlocked.because(
                message,
                "the route redirects, as to a log-in page; or `webhook.path` is not that of the route",
            ),
            500..=599 => FindingId::WebhookFailed.found(message),
            400..=499 if text.contains("signature") && text.contains("missing") => FindingId::WebhookFailed.because(
                message,
                "a proxy or a middleware removes the header with the signature; or the handler reads another header",
            ),
            _ if self.has_accepted.load(Ordering::Relaxed) => FindingId::WebhookFailed
                .because(message, "the handler rejects an event that it does not need: respond with 200 to those"),
            // The same event as a program would write it: it is accepted only if the app verifies what it has written itself.
            _ if self.accepts_rewritten(delivery).await => FindingId::WebhookBodyParsed
                .found(format!("{message}; it accepts the same event as a program writes it again")),
            _ if !self.responds_so_to_anyone(delivery, *status, text).await => {
                FindingId::WebhookFailed.because(message, "the handler rejects a webhook whose signature is right")
            }
            _ => FindingId::WebhookSecret.found(message),
        }
    }

    /// Returns whether the app accepts the event as a program would write it again, which nobody but the app itself does.
    async fn accepts_rewritten(&self, delivery: &Delivery) -> bool {
        for body in iter::once(&delivery.canonical).chain(&rewritten(&delivery.body)) {
            if self.send(delivery, body).await.is_ok_and(|response| response.status.is_success()) {
                return true;
            }
        }
        false
    }

    /// Returns whether the app responds with success to a webhook that somebody else has signed.
    pub(super) async fn accepts_forgery(&self, delivery: &Delivery) -> bool {
        let response = self.sender.send(&delivery.id, &delivery.body, "{}").await;
        response.is_ok_and(|response| response.status().is_success())
    }

    /// Returns whether the app gives the same response to a webhook with a wrong signature.
    async fn responds_so_to_anyone(&self, delivery: &Delivery, status: StatusCode, text: &str) -> bool {
        // The signature of another body.
        let Ok(response) = self.sender.send(&delivery.id, &delivery.body, "{}").await else { return false };
        response.status() == status && read_beginning(response, TEXT_LIMIT).await.is_ok_and(|other| other == text)
    }
}
