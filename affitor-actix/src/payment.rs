//! Payment webhooks: the extractor for a verified event, and the responses to the provider.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, ResponseError,
    dev::Payload,
    http::{StatusCode, header::HeaderValue},
    web,
};
use affitor_payments::{PaymentError, Provider, Webhook, WebhookBody, WebhookEvent, WebhookRejection};
use futures_core::Stream as _;

use crate::rejection::text_response;
use crate::wrapper::wrapper;

/// Extracts the verified event of a payment provider's webhook. See [`WebhookEvent`].
///
/// The [`Webhook`] must be in the `app_data` of the app, scope or resource, by itself or as `web::Data`. Create it outside the
/// factory that `HttpServer` calls for each worker, and clone it there: a new one would not know the payments that other
/// workers reported.
///
/// ```
/// use actix_web::{App, Responder, post};
/// use affitor_actix::{AffitorClient, AffitorLayer, Client, PaymentEvent, Redeliver, payments::{Stripe, StripeReporter, Webhook}};
///
/// #[post("/webhooks/stripe")]
/// async fn payment(affitor: AffitorClient, event: PaymentEvent<Stripe>) -> Result<impl Responder, Redeliver> {
///     event.track(&affitor).await?;
///     Ok("")
/// }
///
/// let webhook = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App)?; // once, outside the factory
/// let app = App::new().wrap(AffitorLayer::new(Client::disabled())).app_data(webhook.clone()).service(payment);
/// # let _ = app;
/// # Ok::<(), affitor_actix::payments::InvalidWebhook>(())
/// ```
pub struct PaymentEvent<P>(pub WebhookEvent<P>);

wrapper!(PaymentEvent<P>, WebhookEvent<P>, "the event");

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

impl<P: Provider> FromRequest for PaymentEvent<P> {
    type Error = PaymentRejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, PaymentRejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let webhook = request
            .app_data::<Webhook<P>>()
            .or_else(|| request.app_data::<web::Data<Webhook<P>>>().map(web::Data::get_ref))
            .cloned();
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let webhook = webhook.ok_or_else(|| {
                WebhookRejection::missing_webhook::<P>("add `.app_data(webhook.clone())` to the App or scope")
            })?;
            let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
            let mut received = WebhookBody::begin(&webhook, header)?;
            while let Some(data) = poll_fn(|cx| Pin::new(&mut payload).poll_next(cx)).await {
                received.push(data.map_err(|_| WebhookRejection::Incomplete)?)?;
            }
            Ok(Self(received.verify(&webhook, header)?))
        })
    }
}

/// The error of [`PaymentEvent`]. See [`WebhookRejection`].
///
/// Neither the response nor the log contains the body.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentRejection(WebhookRejection);

wrapper!(PaymentRejection, WebhookRejection, "the reason");

impl PaymentRejection {
    /// Returns the status of the response: 400, 413, 500 or 503.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::BAD_REQUEST)
    }

    /// Returns the text of the response.
    pub fn body_text(&self) -> String {
        self.0.body_text()
    }
}

impl From<WebhookRejection> for PaymentRejection {
    fn from(rejection: WebhookRejection) -> Self {
        Self(rejection)
    }
}

impl fmt::Display for PaymentRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

affitor::debug_as_sentence!(PaymentRejection);

impl std::error::Error for PaymentRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl ResponseError for PaymentRejection {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.0.log();
        text_response(self.status(), self.body_text())
    }
}

/// Asks the provider to redeliver the webhook, with status 503. `?` converts a [`PaymentError`] to it.
pub struct Redeliver(pub PaymentError);

wrapper!(Redeliver, PaymentError, "the reason");

impl Redeliver {
    /// Returns the status of the response: 503.
    pub fn status(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }

    /// Returns the text of the response. The reason is in the log.
    pub fn body_text(&self) -> String {
        "the payment is not tracked yet, redeliver the webhook".to_owned()
    }
}

impl From<PaymentError> for Redeliver {
    fn from(error: PaymentError) -> Self {
        Self(error)
    }
}

impl fmt::Display for Redeliver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

affitor::debug_as_sentence!(Redeliver);

impl std::error::Error for Redeliver {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl ResponseError for Redeliver {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        text_response(self.status(), self.body_text())
    }
}
