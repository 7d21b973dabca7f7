//! From a webhook to the service.

use std::{
    fmt,
    future::{Future, IntoFuture},
    marker::PhantomData,
    pin::Pin,
    time::{Duration, SystemTime},
};

use super::{
    Ignored, LemonSqueezy, PaymentOutcome, Polar, Provider, Redeliver, Refused, Stripe, Tracking, WebhookEvent, again,
    outcome::Why,
    recent::{Known, SaleSoFar},
};
use crate::{
    BoundClient, Client, Error, Event, NotAttributed, Refund, RefundOutcome, Sale, SaleOutcome, redact::Redacted,
};

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

async fn track_sale(client: &Client, sale: Sale, about: &About) -> Result<PaymentOutcome, Redeliver> {
    if client.deliverer().is_some() {
        return queued(client.try_enqueue_sale(sale));
    }
    let recent = client.recent_payments();
    let transaction_id = sale.transaction_id.clone();
    let lost_before = recent.sale(&transaction_id) == Some(SaleSoFar::Waiting { lost: true });
    let tracked = client.track_sale(sale).await.map(|outcome| match outcome {
        SaleOutcome::AlreadyRecorded { uncertain } => {
            SaleOutcome::AlreadyRecorded { uncertain: uncertain || lost_before }
        }
        outcome => outcome,
    });
    if let Ok(SaleOutcome::AlreadyRecorded { uncertain: true }) = &tracked {
        tracing::warn!(?about, "this sale was recorded before, perhaps without its commission: check the dashboard");
    }
    let lost = lost_before || tracked.as_ref().is_err_and(Error::may_have_arrived);
    let ending = about.ending(tracked.map(PaymentOutcome::Sale), false);
    recent.set_sale(
        &transaction_id,
        match &ending {
            Ok(PaymentOutcome::Sale(SaleOutcome::NotAttributed(_))) => Some(SaleSoFar::Unattributed),
            Ok(_) => None,
            Err(_) => Some(SaleSoFar::Waiting { lost }),
        },
    );
    ending
}

fn queued(taken: Result<(), crate::NotQueued>) -> Result<PaymentOutcome, Redeliver> {
    taken.map(|()| PaymentOutcome::Queued).map_err(|why| Redeliver(Why::NotQueued(why)))
}

/// Reports a refund of the first of these sales that is known; a partial one that has an id of its own, once.
async fn track_refund(
    client: &Client,
    mut refund: Refund,
    sales: Vec<String>,
    about: About,
) -> Result<PaymentOutcome, Redeliver> {
    let claim = match refund.refund_id.as_deref().filter(|_| !refund.is_full()) {
        None => None,
        Some(refund_id) => match client.recent_payments().claim(about.provider, refund_id) {
            Known::No(claim) => Some(claim),
            Known::UnderWay => return Err(Redeliver(Why::UnderWay)),
            Known::Reported => return Ok(PaymentOutcome::Repeated),
        },
    };
    if client.deliverer().is_some() {
        refund.transaction_id = sales.into_iter().next().unwrap_or(refund.transaction_id);
        let taken = queued(client.try_enqueue_refund(refund));
        if let (Err(_), Some(claim)) = (&taken, claim) {
            claim.release();
        }
        return taken;
    }
    let client = client.clone();
    // A task, as the call itself is one: a handler that is dropped must not make it look as if nothing was reported.
    let reporting = async move {
        let result = report_refund(&client, &refund, &sales, &about).await;
        match (claim, &result) {
            (Some(claim), Ok(PaymentOutcome::Refund(outcome))) if !took_something(outcome) => claim.release(),
            (Some(claim), Ok(PaymentOutcome::Failed(error))) if !error.may_have_arrived() => claim.release(),
            (Some(claim), Err(_)) => claim.release(),
            _ => {}
        }
        result
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn(reporting).await.unwrap_or_else(|ended| Err(Redeliver(Why::Ended(ended)))),
        // The client will say what is missing.
        Err(_) => reporting.await,
    }
}

/// Whether the service knows of this refund now.
fn took_something(outcome: &RefundOutcome) -> bool {
    matches!(
        outcome,
        RefundOutcome::Reversed { .. } | RefundOutcome::Refunded { .. } | RefundOutcome::AlreadyReversed { .. }
    )
}

async fn report_refund(
    client: &Client,
    refund: &Refund,
    sales: &[String],
    about: &About,
) -> Result<PaymentOutcome, Redeliver> {
    let mut outcome = RefundOutcome::NotAttributed(NotAttributed::SaleNotFound);
    for transaction_id in sales {
        let refund = Refund { transaction_id: transaction_id.clone(), ..refund.clone() };
        let partial = !refund.is_full();
        outcome = match client.track_refund(refund).await {
            Ok(outcome) => outcome,
            Err(error) => return about.ending(Err(error), partial),
        };
        if outcome != RefundOutcome::NotAttributed(NotAttributed::SaleNotFound) {
            break;
        }
    }
    match &outcome {
        RefundOutcome::NotAttributed(NotAttributed::SaleNotFound) => {
            let mut so_far = sales.iter().filter_map(|sale| client.recent_payments().sale(sale));
            let comes = match so_far.next() {
                Some(SaleSoFar::Unattributed) => false,
                Some(SaleSoFar::Waiting { .. }) => true,
                None => again::may_overtake(about.occurred_at, SystemTime::now(), about.overtakes),
            };
            if comes {
                return Err(Redeliver(Why::SaleNotFound));
            }
        }
        RefundOutcome::AlreadyReversed { .. } => tracing::warn!(
            ?about,
            "a part or all of this sale's commission was taken back before, and nothing now: check the dashboard"
        ),
        _ => {}
    }
    Ok(PaymentOutcome::Refund(outcome))
}

/// What a log says of a webhook, and when it happened.
#[derive(Clone)]
struct About {
    provider: &'static str,
    id: Option<String>,
    kind: String,
    occurred_at: Option<SystemTime>,
    overtakes: Duration,
}

impl About {
    fn of<P: Provider>(event: &WebhookEvent<P>) -> Self {
        Self {
            provider: P::NAME,
            id: event.id().map(std::borrow::Cow::into_owned),
            kind: event.kind().to_owned(),
            occurred_at: event.occurred_at(),
            overtakes: P::OVERTAKES,
        }
    }

    fn ignored(&self, why: Ignored) -> PaymentOutcome {
        match why {
            Ignored::CannotBeUndone => tracing::warn!(about = ?self, %why, "a payment's webhook is ignored"),
            Ignored::CountedElsewhere { .. } | Ignored::OtherProgram => {
                tracing::info!(about = ?self, %why, "a payment's webhook is ignored");
            }
            _ => tracing::debug!(about = ?self, %why, "a payment's webhook is ignored"),
        }
        PaymentOutcome::Ignored(why)
    }

    fn refused(&self, why: Refused) -> PaymentOutcome {
        tracing::error!(about = ?self, %why, "a payment is not tracked");
        PaymentOutcome::Refused(why)
    }

    fn ending(&self, tracked: Result<PaymentOutcome, Error>, partial: bool) -> Result<PaymentOutcome, Redeliver> {
        match tracked {
            Ok(outcome) => Ok(outcome),
            Err(error) if again::can_help(&error, partial) => Err(Redeliver(Why::Failed(error))),
            Err(error) => {
                tracing::error!(about = ?self, %error, "a payment is not tracked");
                Ok(PaymentOutcome::Failed(error))
            }
        }
    }
}

impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.provider, Redacted(&self.kind))?;
        self.id.as_deref().map_or(Ok(()), |id| write!(f, " {:?}", Redacted(id)))
    }
}
