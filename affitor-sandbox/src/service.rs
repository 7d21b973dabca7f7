//! The steps around every call: lock, inject faults, decide, write the journal, apply, log, notify.
//!
//! A handler of the sandbox decides, and changes nothing. One function around every route picks the fault, lets the handler decide,
//! writes the changes to the journal, applies them, logs the request and notifies the page, all under one lock. So a fault happens
//! exactly before or after the write, a request that can't be written changes nothing, and a journal replays changes and not
//! requests: other settings after a restart do not change the past. Of keys, session tokens and a lead's e-mail address, it contains
//! only hashes.

mod record;

use std::{
    collections::HashSet,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::{
    api::{self, Call, Decision, Endpoint},
    browser::Origins,
    change::Change,
    fault::{ActiveFaults, Fault},
    hosts::Hosts,
    journal::{Journal, Line},
    outcome::{Outcome, Served, failed},
    program::Secret,
    reply::Reply,
    request_log::{RequestLog, RequestRecord},
    secret::{StoredKey, random},
    state::State,
};

/// State shared by the connections and the [`Sandbox`](crate::Sandbox).
#[derive(Debug)]
pub(crate) struct Service {
    inner: Mutex<Inner>,
    pub(crate) origins: Origins,
    pub(crate) hosts: Hosts,
    /// Number of changes so far.
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) state: State,
    pub(crate) faults: ActiveFaults,
    pub(crate) log: RequestLog,
    journal: Option<Journal>,
    /// True once the sandbox has stopped; its last connections are about to close.
    closed: bool,
}

/// Method and path of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestLine<'r> {
    pub(crate) method: &'r str,
    pub(crate) path: &'r str,
}

impl Service {
    pub(crate) fn new(state: State, faults: ActiveFaults, log: RequestLog, origins: Origins, hosts: Hosts) -> Self {
        let inner = Inner { state, faults, log, journal: None, closed: false };
        Self { inner: Mutex::new(inner), origins, hosts, changed: watch::Sender::new(0) }
    }

    /// Replays the journal at `path` and appends to it from now on.
    pub(crate) fn open_journal(&mut self, path: &std::path::Path, skips_damage: bool) -> io::Result<()> {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut journal = Journal::open(path, inner.state.origin(), skips_damage)?;
        // Customers to whom a later change refers, and the last new one.
        let (mut later, mut last) = (HashSet::new(), 0);
        journal.scan(|line| {
            for (customer, is_click) in line.changes.iter().filter_map(Change::customer) {
                if customer <= last || !is_click {
                    later.insert(customer);
                }
                last = last.max(customer);
            }
        })?;
        inner.state.begin_replay(later, skips_damage);
        journal.replay(|Line { request, changes }| {
            for change in changes {
                if let Some(problem) = inner.state.problem_with(&change) {
                    if skips_damage && !inner.state.is_of_other_program(&change) {
                        tracing::warn!(problem, "a change is left out: it may need one whose line was damaged");
                        continue;
                    }
                    return Err(format!("{problem} in this sandbox: was it started with other programs?"));
                }
                inner.state.apply(change);
            }
            if let Some(request) = request {
                inner.log.push(request);
            }
            Ok(())
        })?;
        inner.state.end_replay();
        inner.state.set_origin(journal.origin().clone());
        inner.journal = Some(journal);
        Ok(())
    }

    /// Returns the journal's file if it has lines that are not yet synced to the disk.
    pub(crate) fn take_unsynced(&self) -> io::Result<Option<std::fs::File>> {
        self.lock().journal.as_mut().map_or(Ok(None), Journal::take_unsynced)
    }

    /// Locks the state. The guard must not be held across an `await`.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a receiver that is notified of every change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn notify(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Serves a call under one lock: decides, writes the journal, applies the changes and logs the request.
    pub(crate) fn serve(&self, endpoint: &Endpoint, line: RequestLine<'_>, mut call: Call<'_>) -> Served {
        let mut inner = self.lock();
        if inner.closed {
            return Served { outcome: Outcome::Reset, delay: None };
        }
        call.now_ms = inner.state.clock.now_ms();
        let fault = endpoint.call.and_then(|call| inner.faults.draw(call));
        let Decision { reply, changes } = if_there_is_room(&inner.state, decide(&inner.state, endpoint, &call, fault));
        let mut outcome = Outcome::new(fault, endpoint.call, reply);
        let mut record = inner.record(endpoint.call, line, call.now_ms);
        record.fault = fault;
        record.changed = changes.iter().any(Change::is_event);
        record.has_key = api::program_of(&inner.state, &call).is_ok();
        record.set_outcome(&outcome);
        record.set_ids(&call);
        record.set_event(&inner.state, &changes);
        let is_query = endpoint.method == axum::http::Method::GET;
        if let Err(error) = inner.commit(changes, &record, is_query) {
            tracing::error!(%error, "the data file can't be written; nothing was changed");
            record.changed = false;
            record.fault = None;
            outcome = Outcome::Response(Reply::error(500, "The data file can't be written"));
            record.set_outcome(&outcome);
        }
        if let Some(hint) = &record.hint {
            tracing::info!(path = record.path, "{hint}");
        }
        inner.log.push(record);
        drop(inner);
        self.notify();
        let delay = fault.and_then(|fault| match fault {
            Fault::Latency(delay) => Some(delay),
            _ => None,
        });
        Served { outcome, delay }
    }

    /// Logs a request that matches no call.
    pub(crate) fn refuse(&self, line: RequestLine<'_>, reply: Reply) -> Reply {
        let mut inner = self.lock();
        let now_ms = inner.state.clock.now_ms();
        let mut record = inner.record(None, line, now_ms);
        record.status = Some(reply.status);
        record.error.clone_from(&reply.reason);
        record.hint.clone_from(&reply.hint);
        inner.log.push(record);
        drop(inner);
        self.notify();
        reply
    }

    /// Gives a program a new key, which is returned and kept only as a hash. The old one is invalid from then on. Returns
    /// `None` if there is no such program.
    pub(crate) fn rotate_key(&self, program_id: u64) -> io::Result<Option<Secret>> {
        let key = random("aff_")?;
        let mut inner = self.lock();
        if inner.state.program_index(program_id).is_none() {
            return Ok(None);
        }
        let at_ms = inner.state.clock.now_ms();
        let change = Change::KeyRotated { program_id, api_key: StoredKey::of(&key), at_ms };
        inner.write(None, std::slice::from_ref(&change))?;
        inner.state.apply(change);
        drop(inner);
        self.notify();
        Ok(Some(Secret(key)))
    }

    /// Makes a change that does not come from a call.
    pub(crate) fn change(&self, decide: impl FnOnce(&State) -> Change) -> io::Result<()> {
        let mut inner = self.lock();
        let change = decide(&inner.state);
        inner.write(None, std::slice::from_ref(&change))?;
        inner.state.apply(change);
        drop(inner);
        self.notify();
        Ok(())
    }

    /// Makes a change that does not come from a call, if there is one. Returns whether there was.
    pub(crate) fn change_if(&self, decide: impl FnOnce(&State) -> Option<Change>) -> io::Result<bool> {
        let mut inner = self.lock();
        let Some(change) = decide(&inner.state) else { return Ok(false) };
        inner.write(None, std::slice::from_ref(&change))?;
        inner.state.apply(change);
        drop(inner);
        self.notify();
        Ok(true)
    }

    /// Carries out a decision that does not come from a call.
    pub(crate) fn carry_out(
        &self,
        decide: impl FnOnce(&State) -> Result<Decision, Reply>,
    ) -> io::Result<Result<Reply, Reply>> {
        let mut inner = self.lock();
        let decision = match decide(&inner.state) {
            Ok(decision) => decision,
            Err(refused) => return Ok(Err(refused)),
        };
        inner.write(None, &decision.changes)?;
        decision.changes.into_iter().for_each(|change| inner.state.apply(change));
        drop(inner);
        self.notify();
        Ok(Ok(decision.reply))
    }

    /// Closes the journal, so that another sandbox can open it, and refuses all further requests.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.journal = None;
    }

    /// Deletes every event and request and restores the initial state. Fault rules are kept.
    pub(crate) fn reset(&self) -> io::Result<()> {
        let generation = random("")?;
        let mut inner = self.lock();
        inner.check_open()?;
        let mut state = inner.state.initial();
        state.generation = generation;
        if let Some(journal) = &mut inner.journal {
            journal.clear(state.origin())?;
        }
        inner.state = state;
        inner.log.clear();
        drop(inner);
        self.notify();
        Ok(())
    }
}

impl Inner {
    /// Writes and applies the changes of a request. Refused requests are written as well; queries without changes are not.
    fn commit(&mut self, changes: Vec<Change>, record: &RequestRecord, is_query: bool) -> io::Result<()> {
        if !is_query || !changes.is_empty() {
            self.write(Some(record), &changes)?;
        }
        changes.into_iter().for_each(|change| self.state.apply(change));
        Ok(())
    }

    /// Refuses changes of a sandbox that has stopped: they would be lost.
    fn check_open(&self) -> io::Result<()> {
        if self.closed { Err(io::Error::other("the sandbox has stopped")) } else { Ok(()) }
    }

    fn write(&mut self, record: Option<&RequestRecord>, changes: &[Change]) -> io::Result<()> {
        self.check_open()?;
        self.journal.as_mut().map_or(Ok(()), |journal| journal.append(record, changes))
    }
}

/// Replaces a decision that would record something by a 503 if the memory is full.
fn if_there_is_room(state: &State, decision: Decision) -> Decision {
    if state.is_full() && decision.changes.iter().any(Change::needs_memory) {
        return Decision::from(Reply::full(state.memory().limit_bytes));
    }
    decision
}

/// Lets the endpoint decide, unless a fault strikes before the write.
fn decide(state: &State, endpoint: &Endpoint, call: &Call<'_>, fault: Option<Fault>) -> Decision {
    if fault.is_some_and(|fault| !fault.writes()) {
        return Decision::from(failed(endpoint.call));
    }
    let mut decision = (endpoint.decide)(state, call).unwrap_or_else(Decision::from);
    if fault == Some(Fault::CommissionLost) {
        decision.changes.iter_mut().for_each(Change::lose_commission);
    }
    decision
}
