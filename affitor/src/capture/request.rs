//! Capture of one request.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use tokio::sync::OwnedSemaphorePermit;

use super::{
    Shared,
    cache::{SHARED_CACHE_HEADERS, private},
    calls::{self, Ended},
    cookies::{DEFAULT_DAYS, Known, Site, sets_ours},
    head::{Headers, first},
    landing::{Landing, partner_in_query},
    retry::{Retry, Token},
};
use crate::{adapter::Deadline, click_id::ClickId, event::Click, visitor::Visitor};

/// What capture does with one request. Created by [`ClickCapture::begin`](super::ClickCapture::begin); the module documentation says
/// how an adapter uses it.
#[must_use = "it does nothing unless it is used with the response"]
pub struct Capture {
    pub(super) shared: Arc<Shared>,
    pub(super) site: Site,
    pub(super) known: Known,
    pub(super) arrived: Instant,
    pub(super) action: Action,
    pub(super) waiting: Option<Waiting>,
    /// Whether the URL of this request has the partner's code, so that the tracker would report a click too.
    pub(super) replaces_tracker: bool,
    /// Whether the URL of this request carries a visitor.
    pub(super) carries: bool,
}

pub(super) enum Action {
    Nothing,
    /// A call is made unless the response redirects to a URL with the same code. If `is_new`, the visitor does not have the token yet.
    Call {
        token: Token,
        landing: Landing,
        click: Box<Click>,
        slot: OwnedSemaphorePermit,
        is_new: bool,
    },
    /// A call was made. If `waits`, the page waits for its result. `is_new` as above.
    Wait {
        token: Token,
        landing: Landing,
        result: calls::Result,
        waits: bool,
        is_new: bool,
    },
    Later(Landing),
    ForgetRetry,
    Adopt(Visitor),
}

/// What waits for the result of a call.
pub(super) struct Waiting {
    known: Pin<Box<dyn Future<Output = ()> + Send>>,
    budget: Deadline,
    is_over: bool,
}

/// What to change in the headers of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// Values of `Set-Cookie` to append.
    pub set_cookies: Vec<String>,
    /// The value that replaces `Cache-Control`.
    pub cache_control: Option<String>,
    /// Names of headers to remove.
    pub remove: &'static [&'static str],
    /// The value that replaces `Referrer-Policy`.
    pub referrer_policy: Option<&'static str>,
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
        self.replaces_tracker && matches!(self.action, Action::Call { .. } | Action::Wait { .. })
    }

    /// Starts the call, if there is one to make. Call this when the handler has not responded at its first poll, so that both run
    /// concurrently.
    pub fn start(&mut self) {
        if !matches!(self.action, Action::Call { .. }) {
            return;
        }
        if let Action::Call { token, landing, click, slot, is_new } =
            std::mem::replace(&mut self.action, Action::Nothing)
        {
            if let Some(result) = self.shared.calls.start(token, *click, slot) {
                self.action = Action::Wait { token, landing, result, waits: true, is_new };
            }
        }
    }

    /// Waits until the response may go out: until the result of the call is known, or the budget is used up. Starts the call, unless
    /// the response is a redirect that leaves it to its target.
    pub fn poll_ready(&mut self, status: u16, response: &dyn Headers, cx: &mut Context<'_>) -> Poll<()> {
        if let Action::Call { landing, .. } = &self.action {
            if self.is_left_to_target(landing, status, response) {
                self.action = Action::Nothing;
                return Poll::Ready(());
            }
            self.start();
        }
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

    /// Returns what to change in the response. An adapter that can't apply it leaves the response as it is.
    pub fn finish(&mut self, status: u16, response: &dyn Headers) -> Changes {
        let mut changes = Changes::default();
        let mut is_app = false;
        response.each("set-cookie", &mut |line| is_app |= sets_ours(line));
        // The app stores clicks itself.
        if !is_app {
            changes.set_cookies = self.cookies(status, response);
        }
        if !changes.set_cookies.is_empty() {
            let mut values = Vec::new();
            response.each("cache-control", &mut |value| values.push(value));
            changes.cache_control = private(&values);
            changes.remove = &SHARED_CACHE_HEADERS;
        }
        if self.carries {
            let policy = first(response, "referrer-policy").and_then(|list| list.rsplit(',').next());
            if policy.is_none_or(|policy| matches!(policy.trim(), "" | "unsafe-url" | "no-referrer-when-downgrade")) {
                changes.referrer_policy = Some("strict-origin-when-cross-origin");
            }
        }
        changes
    }

    /// Returns the `Set-Cookie` lines of the response.
    fn cookies(&self, status: u16, response: &dyn Headers) -> Vec<String> {
        let Self { shared, site, known, .. } = self;
        let forget = || if known.has_retry { vec![site.forget_retry()] } else { Vec::new() };
        match &self.action {
            Action::Nothing | Action::Call { .. } => Vec::new(),
            Action::ForgetRetry => forget(),
            Action::Later(landing) => vec![site.retry(&Retry { token: None, landing: landing.clone() })],
            Action::Adopt(visitor) => {
                let Some(click_id) = &visitor.click_id else { return Vec::new() };
                site.click(known, click_id, &visitor.click_ids, None, DEFAULT_DAYS)
            }
            Action::Wait { token, landing, result, is_new, .. } => {
                // The target finds the call by its token.
                let is_left = *is_new && self.is_left_to_target(landing, status, response);
                let ended = result.borrow().clone();
                // A sender that is gone without a result was cancelled.
                let ended = ended.or_else(|| result.has_changed().is_err().then_some(Ended::Failed { repeat: false }));
                match ended {
                    Some(Ended::Recorded { click_id, days }) if !is_left => {
                        if *is_new {
                            shared.calls.delivered(token);
                        } else {
                            shared.calls.late();
                        }
                        let mut lines = site.click(known, &click_id, &[], Some(&landing.url), days);
                        lines.extend(forget());
                        lines
                    }
                    Some(Ended::NotCounted | Ended::Failed { repeat: false }) if !is_left => forget(),
                    Some(Ended::Failed { repeat: true }) => {
                        vec![site.retry(&Retry { token: None, landing: landing.clone() })]
                    }
                    // Not known yet.
                    _ if *is_new => vec![site.retry(&Retry { token: Some(*token), landing: landing.clone() })],
                    _ => Vec::new(),
                }
            }
        }
    }
}

impl Capture {
    /// Returns whether a response is a redirect to a URL with the same partner's code, where the click is captured.
    fn is_left_to_target(&self, landing: &Landing, status: u16, response: &dyn Headers) -> bool {
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return false;
        }
        let location = first(response, "location").and_then(|location| location.split_once('?'));
        let query = location.and_then(|(_, query)| query.split('#').next());
        query.and_then(|query| partner_in_query(query, &self.shared.parameter)).as_ref() == Some(&landing.partner)
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
