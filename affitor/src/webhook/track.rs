//! From a webhook to the service, and the answer to the provider.

use std::{
    fmt,
    future::{Future, IntoFuture},
    marker::PhantomData,
    pin::Pin,
    time::{Duration, SystemTime},
};

use super::{Ignored, LemonSqueezy, Provider, Refused, Stripe, Tracking, WebhookEvent, recent::Known};
use crate::{
    BoundClient, Client, Error, Event, NotAttributed, Refund, RefundOutcome, Sale, SaleOutcome, redact::Redacted,
};

/// For how long after it happened a refund may be waiting for its sale: one that was delivered first.
const OVERTAKES: Duration = Duration::from_secs(60 * 60);

/// What became of a payment's webhook. In each of these cases the provider is answered with 200.
#[derive(Debug)]
#[non_exhaustive]
pub enum PaymentOutcome {
    /// It was a sale, and this became of it.
    Sale(SaleOutcome),
    /// It was a refund, and this became of it.
    Refund(RefundOutcome),
    /// It was none of Affitor's business.
    Ignored(Ignored),
    /// It can't be read as a payment for certain. Logged as an error, since somebody should look at it.
    Refused(Refused),
    /// It could not be reported, and delivering it again would not help: the service rejected it, or a partial refund may
    /// have arrived and must not be repeated. Logged as an error, since somebody should look at it.
    Failed(Error),
}

/// The provider is to deliver the webhook again: answer it with status 503.
///
/// `affitor-axum` and `affitor-actix` have an error of the same name that is this response.
#[derive(Debug)]
pub struct Redeliver(Why);

#[derive(Debug)]
enum Why {
    /// The service was not reached, was not able, or did not accept the key.
    Failed(Error),
    /// The refund's sale is not there yet.
    SaleNotFound,
    /// The same refund is being reported at this moment.
    UnderWay,
}

impl Redeliver {
    /// The client's error, where there is one.
    pub fn error(&self) -> Option<&Error> {
        match &self.0 {
            Why::Failed(error) => Some(error),
            Why::SaleNotFound | Why::UnderWay => None,
        }
    }
}

impl fmt::Display for Redeliver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the payment is not tracked yet, deliver it again: ")?;
        match &self.0 {
            Why::Failed(error) => error.fmt(f),
            Why::SaleNotFound => f.write_str("the refund has overtaken its sale"),
            Why::UnderWay => f.write_str("the same refund is being tracked"),
        }
    }
}

impl std::error::Error for Redeliver {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error().map(|error| error as _)
    }
}

impl Client {
    /// Reports what a payment provider's webhook says: at most one sale or refund, and nothing for events that don't concern
    /// Affitor. Await it, after setting what the shop knows better.
    ///
    /// ```no_run
    /// # use affitor::{Client, webhook::{PaymentOutcome, Redeliver, Stripe, WebhookEvent}};
    /// # async fn handler(client: Client, event: WebhookEvent<Stripe>) -> Result<(), Redeliver> {
    /// client.track_payment(&event).await?;
    ///
    /// // Commission on net of tax: the same share of the refunds must be net, too.
    /// client
    ///     .track_payment(&event)
    ///     .map_sale(|mut sale, event| {
    ///         let tax = event.json()["data"]["object"]["total_details"]["amount_tax"].as_u64();
    ///         sale.amount_cents = sale.amount_cents.saturating_sub(tax.unwrap_or(0));
    ///         sale
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Redeliver`], the only one: when delivering the webhook again can help. That is so when the service could not be
    /// reached or was not able, when it did not accept the key, when something else answered in its place, and when it does
    /// not know the sale of a refund that is less than an hour old. Everything else is a [`PaymentOutcome`].
    pub fn track_payment<'a, P: Provider>(&'a self, event: &'a WebhookEvent<P>) -> TrackPayment<'a, P> {
        TrackPayment {
            client: self,
            event,
            map_sale: None,
            map_refund: None,
            refund_of: None,
            refunded_before: 0,
            error: PhantomData,
        }
    }
}

impl BoundClient {
    /// As [`Client::track_payment`]. The request comes from the provider, so its visitor is not asked: the click id is the one
    /// that the payment's metadata carries.
    pub fn track_payment<'a, P: Provider>(&'a self, event: &'a WebhookEvent<P>) -> TrackPayment<'a, P> {
        self.client().track_payment(event)
    }
}

type Map<'a, P, T> = Box<dyn FnOnce(T, &WebhookEvent<P>) -> T + Send + 'a>;

/// A webhook that is to be reported: await it. See [`Client::track_payment`].
#[must_use = "nothing is reported until it is awaited"]
pub struct TrackPayment<'a, P, E = Redeliver> {
    client: &'a Client,
    event: &'a WebhookEvent<P>,
    map_sale: Option<Map<'a, P, Sale>>,
    map_refund: Option<Map<'a, P, Refund>>,
    refund_of: Option<String>,
    refunded_before: u64,
    error: PhantomData<fn() -> E>,
}

impl<'a, P: Provider, E> TrackPayment<'a, P, E> {
    /// Changes a sale before it is reported: its amount, above all, for commissions on net of tax. Its transaction id should
    /// stay: a refund finds it by that.
    pub fn map_sale(mut self, map: impl FnOnce(Sale, &WebhookEvent<P>) -> Sale + Send + 'a) -> Self {
        self.map_sale = Some(Box::new(map));
        self
    }

    /// Changes a refund before it is reported. Where sales are net, the amount of a partial refund must be, too; a full one
    /// has none.
    pub fn map_refund(mut self, map: impl FnOnce(Refund, &WebhookEvent<P>) -> Refund + Send + 'a) -> Self {
        self.map_refund = Some(Box::new(map));
        self
    }

    /// Makes its error another one, for a framework's response.
    pub fn map_err<F: From<Redeliver>>(self) -> TrackPayment<'a, P, F> {
        let Self { client, event, map_sale, map_refund, refund_of, refunded_before, .. } = self;
        TrackPayment { client, event, map_sale, map_refund, refund_of, refunded_before, error: PhantomData }
    }

    async fn run(self) -> Result<PaymentOutcome, Redeliver> {
        let about = About::of(self.event);
        match self.event.tracking() {
            Tracking::Event(Event::Sale(sale)) => {
                let sale = match self.map_sale {
                    Some(map) => map(sale, self.event),
                    None => sale,
                };
                let tracked = self.client.track_sale(sale).await;
                about.ending(tracked.map(PaymentOutcome::Sale), false)
            }
            Tracking::Event(Event::Refund(mut refund)) => {
                if let Some(transaction_id) = self.refund_of {
                    refund.transaction_id = transaction_id;
                }
                if let Some(total) = refund.refund_amount_cents.as_mut() {
                    *total = total.saturating_sub(self.refunded_before);
                    if *total == 0 {
                        return Ok(PaymentOutcome::Ignored(Ignored::Repeated));
                    }
                }
                let refund = match self.map_refund {
                    Some(map) => map(refund, self.event),
                    None => refund,
                };
                track_refund(self.client, refund, about).await
            }
            // No provider's event is a sign-up.
            Tracking::Event(Event::Lead(_)) => Ok(PaymentOutcome::Ignored(Ignored::OtherType)),
            Tracking::Ignored(why) => {
                if why == Ignored::CannotBeUndone {
                    tracing::warn!(?about, %why, "a payment's webhook is ignored");
                } else {
                    tracing::debug!(?about, %why, "a payment's webhook is ignored");
                }
                Ok(PaymentOutcome::Ignored(why))
            }
            Tracking::Refused(why) => {
                tracing::error!(?about, %why, "a payment is not tracked");
                Ok(PaymentOutcome::Refused(why))
            }
        }
    }
}

impl<E> TrackPayment<'_, Stripe, E> {
    /// Names the sale that a refund or dispute concerns, where the event can't: the invoice of a subscription's payment, see
    /// [`Stripe`]. `None` leaves it to the event.
    pub fn refund_of(mut self, transaction_id: impl Into<Option<String>>) -> Self {
        self.refund_of = transaction_id.into().filter(|id| !id.trim().is_empty());
        self
    }
}

impl<E> TrackPayment<'_, LemonSqueezy, E> {
    /// Says how much of the payment was refunded before, in cents: the event says how much is refunded in all.
    pub fn refunded_before(mut self, cents: u64) -> Self {
        self.refunded_before = cents;
        self
    }
}

impl<'a, P: Provider, E: From<Redeliver>> IntoFuture for TrackPayment<'a, P, E> {
    type Output = Result<PaymentOutcome, E>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let run = self.map_err::<Redeliver>().run();
        Box::pin(async { run.await.map_err(E::from) })
    }
}

impl<P: Provider, E> fmt::Debug for TrackPayment<'_, P, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackPayment").field("event", &self.event).finish_non_exhaustive()
    }
}

/// Reports a refund; a partial one that has an id of its own, once.
async fn track_refund(client: &Client, refund: Refund, about: About) -> Result<PaymentOutcome, Redeliver> {
    let claim = match refund.refund_id.as_deref().filter(|_| !refund.is_full()) {
        None => None,
        Some(refund_id) => match client.recent_refunds().claim(&refund.transaction_id, refund_id) {
            Known::No(claim) => Some(claim),
            Known::UnderWay => return Err(Redeliver(Why::UnderWay)),
            Known::Reported => return Ok(PaymentOutcome::Ignored(Ignored::Repeated)),
        },
    };
    let partial = !refund.is_full();
    let client = client.clone();
    // A task, as the call itself is one: a handler that is dropped must not make it look as if nothing was reported.
    let reporting = async move {
        let result = match client.track_refund(refund).await {
            Ok(RefundOutcome::NotAttributed(NotAttributed::SaleNotFound)) if about.is_young() => {
                Err(Redeliver(Why::SaleNotFound))
            }
            tracked => about.ending(tracked.map(PaymentOutcome::Refund), partial),
        };
        if let (Some(claim), Ok(_)) = (claim, &result) {
            claim.settle();
        }
        result
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => match runtime.spawn(reporting).await {
            Ok(result) => result,
            Err(_) => Err(Redeliver(Why::UnderWay)),
        },
        // The client will say what is missing.
        Err(_) => reporting.await,
    }
}

/// What a log says of a webhook.
struct About {
    provider: &'static str,
    id: Option<String>,
    kind: String,
    occurred_at: Option<SystemTime>,
}

impl About {
    fn of<P: Provider>(event: &WebhookEvent<P>) -> Self {
        Self {
            provider: P::NAME,
            id: event.id().map(std::borrow::Cow::into_owned),
            kind: event.kind().to_owned(),
            occurred_at: event.occurred_at(),
        }
    }

    /// Whether what it is about may still come: it happened less than an hour ago.
    fn is_young(&self) -> bool {
        self.occurred_at.is_some_and(|at| SystemTime::now().duration_since(at).unwrap_or_default() < OVERTAKES)
    }

    /// Which failures are worth another delivery: all that may be mended by then, a wrong key or URL included.
    fn ending(&self, tracked: Result<PaymentOutcome, Error>, partial: bool) -> Result<PaymentOutcome, Redeliver> {
        let error = match tracked {
            Ok(outcome) => return Ok(outcome),
            Err(error) => error,
        };
        // The service itself says no with these two.
        let said_no = error.is_rejected() && matches!(error.status(), Some(200 | 400));
        if error.is_invalid() || said_no || (partial && error.may_have_arrived()) {
            tracing::error!(about = ?self, %error, "a payment is not tracked");
            Ok(PaymentOutcome::Failed(error))
        } else {
            Err(Redeliver(Why::Failed(error)))
        }
    }
}

impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}", self.provider, Redacted(&self.kind), self.id.as_deref().map(Redacted))
    }
}
