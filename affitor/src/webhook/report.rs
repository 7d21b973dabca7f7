//! Reporting a sale or refund that a webhook told of, and deciding whether it is to be delivered again.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use super::{
    Ignored, PaymentOutcome, Provider, Redeliver, Refused, WebhookEvent, again,
    outcome::Why,
    recent::{Known, SaleSoFar},
};
use crate::{Client, Error, NotAttributed, Refund, RefundOutcome, Sale, SaleOutcome, redact::Redacted};

pub(super) async fn track_sale(client: &Client, sale: Sale, about: &About) -> Result<PaymentOutcome, Redeliver> {
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
pub(super) async fn track_refund(
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
pub(super) struct About {
    provider: &'static str,
    id: Option<String>,
    kind: String,
    occurred_at: Option<SystemTime>,
    overtakes: Duration,
}

impl About {
    pub(super) fn of<P: Provider>(event: &WebhookEvent<P>) -> Self {
        Self {
            provider: P::NAME,
            id: event.id().map(std::borrow::Cow::into_owned),
            kind: event.kind().to_owned(),
            occurred_at: event.occurred_at(),
            overtakes: P::OVERTAKES,
        }
    }

    pub(super) fn ignored(&self, why: Ignored) -> PaymentOutcome {
        match why {
            Ignored::CannotBeUndone => tracing::warn!(about = ?self, %why, "a payment's webhook is ignored"),
            Ignored::CountedElsewhere { .. } | Ignored::OtherProgram => {
                tracing::info!(about = ?self, %why, "a payment's webhook is ignored");
            }
            _ => tracing::debug!(about = ?self, %why, "a payment's webhook is ignored"),
        }
        PaymentOutcome::Ignored(why)
    }

    pub(super) fn refused(&self, why: Refused) -> PaymentOutcome {
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
