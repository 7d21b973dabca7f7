//! Delivers the events in the table, in order.

use std::{collections::HashSet, time::Duration};

use affitor::{
    ClickId, Client, Event,
    delivery::{NextStep, PriorDelivery, RetryClass},
};
use affitor_outbox::sqlx::{self, MySqlPool};

use super::BoxError;

/// Maximum number of events in a run.
const BATCH: i64 = 1_000;

/// Delivers all events that are due, one after the other. Call it every second, in any number of processes: one of them delivers.
/// Returns the number of events that were sent.
pub async fn deliver_due(pool: &MySqlPool, client: &Client) -> Result<usize, BoxError> {
    // Held by this connection, so it is released when the process dies.
    let mut connection = pool.acquire().await?;
    let locked: Option<i64> =
        sqlx::query_scalar("SELECT GET_LOCK('affitor_events', 0)").fetch_one(&mut *connection).await?;
    if locked != Some(1) {
        return Ok(0);
    }
    let sent = deliver_in_order(pool, client).await;
    let released = sqlx::query("DO RELEASE_LOCK('affitor_events')").execute(&mut *connection).await;
    if released.is_err() {
        // A connection that goes back to the pool with the lock would stop the delivery.
        connection.close().await?;
    }
    sent
}

async fn deliver_in_order(pool: &MySqlPool, client: &Client) -> Result<usize, BoxError> {
    let sql = "SELECT id, CAST(event AS char), state, may_have_arrived, due_at <= now(3) FROM affitor_events
               WHERE state IN ('pending', 'sending') ORDER BY id LIMIT ?";
    let rows: Vec<(i64, String, String, bool, bool)> = sqlx::query_as(sql).bind(BATCH).fetch_all(pool).await?;
    let (mut waiting, mut sent) = (HashSet::new(), 0);
    for (id, json, state, may_have_arrived, is_due) in rows {
        let Ok(event) = serde_json::from_str::<Event>(&json) else {
            set_state(pool, id, "rejected", Some("not an event")).await?;
            continue;
        };
        // An event waits for earlier ones of its customer, click or payment.
        let lanes = lanes(&event);
        if !is_due || lanes.iter().any(|lane| waiting.contains(lane)) {
            waiting.extend(lanes);
            continue;
        }
        // The process died while it was sending this event.
        let may_have_arrived = may_have_arrived || state == "sending";
        sent += 1;
        if !attempt(pool, client, id, event, may_have_arrived).await? {
            waiting.extend(lanes);
        }
    }
    Ok(sent)
}

/// The ids that connect an event with others.
fn lanes(event: &Event) -> Vec<String> {
    let ids = event.ids();
    let customer = ids.customer_key.map(|key| format!("customer {key}"));
    let click = ids.click_id.map(ClickId::as_str).map(|id| format!("click {id}"));
    let payment = ids.transaction_id.map(|id| format!("payment {id}"));
    [customer, click, payment].into_iter().flatten().collect()
}

/// Sends an event. Returns whether it needs no further attempt.
async fn attempt(
    pool: &MySqlPool,
    client: &Client,
    id: i64,
    event: Event,
    may_have_arrived: bool,
) -> Result<bool, BoxError> {
    let retry_class = event.retry_class();
    if may_have_arrived && retry_class == RetryClass::NotIdempotent {
        set_state(pool, id, "uncertain", None).await?;
        return Ok(true);
    }
    // Stored first, in case this process dies while sending.
    set_state(pool, id, "sending", None).await?;
    let prior = if may_have_arrived { PriorDelivery::Possible } else { PriorDelivery::Impossible };
    let error = match client.track_event(event, prior).await {
        Ok(_) => {
            // What identifies a person is not needed any more.
            let sql = "UPDATE affitor_events SET state = 'delivered', event = '{}' WHERE id = ?";
            sqlx::query(sql).bind(id).execute(pool).await?;
            return Ok(true);
        }
        Err(error) => error,
    };
    let delay = match error.next_step(retry_class) {
        NextStep::Reject => {
            set_state(pool, id, "rejected", Some(&error.to_string())).await?;
            return Ok(true);
        }
        NextStep::Review => {
            set_state(pool, id, "uncertain", Some(&error.to_string())).await?;
            return Ok(true);
        }
        NextStep::Retry { after } => after.unwrap_or_default().max(Duration::from_secs(1)),
        _ => Duration::from_secs(30),
    };
    // Longer delays for older events: a quarter of the age, up to 15 minutes.
    let sql = "UPDATE affitor_events SET state = 'pending', may_have_arrived = ?, message = ?, due_at = date_add(now(3), INTERVAL
               greatest(?, least(900, timestampdiff(SECOND, created_at, now(3)) DIV 4)) SECOND) WHERE id = ?";
    let may_have_arrived = may_have_arrived || error.may_have_arrived();
    let updating = sqlx::query(sql).bind(may_have_arrived).bind(error.to_string());
    updating.bind(delay.as_secs()).bind(id).execute(pool).await?;
    Ok(false)
}

async fn set_state(pool: &MySqlPool, id: i64, state: &str, message: Option<&str>) -> Result<(), BoxError> {
    let sql = "UPDATE affitor_events SET state = ?, message = coalesce(?, message) WHERE id = ?";
    sqlx::query(sql).bind(state).bind(message).bind(id).execute(pool).await?;
    Ok(())
}
