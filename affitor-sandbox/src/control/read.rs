//! What the sandbox has recorded, over HTTP.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State as Shared,
    http::header,
    response::{
        IntoResponse, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use serde_json::json;

use crate::service::Service;

/// Minimum interval between two notifications of the same listener.
const NOTIFY_EVERY: Duration = Duration::from_millis(150);

/// Returns everything that was recorded: `customers`, `clicks`, `leads`, `sales`, `commissions`, `refunds`,
/// `test_events`, `chains`, `double_payments` and `memory`.
#[utoipa::path(get, path = "/snapshot", tag = "Sandbox", operation_id = "getSnapshot",
    responses((status = 200, description = "All records, oldest first", body = Object)))]
pub(super) async fn snapshot(Shared(service): Shared<Arc<Service>>) -> impl IntoResponse {
    // The state is cloned, so that serializing it does not block other requests.
    let snapshot = service.lock().state.snapshot();
    Json(snapshot)
}

/// Returns the newest requests and their results, and how many older ones have been dropped.
#[utoipa::path(get, path = "/requests", tag = "Sandbox", operation_id = "getRequests",
    responses((status = 200, description = "`requests`, oldest first, and `dropped`", body = Object)))]
pub(super) async fn requests(Shared(service): Shared<Arc<Service>>) -> impl IntoResponse {
    let (kept, dropped) = {
        let inner = service.lock();
        (inner.log.kept().cloned().collect::<Vec<_>>(), inner.log.dropped())
    };
    Json(json!({ "requests": kept, "dropped": dropped }))
}

/// Returns how much memory the records use, and what was dropped to stay within the limit.
#[utoipa::path(get, path = "/memory", tag = "Sandbox", operation_id = "getMemory",
    responses((status = 200, description = "`used_bytes`, `limit_bytes`, and the numbers of what was dropped", body = Object)))]
pub(super) async fn memory(Shared(service): Shared<Arc<Service>>) -> impl IntoResponse {
    Json(service.lock().state.memory())
}

/// Streams server-sent events: one immediately, then one after each change, at most one per 150 ms.
#[utoipa::path(get, path = "/changes", tag = "Sandbox", operation_id = "streamChanges",
    responses((status = 200, description = "The stream; it does not end", body = String, content_type = "text/event-stream")))]
pub(super) async fn changes(Shared(service): Shared<Arc<Service>>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], stream_changes(&service))
}

fn stream_changes(service: &Service) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    let mut changes = service.subscribe();
    changes.mark_changed();
    let events = stream::unfold(changes, |mut changes| async move {
        changes.changed().await.ok()?;
        tokio::time::sleep(NOTIFY_EVERY).await;
        let number = *changes.borrow_and_update();
        Some((Ok(Event::default().event("change").data(number.to_string())), changes))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
