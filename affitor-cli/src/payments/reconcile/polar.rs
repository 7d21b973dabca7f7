//! Polar's orders, and its refunds of older orders.

use std::time::SystemTime;

use affitor_outbox::Database;
use serde_json::Value;

use super::{
    Polar,
    api::Api,
    collected::{Collected, reference},
    recorder::Recorder,
    times::{REFUND_MARGIN, is_since, rfc3339},
};
use crate::failure::Failure;
use crate::provider::PaymentProvider;

const PAGE_SIZE: &str = "100";

pub(super) async fn read<DB: Database>(
    api: &Api,
    since: SystemTime,
    recorder: &mut Recorder<'_, DB>,
) -> Result<(), Failure> {
    // Polar does not document whether an order of that very moment is included.
    let created_after = rfc3339(since - std::time::Duration::from_secs(1));
    for number in 1_u32.. {
        recorder.reading("orders");
        let (orders, is_last) = page(api, "orders", &[("created_after", &created_after)], number).await?;
        for order in &orders {
            record(order, recorder).await?;
        }
        if is_last || !orders.iter().any(|order| is_since(order, &["/created_at"], since)) {
            break;
        }
    }
    for number in 1_u32.. {
        recorder.reading("refunds");
        // Refunds can't be filtered by time.
        let (refunds, is_last) = page(api, "refunds", &[], number).await?;
        for refund in refunds.iter().filter(|refund| is_since(refund, &["/created_at", "/modified_at"], since)) {
            let Some(id) = reference(refund, "/order_id").filter(|id| recorder.is_new(id)) else { continue };
            match api.get(&["v1", "orders", id], &[]).await? {
                Some(order) => record(&order, recorder).await?,
                None => {
                    let mut missing = Collected::new(id);
                    missing.refused = Some("it has a refund, and does not exist".to_owned());
                    recorder.record::<Polar>(missing).await?;
                }
            }
        }
        if is_last || !refunds.iter().any(|refund| is_since(refund, &["/created_at"], since - REFUND_MARGIN)) {
            break;
        }
    }
    Ok(())
}

async fn record<DB: Database>(order: &Value, recorder: &mut Recorder<'_, DB>) -> Result<(), Failure> {
    let id = order["id"].as_str().unwrap_or_default();
    if !recorder.is_new(id) {
        return Ok(());
    }
    let mut collected = Collected::new(id);
    collected.add::<Polar>(PaymentProvider::Polar, order);
    recorder.record::<Polar>(collected).await
}

/// Requests a page of a list, newest first. Returns its items, and whether it is the last one.
async fn page(api: &Api, list: &str, filters: &[(&str, &str)], number: u32) -> Result<(Vec<Value>, bool), Failure> {
    let number_text = number.to_string();
    let mut query = filters.to_vec();
    query.extend([("page", &*number_text), ("limit", PAGE_SIZE), ("sorting", "-created_at")]);
    // The addresses of lists end with a slash.
    let mut page = api.list(&["v1", list, ""], &query).await?;
    let last = page["pagination"]["max_page"].as_u64();
    match (page["items"].take(), last) {
        (Value::Array(items), Some(last)) => {
            let is_last = items.is_empty() || u64::from(number) >= last;
            Ok((items, is_last))
        }
        _ => Err(api.foreign("a list has no items")),
    }
}
