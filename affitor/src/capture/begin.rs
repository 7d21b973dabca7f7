//! Deciding about a request, and preparing what the decision needs.
//!
//! Capture waits for the page, and the page for capture, but neither for long. The handler is polled first. Most redirects and errors
//! are ready then, and no call is made for a redirect that keeps `aff`. If the handler is pending, the call starts in a task of its
//! own, so it survives a visitor who disconnects. The response waits for the rest of the budget, which began when the request
//! arrived. A later result is found by a random token in the visitor's retry cookie: whoever could guess it would get another
//! visitor's click.
//!
//! Slots are taken before the handler runs, because the page must know whether the tracker has to report the click: if there is no
//! slot, the tag stays in the page.

use std::time::Instant;

use affitor_core::{ClickId, redact::Redacted};
use reqwest::Url;

use super::{
    Capture, ClickCapture, Head,
    admission::NotAdmitted,
    calls::Ended,
    client::ClientNet,
    cookies::{Present, Site},
    decide::{Facts, Plan, decide},
    landing::{Landing, landing, without_query},
    page::{Page, page},
    request::{Action, Earlier, Ticket},
    retry::{Retry, new_token},
};
use crate::event::Click;

/// Longest `User-Agent` that is sent, in characters.
const MAX_USER_AGENT: usize = 512;

impl ClickCapture {
    /// Returns what to do with a request, apart from what its URL carries.
    pub(super) fn decide(&self, head: &dyn Head) -> Option<Capture> {
        let shared = &*self.shared;
        let present = Present::read(head);
        if head.query().is_some_and(|query| present.has_click_of(query, &shared.parameter)) {
            return None;
        }
        let arrived = Instant::now();
        let skip = |reason| {
            tracing::debug!(reason, path = ?Redacted(head.path()), "not captured");
            None
        };
        if shared.calls.is_disabled() {
            return skip("the client is disabled");
        }
        if shared.when.as_ref().is_some_and(|when| !when(head)) {
            return skip("the app excludes it");
        }
        if shared.consent.as_ref().is_some_and(|consent| !consent(head)) {
            return skip("no consent");
        }
        let page = page(head);
        let is_write = !matches!(head.method(), "GET" | "HEAD" | "OPTIONS" | "TRACE") && present.retry.is_some();
        if page == Page::No && !is_write {
            return skip("not a page that a visitor opens");
        }
        let Some(origin) = shared.origin.of(head) else { return skip("the request has no valid host") };
        let host = origin.host_str()?.to_owned();
        let facts = self.facts(head, &present, page, &origin, &host);
        let (retry, has_landing) = (facts.retry.clone(), facts.landing.is_some());
        let plan = decide(facts);
        if plan == Plan::Nothing {
            return None;
        }
        if !shared.domain.includes(&host) {
            shared.warned.call_once(|| {
                tracing::warn!(host, domain = ?shared.domain, "clicks are not captured: the host is outside the domain of the cookies");
            });
            return None;
        }
        let other = match (&plan, retry) {
            (Plan::Call(landing), Some(retry)) if retry.landing.partner != landing.partner => Some(retry),
            _ => None,
        };
        let has_other_retry = other.is_some();
        let earlier = other.and_then(|retry| self.earlier(retry));
        let existing = earlier.as_ref().map(|earlier| earlier.click_id.clone()).or_else(|| present.click_id().cloned());
        let action = self.act(plan, head, &origin, existing)?;
        Some(Capture {
            arrived,
            site: Site { domain: shared.domain.clone(), host, secure: origin.scheme() == "https" },
            known: present.to_owned(),
            omits_tag: has_landing && matches!(action, Action::Call { .. } | Action::Wait { .. }),
            has_other_retry,
            earlier,
            ..self.capture(action)
        })
    }

    /// Returns the click of a retry cookie, if it is known by now.
    fn earlier(&self, retry: Retry) -> Option<Earlier> {
        match self.shared.calls.result(&retry.token)?.borrow().clone()? {
            Ended::Recorded { click_id, days } => Some(Earlier { click_id, days, landing: retry.landing }),
            _ => None,
        }
    }

    /// Collects what a request says.
    fn facts(&self, head: &dyn Head, present: &Present<'_>, page: Page, origin: &Url, host: &str) -> Facts {
        let shared = &*self.shared;
        let read =
            |origin: &Url, path: &str, query: &str| landing(origin, path, query, &shared.parameter, &shared.kept);
        let referred = || {
            let referer = Url::parse(head.header("referer")?).ok()?;
            (referer.origin() == origin.origin()).then(|| read(origin, referer.path(), referer.query()?))?
        };
        #[cfg(feature = "carry")]
        let carried = shared.adoption.as_ref().and_then(|adoption| adoption.visitor(head, present.click_id()));
        #[cfg(not(feature = "carry"))]
        let carried = None;
        Facts {
            page,
            is_write: page == Page::No,
            landing: head.query().and_then(|query| read(origin, head.path(), query)),
            referred: shared.consent.as_ref().and_then(|_| referred()),
            has_click: present.click_id().is_some(),
            partner: present.partner(),
            retry: present.retry.and_then(|value| Retry::read(value, &shared.domain, host, &shared.kept)),
            carried,
        }
    }

    /// Prepares what a plan needs. `None` if nothing can be done.
    fn act(&self, plan: Plan, head: &dyn Head, origin: &Url, existing: Option<ClickId>) -> Option<Action> {
        let calls = &self.shared.calls;
        let fresh =
            |landing| Some(Ticket { token: new_token()?, landing, is_fresh: true, is_news: true, is_own: true });
        let ticket = match plan {
            Plan::Nothing => return None,
            Plan::ForgetRetry => return Some(Action::ForgetRetry),
            Plan::Adopt(visitor) => return Some(Action::Adopt(visitor)),
            Plan::Later(landing) => return later(landing),
            Plan::Call(landing) => fresh(landing)?,
            Plan::GoOn { retry: Retry { token, is_called, landing }, may_call } => {
                let ticket = Ticket { token, landing, is_fresh: false, is_news: !is_called, is_own: true };
                match calls.result(&token) {
                    Some(result) if may_call && *result.borrow() == Some(Ended::Failed { repeat: true }) => {
                        fresh(ticket.landing)?
                    }
                    Some(result) => {
                        let ticket = Ticket { is_own: false, ..ticket };
                        return Some(Action::Wait { ticket, result, waits: may_call });
                    }
                    None if may_call => ticket,
                    None => return None,
                }
            }
        };
        let is_repeated = !ticket.is_news;
        match calls.admit(&ticket.landing.partner, ClientNet::of(head, &self.shared.origin)) {
            Ok(slot) => {
                if is_repeated {
                    calls.repeated();
                }
                Some(Action::Call { click: Box::new(click(head, &ticket.landing, origin, existing)), ticket, slot })
            }
            Err(NotAdmitted::UnknownCode) => None,
            // The retry cookie stays as it is.
            Err(NotAdmitted::Limited) if !ticket.is_fresh => None,
            Err(NotAdmitted::Limited) => later(ticket.landing),
        }
    }
}

/// Leaves a click to the visitor's next page.
fn later(landing: Landing) -> Option<Action> {
    Some(Action::Later(Retry { token: new_token()?, is_called: false, landing }))
}

/// Creates the click of a landing, with what the request says.
fn click(head: &dyn Head, landing: &Landing, origin: &Url, existing: Option<ClickId>) -> Click {
    let mut click = Click::landing(&landing.url).existing_click_id(existing);
    let referer = head.header("referer").filter(|referer| !is_same_origin(referer, origin)).and_then(without_query);
    if let Some(referer) = referer {
        click = click.referrer_url(referer);
    }
    if let Some(user_agent) = head.lossy("user-agent") {
        click = click.user_agent(user_agent.chars().take(MAX_USER_AGENT).collect::<String>());
    }
    let language = head.header("accept-language").and_then(|list| list.split([',', ';']).next()).map(str::trim);
    match language.filter(|language| language.len() <= 35) {
        Some(language) => click.language(language),
        None => click,
    }
}

fn is_same_origin(referer: &str, origin: &Url) -> bool {
    Url::parse(referer).is_ok_and(|referer| referer.origin() == origin.origin())
}
