//! The end of a client's queue.

use std::time::Duration;

use super::{Background, Client};
use crate::queue::{Queue, QueueStats};

/// What concerns the client's [queue](crate::queue) in memory. A client that is [disabled](Client::disabled) or has a
/// [sink](Client::with_sink) has none: its totals are 0.
impl Client {
    /// Closes the client's queue for all clones, and delivers what is waiting. Returns the totals as soon as the queue is empty,
    /// or after `limit`. An event that is still being sent at that point may or may not arrive; it counts as `pending`, like
    /// those that are still waiting. Each
    /// of them is logged with its ids. Call it after the server has stopped.
    ///
    /// Needs no timer, so it works in a runtime that is shutting down. Without a runtime use [`Client::shutdown_blocking`].
    ///
    /// With a sink, this is the sink's [`shutdown`](crate::EventSink::shutdown). That of a started outbox writes what is waiting, and
    /// stops its worker.
    pub async fn shutdown(&self, limit: Duration) -> QueueStats {
        match &self.shared.background {
            Background::Queue(queue) => queue.shutdown(limit).await,
            Background::Sink(sink) => {
                sink.shutdown(limit).await;
                QueueStats::default()
            }
            Background::Nothing => QueueStats::default(),
        }
    }

    /// Like [`Client::shutdown`], but blocks the current thread. Does nothing if the client has a sink.
    pub fn shutdown_blocking(&self, limit: Duration) -> QueueStats {
        self.queue().map_or_else(QueueStats::default, |queue| queue.shutdown_blocking(limit))
    }

    /// Waits until every event that was enqueued before the call is delivered or has failed permanently, at most for `limit`. Returns
    /// the number of those that are still pending: 0 if there are none, and at once if the client has no queue. The queue stays open.
    ///
    /// For jobs, tests, and functions that are frozen after their response: flush before the response is sent.
    ///
    /// ```
    /// # async fn run(client: affitor::Client) {
    /// use std::time::Duration;
    ///
    /// let left = client.flush(Duration::from_secs(2)).await;
    /// assert_eq!(left, 0, "the service is slow or unavailable");
    /// # }
    /// ```
    ///
    /// Needs no timer, like [`Client::shutdown`].
    pub async fn flush(&self, limit: Duration) -> usize {
        match self.queue() {
            Some(queue) => queue.flush(limit).await,
            None => 0,
        }
    }

    /// Returns the current totals of the client's queue.
    pub fn queue_stats(&self) -> QueueStats {
        self.queue().map_or_else(QueueStats::default, Queue::stats)
    }

    fn queue(&self) -> Option<&Queue> {
        match &self.shared.background {
            Background::Queue(queue) => Some(queue),
            Background::Nothing | Background::Sink(_) => None,
        }
    }
}
