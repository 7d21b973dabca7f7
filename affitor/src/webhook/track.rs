//! Tracking a payment webhook.

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
};

use super::{
    Ignored, LemonSqueezy, PaymentError, PaymentOutcome, Polar, Provider, Refused, Stripe, Tracking, WebhookEvent,
    report::{Delivery, Reporter},
};
use crate::{
    client::{BoundClient, Client},
    event::{Event, Refund, Sale},
};

impl Client {
    /// Reports the payment in a webhook: at most one sale or refund, and nothing for events that don't concern Affitor.
    ///
    /// Await it after your own work and after you corrected the event: the provider repeats both when it redelivers. To
    /// return without waiting for Affitor, use [`enqueue_payment`](Client::enqueue_payment).
    ///
    /// ```no_run
    /// # use affitor::{Client, webhook::{PaymentError, Stripe, WebhookEvent}};
    /// # async fn handler(client: Client, event: WebhookEvent<Stripe>) -> Result<(), PaymentError> {
    /// client.track_payment(&event).await?;
    ///
    /// // Commission on the net amount. (Partial refunds must then be net as well: see `map_refund`.)
    /// client
    ///     .track_payment(&event)
    ///     .map_sale(|mut sale, event| {
    ///         sale.amount_cents = sale.amount_cents.saturating_sub(event.tax_cents().unwrap_or(0));
    ///         sale
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error only if redelivering the webhook can help: if the service is unreachable or unavailable; if it rejects the
    /// API key; if another server responds in its place; if it does not know the sale of a recent refund (less than an hour old;
    /// two minutes for Lemon Squeezy, which stops redelivering soon; never for Polar, which delivers in order). Everything else
    /// is a [`PaymentOutcome`].
    pub fn track_payment<'a, P: Provider>(&'a self, event: &'a WebhookEvent<P>) -> TrackPayment<'a, P> {
        TrackPayment::new(self, event, Delivery::Send)
    }

    /// Hands the payment in a webhook to the client's [sink](Client::with_sink), which delivers it in the background.
    ///
    /// It takes the same options as [`track_payment`](Client::track_payment), and never waits for Affitor.
    ///
    /// ```no_run
    /// # use affitor::{Client, webhook::{PaymentError, Stripe, WebhookEvent}};
    /// # async fn handler(client: Client, event: WebhookEvent<Stripe>) -> Result<(), PaymentError> {
    /// client.enqueue_payment(&event).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the sink did not accept the event, or if the client has no sink: unlike
    /// [`enqueue`](Client::enqueue), it never makes the call itself, because the provider would not redeliver a payment that was
    /// then lost.
    pub fn enqueue_payment<'a, P: Provider>(&'a self, event: &'a WebhookEvent<P>) -> TrackPayment<'a, P> {
        TrackPayment::new(self, event, Delivery::Enqueue)
    }
}

impl BoundClient {
    /// Reports the payment in a webhook. See [`Client::track_payment`].
    ///
    /// The request comes from the provider, so the visitor of this client is not used: the click id is the one in the payment's
    /// metadata.
    pub fn track_payment<'a, P: Provider>(&'a self, event: &'a WebhookEvent<P>) -> TrackPayment<'a, P> {
        self.client().track_payment(event)
    }

    /// Hands the payment in a webhook to the client's sink. See [`Client::enqueue_payment`].
    pub fn enqueue_payment<'a, P: Provider>(&'a self, event: &'a WebhookEvent<P>) -> TrackPayment<'a, P> {
        self.client().enqueue_payment(event)
    }
}

type Map<'a, P, T> = Box<dyn FnOnce(T, &WebhookEvent<P>) -> T + Send + 'a>;

/// A payment to report. Await it. See [`Client::track_payment`] and [`Client::enqueue_payment`].
#[must_use = "nothing is reported until it is awaited"]
pub struct TrackPayment<'a, P> {
    client: &'a Client,
    event: &'a WebhookEvent<P>,
    delivery: Delivery,
    map_sale: Option<Map<'a, P, Sale>>,
    map_refund: Option<Map<'a, P, Refund>>,
    refund_of: Option<String>,
    refunded_before: Option<u64>,
}

impl<'a, P: Provider> TrackPayment<'a, P> {
    fn new(client: &'a Client, event: &'a WebhookEvent<P>, delivery: Delivery) -> Self {
        Self { client, event, delivery, map_sale: None, map_refund: None, refund_of: None, refunded_before: None }
    }

    /// Changes a sale before it is reported, for example its amount for commissions without tax. Do not change its transaction
    /// id: a refund finds the sale by it. A sale of 0 is not reported.
    pub fn map_sale(mut self, map: impl FnOnce(Sale, &WebhookEvent<P>) -> Sale + Send + 'a) -> Self {
        self.map_sale = Some(Box::new(map));
        self
    }

    /// Changes a refund before it is reported. If your sales are net of tax, scale the amount of a partial refund accordingly. A
    /// full refund has no amount.
    pub fn map_refund(mut self, map: impl FnOnce(Refund, &WebhookEvent<P>) -> Refund + Send + 'a) -> Self {
        self.map_refund = Some(Box::new(map));
        self
    }

    async fn run(self) -> Result<PaymentOutcome, PaymentError> {
        let reporter = Reporter::new(self.client, self.event, self.delivery);
        match self.event.tracking() {
            Tracking::Event(Event::Sale(sale)) => {
                let sale = match self.map_sale {
                    Some(map) => map(sale, self.event),
                    None => sale,
                };
                if let (Some(its), Some(ours)) = (P::program_id(self.event), self.client.program_id()) {
                    if its != ours {
                        return Ok(reporter.ignored(Ignored::OtherProgram));
                    }
                }
                if sale.amount_cents == 0 && !sale.is_test() {
                    return Ok(PaymentOutcome::Ignored(Ignored::NothingPaid));
                }
                reporter.sale(sale).await
            }
            Tracking::Event(Event::Refund(refund)) => self.run_refund(refund, reporter).await,
            // Payment providers report sales and refunds only.
            Tracking::Event(_) => Ok(PaymentOutcome::Ignored(Ignored::OtherType)),
            Tracking::Ignored(reason) => Ok(reporter.ignored(reason)),
            Tracking::Refused(reason) => Ok(reporter.refused(reason)),
        }
    }

    async fn run_refund(self, mut refund: Refund, reporter: Reporter) -> Result<PaymentOutcome, PaymentError> {
        let memory = &self.event.memory;
        let sale = refund.transaction_id.clone();
        let total = refund.refund_amount_cents.filter(|_| P::RUNNING_TOTAL);
        if let Some(total) = total {
            let before = self.refunded_before.unwrap_or_else(|| memory.total(&sale));
            match total.checked_sub(before) {
                Some(0) => return Ok(PaymentOutcome::AlreadyReported),
                Some(now) => refund.refund_amount_cents = Some(now),
                // An older webhook that is delivered late: its refund was reported with the newer one.
                None if self.refunded_before.is_none() => return Ok(PaymentOutcome::AlreadyReported),
                None => {
                    let (field, expected) = ("refunded_before", "at most the total refunded amount");
                    return Ok(reporter.refused(Refused::WrongField { field, expected }));
                }
            }
        }
        let refund = match self.map_refund {
            Some(map) => map(refund, self.event),
            None => refund,
        };
        let mut sales = vec![];
        let candidates =
            [self.refund_of, Some(refund.transaction_id.clone()), P::other_sale(self.event).map(str::to_owned)];
        for sale in candidates.into_iter().flatten() {
            if !sales.contains(&sale) {
                sales.push(sale);
            }
        }
        let outcome = reporter.refund(refund, sales).await;
        if let (Some(total), Ok(_)) = (total, &outcome) {
            memory.set_total(&sale, total);
        }
        outcome
    }
}

impl TrackPayment<'_, Stripe> {
    /// Sets the transaction id of the sale that a refund or dispute concerns, if the event can't name it: the invoice of a
    /// subscription's payment, see [`Stripe`]. If Affitor knows no such sale, the ids in the event are used. `None` leaves it to
    /// the event.
    pub fn refund_of(mut self, transaction_id: impl Into<Option<String>>) -> Self {
        self.refund_of = transaction_id.into().filter(|id| !id.trim().is_empty());
        self
    }
}

macro_rules! running_total {
    ($($provider:ty)*) => {$(
        impl TrackPayment<'_, $provider> {
            /// Sets how much of the payment was refunded before this refund, in cents. The event only has the total. Default: the
            /// total when a refund of the payment was last reported through this [`Webhook`](super::Webhook).
            pub fn refunded_before(mut self, cents: u64) -> Self {
                self.refunded_before = Some(cents);
                self
            }
        }
    )*};
}

running_total! { Polar LemonSqueezy }

impl<'a, P: Provider> IntoFuture for TrackPayment<'a, P> {
    type Output = Result<PaymentOutcome, PaymentError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let webhook = self.event.clone();
            let result = self.run().await;
            if let Err(error) = &result {
                tracing::warn!(?webhook, "{error}");
            }
            result
        })
    }
}

impl<P: Provider> fmt::Debug for TrackPayment<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackPayment").field("event", &self.event).finish_non_exhaustive()
    }
}
