//! Paddle's transactions with their adjustments, and its adjustments of older transactions.

use std::time::SystemTime;

use affitor_outbox::Database;
use reqwest::Url;
use serde_json::Value;

use super::{
    Paddle,
    api::Api,
    collected::{Collected, reference},
    recorder::Recorder,
    times::{DISPUTE_MARGIN, is_since, rfc3339},
};
use crate::failure::Failure;
use crate::provider::PaymentProvider;

/// Paddle returns less if this is more than its maximum: 30 transactions, 50 adjustments.
const PAGE_SIZE: &str = "50";

/// Ids in one filter.
const IDS: usize = 50;

pub(super) async fn read<DB: Database>(
    api: &Api,
    since: SystemTime,
    recorder: &mut Recorder<'_, DB>,
) -> Result<(), Failure> {
    let from = rfc3339(since);
    let filters = [("updated_at[GTE]", &*from), ("status", "completed"), ("order_by", "id[DESC]")];
    let mut after = None;
    loop {
        recorder.reading("transactions");
        let Page { items, next } = page(api, "transactions", &filters, after.as_deref()).await?;
        record_all(api, &items, recorder).await?;
        let Some(next) = next else { break };
        after = Some(advanced(api, next, after.as_deref())?);
    }
    let mut after = None;
    loop {
        recorder.reading("adjustments");
        // Adjustments can't be filtered by time.
        let Page { items, next } = page(api, "adjustments", &[("order_by", "id[DESC]")], after.as_deref()).await?;
        let recent = items.iter().filter(|item| is_since(item, &["/created_at", "/updated_at"], since));
        let mut ids: Vec<&str> = recent.filter_map(|item| reference(item, "/transaction_id")).collect();
        ids.retain(|id| recorder.is_new(id));
        ids.sort_unstable();
        ids.dedup();
        for ids in ids.chunks(IDS) {
            let transactions = all(api, "transactions", ("id", &ids.join(","))).await?;
            record_all(api, &transactions, recorder).await?;
        }
        let is_old = !items.iter().any(|item| is_since(item, &["/created_at"], since - DISPUTE_MARGIN));
        let Some(next) = next.filter(|_| !is_old) else { break };
        after = Some(advanced(api, next, after.as_deref())?);
    }
    Ok(())
}

/// Records transactions together with their adjustments.
async fn record_all<DB: Database>(
    api: &Api,
    transactions: &[Value],
    recorder: &mut Recorder<'_, DB>,
) -> Result<(), Failure> {
    let id_of = |transaction: &Value| transaction["id"].as_str().unwrap_or_default().to_owned();
    let mut new: Vec<&Value> = transactions.iter().filter(|item| recorder.is_new(&id_of(item))).collect();
    new.sort_by_key(|transaction| id_of(transaction));
    new.dedup_by_key(|transaction| id_of(transaction));
    for transactions in new.chunks(IDS) {
        let ids: Vec<String> = transactions.iter().map(|transaction| id_of(transaction)).collect();
        let adjustments = all(api, "adjustments", ("transaction_id", &ids.join(","))).await?;
        for (transaction, id) in transactions.iter().zip(ids) {
            let mut collected = Collected::new(&*id);
            collected.add::<Paddle>(PaymentProvider::Paddle, transaction);
            for adjustment in adjustments.iter().filter(|adjustment| adjustment["transaction_id"] == *id) {
                collected.add::<Paddle>(PaymentProvider::Paddle, adjustment);
            }
            recorder.record::<Paddle>(collected).await?;
        }
    }
    Ok(())
}

struct Page {
    items: Vec<Value>,
    /// Cursor of the next page.
    next: Option<String>,
}

/// Requests a page of a list.
async fn page(api: &Api, list: &str, filters: &[(&str, &str)], after: Option<&str>) -> Result<Page, Failure> {
    let mut query = filters.to_vec();
    query.push(("per_page", PAGE_SIZE));
    if let Some(after) = after {
        query.push(("after", after));
    }
    let mut page = api.list(&[list], &query).await?;
    let pagination = page["meta"]["pagination"].take();
    let Value::Array(items) = page["data"].take() else { return Err(api.foreign("a list has no data")) };
    // The last page has an address of a next one, too.
    let next = match pagination["has_more"].as_bool() {
        Some(true) => Some(cursor(&pagination).ok_or_else(|| api.foreign("a list does not end"))?),
        Some(false) => None,
        None => return Err(api.foreign("a list has no pages")),
    };
    Ok(Page { items, next })
}

/// Returns the cursor in the address of the next page. Only the cursor is used, so that the key is sent to no other server.
fn cursor(pagination: &Value) -> Option<String> {
    let next = Url::parse(pagination["next"].as_str()?).ok()?;
    next.query_pairs().find_map(|(name, after)| (name == "after").then(|| after.into_owned()))
}

/// Returns the cursor, which must be another one than before.
fn advanced(api: &Api, next: String, after: Option<&str>) -> Result<String, Failure> {
    if after == Some(&*next) { Err(api.foreign("a list does not end")) } else { Ok(next) }
}

/// Requests all pages of a list with one filter.
async fn all(api: &Api, list: &str, filter: (&str, &str)) -> Result<Vec<Value>, Failure> {
    let (mut all, mut after) = (vec![], None);
    loop {
        let Page { items, next } = page(api, list, &[filter], after.as_deref()).await?;
        all.extend(items);
        let Some(next) = next else { return Ok(all) };
        after = Some(advanced(api, next, after.as_deref())?);
    }
}
