//! Payment webhooks: a verified event as an extractor, and the answer to the provider.

use std::{fmt, ops::Deref, time::SystemTime};

use affitor::webhook::{self, Provider, TrackPayment, VerifyError, Webhook, WebhookEvent};
use axum_core::{
    body::Body,
    extract::{FromRef, FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::AffitorClient;

/// The event of a payment provider's webhook whose signature was right. See [`WebhookEvent`].
///
/// The router's state holds the [`Webhook`], or is one. This extractor reads the body, so it comes last.
///
/// ```
/// use affitor_axum::{
///     AffitorClient, AffitorLayer, Client, PaymentEvent, Redeliver,
///     webhook::{Stripe, Webhook},
/// };
/// use axum::{Router, routing::post};
///
/// async fn payment(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<(), Redeliver> {
///     affitor.track_payment(&event).await?;
///     Ok(())
/// }
///
/// let app: Router = Router::new()
///     .route("/webhooks/stripe", post(payment))
///     .layer(AffitorLayer::new(Client::disabled()))
///     .with_state(Webhook::<Stripe>::new("whsec_0123456789")?);
/// # Ok::<(), affitor_axum::webhook::InvalidSecret>(())
/// ```
///
/// With a state of one's own: `impl FromRef<AppState> for Webhook<Stripe>`.
pub struct PaymentEvent<P>(pub WebhookEvent<P>);

impl<P: Provider> fmt::Debug for PaymentEvent<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PaymentEvent").field(&self.0).finish()
    }
}

impl<P> Clone for PaymentEvent<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P> Deref for PaymentEvent<P> {
    type Target = WebhookEvent<P>;

    fn deref(&self) -> &WebhookEvent<P> {
        &self.0
    }
}

impl<P, S> FromRequest<S> for PaymentEvent<P>
where
    P: Provider,
    S: Send + Sync,
    Webhook<P>: FromRef<S>,
{
    type Rejection = PaymentRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, PaymentRejection> {
        let webhook = Webhook::<P>::from_ref(state);
        let (parts, body) = request.into_parts();
        let header = |name: &str| parts.headers.get(name).map(http::HeaderValue::as_bytes);
        webhook.check_signed(header).map_err(PaymentRejection::Unverified)?;
        let body = read(&parts.headers, body, webhook.max_body()).await?;
        webhook.verify(header, &body, SystemTime::now()).map(Self).map_err(PaymentRejection::Unverified)
    }
}

/// The whole body. One that says that it is too long is not begun.
async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, PaymentRejection> {
    let said = headers.get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit)) {
        return Err(PaymentRejection::TooLarge);
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if is_too_large(&*error) => Err(PaymentRejection::TooLarge),
        Err(_) => Err(PaymentRejection::Incomplete),
    }
}

/// Whether this limit, or one in front of it, was reached.
fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_large)
}

/// Why a request has no [`PaymentEvent`].
///
/// The response says nothing of the body, and neither does the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PaymentRejection {
    /// Its signature is missing or wrong, or what was signed is no JSON: 400.
    Unverified(VerifyError),
    /// The body is longer than [`Webhook::body_limit`]: 413.
    TooLarge,
    /// The body ended before its time: 400.
    Incomplete,
}

impl PaymentRejection {
    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unverified(_) | Self::Incomplete => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for PaymentRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unverified(why) => why.fmt(f),
            Self::TooLarge => f.write_str("the body is longer than the webhook's body limit"),
            Self::Incomplete => f.write_str("the body ended before its time"),
        }
    }
}

impl std::error::Error for PaymentRejection {}

impl IntoResponse for PaymentRejection {
    fn into_response(self) -> Response {
        tracing::warn!(why = %self, "a payment webhook is refused");
        (self.status(), self.to_string()).into_response()
    }
}

/// The provider is to deliver the webhook again, which it does on status 503. See [`webhook::Redeliver`].
#[derive(Debug)]
pub struct Redeliver(webhook::Redeliver);

impl Redeliver {
    /// Why.
    pub fn into_inner(self) -> webhook::Redeliver {
        self.0
    }
}

impl Deref for Redeliver {
    type Target = webhook::Redeliver;

    fn deref(&self) -> &webhook::Redeliver {
        &self.0
    }
}

impl From<webhook::Redeliver> for Redeliver {
    fn from(redeliver: webhook::Redeliver) -> Self {
        Self(redeliver)
    }
}

impl fmt::Display for Redeliver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Redeliver {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl IntoResponse for Redeliver {
    fn into_response(self) -> Response {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

impl AffitorClient {
    /// Reports what a payment provider's webhook says; see [`Client::track_payment`](affitor::Client::track_payment). Its error
    /// is a response: the provider is to deliver the webhook again.
    ///
    /// The request comes from the provider, so its visitor is not asked: the click id is the one that the payment's metadata
    /// carries.
    pub fn track_payment<'a, P: Provider>(&'a self, event: &'a WebhookEvent<P>) -> TrackPayment<'a, P, Redeliver> {
        self.client().track_payment(event).err_into()
    }
}
