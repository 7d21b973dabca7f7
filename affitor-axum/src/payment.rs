//! Payment webhooks: the extractor for a verified event, and the responses to the provider.

use std::fmt;

use affitor_payments::{PaymentError, Provider, Webhook, WebhookBody, WebhookEvent, WebhookRejection};
use axum_core::{
    extract::{FromRef, FromRequest, Request},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError};

use crate::wrapper::wrapper;

/// Extracts the verified event of a payment provider's webhook. See [`WebhookEvent`].
///
/// The router's state is a [`Webhook`], or contains one. The extractor consumes the body, so it must be the last argument. The request
/// comes from the provider and not from a visitor, so a plain [`Client`](affitor::Client) reports the payment.
///
/// ```
/// use affitor_axum::{
///     Client, PaymentEvent, Redeliver,
///     payments::{Stripe, StripeReporter, Webhook},
/// };
/// use axum::{
///     Router,
///     extract::{FromRef, State},
///     routing::post,
/// };
///
/// #[derive(Clone, FromRef)]
/// struct App {
///     affitor: Client,
///     stripe: Webhook<Stripe>,
/// }
///
/// async fn payment(State(affitor): State<Client>, event: PaymentEvent<Stripe>) -> Result<(), Redeliver> {
///     event.track(&affitor).await?;
///     Ok(())
/// }
///
/// let stripe = Webhook::<Stripe>::new("whsec_0123456789", StripeReporter::App)?;
/// let app: Router = Router::new()
///     .route("/webhooks/stripe", post(payment))
///     .with_state(App { affitor: Client::disabled(), stripe });
/// # Ok::<(), affitor_axum::payments::InvalidWebhook>(())
/// ```
///
/// Without the derive macro (axum's feature `macros`), implement `FromRef` and clone the [`Webhook`] out of the state. Do not build a
/// new one there: it would have no memory of the payments that were reported.
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

impl<P, S> FromRequest<S> for PaymentEvent<P>
where
    P: Provider,
    S: Send + Sync,
    Webhook<P>: FromRef<S>,
{
    type Rejection = PaymentRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, PaymentRejection> {
        let webhook = Webhook::<P>::from_ref(state);
        let (parts, mut body) = request.into_parts();
        let header = |name: &str| parts.headers.get(name).map(HeaderValue::as_bytes);
        let mut received = WebhookBody::begin(&webhook, header)?;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                if exceeds_limit(&error) { WebhookRejection::TooLarge } else { WebhookRejection::Incomplete }
            })?;
            if let Ok(data) = frame.into_data() {
                received.push(data)?;
            }
        }
        Ok(Self(received.verify(&webhook, header)?))
    }
}

/// Whether a limit in front of this extractor was exceeded.
fn exceeds_limit(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(exceeds_limit)
}

/// The rejection of [`PaymentEvent`]. See [`WebhookRejection`].
///
/// Neither the response nor the log contains anything of the body.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentRejection(WebhookRejection);

wrapper!(PaymentRejection, WebhookRejection, "the reason");

impl PaymentRejection {
    /// Returns the status of the response: 400, 413 or 503.
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

impl IntoResponse for PaymentRejection {
    fn into_response(self) -> Response {
        self.0.log();
        (self.status(), self.body_text()).into_response()
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

impl IntoResponse for Redeliver {
    fn into_response(self) -> Response {
        (self.status(), self.body_text()).into_response()
    }
}
