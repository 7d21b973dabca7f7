//! The events of a queue: waiting, in flight, and counted. No clock of its own, no network.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    backoff,
    lanes::{Keys, Lanes, Ticket},
    stats::QueueStats,
};
use crate::{
    delivery::{EventOutcome, NextStep, PriorDelivery},
    error::Error,
    event::Event,
    metrics,
    sink::EnqueueError,
};

/// An event in the queue.
#[derive(Debug)]
struct Item {
    event: Arc<Event>,
    keys: Keys,
    since: Instant,
    attempts: u32,
    prior: PriorDelivery,
    place: Place,
}

/// Position of an event in its lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Behind other events of its customer, click or transaction.
    Behind,
    /// First in all its lanes: ready, in flight, or waiting for its next attempt.
    First,
}

/// An event to be sent now.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) ticket: Ticket,
    pub(super) event: Arc<Event>,
    pub(super) prior: PriorDelivery,
}

/// An event whose delivery failed permanently.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) event: Arc<Event>,
    pub(super) error: Error,
}

/// Somebody waits for all events up to a ticket.
#[derive(Debug)]
struct Flush {
    last: Ticket,
    /// `None` means forever.
    deadline: Option<Instant>,
    /// Gets the number of events that are left.
    done: oneshot::Sender<usize>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    items: BTreeMap<Ticket, Item>,
    lanes: Lanes,
    ready: VecDeque<Ticket>,
    later: BinaryHeap<Reverse<(Instant, Ticket)>>,
    in_flight: usize,
    last_ticket: Ticket,
    stats: QueueStats,
    flushes: Vec<Flush>,
    pub(super) closed: bool,
    /// Whether the thread was started.
    pub(super) started: bool,
    ended: bool,
    pub(super) stop_at: Option<Instant>,
}

impl State {
    pub(super) fn stats(&self) -> QueueStats {
        QueueStats { pending: self.items.len() as u64, ..self.stats }
    }

    pub(super) fn accept(&mut self, event: Event, capacity: usize, now: Instant) -> Result<(), EnqueueError> {
        let refused = if self.closed {
            Some(EnqueueError::Closed)
        } else {
            (self.items.len() >= capacity).then_some(EnqueueError::Full)
        };
        if let Some(refused) = refused {
            self.stats.refused += 1;
            metrics::refused(event.kind(), if self.closed { "closed" } else { "full" });
            return Err(refused);
        }
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        let keys = self.lanes.keys(&event);
        let mut place = Place::Behind;
        if self.lanes.enter(ticket, keys) {
            self.ready.push_back(ticket);
            place = Place::First;
        }
        self.items.insert(
            ticket,
            Item { event: Arc::new(event), keys, since: now, attempts: 0, prior: PriorDelivery::Impossible, place },
        );
        self.stats.enqueued += 1;
        metrics::pending(self.items.len());
        Ok(())
    }

    /// Returns the next event to send, if there is one and fewer than `senders` are in flight.
    pub(super) fn next(&mut self, senders: usize, now: Instant) -> Option<Next> {
        if self.in_flight >= senders {
            return None;
        }
        while self.later.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            self.ready.extend(self.later.pop().map(|Reverse((_, ticket))| ticket));
        }
        let ticket = self.ready.pop_front()?;
        let item = self.items.get(&ticket)?;
        self.in_flight += 1;
        Some(Next { ticket, event: Arc::clone(&item.event), prior: item.prior })
    }

    /// Returns a receiver that gets the number of events that were accepted before and are still pending: as soon as it is 0,
    /// or at the deadline.
    pub(super) fn flush(&mut self, deadline: Option<Instant>) -> oneshot::Receiver<usize> {
        let (done, receiver) = oneshot::channel();
        // Without the thread, nobody would end the flush.
        if self.started && !self.ended {
            self.flushes.push(Flush { last: self.last_ticket, deadline, done });
        }
        receiver
    }

    /// Returns the events that are not delivered.
    pub(super) fn left(&self) -> impl Iterator<Item = &Event> {
        self.items.values().map(|item| &*item.event)
    }

    /// Closes the queue and ends all flushes, because nothing is delivered any more.
    pub(super) fn end(&mut self) {
        (self.closed, self.ended) = (true, true);
        self.flushes.clear();
    }

    /// Ends the flushes that are complete, whose deadline has passed, or for which nobody waits any more.
    pub(super) fn end_flushes(&mut self, now: Instant) {
        let oldest = self.items.keys().next().copied();
        let is_over = |flush: &Flush| {
            oldest.is_none_or(|oldest| oldest > flush.last)
                || flush.deadline.is_some_and(|at| at <= now)
                || flush.done.is_closed()
        };
        let (over, waiting) = std::mem::take(&mut self.flushes).into_iter().partition(is_over);
        self.flushes = waiting;
        let over: Vec<Flush> = over;
        for Flush { last, done, .. } in over {
            // An error means that nobody waits any more.
            done.send(self.items.range(..=last).count()).ok();
        }
    }

    /// Returns when there will be something to do, unless something happens before.
    pub(super) fn wakes_at(&self, senders: usize) -> Option<Instant> {
        let due = self.later.peek().map(|Reverse((at, _))| *at).filter(|_| self.in_flight < senders);
        let flushed = self.flushes.iter().filter_map(|flush| flush.deadline).min();
        [due, self.stop_at, flushed].into_iter().flatten().min()
    }

    /// Returns whether the queue is closed and has nothing more to do.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.closed && (self.items.is_empty() || self.stop_at.is_some_and(|at| at <= now))
    }

    /// Applies the result of an event that was in flight.
    pub(super) fn settle(
        &mut self,
        ticket: Ticket,
        result: Result<EventOutcome, Error>,
        max_age: Duration,
        random: f64,
        now: Instant,
    ) -> Option<Failed> {
        self.in_flight = self.in_flight.saturating_sub(1);
        let item = self.items.get_mut(&ticket)?;
        let error = match result {
            Ok(outcome) => {
                let label = match outcome {
                    EventOutcome::Recorded => {
                        self.stats.recorded += 1;
                        "recorded"
                    }
                    EventOutcome::AlreadyRecorded { uncertain } => {
                        self.stats.already_recorded += 1;
                        self.stats.uncertain += u64::from(uncertain);
                        "already_recorded"
                    }
                    EventOutcome::RecordedElsewhere => {
                        self.stats.already_recorded += 1;
                        self.stats.uncertain += 1;
                        "already_recorded"
                    }
                    EventOutcome::NotAttributed { .. } => {
                        self.stats.not_attributed += 1;
                        "not_attributed"
                    }
                };
                self.remove(ticket, label);
                return None;
            }
            Err(error) => error,
        };
        let label = match error.next_step(item.event.retry_class()) {
            NextStep::Retry { .. } | NextStep::RetryOnceFixed
                if now.saturating_duration_since(item.since) < max_age =>
            {
                item.attempts += 1;
                if error.may_have_arrived() {
                    item.prior = PriorDelivery::Possible;
                }
                let pause = backoff::pause(item.attempts, error.retry_after(), random);
                self.later.push(Reverse((now + pause, ticket)));
                return None;
            }
            NextStep::Retry { .. } | NextStep::RetryOnceFixed => {
                self.stats.discarded += 1;
                "discarded"
            }
            NextStep::Review => {
                self.stats.discarded += 1;
                self.stats.uncertain += 1;
                "discarded"
            }
            NextStep::Reject => {
                self.stats.rejected += 1;
                "rejected"
            }
        };
        self.remove(ticket, label).map(|event| Failed { event, error })
    }

    fn remove(&mut self, ticket: Ticket, label: &'static str) -> Option<Arc<Event>> {
        let Item { event, keys, .. } = self.items.remove(&ticket)?;
        metrics::left_queue(event.kind(), label);
        metrics::pending(self.items.len());
        for next in self.lanes.leave(ticket, keys) {
            let Some(item) = self.items.get_mut(&next) else { continue };
            if item.place == Place::Behind && self.lanes.is_first(next, item.keys) {
                item.place = Place::First;
                self.ready.push_back(next);
            }
        }
        Some(event)
    }
}
