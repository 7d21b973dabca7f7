//! Which landings may make a call now, so that one client, or invented codes, leave room for others.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::client::ClientNet;

/// How long a partner's code counts as known after its last click: a day.
const KNOWN_FOR: Duration = Duration::from_secs(86_400);
/// How long no call is made for a code that the service does not know: a minute.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);
/// Places for codes, and for clients. A place is used again by what falls on it.
const PLACES: usize = 4_096;
/// The share of one client in the calls per second: a quarter.
const SHARE: f64 = 0.25;

/// The right to make a call.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) code: Code,
    _slot: OwnedSemaphorePermit,
    _slot_of_new: Option<OwnedSemaphorePermit>,
}

/// A partner's code, as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(u64);

/// Why no call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAdmitted {
    /// A limit is reached.
    Limited,
    /// The service has just said that it does not know the code.
    UnknownCode,
}

#[derive(Debug)]
pub(super) struct Admission {
    slots: Arc<Semaphore>,
    /// Half of the slots, for codes that are not known.
    slots_of_new: Arc<Semaphore>,
    pub(super) max_in_flight: usize,
    pub(super) max_per_second: u32,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    all: Rate,
    /// Half of the calls, for codes that are not known.
    new: Rate,
    clients: Vec<Rate>,
    known: Places,
    unknown: Places,
}

impl Admission {
    pub(super) fn new(in_flight: usize, per_second: u32) -> Self {
        let max_in_flight = in_flight.min(Semaphore::MAX_PERMITS);
        let per_second_in_full = f64::from(per_second);
        let state = State {
            all: Rate::new(per_second_in_full),
            new: Rate::new(per_second_in_full / 2.0),
            clients: vec![Rate::new(per_second_in_full * SHARE); PLACES],
            known: Places::default(),
            unknown: Places::default(),
        };
        Self {
            slots: Arc::new(Semaphore::new(max_in_flight)),
            slots_of_new: Arc::new(Semaphore::new(max_in_flight.div_ceil(2))),
            max_in_flight,
            max_per_second: per_second,
            hasher: RandomState::new(),
            state: Mutex::new(state),
        }
    }

    /// Asks for a call. `client` is `None` if it is not known who asks.
    pub(super) fn admit(&self, partner: &str, client: Option<ClientNet>) -> Result<Slot, NotAdmitted> {
        let code = Code(self.hasher.hash_one(partner));
        let now = Instant::now();
        let state = &mut *self.state();
        if state.unknown.has(code, now, UNKNOWN_FOR) {
            return Err(NotAdmitted::UnknownCode);
        }
        let is_known = state.known.has(code, now, KNOWN_FOR);
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| NotAdmitted::Limited)?;
        let slot_of_new = if is_known {
            None
        } else {
            Some(Arc::clone(&self.slots_of_new).try_acquire_owned().map_err(|_| NotAdmitted::Limited)?)
        };
        let place = client.map(|client| place(self.hasher.hash_one(client)));
        let mut rates = vec![&mut state.all];
        rates.extend((!is_known).then_some(&mut state.new));
        rates.extend(place.and_then(|place| state.clients.get_mut(place)));
        rates.iter_mut().for_each(|rate| rate.fill(now));
        if rates.iter().any(|rate| rate.left < 1.0) {
            return Err(NotAdmitted::Limited);
        }
        rates.iter_mut().for_each(|rate| rate.left -= 1.0);
        Ok(Slot { code, _slot: slot, _slot_of_new: slot_of_new })
    }

    /// Remembers a code for which a click was recorded.
    pub(super) fn is_known(&self, code: Code) {
        self.state().known.insert(code, Instant::now());
    }

    /// Remembers a code that the service does not know, unless it knew it lately: then the reason is another one.
    pub(super) fn is_unknown(&self, code: Code) {
        let (now, state) = (Instant::now(), &mut *self.state());
        if !state.known.has(code, now, KNOWN_FOR) {
            state.unknown.insert(code, now);
        }
    }

    /// A panic while the lock was held leaves nothing half-done here.
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Codes with a time, in a table of fixed size.
#[derive(Debug)]
struct Places(Vec<Option<(Code, Instant)>>);

impl Default for Places {
    fn default() -> Self {
        Self(vec![None; PLACES])
    }
}

impl Places {
    fn has(&self, code: Code, now: Instant, time: Duration) -> bool {
        let found = self.0.get(place(code.0)).copied().flatten();
        found.is_some_and(|(known, at)| known == code && now.duration_since(at) < time)
    }

    fn insert(&mut self, code: Code, at: Instant) {
        if let Some(entry) = self.0.get_mut(place(code.0)) {
            *entry = Some((code, at));
        }
    }
}

/// The place of a hash value in a table.
fn place(hash: u64) -> usize {
    // Less than the number of places, so it fits.
    usize::try_from(hash % PLACES as u64).unwrap_or_default()
}

/// A token bucket. It holds the calls of a second, and at least one.
#[derive(Clone, Debug)]
struct Rate {
    per_second: f64,
    left: f64,
    filled_at: Instant,
}

impl Rate {
    fn new(per_second: f64) -> Self {
        Self { per_second, left: per_second.max(1.0), filled_at: Instant::now() }
    }

    fn fill(&mut self, now: Instant) {
        let earned = now.duration_since(self.filled_at).as_secs_f64() * self.per_second;
        (self.left, self.filled_at) = ((self.left + earned).min(self.per_second.max(1.0)), now);
    }
}
