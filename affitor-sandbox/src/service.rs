//! What stands around every call: the lock, the fault, the journal, the log of requests, and word of the change.

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    ApiCall,
    api::{Call, Decision, Endpoint, Reply},
    browser::Origins,
    change::Change,
    fault::{Fault, Faults, whole_seconds},
    journal::{Journal, Line},
    request_log::{RequestLog, RequestRecord},
    state::State,
};

/// What the requests and the [`Sandbox`](crate::Sandbox) share.
#[derive(Debug)]
pub(crate) struct Service {
    inner: Mutex<Inner>,
    pub(crate) origins: Origins,
    /// How often something has happened.
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) state: State,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
    journal: Option<Journal>,
    /// The sandbox is gone, and its last connections will be in a moment.
    closed: bool,
}

/// How a request ends.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) ending: Ending,
    /// How much later.
    pub(crate) delay: Option<Duration>,
}

#[derive(Debug)]
pub(crate) enum Ending {
    Answer(Reply),
    /// In the middle of this answer.
    CutAnswer(Reply),
    Reset,
    /// Never.
    Stall,
}

/// How many characters of a method and a path the log keeps: who asks may make them long.
const TEXT_KEPT: usize = 256;

/// Where a request came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestLine<'r> {
    pub(crate) method: &'r str,
    pub(crate) path: &'r str,
}

impl Service {
    pub(crate) fn new(state: State, faults: Faults, log: RequestLog, origins: Origins) -> Self {
        let inner = Inner { state, faults, log, journal: None, closed: false };
        Self { inner: Mutex::new(inner), origins, changed: watch::Sender::new(0) }
    }

    /// Replays the journal at `path`, and keeps it from now on.
    pub(crate) fn keep_in(&mut self, path: &std::path::Path) -> io::Result<()> {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        let journal = Journal::open(path, |Line { request, changes }| {
            for change in changes {
                if let Some(why) = inner.state.refuses(&change) {
                    return Err(format!("{why} in this sandbox: was it started with other programs?"));
                }
                inner.state.apply(change);
            }
            if let Some(request) = request {
                inner.log.keep(request);
            }
            Ok(())
        })?;
        inner.journal = Some(journal);
        Ok(())
    }

    /// Everything. Nothing that holds it waits.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears whenever something happens.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Serves a call: decides, writes, changes, and notes what became of it, all at once.
    pub(crate) fn serve(&self, endpoint: &Endpoint, at: RequestLine<'_>, mut call: Call<'_>) -> Served {
        let mut inner = self.lock();
        if inner.closed {
            return Served { ending: Ending::Reset, delay: None };
        }
        call.now_ms = inner.state.clock.now_ms();
        let fault = endpoint.call.and_then(|call| inner.faults.draw(call));
        let Decision { reply, mut changes } = match fault.filter(|fault| !fault.writes()) {
            Some(_) => Decision::from(failed(endpoint.call)),
            None => (endpoint.decide)(&inner.state, &call).unwrap_or_else(Decision::from),
        };
        if fault == Some(Fault::CommissionLost) {
            changes.iter_mut().for_each(Change::lose_commission);
        }
        let ending = end(fault, endpoint.call, reply);
        let mut record = inner.record(endpoint.call, at, call.now_ms);
        record.fault = fault;
        record.changed = changes.iter().any(Change::is_event);
        record.note(&ending);
        if let Ok(fields) = &call.body {
            record.transaction_id = fields.id("transaction_id");
            record.customer_key = fields.id("customer_key");
            record.click_id = fields.id("click_id");
        }
        if let Some(Change::Click(click)) = changes.first() {
            record.click_id = Some(click.click_id.clone());
        }
        let ending = match inner.commit(changes, &record, endpoint.method != axum::http::Method::GET) {
            Ok(()) => ending,
            Err(error) => {
                tracing::error!(%error, "the journal can't be written: nothing has changed");
                record.changed = false;
                record.fault = None;
                let ending = Ending::Answer(Reply::error(500, "The journal can't be written"));
                record.note(&ending);
                ending
            }
        };
        inner.log.keep(record);
        drop(inner);
        self.tell();
        let delay = fault.and_then(|fault| match fault {
            Fault::Latency(delay) => Some(delay),
            _ => None,
        });
        Served { ending, delay }
    }

    /// Notes a request for which there is no call.
    pub(crate) fn refuse(&self, at: RequestLine<'_>, reply: Reply) -> Reply {
        let mut inner = self.lock();
        let now_ms = inner.state.clock.now_ms();
        let mut record = inner.record(None, at, now_ms);
        record.status = Some(reply.status);
        record.error.clone_from(&reply.words);
        inner.log.keep(record);
        drop(inner);
        self.tell();
        reply
    }

    /// Makes a change that no request asked for.
    pub(crate) fn change(&self, decide: impl FnOnce(&State) -> Change) -> io::Result<()> {
        let mut inner = self.lock();
        let change = decide(&inner.state);
        inner.write(None, std::slice::from_ref(&change))?;
        inner.state.apply(change);
        drop(inner);
        self.tell();
        Ok(())
    }

    /// Makes what a decision says, outside of any call.
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
        self.tell();
        Ok(Ok(decision.reply))
    }

    /// Lets go of the journal, so that another sandbox can have it, and serves nothing more.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.journal = None;
    }

    /// Forgets every event and request: all is as it was at the start, but for the rules of faults.
    pub(crate) fn reset(&self) -> io::Result<()> {
        let mut inner = self.lock();
        if let Some(journal) = &mut inner.journal {
            journal.clear()?;
        }
        inner.state = inner.state.emptied();
        inner.log.clear();
        drop(inner);
        self.tell();
        Ok(())
    }
}

impl Inner {
    fn record(&self, call: Option<ApiCall>, at: RequestLine<'_>, at_ms: i64) -> RequestRecord {
        RequestRecord {
            number: self.log.next_number(),
            call,
            method: at.method.chars().take(TEXT_KEPT).collect(),
            path: at.path.chars().take(TEXT_KEPT).collect(),
            status: None,
            error: None,
            changed: false,
            fault: None,
            transaction_id: None,
            customer_key: None,
            click_id: None,
            at_ms,
        }
    }

    /// Writes and makes the changes of a request. Refusals are worth a line as well, questions are not.
    fn commit(&mut self, changes: Vec<Change>, record: &RequestRecord, worth_a_line: bool) -> io::Result<()> {
        if worth_a_line || !changes.is_empty() {
            self.write(Some(record), &changes)?;
        }
        changes.into_iter().for_each(|change| self.state.apply(change));
        Ok(())
    }

    fn write(&mut self, record: Option<&RequestRecord>, changes: &[Change]) -> io::Result<()> {
        self.journal.as_mut().map_or(Ok(()), |journal| journal.append(record, changes))
    }
}

impl RequestRecord {
    fn note(&mut self, ending: &Ending) {
        (self.status, self.error) = match ending {
            Ending::Answer(reply) | Ending::CutAnswer(reply) => (Some(reply.status), reply.words.clone()),
            Ending::Reset | Ending::Stall => (None, None),
        };
    }
}

/// The answer of a call that fails inside.
fn failed(call: Option<ApiCall>) -> Reply {
    let what = match call {
        Some(ApiCall::Click) => "Click tracking failed",
        Some(ApiCall::Lead) => "Lead tracking failed",
        Some(ApiCall::Sale) => "Sale tracking failed",
        Some(ApiCall::Refund) => "Refund tracking failed",
        Some(ApiCall::Readiness) => return Reply::readiness_failed(),
        _ => "Internal server error",
    };
    Reply::error(500, what)
}

/// What a fault makes of an answer.
fn end(fault: Option<Fault>, call: Option<ApiCall>, reply: Reply) -> Ending {
    match fault {
        None | Some(Fault::Latency(_)) => Ending::Answer(reply),
        Some(Fault::CommissionLost) if call == Some(ApiCall::Sale) => {
            Ending::Answer(Reply::error(500, "Failed to create commission"))
        }
        Some(Fault::ErrorBeforeWrite | Fault::ErrorAfterWrite | Fault::CommissionLost) => Ending::Answer(failed(call)),
        Some(Fault::RateLimited(wait)) => {
            Ending::Answer(Reply::rate_limited("Too many requests.", whole_seconds(wait)))
        }
        Some(Fault::ResetBeforeWrite | Fault::ResetAfterWrite) => Ending::Reset,
        Some(Fault::CutAnswer) => Ending::CutAnswer(reply),
        Some(Fault::BadGateway) => Ending::Answer(Reply::bad_gateway()),
        Some(Fault::Stall) => Ending::Stall,
    }
}
