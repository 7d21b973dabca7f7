//! Receiving a payment webhook: the size limit, the signature, and the response to a request that is rejected.
//!
//! The only error of `event.track` asks for redelivery. In a handler that uses `?`, everything else must not stop the app's own work,
//! so rejections and refusals are outcomes, which are logged as errors.

use std::{fmt, time::SystemTime};

use affitor_core::find::Prefix;
use bytes::Bytes;

use crate::{
    endpoint::Webhook,
    event::WebhookEvent,
    provider::{Provider, VerifyError},
};

/// Reads the body of a payment webhook within the limit of its endpoint, and verifies it.
///
/// ```
/// use affitor_payments::{Stripe, StripeReporter, Webhook, WebhookBody, WebhookEvent, WebhookRejection};
///
/// fn receive(
///     webhook: &Webhook<Stripe>,
///     headers: &[(&str, &str)],
///     frames: impl Iterator<Item = bytes::Bytes>,
/// ) -> Result<WebhookEvent<Stripe>, WebhookRejection> {
///     let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
///     let mut body = WebhookBody::begin(webhook, header)?;
///     for frame in frames {
///         body.push(frame)?;
///     }
///     body.verify(webhook, header)
/// }
///
/// let webhook = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App)?;
/// let rejection = receive(&webhook, &[], std::iter::empty()).unwrap_err();
/// assert_eq!((rejection.status(), rejection.body_text().as_str()), (400, "the header stripe-signature is missing"));
/// # Ok::<(), affitor_payments::InvalidWebhook>(())
/// ```
#[derive(Debug)]
pub struct WebhookBody(Prefix);

impl WebhookBody {
    /// Checks the head of the request, before its body is read. `header` returns the value of a header by its lower-case name.
    ///
    /// # Errors
    ///
    /// Returns an error if the endpoint is disabled; if the signature header is missing; if `Content-Length` exceeds the limit.
    pub fn begin<'h, P: Provider>(
        webhook: &Webhook<P>,
        header: impl Fn(&str) -> Option<&'h [u8]>,
    ) -> Result<Self, WebhookRejection> {
        webhook.check_signed(&header).map_err(WebhookRejection::Unverified)?;
        let declared =
            header("content-length").and_then(|length| std::str::from_utf8(length).ok()?.parse::<u64>().ok());
        let limit = webhook.get_body_limit();
        if declared.is_some_and(|length| length > limit as u64) {
            return Err(WebhookRejection::TooLarge);
        }
        Ok(Self(Prefix::new(limit, declared)))
    }

    /// Adds a frame of the body.
    ///
    /// # Errors
    ///
    /// Returns an error if the body exceeds the limit.
    pub fn push(&mut self, frame: Bytes) -> Result<(), WebhookRejection> {
        if self.0.push(frame) { Ok(()) } else { Err(WebhookRejection::TooLarge) }
    }

    /// Verifies the complete body, at the current time.
    ///
    /// # Errors
    ///
    /// Returns an error if the body is shorter than its `Content-Length`; if the signature is wrong; if the body is not a JSON
    /// object.
    pub fn verify<'h, P: Provider>(
        &self,
        webhook: &Webhook<P>,
        header: impl Fn(&str) -> Option<&'h [u8]>,
    ) -> Result<WebhookEvent<P>, WebhookRejection> {
        // Some servers report no error for a body that was cut off.
        let body = self.0.complete().ok_or(WebhookRejection::Incomplete)?;
        webhook.verify(header, body, SystemTime::now()).map_err(WebhookRejection::Unverified)
    }
}

/// The reason why a request is not accepted as a payment webhook.
///
/// Neither the response nor the log contains anything of the body.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebhookRejection {
    /// The signature is missing or wrong, or the signed body is not JSON. Status 400; 503 if the endpoint is
    /// [disabled](Webhook::disabled).
    Unverified(VerifyError),
    /// The body exceeds [`Webhook::body_limit`]. Status 413.
    TooLarge,
    /// The body was cut off. Status 400.
    Incomplete,
    /// The app has no [`Webhook`] for this provider: a mistake in the app. Status 500.
    #[non_exhaustive]
    MissingWebhook {
        /// Provider name.
        provider: &'static str,
        /// How to add a [`Webhook`] in the framework.
        help: &'static str,
    },
}

impl WebhookRejection {
    /// Creates the rejection for an app that has no [`Webhook`] of this provider. `help` says how to add one in the framework.
    pub fn missing_webhook<P: Provider>(help: &'static str) -> Self {
        Self::MissingWebhook { provider: P::NAME, help }
    }

    /// Returns the HTTP status of the response: 400, 413, 500 or 503.
    pub fn status(&self) -> u16 {
        match self {
            Self::Unverified(VerifyError::Disabled) => 503,
            Self::Unverified(_) | Self::Incomplete => 400,
            Self::TooLarge => 413,
            Self::MissingWebhook { .. } => 500,
        }
    }

    /// Returns the text of the response.
    pub fn body_text(&self) -> String {
        self.to_string()
    }

    /// Logs the rejection: a mistake in the app, or a missing secret, as an error; a bad request as a warning.
    pub fn log(&self) {
        match self {
            Self::MissingWebhook { .. } | Self::Unverified(VerifyError::Disabled) => tracing::error!("{self}"),
            _ => tracing::warn!(reason = %self, "a payment webhook was rejected"),
        }
    }
}

impl fmt::Display for WebhookRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unverified(error) => error.fmt(f),
            Self::TooLarge => f.write_str("the body is larger than the webhook's body limit"),
            Self::Incomplete => f.write_str("the body was cut off"),
            Self::MissingWebhook { provider, help } => {
                write!(f, "the extractor `PaymentEvent` found no `Webhook<{provider}>`: {help}")
            }
        }
    }
}

affitor_core::debug_as_sentence!(WebhookRejection);

impl std::error::Error for WebhookRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unverified(error) => Some(error),
            Self::TooLarge | Self::Incomplete | Self::MissingWebhook { .. } => None,
        }
    }
}
