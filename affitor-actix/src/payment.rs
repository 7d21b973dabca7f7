//! Payment webhooks: a verified event as an extractor, and the answer to the provider.

use std::{
    fmt,
    future::{Future, poll_fn},
    ops::Deref,
    pin::Pin,
    time::SystemTime,
};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, ResponseError,
    dev::Payload,
    http::{StatusCode, header::HeaderValue},
    web,
};
use affitor::webhook::{self, Provider, TrackPayment, VerifyError, Webhook, WebhookEvent};
use bytes::BytesMut;
use futures_core::Stream as _;

use crate::AffitorClient;

/// The event of a payment provider's webhook whose signature was right. See [`WebhookEvent`].
///
/// The [`Webhook`] is in the `app_data` of the app, scope or resource, as it is or as a `web::Data`.
///
/// ```
/// use actix_web::{App, Responder, post};
/// use affitor_actix::{
///     AffitorClient, AffitorLayer, Client, PaymentEvent, Redeliver,
///     webhook::{Stripe, Webhook},
/// };
///
/// #[post("/webhooks/stripe")]
/// async fn payment(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<impl Responder, Redeliver> {
///     affitor.track_payment(&event).await?;
///     Ok("")
/// }
///
/// let webhook = Webhook::<Stripe>::new("whsec_0123456789")?; // once, outside of the factory
/// let app = App::new().wrap(AffitorLayer::new(Client::disabled())).app_data(webhook.clone()).service(payment);
/// # let _ = app;
/// # Ok::<(), affitor_actix::webhook::InvalidSecret>(())
/// ```
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

impl<P: Provider> FromRequest for PaymentEvent<P> {
    type Error = PaymentRejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PaymentRejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let webhook = request
            .app_data::<Webhook<P>>()
            .or_else(|| request.app_data::<web::Data<Webhook<P>>>().map(web::Data::get_ref))
            .cloned();
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let webhook = webhook.ok_or(PaymentRejection::MissingWebhook { provider: P::NAME })?;
            let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
            webhook.check_signed(header).map_err(PaymentRejection::Unverified)?;
            let body = read(&request, payload, webhook.max_body()).await?;
            webhook.verify(header, &body, SystemTime::now()).map(Self).map_err(PaymentRejection::Unverified)
        })
    }
}

/// The whole body. One that says that it is too long is not begun.
async fn read(request: &HttpRequest, mut payload: Payload, limit: usize) -> Result<BytesMut, PaymentRejection> {
    let length = request.headers().get("content-length");
    let said = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit)) {
        return Err(PaymentRejection::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(data) = poll_fn(|cx| Pin::new(&mut payload).poll_next(cx)).await {
        let data = data.map_err(|_| PaymentRejection::Incomplete)?;
        if body.len() + data.len() > limit {
            return Err(PaymentRejection::TooLarge);
        }
        body.extend_from_slice(&data);
    }
    // actix-web before 4.18 does not say that a body was cut off.
    match said {
        Some(length) if body.len() as u64 != length => Err(PaymentRejection::Incomplete),
        _ => Ok(body),
    }
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
    /// There is no [`Webhook`] in the `app_data`, a mistake of the developer's: a 500 without a body. The log says what to
    /// do, at error level.
    #[non_exhaustive]
    MissingWebhook {
        /// Whose.
        provider: &'static str,
    },
}

impl fmt::Display for PaymentRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unverified(why) => why.fmt(f),
            Self::TooLarge => f.write_str("the body is longer than the webhook's body limit"),
            Self::Incomplete => f.write_str("the body ended before its time"),
            Self::MissingWebhook { provider } => write!(
                f,
                "an extractor found no Webhook of {provider}: add `.app_data(Webhook::new(secret)?)` to the App or scope"
            ),
        }
    }
}

impl std::error::Error for PaymentRejection {}

impl ResponseError for PaymentRejection {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unverified(_) | Self::Incomplete => StatusCode::BAD_REQUEST,
            Self::MissingWebhook { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if let Self::MissingWebhook { .. } = self {
            tracing::error!("{self}");
            return HttpResponse::new(self.status_code());
        }
        tracing::warn!(why = %self, "a payment webhook is refused");
        HttpResponse::build(self.status_code()).content_type("text/plain; charset=utf-8").body(self.to_string())
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

impl ResponseError for Redeliver {
    fn status_code(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
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
