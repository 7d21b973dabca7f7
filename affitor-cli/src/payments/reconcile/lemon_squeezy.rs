//! Lemon Squeezy's orders and invoices of subscriptions.
//!
//! Its API does not return the custom data that name a customer. So payments are attributed through customers that a webhook has
//! named, and never by their e-mail addresses.

use std::time::SystemTime;

use affitor_outbox::Database;
use serde_json::Value;

use super::{LemonSqueezy, api::Api, collected::Collected, recorder::Recorder, times::is_since};
use crate::failure::Failure;
use crate::provider::PaymentProvider;

const PAGE_SIZE: &str = "100";

pub(super) async fn read<DB: Database>(
    api: &Api,
    since: SystemTime,
    recorder: &mut Recorder<'_, DB>,
) -> Result<(), Failure> {
    for (list, name) in [("orders", "orders"), ("subscription-invoices", "invoices")] {
        for number in 1_u32.. {
            recorder.reading(name);
            let (items, is_last) = page(api, list, number).await?;
            // The lists can't be filtered by time, and begin with the newest item.
            let is_recent = |item: &Value| is_since(item, &["/attributes/created_at"], since);
            for item in items.iter().filter(|item| is_recent(item)) {
                record(list, item, recorder).await?;
            }
            if is_last || !items.iter().any(is_recent) {
                break;
            }
        }
    }
    Ok(())
}

async fn record<DB: Database>(list: &str, item: &Value, recorder: &mut Recorder<'_, DB>) -> Result<(), Failure> {
    // Orders and invoices are counted apart, so that an order and an invoice may have the same number. These are the ids of the
    // ledger.
    let series = if list == "orders" { "ls_order" } else { "ls_invoice" };
    let id = format!("{series}_{}", item["id"].as_str().unwrap_or_default());
    if !recorder.is_new(&id) {
        return Ok(());
    }
    let mut collected = Collected::new(id);
    collected.add::<LemonSqueezy>(PaymentProvider::LemonSqueezy, item);
    recorder.record::<LemonSqueezy>(collected).await
}

/// Requests a page of a list, newest first. Returns its items, and whether it is the last one.
async fn page(api: &Api, list: &str, number: u32) -> Result<(Vec<Value>, bool), Failure> {
    let number_text = number.to_string();
    let query = [("page[number]", &*number_text), ("page[size]", PAGE_SIZE)];
    let mut page = api.list(&["v1", list], &query).await?;
    let last = page["meta"]["page"]["lastPage"].as_u64();
    match (page["data"].take(), last) {
        (Value::Array(items), Some(last)) => {
            let is_last = items.is_empty() || u64::from(number) >= last;
            Ok((items, is_last))
        }
        _ => Err(api.foreign("a list has no data")),
    }
}
