//! Capturing clicks on the server, without a script in the page.
//!
//! Attribution starts with a click. Normally the tracker script reports it, and ad blockers stop that script. With capture, the server
//! itself reports the click of a visitor who arrives with `?aff=` ([`Client::track_click`]), concurrently with the page, and sets the
//! tracker's cookies on the response. Use it through `ClickCaptureLayer` of `affitor-axum`, `affitor-actix` or `affitor-tower`:
//!
//! ```
//! use affitor::{Client, capture::ClickCapture};
//!
//! # fn capture(client: Client) -> Result<ClickCapture, affitor::capture::InvalidCapture> {
//! let capture = ClickCapture::builder(client)
//!     .domain("shop.example") // of the cookies; or `.host_only()`
//!     .consent(|head| head.cookie("consent") == Some("all")) // or `.without_consent_check()`
//!     .origin("https://shop.example") // behind a proxy
//!     .build()?;
//! // ClickCaptureLayer::new(capture)
//! # Ok(capture) }
//! # capture(Client::disabled()).unwrap();
//! ```
//!
//! # What is captured
//!
//! - **Pages that visitors open**: `GET` requests with `Sec-Fetch-Mode: navigate` and `Sec-Fetch-Dest: document`, or with `text/html` in
//!   `Accept` if the browser sends no such headers. Known crawlers, link previews and HTTP libraries are left out.
//! - **With the code of a partner** in `?aff=` of at most 256 bytes. The same partner's link again is not a new click. Another
//!   partner's link is, and the last click wins.
//! - Of URLs, only origin, path, `aff` and `utm_*` are stored or sent, at most 1 KiB
//!   ([`keep_parameters`](ClickCaptureBuilder::keep_parameters)). Of the page before, origin and path.
//!
//! # What the visitor notices
//!
//! Nothing. A page waits for its click for at most 300 ms from the arrival of the request
//! ([`budget`](ClickCaptureBuilder::budget)). A page that is ready earlier waits for the rest of it, so the budget bounds what capture
//! adds. After that the page goes out with a retry cookie (`HttpOnly`, 10 minutes), and the call goes on. Its result reaches the
//! visitor with the next page, or with a form that they submit. If the call fails, the page is the same as without capture. A click
//! that may have arrived is not repeated.
//!
//! Another instance of the app does not know the result. It repeats the call, so the click counts twice
//! ([`CaptureStats::repeated`]). Load balancers that keep a visitor at one instance avoid that.
//!
//! A prefetched page may be shown without another request, so its click is reported with the visitor's next page.
//!
//! # Cookies and caches
//!
//! A response with a cookie must not be kept by a shared cache, which would give one visitor's click to others. So it is made `private`:
//! `public` and `s-maxage` are removed from `Cache-Control`, and `CDN-Cache-Control`, `Surrogate-Control` and the like are removed. Layers
//! that set these headers, or that cache responses, must be *inside* the capture layer. Exclude pages that must stay public with
//! [`capture_when`](ClickCaptureBuilder::capture_when): no call is made for them. Pages that a CDN serves from its cache never reach the
//! server, so their clicks can't be captured there.
//!
//! The tracker may be on the same pages: it finds the cookies and reports no second click. While a landing is captured,
//! [`BoundClient::script_tag`](crate::BoundClient::script_tag) returns `None`, so that a slow call is not a second click.
//!
//! # Building an adapter
//!
//! For each request, call [`ClickCapture::may_concern`]; for most requests it returns `false`, and they go on unchanged. Otherwise
//! call [`ClickCapture::begin`]. If it returns a [`Capture`]:
//!
//! 1. Insert [`Capture::click_id`], and a [`CapturedByServer`](crate::adapter::CapturedByServer) if [`Capture::replaces_tracker`].
//! 2. Poll the handler. If it is pending, call [`Capture::start`].
//! 3. When it has responded, poll [`Capture::poll_ready`], then apply [`Capture::finish`] to the response.

#[cfg(feature = "carry")]
mod adopt;
mod builder;
mod cache;
mod calls;
mod cookies;
mod decide;
mod head;
mod landing;
mod origin;
mod page;
mod request;
mod retry;

use std::{
    fmt,
    sync::{Arc, Once},
    time::{Duration, Instant},
};

use memchr::memmem::Finder;
use reqwest::Url;

use self::{
    builder::Predicate,
    calls::Calls,
    cookies::{Present, Site, has_click_of, has_retry},
    decide::{Facts, Plan, decide},
    landing::{Landing, landing, without_query},
    origin::{Domain, Origin},
    page::{Page, page},
    request::Action,
    retry::{Retry, Token, new_token},
};
pub use self::{
    builder::{
        BUDGET, CALLS_IN_FLIGHT, CALLS_PER_SECOND, ChooseConsent, ChooseDomain, ClickCaptureBuilder, InvalidCapture,
        KEEP_RESULTS,
    },
    calls::CaptureStats,
    head::{Head, Headers},
    request::{Capture, Changes},
};
use crate::{click_id::ClickId, client::Client, event::Click};

/// Longest `User-Agent` that is sent, in bytes.
const MAX_USER_AGENT: usize = 512;

/// Captures clicks on the server. Create one per app; clones share the limits and the results that come late.
#[derive(Clone)]
pub struct ClickCapture {
    pub(self) shared: Arc<Shared>,
}

/// What all clones share.
struct Shared {
    calls: Arc<Calls>,
    domain: Domain,
    consent: Option<Arc<Predicate>>,
    when: Option<Arc<Predicate>>,
    origin: Origin,
    parameter: String,
    finder: Finder<'static>,
    kept: Vec<String>,
    budget: Duration,
    warned: Once,
    #[cfg(feature = "carry")]
    adoption: Option<adopt::Adoption>,
}

impl ClickCapture {
    /// Begins the settings of a capture: choose a domain for the cookies, then whether visitors are asked for consent. With a
    /// [disabled](Client::disabled) client nothing is captured.
    pub fn builder(client: Client) -> ChooseDomain {
        ChooseDomain::new(client)
    }

    /// Returns how long a page may wait for its click.
    pub fn get_budget(&self) -> Duration {
        self.shared.budget
    }

    /// Returns the name of the parameter with the partner's code.
    pub fn get_parameter(&self) -> &str {
        &self.shared.parameter
    }

    /// Returns what was captured since the start.
    pub fn stats(&self) -> CaptureStats {
        self.shared.calls.stats()
    }

    /// Returns `false` if a request has nothing to do with capture, which is so for most. `query` is the query of the URL, `cookies`
    /// returns the values of `Cookie`, and `referer` that of `Referer`, which is read only with consent.
    #[inline]
    pub fn may_concern<'h, C>(
        &self,
        query: Option<&str>,
        cookies: impl FnOnce() -> C,
        referer: impl FnOnce() -> Option<&'h [u8]>,
    ) -> bool
    where
        C: Iterator<Item = &'h [u8]>,
    {
        let Shared { finder, consent, .. } = &*self.shared;
        if query.is_some_and(|query| self.is_in_query(query)) || cookies().any(has_retry) {
            return true;
        }
        consent.is_some() && referer().is_some_and(|referer| finder.find(referer).is_some())
    }

    #[inline]
    fn is_in_query(&self, query: &str) -> bool {
        #[cfg(feature = "carry")]
        if self.shared.adoption.is_some() && adopt::mentions(query) {
            return true;
        }
        self.shared.finder.find(query.as_bytes()).is_some()
    }

    /// Decides what to do with a request. `None` if there is nothing to do.
    pub fn begin(&self, head: &dyn Head) -> Option<Capture> {
        let shared = &*self.shared;
        if head.query().is_some_and(|query| has_click_of(head, query, &shared.parameter)) {
            return None;
        }
        let arrived = Instant::now();
        let present = Present::read(head);
        if shared.calls.is_disabled() || shared.when.as_ref().is_some_and(|when| !when(head)) {
            return None;
        }
        if shared.consent.as_ref().is_some_and(|consent| !consent(head)) {
            return None;
        }
        let page = page(head);
        let is_write = !head.is_get() && present.retry.is_some();
        if page == Page::No && !is_write {
            return None;
        }
        let origin = shared.origin.of(head)?;
        let host = origin.host_str()?.to_owned();
        let facts = self.facts(head, &present, page, &origin, &host)?;
        let has_landing = facts.landing.is_some();
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
        let action = self.act(plan, head, &origin, present.click_id())?;
        let site = Site { domain: shared.domain.clone(), host, secure: origin.scheme() == "https" };
        let carries = matches!(action, Action::Adopt(_));
        Some(Capture {
            shared: Arc::clone(&self.shared),
            site,
            known: present.to_owned(),
            arrived,
            action,
            waiting: None,
            replaces_tracker: has_landing,
            carries,
        })
    }

    /// Collects what a request says.
    fn facts(&self, head: &dyn Head, present: &Present<'_>, page: Page, origin: &Url, host: &str) -> Option<Facts> {
        let shared = &*self.shared;
        let read =
            |origin: &Url, path: &str, query: &str| landing(origin, path, query, &shared.parameter, &shared.kept);
        let referred = || {
            let referer = Url::parse(head.header("referer")?).ok()?;
            (referer.origin() == origin.origin()).then(|| read(origin, referer.path(), referer.query()?))?
        };
        #[cfg(feature = "carry")]
        let carried = shared.adoption.as_ref().and_then(|adoption| adoption.visitor(head, present.click_id().as_ref()));
        #[cfg(not(feature = "carry"))]
        let carried = None;
        Some(Facts {
            page,
            is_write: page == Page::No,
            landing: head.query().and_then(|query| read(origin, head.path(), query)),
            referred: shared.consent.as_ref().and_then(|_| referred()),
            has_click: present.click_id().is_some(),
            partner: present.partner(),
            retry: present.retry.and_then(|value| Retry::read(value, &shared.domain, host, &shared.kept)),
            carried,
        })
    }

    /// Prepares what a plan needs. `None` if nothing can be done.
    fn act(&self, plan: Plan, head: &dyn Head, origin: &Url, existing: Option<ClickId>) -> Option<Action> {
        let calls = &self.shared.calls;
        Some(match plan {
            Plan::Nothing => return None,
            Plan::ForgetRetry => Action::ForgetRetry,
            Plan::Later(landing) => Action::Later(landing),
            Plan::Adopt(visitor) => Action::Adopt(visitor),
            Plan::Call(landing) => self.call(new_token()?, landing, head, origin, existing, false),
            Plan::Join { token, landing, repeat } => match calls.result(&token) {
                Some(result) => Action::Wait { token, landing, result, waits: repeat, is_new: false },
                None if repeat => self.call(token, landing, head, origin, existing, true),
                None => return None,
            },
        })
    }

    fn call(
        &self,
        token: Token,
        landing: Landing,
        head: &dyn Head,
        origin: &Url,
        existing: Option<ClickId>,
        is_repeated: bool,
    ) -> Action {
        let calls = &self.shared.calls;
        let Some(slot) = calls.admit() else {
            return Action::Later(landing);
        };
        if is_repeated {
            calls.repeated();
        }
        let mut click = Click::landing(&landing.url).existing_click_id(existing);
        let referer = head.header("referer").filter(|referer| !is_same_origin(referer, origin)).and_then(without_query);
        if let Some(referer) = referer {
            click = click.referrer_url(referer);
        }
        if let Some(user_agent) = head.header("user-agent") {
            click = click.user_agent(user_agent.get(..MAX_USER_AGENT).unwrap_or(user_agent));
        }
        let language = head.header("accept-language").and_then(|list| list.split([',', ';']).next()).map(str::trim);
        if let Some(language) = language.filter(|language| language.len() <= 35) {
            click = click.language(language);
        }
        Action::Call { token, landing, click: Box::new(click), slot, is_new: !is_repeated }
    }
}

fn is_same_origin(referer: &str, origin: &Url) -> bool {
    Url::parse(referer).is_ok_and(|referer| referer.origin() == origin.origin())
}

impl fmt::Debug for ClickCapture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickCapture")
            .field("domain", &self.shared.domain)
            .field("asks_for_consent", &self.shared.consent.is_some())
            .field("budget", &self.shared.budget)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
