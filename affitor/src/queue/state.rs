//! What is waiting, what is under way, and the books. No clock of its own, no network.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Books, backoff,
    lanes::{Keys, Lanes, Ticket},
};
use crate::{Delivered, Error, Event, NotQueued, Undelivered, measure};

/// An event that is enqueued.
#[derive(Debug)]
struct Item {
    event: Arc<Event>,
    keys: Keys,
    since: Instant,
    tries: u32,
    /// Whether an earlier try may have arrived.
    lost: bool,
    place: Place,
}

/// Where an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Behind others of its customer, click or transaction.
    Behind,
    /// Ready, under way, or waiting for its next try: nobody is in front of it.
    InFront,
}

/// An event that is to be sent now.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) ticket: Ticket,
    pub(super) event: Arc<Event>,
    pub(super) lost: bool,
}

/// An event that has finally failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) event: Arc<Event>,
    pub(super) error: Error,
}

#[derive(Debug, Default)]
pub(super) struct State {
    items: HashMap<Ticket, Item>,
    lanes: Lanes,
    ready: VecDeque<Ticket>,
    later: BinaryHeap<Reverse<(Instant, Ticket)>>,
    under_way: usize,
    last_ticket: Ticket,
    books: Books,
    pub(super) closed: bool,
    pub(super) stop_at: Option<Instant>,
}

impl State {
    pub(super) fn books(&self) -> Books {
        Books { pending: self.items.len() as u64, ..self.books }
    }

    pub(super) fn take(&mut self, event: Event, capacity: usize, now: Instant) -> Result<(), NotQueued> {
        let refused = if self.closed {
            Some(NotQueued::Closed)
        } else {
            (self.items.len() >= capacity).then_some(NotQueued::Full)
        };
        if let Some(refused) = refused {
            self.books.refused += 1;
            measure::refused(event.kind(), if self.closed { "closed" } else { "full" });
            return Err(refused);
        }
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        let keys = self.lanes.keys(&event);
        let mut place = Place::Behind;
        if self.lanes.enter(ticket, keys) {
            self.ready.push_back(ticket);
            place = Place::InFront;
        }
        self.items.insert(ticket, Item { event: Arc::new(event), keys, since: now, tries: 0, lost: false, place });
        self.books.enqueued += 1;
        measure::pending(self.items.len());
        Ok(())
    }

    /// The next event to send, when there is one and fewer than `senders` are under way.
    pub(super) fn next(&mut self, senders: usize, now: Instant) -> Option<Next> {
        if self.under_way >= senders {
            return None;
        }
        while self.later.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            self.ready.extend(self.later.pop().map(|Reverse((_, ticket))| ticket));
        }
        let ticket = self.ready.pop_front()?;
        let item = self.items.get(&ticket)?;
        self.under_way += 1;
        Some(Next { ticket, event: Arc::clone(&item.event), lost: item.lost })
    }

    /// When there will be something to do, if nothing happens before.
    pub(super) fn wakes_at(&self, senders: usize) -> Option<Instant> {
        let due = self.later.peek().map(|Reverse((at, _))| *at).filter(|_| self.under_way < senders);
        [due, self.stop_at].into_iter().flatten().min()
    }

    /// Whether there is nothing more to do, ever.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.closed && (self.items.is_empty() || self.stop_at.is_some_and(|at| at <= now))
    }

    /// What became of an event that was under way.
    pub(super) fn settle(
        &mut self,
        ticket: Ticket,
        answer: Result<Delivered, Error>,
        max_age: Duration,
        chance: f64,
        now: Instant,
    ) -> Option<Failed> {
        self.under_way = self.under_way.saturating_sub(1);
        let item = self.items.get_mut(&ticket)?;
        let error = match answer {
            Ok(delivered) => {
                let outcome = match delivered {
                    Delivered::Recorded => {
                        self.books.recorded += 1;
                        "recorded"
                    }
                    Delivered::AlreadyRecorded { uncertain } => {
                        self.books.already_recorded += 1;
                        self.books.uncertain += u64::from(uncertain);
                        "already_recorded"
                    }
                    Delivered::NotAttributed { .. } => {
                        self.books.not_attributed += 1;
                        "not_attributed"
                    }
                };
                self.remove(ticket, outcome);
                return None;
            }
            Err(error) => error,
        };
        let outcome = match error.undelivered(item.event.is_partial_refund()) {
            Undelivered::Again { .. } | Undelivered::AfterMending
                if now.saturating_duration_since(item.since) < max_age =>
            {
                item.tries += 1;
                item.lost |= error.may_have_arrived();
                self.later.push(Reverse((now + backoff::wait(item.tries, error.retry_after(), chance), ticket)));
                return None;
            }
            Undelivered::Again { .. } | Undelivered::AfterMending => {
                self.books.discarded += 1;
                "discarded"
            }
            Undelivered::Uncertain => {
                self.books.discarded += 1;
                self.books.uncertain += 1;
                "discarded"
            }
            Undelivered::Rejected => {
                self.books.rejected += 1;
                "rejected"
            }
        };
        self.remove(ticket, outcome).map(|event| Failed { event, error })
    }

    fn remove(&mut self, ticket: Ticket, outcome: &'static str) -> Option<Arc<Event>> {
        let Item { event, keys, .. } = self.items.remove(&ticket)?;
        measure::left_queue(event.kind(), outcome);
        measure::pending(self.items.len());
        for next in self.lanes.leave(ticket, keys) {
            let Some(item) = self.items.get_mut(&next) else { continue };
            if item.place == Place::Behind && self.lanes.is_first(next, item.keys) {
                item.place = Place::InFront;
                self.ready.push_back(next);
            }
        }
        Some(event)
    }
}
