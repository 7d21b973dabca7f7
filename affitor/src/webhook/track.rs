//! From a webhook to the service.

use std::{
    fmt,
    future::{Future, IntoFuture},
    marker::PhantomData,
    pin::Pin,
};

use super::{
    Ignored, LemonSqueezy, PaymentOutcome, Polar, Provider, Redeliver, Refused, Stripe, Tracking, WebhookEvent,
    report::{About, track_refund, track_sale},
};
use crate::{BoundClient, Client, Event, Refund, Sale};

impl Client {
    /// Reports what a payment provider's webhook says: at most one sale or refund, and nothing for events that don't concern
    /// Affitor. Await it, after setting what the shop knows better, and after the shop's own work: the provider repeats both
    /// when it delivers again.
    ///
    /// With a client that [has a queue](Client::deliver_with) it is enqueued.
    ///
    /// ```no_run
    /// # use affitor::{Client, webhook::{PaymentOutcome, Redeliver, Stripe, WebhookEvent}};
    /// # async fn handler(client: Client, event: WebhookEvent<Stripe>) -> Result<(), Redeliver> {
    /// client.track_payment(&event).await?;
    ///
    /// // Commission on net of tax. (Partial refunds must be net as well: see `map_refund`.)
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
    /// [`Redeliver`], the only one: when delivering the webhook again can help. That is so when the service could not be
    /// reached or was not able, when it did not accept the key, when something else answered in its place, and when it does
    /// not know the sale of a young refund (less than an hour old; with Lemon Squeezy, which soon gives up, two minutes; never
    /// with Polar, which delivers in order). Everything else is a [`PaymentOutcome`].
    pub fn track_payment<'a, P: Provider>(&'a self, event: &'a WebhookEvent<P>) -> TrackPayment<'a, P> {
        TrackPayment {
            client: self,
            event,
            map_sale: None,
            map_refund: None,
            refund_of: None,
            refunded_before: None,
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
    refunded_before: Option<u64>,
    error: PhantomData<fn() -> E>,
}

impl<'a, P: Provider, E> TrackPayment<'a, P, E> {
    /// Changes a sale before it is reported: its amount, above all, for commissions on net of tax. Its transaction id should
    /// stay: a refund finds it by that. A sale of 0 is not reported.
    pub fn map_sale(mut self, map: impl FnOnce(Sale, &WebhookEvent<P>) -> Sale + Send + 'a) -> Self {
        self.map_sale = Some(Box::new(map));
        self
    }

    /// Changes a refund before it is reported. Where sales are net, the amount of a partial refund must be, too: scale it with
    /// what the shop knows of the sale. A full one has no amount.
    pub fn map_refund(mut self, map: impl FnOnce(Refund, &WebhookEvent<P>) -> Refund + Send + 'a) -> Self {
        self.map_refund = Some(Box::new(map));
        self
    }

    /// Makes its error another one, for a framework's response or an app's own.
    pub fn err_into<F: From<Redeliver>>(self) -> TrackPayment<'a, P, F> {
        let Self { client, event, map_sale, map_refund, refund_of, refunded_before, .. } = self;
        TrackPayment { client, event, map_sale, map_refund, refund_of, refunded_before, error: PhantomData }
    }

    async fn run(self, about: About) -> Result<PaymentOutcome, Redeliver> {
        match self.event.tracking() {
            Tracking::Event(Event::Sale(sale)) => {
                let sale = match self.map_sale {
                    Some(map) => map(sale, self.event),
                    None => sale,
                };
                if let (Some(its), Some(ours)) = (P::program_id(self.event), self.client.program_id()) {
                    if its != ours {
                        return Ok(about.ignored(Ignored::OtherProgram));
                    }
                }
                if sale.amount_cents == 0 && !sale.is_test() {
                    return Ok(PaymentOutcome::Ignored(Ignored::NothingPaid));
                }
                track_sale(self.client, sale, &about).await
            }
            Tracking::Event(Event::Refund(refund)) => self.run_refund(refund, about).await,
            // No provider's event is a sign-up.
            Tracking::Event(Event::Lead(_)) => Ok(PaymentOutcome::Ignored(Ignored::OtherType)),
            Tracking::Ignored(why) => Ok(about.ignored(why)),
            Tracking::Refused(why) => Ok(about.refused(why)),
        }
    }

    async fn run_refund(self, mut refund: Refund, about: About) -> Result<PaymentOutcome, Redeliver> {
        let recent = self.client.recent_payments();
        let sale = refund.transaction_id.clone();
        let total = refund.refund_amount_cents.filter(|_| P::RUNNING_TOTAL);
        if let Some(total) = total {
            let before = self.refunded_before.unwrap_or_else(|| recent.total(&sale));
            match total.checked_sub(before) {
                Some(0) => return Ok(PaymentOutcome::Repeated),
                Some(now) => refund.refund_amount_cents = Some(now),
                // An older webhook, delivered late: what it says was reported with the newer one.
                None if self.refunded_before.is_none() => return Ok(PaymentOutcome::Repeated),
                None => {
                    let (field, expected) = ("refunded_before", "at most what is refunded in all");
                    return Ok(about.refused(Refused::WrongField { field, expected }));
                }
            }
        }
        let refund = match self.map_refund {
            Some(map) => map(refund, self.event),
            None => refund,
        };
        let mut sales = vec![];
        let others =
            [self.refund_of, Some(refund.transaction_id.clone()), P::other_sale(self.event).map(str::to_owned)];
        for sale in others.into_iter().flatten() {
            if !sales.contains(&sale) {
                sales.push(sale);
            }
        }
        let outcome = track_refund(self.client, refund, sales, about).await;
        if let (Some(total), Ok(_)) = (total, &outcome) {
            recent.set_total(&sale, total);
        }
        outcome
    }
}

impl<E> TrackPayment<'_, Stripe, E> {
    /// Names the sale that a refund or dispute concerns, where the event can't: the invoice of a subscription's payment, see
    /// [`Stripe`]. What the event itself names is tried as well, where Affitor knows no such sale. `None` leaves it to the event.
    pub fn refund_of(mut self, transaction_id: impl Into<Option<String>>) -> Self {
        self.refund_of = transaction_id.into().filter(|id| !id.trim().is_empty());
        self
    }
}

macro_rules! running_total {
    ($($provider:ty)*) => {$(
        impl<E> TrackPayment<'_, $provider, E> {
            /// Says how much of the payment was refunded before this refund, in cents: the event says how much is refunded in
            /// all. Unless it is said, it is what this client has reported of it.
            pub fn refunded_before(mut self, cents: u64) -> Self {
                self.refunded_before = Some(cents);
                self
            }
        }
    )*};
}

running_total! { Polar LemonSqueezy }

impl<'a, P: Provider, E: From<Redeliver>> IntoFuture for TrackPayment<'a, P, E> {
    type Output = Result<PaymentOutcome, E>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let about = About::of(self.event);
        let shown = about.clone();
        let run = self.err_into::<Redeliver>().run(about);
        Box::pin(async move {
            run.await.map_err(|redeliver| {
                tracing::warn!(about = ?shown, "{redeliver}");
                E::from(redeliver)
            })
        })
    }
}

impl<P: Provider, E> fmt::Debug for TrackPayment<'_, P, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackPayment").field("event", &self.event).finish_non_exhaustive()
    }
}
