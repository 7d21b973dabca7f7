//! Stripe's payments.
//!
//! Objects are read, not events: events end after 30 days, and have the form of the API version in which they were made.

mod payment;

use std::{fmt, time::SystemTime};

use affitor_outbox::Database;
use serde_json::Value;
use tokio::task::JoinSet;

use self::payment::Payment;
use super::{
    Stripe,
    api::Api,
    collected::reference,
    recorder::Recorder,
    times::{DISPUTE_MARGIN, REFUND_MARGIN, unix_seconds},
};
use crate::{exit::Exit, failure::Failure};

/// Payments that are read concurrently. Stripe allows 25 requests per second in test mode and 100 in live mode.
const CONCURRENCY: usize = 6;

const PAGE_SIZE: &str = "100";

/// Something from which all objects of a payment can be found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Root {
    Intent(String),
    /// A charge without a payment intent.
    Charge(String),
    Invoice(String),
    Subscription(String),
}

impl Root {
    fn id(&self) -> &str {
        match self {
            Self::Intent(id) | Self::Charge(id) | Self::Invoice(id) | Self::Subscription(id) => id,
        }
    }

    /// Returns the root of an object in one of the lists, or `None` if no money moved.
    fn of(object: &Value) -> Option<Self> {
        let to = |root: fn(String) -> Self, id: &str| Some(root(id.to_owned()));
        if object["object"] == "invoice_payment" {
            if object["status"] != "paid" {
                return None;
            }
            return match reference(object, "/payment/payment_intent") {
                Some(intent) => to(Self::Intent, intent),
                // Paid by a charge or outside Stripe.
                None => to(Self::Invoice, reference(object, "/invoice")?),
            };
        }
        let is_charge = object["object"] == "charge";
        if is_charge && object["status"] == "failed" {
            return None;
        }
        match reference(object, "/payment_intent") {
            Some(intent) => to(Self::Intent, intent),
            None => to(Self::Charge, reference(object, if is_charge { "/id" } else { "/charge" })?),
        }
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

pub(super) async fn read<DB: Database>(
    api: &Api,
    since: SystemTime,
    recorder: &mut Recorder<'_, DB>,
) -> Result<(), Failure> {
    for (list, name, from) in [
        ("charges", "charges", since),
        ("refunds", "refunds", since - REFUND_MARGIN),
        ("disputes", "disputes", since - DISPUTE_MARGIN),
        ("invoice_payments", "payments of invoices", since),
    ] {
        let from = unix_seconds(from).to_string();
        let mut after = None;
        loop {
            recorder.reading(name);
            let (items, has_more) = page(api, &[list], &[("created[gte]", &from)], after.as_deref()).await?;
            let roots = items.iter().filter_map(Root::of).filter(|root| recorder.is_new(root.id())).collect();
            record_all(api, roots, recorder).await?;
            if !has_more {
                break;
            }
            after = Some(next(api, &items, after.as_deref())?);
        }
    }
    Ok(())
}

/// Reads and records the payments of a page, some at a time.
async fn record_all<DB: Database>(
    api: &Api,
    mut roots: Vec<Root>,
    recorder: &mut Recorder<'_, DB>,
) -> Result<(), Failure> {
    roots.sort_by(|a, b| a.id().cmp(b.id()));
    roots.dedup();
    let mut running = JoinSet::new();
    loop {
        while running.len() < CONCURRENCY {
            let Some(root) = roots.pop() else { break };
            if recorder.is_new(root.id()) {
                running.spawn(Payment::collect(api.clone(), root));
            }
        }
        let Some(payment) = running.join_next().await else { return Ok(()) };
        let interrupted = |_| Failure::new(Exit::Unreachable, "reading was interrupted", "run the command again");
        let Payment { collected, ids, .. } = payment.map_err(interrupted)??;
        // Another payment of the page may have been the same one.
        if ids.iter().all(|id| recorder.is_new(id)) {
            recorder.record::<Stripe>(collected).await?;
        }
        ids.iter().for_each(|id| recorder.remember(id));
    }
}

/// Requests a page of a list, newest first. Returns its items, and whether there are more.
async fn page(
    api: &Api,
    list: &[&str],
    filters: &[(&str, &str)],
    after: Option<&str>,
) -> Result<(Vec<Value>, bool), Failure> {
    let path: Vec<&str> = ["v1"].iter().chain(list).copied().collect();
    let mut query = filters.to_vec();
    query.push(("limit", PAGE_SIZE));
    if let Some(after) = after {
        query.push(("starting_after", after));
    }
    let mut page = api.list(&path, &query).await?;
    let has_more = page["has_more"].as_bool();
    match (page["data"].take(), has_more) {
        (Value::Array(items), Some(has_more)) => Ok((items, has_more)),
        _ => Err(api.foreign("a list has no data")),
    }
}

/// Returns the cursor of the next page, which must be another one.
fn next(api: &Api, items: &[Value], after: Option<&str>) -> Result<String, Failure> {
    let last = items.last().and_then(|item| item["id"].as_str());
    let last = last.filter(|last| after != Some(*last)).ok_or_else(|| api.foreign("a list does not end"))?;
    Ok(last.to_owned())
}
