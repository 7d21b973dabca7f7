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
//! visitor with the next page, or with a form that they submit. Pages that are opened meanwhile wait for it too, up to the budget. If
//! the call fails, the page goes out without the click. A click that may have arrived is not repeated.
//!
//! Another instance of the app does not know the result, nor does this one after a restart. It repeats the call, so the click counts twice
//! ([`CaptureStats::repeated`]). Load balancers that keep a visitor at one instance avoid that.
//!
//! A prefetched page may be shown without another request, so its click is reported with the visitor's next page.
//!
//! # Cookies and caches
//!
//! A response with a cookie must not be kept by a shared cache, which would give one visitor's click to others. So it is made `private`:
//! `public` and `s-maxage` are removed from `Cache-Control`, and so are `Surrogate-Control`, `Edge-Control`, `X-Accel-Expires` and every
//! `…-Cache-Control`. Layers
//! that set these headers, or that cache responses, must be *inside* the capture layer. Exclude pages that must stay public with
//! [`capture_when`](ClickCaptureBuilder::capture_when): no call is made for them. Pages that a CDN serves from its cache never reach the
//! server, so their clicks can't be captured there.
//!
//! The tracker may be on the same pages: it finds the cookies and reports no second click. While a landing is captured,
//! [`BoundClient::script_tag`](crate::BoundClient::script_tag) returns an [empty](crate::ScriptTag::is_empty) tag, so that a slow call does not become a second click.
//!
//! # Limits
//!
//! Calls are limited ([`calls_in_flight`](ClickCaptureBuilder::calls_in_flight), [`calls_per_second`](ClickCaptureBuilder::calls_per_second)).
//! Anybody can invent codes, so half of both is for codes with which a click was recorded within a day. A code that the service does not
//! know makes no call for a minute. One client (an IPv4 address, or a /64 of IPv6) makes at most a quarter of the calls per second, if
//! its address is known and public: actix-web knows that of its peer; behind a proxy, all clients share its address, so
//! [`trust_forwarded_headers`](ClickCaptureBuilder::trust_forwarded_headers) is needed. If a limit prevents a call, the visitor's
//! next page makes it.
//!
//! # Building an adapter
//!
//! For each request, call [`ClickCapture::is_candidate`]; for most requests it returns `false`, and they go on unchanged. Otherwise
//! call [`ClickCapture::begin`]. If it returns a [`Capture`]:
//!
//! 1. If the request has an [`InsideCapture`](crate::adapter::InsideCapture), another layer captures already: leave it alone. Else insert one.
//! 2. Insert [`Capture::click_id`], and a [`CapturedByServer`](crate::adapter::CapturedByServer) if [`Capture::replaces_tracker`].
//! 3. Poll the handler through [`Capture::into_response`].

mod admission;
#[cfg(feature = "carry")]
mod adopt;
mod begin;
mod builder;
mod cache;
mod calls;
mod changes;
mod client;
mod component;
mod cookies;
mod decide;
mod head;
mod landing;
mod origin;
mod page;
mod request;
mod response;
mod retry;

use std::{
    fmt,
    sync::{Arc, Once},
    time::{Duration, Instant},
};

use memchr::{memchr, memmem::Finder};

use self::{
    builder::Predicate,
    calls::Calls,
    cookies::{Known, Site, has_retry},
    landing::has_parameter,
    origin::{Domain, Origin},
    request::Action,
};
pub use self::{
    builder::{
        BUDGET, CALLS_IN_FLIGHT, CALLS_PER_SECOND, ChooseConsent, ChooseDomain, ClickCaptureBuilder, InvalidCapture,
        KEEP_RESULTS,
    },
    calls::CaptureStats,
    head::{Head, Headers, Response},
    request::Capture,
    response::PendingResponse,
};
use crate::client::Client;

/// Captures clicks on the server. Create one per app: all clones use the same limits, and share the
/// results of calls that took longer than the page could wait.
#[derive(Clone)]
pub struct ClickCapture {
    shared: Arc<Shared>,
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

    /// Returns the domain of the cookies, or `None` if they are those of the request's host alone.
    pub fn get_domain(&self) -> Option<&str> {
        self.shared.domain.attribute()
    }

    /// Returns the names of the parameters that are kept beside `utm_*`.
    pub fn get_keep_parameters(&self) -> impl Iterator<Item = &str> {
        self.shared.kept.iter().map(String::as_str)
    }

    /// Returns the largest number of calls in flight.
    pub fn get_calls_in_flight(&self) -> usize {
        self.shared.calls.admission.max_in_flight
    }

    /// Returns the largest number of calls per second.
    pub fn get_calls_per_second(&self) -> u32 {
        self.shared.calls.admission.max_per_second
    }

    /// Returns how long a result that came after its page is kept for its visitor.
    pub fn get_keep_results(&self) -> Duration {
        self.shared.calls.keep_for
    }

    /// Returns what was captured since the start.
    pub fn stats(&self) -> CaptureStats {
        self.shared.calls.stats()
    }

    /// Returns `false` if a request has nothing to do with capture, which is so for most. `query` is the query of the URL, `cookies`
    /// returns the values of `Cookie`, and `referer` that of `Referer`, which is read only with consent.
    #[inline]
    pub fn is_candidate<'h, C>(
        &self,
        query: Option<&str>,
        cookies: impl FnOnce() -> C,
        referer: impl FnOnce() -> Option<&'h [u8]>,
    ) -> bool
    where
        C: Iterator<Item = &'h [u8]>,
    {
        if query.is_some_and(|query| self.is_in_query(query)) || cookies().any(has_retry) {
            return true;
        }
        let is_landing = |url: &[u8]| {
            let query = memchr(b'?', url).map(|at| &url[at + 1..]);
            query.is_some_and(|query| self.may_be_landing(query))
        };
        self.shared.consent.is_some() && referer().is_some_and(is_landing)
    }

    /// Returns whether a query has the parameter. Most have not even its letters.
    #[inline]
    fn may_be_landing(&self, query: &[u8]) -> bool {
        self.shared.finder.find(query).is_some() && has_parameter(query, &self.shared.parameter)
    }

    #[inline]
    fn is_in_query(&self, query: &str) -> bool {
        #[cfg(feature = "carry")]
        if self.shared.adoption.is_some() && adopt::mentions(query) {
            return true;
        }
        self.may_be_landing(query.as_bytes())
    }

    /// Decides what to do with a request. `None` if there is nothing to do.
    pub fn begin(&self, head: &dyn Head) -> Option<Capture> {
        let carries = self.carries(head);
        match self.decide(head) {
            Some(capture) => Some(Capture { carries, ..capture }),
            None => carries.then(|| Capture { carries, ..self.capture(Action::Nothing) }),
        }
    }

    /// Creates what capture does with a request about which nothing else is known.
    fn capture(&self, action: Action) -> Capture {
        Capture {
            shared: Arc::clone(&self.shared),
            site: Site { domain: Domain::HostOnly, host: String::new(), secure: false },
            known: Known::default(),
            arrived: Instant::now(),
            action,
            waiting: None,
            omits_tag: false,
            carries: false,
            has_other_retry: false,
            earlier: None,
        }
    }

    /// Returns whether the URL of a page may carry a visitor.
    fn carries(&self, head: &dyn Head) -> bool {
        #[cfg(feature = "carry")]
        return self.shared.adoption.is_some()
            && head.query().is_some_and(adopt::mentions)
            && page::page(head) != page::Page::No;
        #[cfg(not(feature = "carry"))]
        return {
            let _ = head;
            false
        };
    }
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
