//! Capture of one request: the call, and how long the response waits for it.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use affitor_core::{ClickId, Visitor};

use super::{
    Shared,
    admission::Slot,
    calls::{Ended, Result},
    cookies::{Known, Site},
    head::Response,
    landing::Landing,
    retry::{Retry, Token},
};
use crate::{adapter::Deadline, event::Click};

/// What capture does with one request. Created by [`ClickCapture::begin`](super::ClickCapture::begin); the module documentation says
/// how an adapter uses it.
#[must_use = "it does nothing without the response"]
pub struct Capture {
    pub(super) shared: Arc<Shared>,
    pub(super) site: Site,
    pub(super) known: Known,
    pub(super) arrived: Instant,
    pub(super) action: Action,
    pub(super) waiting: Option<Waiting>,
    /// Whether the page leaves out the tag of the tracker, which would report the same click.
    pub(super) omits_tag: bool,
    /// Whether the URL of this request carries a visitor.
    pub(super) carries: bool,
    /// Whether the visitor's retry cookie is about another partner.
    pub(super) has_other_retry: bool,
    /// A click of another partner that came late, and that the visitor does not have yet.
    pub(super) earlier: Option<Earlier>,
}

#[derive(Debug)]
pub(super) enum Action {
    Nothing,
    /// A call is made unless the response redirects to a URL with the same code.
    Call {
        ticket: Ticket,
        click: Box<Click>,
        slot: Slot,
    },
    /// A call was made. If `waits`, the page waits for its result.
    Wait {
        ticket: Ticket,
        result: Result,
        waits: bool,
    },
    Later(Retry),
    ForgetRetry,
    Adopt(Visitor),
}

/// A call, and what the visitor knows of it.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) token: Token,
    pub(super) landing: Landing,
    /// Whether the token was created for this request, so that no other page has it.
    pub(super) is_fresh: bool,
    /// Whether the visitor's retry cookie does not say yet that the call was made.
    pub(super) is_news: bool,
    /// Whether this request makes the call.
    pub(super) is_own: bool,
}

/// A click that came late.
#[derive(Debug)]
pub(super) struct Earlier {
    pub(super) click_id: ClickId,
    pub(super) days: u32,
    pub(super) landing: Landing,
}

/// What waits for the result of a call.
pub(super) struct Waiting {
    known: Pin<Box<dyn Future<Output = ()> + Send>>,
    budget: Deadline,
    is_over: bool,
}

impl Capture {
    /// Returns the click id that the visitor gets with this response, if it is known already. Insert it into the request's
    /// extensions, so that its handler sees it.
    pub fn click_id(&self) -> Option<ClickId> {
        match &self.action {
            Action::Wait { result, .. } => match result.borrow().as_ref()? {
                Ended::Recorded { click_id, .. } => Some(click_id.clone()),
                _ => None,
            },
            Action::Adopt(visitor) => visitor.click_id.clone(),
            _ => None,
        }
    }

    /// Returns whether the page should omit the script tag of the tracker, which would report the same click. If so, insert a
    /// [`CapturedByServer`](crate::adapter::CapturedByServer) into the request's extensions.
    pub fn replaces_tracker(&self) -> bool {
        self.omits_tag
    }

    /// Starts the call, if there is one to make.
    pub(super) fn start(&mut self) {
        if !matches!(self.action, Action::Call { .. }) {
            return;
        }
        if let Action::Call { ticket, click, slot } = std::mem::replace(&mut self.action, Action::Nothing) {
            if let Some(result) = self.shared.calls.start(ticket.token, *click, slot) {
                self.action = Action::Wait { ticket, result, waits: true };
            }
        }
    }

    /// Waits until the response may go out: until the result of the call is known, or the budget is used up. Starts the call, unless
    /// the response is a redirect that leaves it to its target.
    pub(super) fn poll_ready(&mut self, response: &impl Response, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_left_to_target(response) {
            if matches!(self.action, Action::Call { .. }) {
                (self.action, self.omits_tag) = (Action::Nothing, false);
            }
            return Poll::Ready(());
        }
        self.start();
        let Action::Wait { result, waits: true, .. } = &self.action else { return Poll::Ready(()) };
        let left = self.shared.budget.saturating_sub(self.arrived.elapsed());
        if result.borrow().is_some() || left.is_zero() {
            return Poll::Ready(());
        }
        let mut result = result.clone();
        let waiting = self.waiting.get_or_insert_with(|| Waiting {
            // An error means that the call was cancelled.
            known: Box::pin(async move { drop(result.wait_for(Option::is_some).await) }),
            budget: Deadline::start(left),
            is_over: false,
        });
        if !waiting.is_over && waiting.known.as_mut().poll(cx).is_pending() {
            ready!(waiting.budget.poll(cx));
        }
        waiting.is_over = true;
        Poll::Ready(())
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match &self.action {
            Action::Nothing => "nothing",
            Action::Call { .. } => "call",
            Action::Wait { .. } => "wait",
            Action::Later(_) => "later",
            Action::ForgetRetry => "forget retry",
            Action::Adopt(_) => "adopt",
        };
        f.debug_struct("Capture").field("action", &action).finish_non_exhaustive()
    }
}
