//! Tracking a payment webhook.

mod outcome;
mod redelivery;
mod report;

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    time::SystemTime,
};

use affitor::{Client, Event, Refund, Sale};

pub use self::outcome::{PaymentError, PaymentOutcome, PaymentReport};
use self::{
    outcome::Reason,
    report::{Delivery, Mapped, Reporter},
};
use crate::{
    event::WebhookEvent,
    ledger::Policy,
    provider::{NoFacts, Provider},
    reading::Reading,
    stripe_reporter::StripeReporter,
    unix_time::unix_seconds,
};

impl<P: Provider> WebhookEvent<P> {
    /// Reports what has not been reported yet about the payment in this webhook: a sale, a refund, or nothing for events that don't concern
    /// Affitor.
    ///
    /// Await it after your own work: the provider repeats both when it redelivers. To return without waiting for Affitor, use
    /// [`enqueue`](WebhookEvent::enqueue).
    ///
    /// ```no_run
    /// # use affitor::Client;
    /// # use affitor_payments::{PaymentError, Stripe, WebhookEvent};
    /// # async fn handler(client: Client, event: WebhookEvent<Stripe>) -> Result<(), PaymentError> {
    /// event.track(&client).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// The request comes from the provider, so no visitor belongs to it: the click id is the one in the payment's metadata.
    ///
    /// The event's [`Webhook`](crate::Webhook#memory) remembers what was reported, in memory. A payment ledger in the app's
    /// database remembers more, and for longer: see `record_payment` in `affitor-outbox`.
    ///
    /// # Errors
    ///
    /// Returns an error only if redelivering the webhook can help: if the service is unreachable or unavailable; if it rejects the
    /// API key; if another server responds in its place; if Stripe is connected to the program, although [the app
    /// reports](StripeReporter::App) its payments; if another call has been reporting the same payment for 20 seconds; if the
    /// service does not know the sale of a recent refund (less than an hour old; two minutes for Lemon Squeezy, which stops redelivering soon; never for
    /// Polar, which delivers in order). Everything else is a [`PaymentOutcome`].
    pub fn track<'a>(&'a self, client: &'a impl AsRef<Client>) -> TrackPayment<'a, P> {
        TrackPayment::new(client.as_ref(), self, Delivery::Send)
    }

    /// Hands the payment in this webhook to the client's [sink](Client::with_sink), which delivers it in the background.
    ///
    /// It takes the same options as [`track`](WebhookEvent::track), and does not wait for Affitor, except to ask once an hour (once a
    /// minute while there is no response), for at most 3 seconds, whether [Stripe is connected](StripeReporter::App).
    ///
    /// ```no_run
    /// # use affitor::Client;
    /// # use affitor_payments::{PaymentError, Stripe, WebhookEvent};
    /// # async fn handler(client: Client, event: WebhookEvent<Stripe>) -> Result<(), PaymentError> {
    /// event.enqueue(&client).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the sink did not accept the event; if Stripe is connected to the program, although the app reports its
    /// payments; or if the client has no sink: unlike
    /// [`Client::enqueue`], it never makes the call itself, because the provider would not redeliver a payment that was then lost.
    pub fn enqueue<'a>(&'a self, client: &'a impl AsRef<Client>) -> TrackPayment<'a, P> {
        TrackPayment::new(client.as_ref(), self, Delivery::Enqueue)
    }
}

type Map<'a, P, T> = Box<dyn FnMut(T, &WebhookEvent<P>) -> T + Send + 'a>;

/// A payment to report. Await it. See [`WebhookEvent::track`] and [`WebhookEvent::enqueue`].
#[must_use = "nothing is reported until it is awaited"]
pub struct TrackPayment<'a, P> {
    client: &'a Client,
    event: &'a WebhookEvent<P>,
    delivery: Delivery,
    map_sale: Option<Map<'a, P, Sale>>,
    map_refund: Option<Map<'a, P, Refund>>,
}

impl<'a, P: Provider> TrackPayment<'a, P> {
    fn new(client: &'a Client, event: &'a WebhookEvent<P>, delivery: Delivery) -> Self {
        Self { client, event, delivery, map_sale: None, map_refund: None }
    }

    /// Changes a sale before it is reported, for example to convert a currency that Affitor does not accept. Do not change its
    /// transaction id: a refund finds the sale by it. A sale of 0 is not reported. For commissions without tax, use
    /// [`Webhook::commission_on`](crate::Webhook::commission_on).
    pub fn map_sale(mut self, map: impl FnMut(Sale, &WebhookEvent<P>) -> Sale + Send + 'a) -> Self {
        self.map_sale = Some(Box::new(map));
        self
    }

    /// Changes a refund before it is reported. If you change the amount of a sale, change the amounts of its partial refunds in the
    /// same way. A full refund has no amount.
    pub fn map_refund(mut self, map: impl FnMut(Refund, &WebhookEvent<P>) -> Refund + Send + 'a) -> Self {
        self.map_refund = Some(Box::new(map));
        self
    }

    async fn run(mut self) -> Result<PaymentOutcome, PaymentError> {
        let (client, event, now) = (self.client, self.event, SystemTime::now());
        let reading = Reading::new(event);
        let (announced, facts) = match reading.announced(now) {
            Ok(found) => found,
            Err(reason) => {
                reading.log_ignored(&reason);
                return Ok(PaymentOutcome::from(reason));
            }
        };
        let policy = Policy { program_id: client.program_id().map(str::to_owned), ..reading.policy() };
        let scope = (event.account().map(str::to_owned), event.is_test());
        let claim = event.endpoint().memory().claim(scope, announced, facts, &policy, unix_seconds(now)).await;
        let mut claim = claim.ok_or(PaymentError(Reason::InProgress))?;
        if !claim.decision.events.is_empty() && may_be_reported_by_affitor(event, client).await {
            return Err(PaymentError(Reason::Conflict));
        }
        for payment in &claim.decision.payments {
            reading.log_payment(payment);
        }
        let events: Vec<Mapped> = claim.take_events().into_iter().map(|event| self.map(event)).collect();
        let reporting = Reporter::new(client, event, self.delivery, claim).run(events);
        // In a task of its own, like the call itself: dropping the handler must not make it look as if nothing was reported.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if self.delivery == Delivery::Send => {
                runtime.spawn(reporting).await.unwrap_or_else(|error| Err(PaymentError(Reason::Cancelled(error))))
            }
            _ => reporting.await,
        }
    }

    fn map(&mut self, decided: Event) -> Mapped {
        let event = match (decided.clone(), &mut self.map_sale, &mut self.map_refund) {
            (Event::Sale(sale), Some(map), _) => map(sale, self.event).into(),
            (Event::Refund(refund), _, Some(map)) => map(refund, self.event).into(),
            (event, ..) => event,
        };
        Mapped { decided, event }
    }
}

/// Whether the app is to report Stripe's payments, and Stripe is connected to the program.
async fn may_be_reported_by_affitor<P: Provider>(event: &WebhookEvent<P>, client: &Client) -> bool {
    P::READ_BY_AFFITOR
        && event.endpoint().get_stripe_reporter() == StripeReporter::App
        && !event.is_test()
        && !client.is_disabled()
        && event.endpoint().memory().connections.is_connected(client).await
}

impl From<NoFacts> for PaymentOutcome {
    fn from(reason: NoFacts) -> Self {
        match reason {
            NoFacts::Ignored(reason) => Self { ignored: Some(reason), ..Self::default() },
            NoFacts::Refused(reason) => Self { refused: Some(reason), ..Self::default() },
        }
    }
}

impl<'a, P: Provider> IntoFuture for TrackPayment<'a, P> {
    type Output = Result<PaymentOutcome, PaymentError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let webhook = self.event.clone();
            let result = self.run().await;
            match &result {
                Err(error) if error.is_conflict() => tracing::error!(?webhook, "{error}"),
                Err(error) => tracing::warn!(?webhook, "{error}"),
                Ok(_) => {}
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
